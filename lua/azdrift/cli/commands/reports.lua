--- `azdrift reports`: the reports that collections left, and each as it was told.
local failure = require("azdrift.cli.failure")
local json = require("azdrift.json")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local reports = require("azdrift.cli.reports")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local HEADER_LIMITS = { max_bytes = 256 * 1024 * 1024 } -- of coverage and what is gone, as a report keeps them

local function summary_of(report)
  local head = failure.check(json.parse(report.header, HEADER_LIMITS))
  return head.summary or {}
end

local function document(report)
  return value.encode({ _id = report.id, revision = report.revision, scope = report.scope, timestamp = moment.iso(report.timestamp_ms),
    snapshot_id = report.snapshot_id or value.null, to = report.to_seq, has_drift = report.has_drift, complete = report.complete,
    summary = summary_of(report) })
end

-- "12 open: 2 new, 1 open again, 9 still open; 3 gone"
local function told(summary)
  local drifts, new, reopened = summary.drifts or 0, summary.new or 0, summary.reopened or 0
  -- One that came back counts as new and as open again: it is told as the latter.
  local fresh = math.max(0, new - reopened)
  return ("%d open: %d new, %d open again, %d still open; %d gone"):format(drifts, fresh, reopened, math.max(0, drifts - fresh - reopened),
    summary.resolved or 0)
end

local function list(context, values)
  local store <close> = project.store(context, { read_only = true })
  local scope, at = scopes.parse(values.scope), moment.of(context, values, "at")
  if at and not at.at_ms then failure.raise("--at: reports are listed by time; write a time or how long ago") end
  local found = failure.check(store:reports({ scope = scope, limit = values.limit or 20, before_ms = at and at.at_ms + 1 or nil }))
  for _, report in ipairs(found) do
    if values.format == "json" then
      context:line(document(report))
    else
      context:line(("%s  %s  snapshot %d  %s%s"):format(context.terminal:paint("name", report.id), moment.format(report.timestamp_ms),
        report.to_seq, told(summary_of(report)), report.complete and "" or "; not read in full"))
      context:line("    " .. context.terminal:paint("dim", terminal.safe(report.scope)))
    end
  end
  if #found == 0 and values.format ~= "json" then
    context:line(("no report%s yet; `azdrift collect` makes them"):format(scope and " of " .. scope or ""))
  end
  return 0
end

-- The stored report as it was told: its header with its drifts in it.
local function whole(store, report)
  local parts = { report.header:sub(1, -2), ',"drifts":[' }
  local cursor <close> = failure.check(store:report_drifts(report.id))
  local is_first = true
  for row in cursor.next, cursor do
    parts[#parts + 1] = (is_first and "" or ",") .. row.document
    is_first = false
  end
  -- What was quiet is not kept.
  parts[#parts + 1] = '],"quiet":[]}'
  return failure.check(json.parse(table.concat(parts), HEADER_LIMITS))
end

local function show(context, values)
  local store <close> = project.store(context, { read_only = true })
  local scope = scopes.parse(values.scope)
  local printer = reports.new(context, values, { command = "azdrift drift" })
  if values.id then
    local report, message = store:report({ id = values.id:lower() })
    if not report then failure.raise("%s: %s; `azdrift reports` lists what there is", values.id, message) end
    printer:report(whole(store, report))
    return printer:finish()
  end
  for _, each in ipairs(scope and { scope } or failure.check(store:scopes())) do
    local report = store:report({ scope = each })
    if report then printer:report(whole(store, report)) end
  end
  if printer.count == 0 then
    failure.raise("%s: no report%s yet; `azdrift collect` makes them", store:name(), scope and " of " .. scope or "")
  end
  return printer:finish()
end

return {
  name = "reports",
  summary = "List the stored drift reports, or show one again",
  usage = "azdrift reports [options] | azdrift reports show [options] [ID]",
  about = { "Each collection stores one report a scope: what is new, what is open again, what is still open since when, what is gone." },
  options = {
    options.SCOPE,
    { long = "limit", value = "COUNT", kind = "integer", min = 1, max = 10000, summary = "at most so many (default 20)" },
    { long = "at", value = "TIME", summary = "those up to a time, or so long ago; default: now" },
    options.LIST_FORMAT, options.JSON,
  },
  commands = {
    {
      name = "show", summary = "One report as it was told; without an id the newest of each scope",
      usage = "azdrift reports show [options] [ID]",
      arguments = { { name = "ID", optional = true, summary = "a report's id, as `azdrift reports` lists it" } },
      options = { options.SCOPE, options.SHOW, options.FORMAT, options.JSON, options.FAIL_ON, options.ALLOW_INCOMPLETE },
      examples = { { "what the last collection told", "azdrift reports show" },
        { "what went away with it", "azdrift reports show --json | jq -c '.gone[]'" } },
      run = show,
    },
  },
  examples = {
    { "the newest ones", "azdrift reports" },
    { "when drift began",
      "azdrift reports --limit 100 --json | jq -r 'select(.summary.new > 0) | [.timestamp, .scope, .summary.new] | @tsv'" },
  },
  run = list,
}
