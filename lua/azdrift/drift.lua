--- Drift of a store: a scope's baseline against its newest snapshot, or two of its moments, as reports (docs/reports.md).

local acceptance = require("azdrift.acceptance")
local detectors = require("azdrift.detectors")
local json = require("azdrift.json")
local life = require("azdrift.life")
local lives = require("azdrift.lives")
local pairs_of = require("azdrift.pairs")
local read_types = require("azdrift.read_types")
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
-- quiet = { json, ... }, apart = { { id, type }, ... } }.
local function find(store, query, detector)
  local changes <close> = must(pairs_of.open(store, query))
  local all = { drifts = {}, pairs = 0, effects = 0, notes = 0, ignored = 0, not_compared = 0, complete = true, errors = {}, quiet = {},
    apart = {} }
  while must(changes:fill()) > 0 do
    local batch = must(changes:judge(detector))
    for _, found in ipairs(batch.drifts) do all.drifts[#all.drifts + 1] = found end
    for _, name in ipairs({ "pairs", "effects", "notes", "ignored", "not_compared" }) do all[name] = all[name] + batch[name] end
    table.move(batch.apart, 1, #batch.apart, #all.apart + 1, all.apart)
    all.complete = all.complete and batch.complete
    if batch.errors ~= "[]" then all.errors[#all.errors + 1] = string.sub(batch.errors, 2, -2) end
    if batch.quiet ~= "[]" then all.quiet[#all.quiet + 1] = string.sub(batch.quiet, 2, -2) end
  end
  return all
end

-- The published drift: its life before what the engine wrote.
local function document(found, state)
  local head = { _id = system.uuid(), fingerprint = found.fingerprint, status = state.status,
    first_seen = { seq = state.first_seen_seq, at = time.format(state.first_seen_ms) }, is_new = state.is_new,
    reopened = state.is_reopened or nil, earlier = state.earlier and lives.earlier_document(state.earlier) or nil,
    said = state.who and { who = state.who, why = state.why, ["until"] = state.until_ms and state.until_ms > 0 and
      time.format(state.until_ms) or nil } or nil }
  return string.sub(json.encode(head), 1, -2) .. "," .. string.sub(found.json, 2), head._id
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

-- A function that gives the life of a found drift so far: one that goes on, one that ended, or one it is the rest of; and whether
-- the last. Only what is measured against the baseline has a life.
local function knower(store, scope, known, list, found)
  local rest_of = lives.rests(store, scope, list, found)
  return function(one)
    local its = known[one.fingerprint] or lives.of(store, scope, one.fingerprint)
    if its then return its, false end
    return rest_of(one), true
  end
end

-- Gives each found drift its life, sorts out what is expected, and counts.
local function live(all, life_of, moment, summary)
  local rows, has_drift, expected, gone_on = {}, false, {}, {}
  for _, found in ipairs(all.drifts) do
    if found.expected then
      expected[#expected + 1] = found
    else
      local known, is_rest = life_of(found)
      local state = life.next(known, moment)
      local text, id = document(found, state)
      if is_rest and known then gone_on[known.fingerprint] = true end
      has_drift = has_drift or life.counts(state.status, found.severity)
      summary.drifts = summary.drifts + 1
      if state.status == "muted" then summary.muted = summary.muted + 1 end
      if state.is_new then summary.new = summary.new + 1 end
      if state.is_reopened then summary.reopened = summary.reopened + 1 end
      summary.by_severity[found.severity] = (summary.by_severity[found.severity] or 0) + 1
      rows[#rows + 1] = { id = id, found = found, state = state, text = text }
    end
  end
  summary.expected = #expected
  return rows, gone_on, has_drift, expected
end

local function fingerprints_of(drifts)
  local found = {}
  for _, each in ipairs(drifts) do
    if not each.expected then found[each.fingerprint] = true end
  end
  return found
end

-- What is told as gone: not what goes on with other places.
local function gone_documents(resolved, gone_on)
  local gone = {}
  for _, known in ipairs(resolved) do
    if not gone_on[known.fingerprint] then gone[#gone + 1] = lives.gone_document(known) end
  end
  return json.array(gone)
end

local function header(fields, all, rows)
  local texts = {}
  for i, row in ipairs(rows) do texts[i] = row.text end
  local opened = string.sub(json.encode(fields, COVERAGE_LIMITS), 1, -2) .. ',"errors":[' .. table.concat(all.errors, ",") .. "]"
  return opened .. "}", opened .. ',"drifts":[' .. table.concat(texts, ",") ..
    '],"quiet":[' .. table.concat(all.quiet, ",") .. "]}"
end

--- Looks for drift of one scope.
-- @param query { scope, from = snapshot or nil (the baseline), to = snapshot, types, show = set, bundle, first_types = of the scope's
--   first snapshot, how many types it is the baseline of }
-- @return { report = document, fields, head, rows, resolved, expected, has_drift, apart, detector }
function drift.find(store, query)
  local from, to, against_baseline = query.from, query.to, query.from == nil
  local detector = detectors.new({ bundle = query.bundle, shape = shape, scope = query.scope, now_ms = to.timestamp_ms,
    show_ignored = query.show and query.show.ignored, against_baseline = against_baseline })
  local all = find(store, { scope = query.scope, to_seq = to.seq, from_seq = from and from.seq, from_baseline = against_baseline,
    now_ms = query.now_ms or to.timestamp_ms, types = query.types, shape = shape }, detector)
  local before = from and (json.decode(from.coverage) or { complete = false })
  if before then leave_out_unknown(all, read_types.in_full(before)) end
  local found_set, list, life_of = fingerprints_of(all.drifts), {}, function() end
  if against_baseline then
    local known
    known, list = lives.going_on(store, query.scope)
    life_of = knower(store, query.scope, known, list, found_set)
  end
  local summary = { drifts = 0, by_severity = {}, effects = all.effects, notes = all.notes, ignored = all.ignored, muted = 0, new = 0,
    reopened = 0, expected = 0, resolved = 0, not_compared = all.not_compared }
  local moment = { seq = to.seq, at_ms = to.timestamp_ms, now_ms = query.now_ms or to.timestamp_ms }
  local rows, gone_on, has_drift, expected = live(all, life_of, moment, summary)
  local resolved = against_baseline and not query.types and life.resolved(list, found_set) or {}
  local gone = gone_documents(resolved, gone_on)
  summary.resolved = #gone
  local coverage = json.decode(to.coverage, COVERAGE_LIMITS) or { complete = false }
  local fields = { _id = system.uuid(), revision = 1, timestamp = time.format(to.timestamp_ms), scope = query.scope, snapshot_id = to.id,
    from = from and from.seq, to = to.seq, has_drift = has_drift, first = query.first_types and { types = query.first_types } or nil,
    complete = coverage.complete and all.complete and (not before or before.complete),
    stamps = { bundle = query.bundle:stamp(), redaction_key = to.redaction_key, chain = to.chain }, summary = summary, coverage = coverage,
    gone = gone, patterns = json.array({}) }
  local head, text = header(fields, all, rows)
  return { report = must(json.parse(text)), fields = fields, head = head, rows = rows, resolved = resolved, expected = expected,
    has_drift = has_drift, apart = all.apart, detector = detector }
end

-- Secrets that were replaced under another key or other rules than the baseline's cannot be compared with it: from now on they are
-- measured against what they are now. Nothing else of the baseline moves.
local function rebase(store, scope, result, moment)
  for _, resource in ipairs(result.apart) do
    must(acceptance.put(store, { scope = scope, id = resource.id, type = resource.type, seq = moment.seq, properties = {}, part = true,
      apart = true, who = "azdrift", why = "its secrets are replaced under another key or other rules since",
      detector = result.detector, now_ms = moment.timestamp_ms }))
  end
end

--- Stores what drift.find found as the scope's newest report, and moves the baseline over what was expected.
function drift.keep(store, scope, result, moment)
  for _, found in ipairs(result.expected) do
    must(acceptance.put(store, { scope = scope, id = found.id, type = found.type, seq = moment.seq, who = "expected",
      why = found.expected, properties = lives.properties(found.json), detector = result.detector, now_ms = moment.timestamp_ms }))
  end
  local drifts = {}
  for i, row in ipairs(result.rows) do
    drifts[i] = { id = row.id, fingerprint = row.found.fingerprint, kind = row.found.kind, type = row.found.type,
      resource_id = row.found.id, severity = row.found.severity, status = row.state.status, first_seen_seq = row.state.first_seen_seq,
      first_seen_ms = row.state.first_seen_ms, last_seen_seq = moment.seq, last_seen_ms = moment.timestamp_ms,
      until_ms = row.state.until_ms, who = row.state.who, why = row.state.why, document = row.text,
      earlier = row.state.earlier and json.encode(lives.earlier_document(row.state.earlier)) or nil }
  end
  rebase(store, scope, result, moment)
  local resolved = {}
  for i, known in ipairs(result.resolved) do resolved[i] = known.fingerprint end
  must(store:report_put({ id = result.fields._id, scope = scope, snapshot_id = result.fields.snapshot_id, revision = 1,
    timestamp_ms = moment.timestamp_ms, to_seq = moment.seq, has_drift = result.has_drift, complete = result.fields.complete,
    header = result.head }, drifts, resolved))
end

return drift
