--- Drift of a store: a scope's baseline against its newest snapshot, or two of its moments, as reports (docs/reports.md).

local acceptance = require("azdrift.acceptance")
local detectors = require("azdrift.detectors")
local json = require("azdrift.json")
local life = require("azdrift.life")
local lives = require("azdrift.lives")
local model = require("azdrift.report.model")
local pairs_of = require("azdrift.pairs")
local read_types = require("azdrift.read_types")
local shape = require("azdrift.azure.shape")
local spool = require("azdrift.spool")
local spooled = require("azdrift.spooled")
local system = require("azdrift.system")
local time = require("azdrift.time")

local drift = {}

local COVERAGE_LIMITS = { max_bytes = 64 * 1024 * 1024 } -- of what could not be read, as a snapshot keeps it

local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- Tells each batch of what differs between two moments, as azdrift.pairs judges it.
local function each_batch(store, query, detector, tell)
  local changes <close> = must(pairs_of.open(store, query))
  while must(changes:fill()) > 0 do tell(must(changes:judge(detector))) end
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

-- What is told as gone: not what goes on with other places.
local function gone_documents(resolved, gone_on)
  local gone = {}
  for _, known in ipairs(resolved) do
    if not gone_on[known.fingerprint] then gone[#gone + 1] = lives.gone_document(known) end
  end
  return json.array(gone)
end

local ADDED_UP = { "effects", "notes", "ignored", "not_compared" }

-- What has been found: first all of it, for a life may go on with other places, then each drift with its life. All of it stays outside
-- memory but the fingerprints.
local Gathering = {}
Gathering.__index = Gathering

-- was_read(type): whether the older moment knew all there was of it; or nil.
local function gathering(was_read)
  return setmetatable({ was_read = was_read, raw = spool.new(), rows = {}, drifts = spooled.new(), quiet = spooled.new(),
    errors = {}, apart = {}, found = {}, gone_on = {}, expected = {}, has_drift = false, complete = true, worst_loud = nil, loud = 0,
    summary = { drifts = 0, by_severity = {}, effects = 0, notes = 0, ignored = 0, muted = 0, new = 0, reopened = 0, expected = 0,
      resolved = 0, not_compared = 0 } }, Gathering)
end

-- A drift as it lies in the spool between the two steps.
local RAW <const> = "<s4s4s4s4s4s4"
local RAW_FIELDS <const> = { "id", "type", "kind", "severity", "fingerprint", "json" }

local function packed(found)
  return string.pack(RAW, found.id, found.type, found.kind, found.severity, found.fingerprint, found.json)
end

local function unpacked(text)
  local values, found = { string.unpack(RAW, text) }, {}
  for place, name in ipairs(RAW_FIELDS) do found[name] = values[place] end
  return found
end

-- What the older moment did not show, though it could not be read in full, is not known to be new.
function Gathering:take(found)
  if self.was_read and found.kind == "added" and not self.was_read(found.type) then
    self.summary.not_compared = self.summary.not_compared + 1
  elseif found.expected then
    self.expected[#self.expected + 1] = { id = found.id, type = found.type, expected = found.expected,
      properties = lives.properties(found.json) }
    self.summary.expected = #self.expected
  else
    must(self.raw:add(packed(found)))
    self.found[found.fingerprint] = true
  end
end

function Gathering:batch(batch)
  for _, found in ipairs(batch.drifts) do self:take(found) end
  for _, name in ipairs(ADDED_UP) do self.summary[name] = self.summary[name] + batch[name] end
  table.move(batch.apart, 1, #batch.apart, #self.apart + 1, self.apart)
  self.complete = self.complete and batch.complete
  if batch.errors ~= "[]" then self.errors[#self.errors + 1] = string.sub(batch.errors, 2, -2) end
  if batch.quiet == "[]" then return end
  local quiet = must(json.parse(batch.quiet))
  for i = 1, #quiet do self.quiet:add(json.write(quiet[i])) end
  json.close(quiet)
end

function Gathering:count(found, state)
  local summary = self.summary
  summary.drifts = summary.drifts + 1
  summary.by_severity[found.severity] = (summary.by_severity[found.severity] or 0) + 1
  if state.is_new then summary.new = summary.new + 1 end
  if state.is_reopened then summary.reopened = summary.reopened + 1 end
  if state.status == "muted" then summary.muted = summary.muted + 1 end
  self.has_drift = self.has_drift or life.counts(state.status, found.severity)
  if model.is_loud(state) then
    self.loud = self.loud + 1
    self.worst_loud = math.max(self.worst_loud or 0, model.rank(found.severity))
  end
end

-- Gives each drift its life. to_keep: its row is kept for the store.
function Gathering:live(life_of, moment, to_keep)
  for i = 1, self.raw:count() do
    local found = unpacked(self.raw:text(i))
    local known, is_rest = life_of(found)
    local state = life.next(known, moment)
    local text, id = document(found, state)
    found.json = nil
    if is_rest and known then self.gone_on[known.fingerprint] = true end
    self:count(found, state)
    self.drifts:add(text, model.sort_key({ severity = found.severity, kind = found.kind, resource_type = found.type,
      resource_id = found.id, fingerprint = found.fingerprint }))
    if to_keep then self.rows[i] = { id = id, found = found, state = state } end
  end
  self.raw:close()
end

-- The report as formatters read it: the header's fields, and the long lists as azdrift.spooled keeps them.
local function report_of(head, gathered)
  return setmetatable({ head = head, drifts = gathered.drifts, quiet = gathered.quiet, loud = gathered.loud,
    worst_loud = gathered.worst_loud }, { __index = must(json.parse(head)) })
end

--- Looks for drift of one scope.
-- @param query { scope, from = snapshot or nil (the baseline), to = snapshot, types, show = set, bundle, to_keep = drift.keep follows,
--   first_types = of the scope's first snapshot, how many types it is the baseline of }
-- @return { report, fields, head, rows (with to_keep), resolved, expected, has_drift, apart, detector }
function drift.find(store, query)
  local from, to, against_baseline = query.from, query.to, query.from == nil
  local detector = detectors.new({ bundle = query.bundle, shape = shape, scope = query.scope, now_ms = to.timestamp_ms,
    show_ignored = query.show and query.show.ignored, against_baseline = against_baseline })
  local before = from and (json.decode(from.coverage) or { complete = false })
  local moment = { seq = to.seq, at_ms = to.timestamp_ms, now_ms = query.now_ms or to.timestamp_ms }
  local gathered = gathering(before and read_types.in_full(before))
  each_batch(store, { scope = query.scope, to_seq = to.seq, from_seq = from and from.seq, from_baseline = against_baseline,
    now_ms = moment.now_ms, types = query.types, shape = shape }, detector, function(batch) gathered:batch(batch) end)
  local list, life_of = {}, function() end
  if against_baseline then
    local known
    known, list = lives.going_on(store, query.scope)
    life_of = knower(store, query.scope, known, list, gathered.found)
  end
  gathered:live(life_of, moment, query.to_keep)
  local resolved = against_baseline and not query.types and life.resolved(list, gathered.found) or {}
  local gone = gone_documents(resolved, gathered.gone_on)
  gathered.summary.resolved = #gone
  local coverage = json.decode(to.coverage, COVERAGE_LIMITS) or { complete = false }
  local fields = { _id = system.uuid(), revision = 1, timestamp = time.format(to.timestamp_ms), scope = query.scope, snapshot_id = to.id,
    from = from and from.seq, to = to.seq, has_drift = gathered.has_drift,
    first = query.first_types and { types = query.first_types } or nil,
    complete = coverage.complete and gathered.complete and (not before or before.complete),
    stamps = { bundle = query.bundle:stamp(), redaction_key = to.redaction_key, chain = to.chain }, summary = gathered.summary,
    coverage = coverage, gone = gone, patterns = json.array({}) }
  local head = string.sub(json.encode(fields, COVERAGE_LIMITS), 1, -2) .. ',"errors":[' .. table.concat(gathered.errors, ",") .. "]}"
  return { report = report_of(head, gathered), fields = fields, head = head, rows = query.to_keep and gathered.rows, resolved = resolved,
    expected = gathered.expected, has_drift = gathered.has_drift, apart = gathered.apart, detector = detector }
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
  assert(result.rows, "drift.find was not told that its result is to be kept (to_keep)")
  for _, found in ipairs(result.expected) do
    must(acceptance.put(store, { scope = scope, id = found.id, type = found.type, seq = moment.seq, who = "expected",
      why = found.expected, properties = found.properties, detector = result.detector, now_ms = moment.timestamp_ms }))
  end
  local drifts = {}
  for i, row in ipairs(result.rows) do
    drifts[i] = { id = row.id, fingerprint = row.found.fingerprint, kind = row.found.kind, type = row.found.type,
      resource_id = row.found.id, severity = row.found.severity, status = row.state.status, first_seen_seq = row.state.first_seen_seq,
      first_seen_ms = row.state.first_seen_ms, last_seen_seq = moment.seq, last_seen_ms = moment.timestamp_ms,
      until_ms = row.state.until_ms, who = row.state.who, why = row.state.why, document = result.report.drifts.texts:text(i),
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
