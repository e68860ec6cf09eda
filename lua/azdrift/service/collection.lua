--- A collection as a job: what `azdrift collect` does, told as a small result and as metrics.
local collect = require("azdrift.collect")
local json = require("azdrift.json")
local metrics = require("azdrift.metrics")
local task = require("azdrift.task")

local collection = {}

local resources = metrics.gauge("azdrift_snapshot_resources", "Resources of the newest snapshot.", { "scope" })
local taken = metrics.gauge("azdrift_snapshot_timestamp_seconds", "When the newest snapshot was taken.", { "scope" })
local complete = metrics.gauge("azdrift_snapshot_complete", "1 where the newest snapshot was read in full.", { "scope" })
local drifts = metrics.gauge("azdrift_drifts", "Drifts of the newest report, by severity.", { "scope", "severity" })
local failures = metrics.counter("azdrift_collection_failures_total", "Scopes that could not be collected.", { "scope" })

local SEVERITIES = { "info", "low", "medium", "high", "critical" }

local function measure(summary)
  if summary.error then
    failures:add(1, summary.scope)
    return
  end
  resources:set(summary.resources, summary.scope)
  taken:set(task.now_ms() / 1000, summary.scope)
  complete:set(summary.complete and 1 or 0, summary.scope)
  for _, severity in ipairs(SEVERITIES) do
    local count = summary.report and summary.report.summary.by_severity[severity] or 0
    drifts:set(count, summary.scope, severity)
  end
end

local function row_of(summary)
  local report = summary.report
  return { scope = summary.scope, seq = summary.seq, resources = summary.resources, added = summary.added, changed = summary.changed,
    removed = summary.removed, complete = summary.complete, error = summary.error, has_drift = report and report.has_drift,
    report_id = report and report._id }
end

--- Collects. service: settings, store, rules. details.scopes: only these, or nil for all that the accounts choose.
-- @return { scopes = list, complete, failed }, or raises { message, code }
function collection.run(service, job)
  local rows = json.array({})
  local failed = 0
  local query = { store = service.store, bundle = service.rules.current, config = service.settings, detect = true,
    scopes = job.document.details.scopes }
  query.tell = function(summary)
    measure(summary)
    rows[#rows + 1] = row_of(summary)
    if summary.error then failed = failed + 1 end
    job.document.progress = { scopes_done = #rows }
  end
  local done, message = collect.run(service, query)
  if not done then error({ message = message, code = "collect" }, 0) end
  if #rows == 0 then error({ message = "no subscription to read: the accounts see none of those asked for", code = "not_found" }, 0) end
  if failed == #rows then error({ message = rows[1].error, code = "collect" }, 0) end
  local is_complete = failed == 0
  for _, row in ipairs(rows) do is_complete = is_complete and row.complete end
  return { scopes = rows, complete = is_complete, failed = failed }
end

return collection
