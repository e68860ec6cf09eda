--- Drift of a store: a scope's baseline against its newest snapshot, or two of its moments, as reports (docs/reports.md).

local detectors = require("azdrift.detectors")
local json = require("azdrift.json")
local life = require("azdrift.life")
local pairs_of = require("azdrift.pairs")
local shape = require("azdrift.azure.shape")
local system = require("azdrift.system")
local time = require("azdrift.time")

local drift = {}

local COVERAGE_LIMITS = { max_bytes = 64 * 1024 * 1024 } -- of what could not be read, as a snapshot keeps it

local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- Everything between two moments: { drifts, pairs, effects, notes, ignored, not_compared, complete, errors = { json, ... },
-- quiet = { json, ... } }.
local function find(store, query, detector)
  local changes <close> = must(pairs_of.open(store, query))
  local all = { drifts = {}, pairs = 0, effects = 0, notes = 0, ignored = 0, not_compared = 0, complete = true, errors = {}, quiet = {} }
  while must(changes:fill()) > 0 do
    local batch = must(changes:judge(detector))
    for _, found in ipairs(batch.drifts) do all.drifts[#all.drifts + 1] = found end
    for _, name in ipairs({ "pairs", "effects", "notes", "ignored", "not_compared" }) do all[name] = all[name] + batch[name] end
    all.complete = all.complete and batch.complete
    if batch.errors ~= "[]" then all.errors[#all.errors + 1] = string.sub(batch.errors, 2, -2) end
    if batch.quiet ~= "[]" then all.quiet[#all.quiet + 1] = string.sub(batch.quiet, 2, -2) end
  end
  return all
end

-- The published drift: its life before what the engine wrote.
local function document(found, state)
  local head = { _id = system.uuid(), fingerprint = found.fingerprint, status = state.status,
    first_seen = { seq = state.first_seen_seq, at = time.format(state.first_seen_ms) }, is_new = state.is_new }
  return string.sub(json.encode(head), 1, -2) .. "," .. string.sub(found.json, 2), head._id
end

-- What the generic list of resources, and the providers' own, say of every type that has no line of its own.
local UMBRELLAS = { "microsoft.resources/resources", "microsoft.resources/providers" }

-- A function that says whether a snapshot knew of a type all there was, by its published coverage.
local function reads_in_full(coverage)
  local outcomes = {}
  for _, line in ipairs(coverage and coverage.types or {}) do outcomes[line.type] = line.outcome end
  local has_seen_all = coverage ~= nil
  for _, name in ipairs(UMBRELLAS) do has_seen_all = has_seen_all and (outcomes[name] or "ok") == "ok" end
  return function(type_name)
    local outcome = outcomes[string.lower(type_name)]
    if outcome then return outcome == "ok" or outcome == "unsupported" end
    return has_seen_all
  end
end

-- What the older snapshot did not show, though it could not be read in full, is not known to be new.
local function leave_out_unknown(all, was_read)
  local known = {}
  for _, found in ipairs(all.drifts) do
    if found.kind == "added" and not was_read(found.type) then
      all.not_compared = all.not_compared + 1
    else
      known[#known + 1] = found
    end
  end
  all.drifts = known
end

-- The lives of a scope that have not ended, by fingerprint and as a list. Their documents stay in the store.
local function lives_of(store, scope)
  local by_fingerprint, list = {}, {}
  local cursor <close> = must(store:drifts({ scope = scope }))
  for row in cursor.next, cursor do
    local known = { fingerprint = row.fingerprint, status = row.status, first_seen_seq = row.first_seen_seq,
      first_seen_ms = row.first_seen_ms, until_ms = row.until_ms, who = row.who, why = row.why }
    by_fingerprint[known.fingerprint] = known
    list[#list + 1] = known
  end
  return by_fingerprint, list
end

-- Gives each found drift its life, sorts out what is expected, and counts.
local function live(all, known, moment, summary)
  local rows, found_set, has_drift, expected = {}, {}, false, {}
  for _, found in ipairs(all.drifts) do
    if found.expected then
      expected[#expected + 1] = found
    else
      local state = life.next(known[found.fingerprint], moment)
      local text, id = document(found, state)
      found_set[found.fingerprint] = true
      has_drift = has_drift or life.counts(state.status, found.severity)
      summary.drifts = summary.drifts + 1
      if state.status == "muted" then summary.muted = summary.muted + 1 end
      if state.is_new then summary.new = summary.new + 1 end
      summary.by_severity[found.severity] = (summary.by_severity[found.severity] or 0) + 1
      rows[#rows + 1] = { id = id, found = found, state = state, text = text }
    end
  end
  summary.expected = #expected
  return rows, found_set, has_drift, expected
end

local function header(fields, all, rows)
  local texts = {}
  for i, row in ipairs(rows) do texts[i] = row.text end
  local head = json.encode(fields, COVERAGE_LIMITS)
  return head, string.sub(head, 1, -2) .. ',"errors":[' .. table.concat(all.errors, ",") .. '],"drifts":[' .. table.concat(texts, ",") ..
    '],"quiet":[' .. table.concat(all.quiet, ",") .. "]}"
end

--- Looks for drift of one scope.
-- @param query { scope, from = snapshot or nil (the baseline), to = snapshot, types, show = set, bundle, first_types = of the scope's
--   first snapshot, how many types it is the baseline of }
-- @return { report = document, fields, head, rows, resolved, expected, has_drift }
function drift.find(store, query)
  local from, to, against_baseline = query.from, query.to, query.from == nil
  local detector = detectors.new({ bundle = query.bundle, shape = shape, scope = query.scope, now_ms = to.timestamp_ms,
    show_ignored = query.show and query.show.ignored, against_baseline = against_baseline })
  local all = find(store, { scope = query.scope, to_seq = to.seq, from_seq = from and from.seq, from_baseline = against_baseline,
    types = query.types, shape = shape }, detector)
  local before = from and (json.decode(from.coverage) or { complete = false })
  if before then leave_out_unknown(all, reads_in_full(before)) end
  local known, list = {}, {}
  if against_baseline then known, list = lives_of(store, query.scope) end
  local summary = { drifts = 0, by_severity = {}, effects = all.effects, notes = all.notes, ignored = all.ignored, muted = 0, new = 0,
    expected = 0, resolved = 0, not_compared = all.not_compared }
  local rows, found_set, has_drift, expected = live(all, known, { seq = to.seq, now_ms = to.timestamp_ms }, summary)
  local resolved = against_baseline and not query.types and life.resolved(list, found_set) or {}
  summary.resolved = #resolved
  local coverage = json.decode(to.coverage, COVERAGE_LIMITS) or { complete = false }
  local fields = { _id = system.uuid(), revision = 1, timestamp = time.format(to.timestamp_ms), scope = query.scope, snapshot_id = to.id,
    from = from and from.seq, to = to.seq, has_drift = has_drift, first = query.first_types and { types = query.first_types } or nil,
    complete = coverage.complete and all.complete and (not before or before.complete),
    stamps = { bundle = query.bundle:stamp(), redaction_key = to.redaction_key, chain = to.chain }, summary = summary, coverage = coverage,
    patterns = json.array({}) }
  local head, text = header(fields, all, rows)
  return { report = must(json.parse(text)), fields = fields, head = head, rows = rows, resolved = resolved, expected = expected,
    has_drift = has_drift }
end

--- Stores what drift.find found as the scope's newest report, and moves the baseline over what was expected.
function drift.keep(store, scope, result, moment)
  for _, found in ipairs(result.expected) do
    must(store:accept({ scope = scope, id = found.id, type = found.type, states = { { seq = moment.seq } }, who = "expected",
      why = found.expected }))
  end
  local drifts = {}
  for i, row in ipairs(result.rows) do
    drifts[i] = { id = row.id, fingerprint = row.found.fingerprint, kind = row.found.kind, type = row.found.type,
      resource_id = row.found.id, severity = row.found.severity, status = row.state.status, first_seen_seq = row.state.first_seen_seq,
      first_seen_ms = row.state.first_seen_ms, last_seen_seq = moment.seq, last_seen_ms = moment.timestamp_ms,
      until_ms = row.state.until_ms, who = row.state.who, why = row.state.why, document = row.text }
  end
  must(store:report_put({ id = result.fields._id, scope = scope, snapshot_id = result.fields.snapshot_id, revision = 1,
    timestamp_ms = moment.timestamp_ms, to_seq = moment.seq, has_drift = result.has_drift, complete = result.fields.complete,
    header = result.head }, drifts, result.resolved))
end

return drift
