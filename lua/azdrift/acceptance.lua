--- What is accepted of one resource: its baseline moves over a whole drift or a part of it, for good or until a moment.
--
-- A resource that something was accepted of has states of its own in place of its type's baseline, each until a time; the last is
-- the type's baseline again, unless it moved too. A word moves each state that is in force before its own time is over: so a part
-- that was accepted until Friday speaks again on Saturday, whatever else was accepted beside it. Only the accepted places move, to
-- what they were at the snapshot of the word: a later change of them is drift.
-- Another engine may speak at the same time: a word is put under the revision it has read, and begun anew where that moved on.

local json = require("azdrift.json")
local system = require("azdrift.system")
local time = require("azdrift.time")

local acceptance = {}

local TRIES <const> = 16
local EVIDENCE_MAX <const> = 50 -- words that are remembered of one resource, the newest
local EVIDENCE_LIMITS = { max_bytes = 1024 * 1024 }

local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- The baseline of the resource's type, or nil.
local function type_baseline(store, word)
  for _, entry in ipairs(must(store:baselines(word.scope))) do
    if string.lower(entry.type) == string.lower(word.type) then return entry end
  end
end

-- The states that are in force from now on, in order of their ends; the last is for good, and is_base where it is the type's own.
local function states_of(record, base, now_ms)
  local states = {}
  local holds = record and (not record.baseline_ms or base and base.set_ms == record.baseline_ms)
  for _, state in ipairs(holds and record.states or {}) do
    if not state.until_ms or state.until_ms > now_ms then states[#states + 1] = state end
  end
  local last = states[#states]
  if (not last or last.until_ms) and base then states[#states + 1] = { seq = base.seq, is_base = true } end
  return states
end

-- The version of the resource at a seq; nil: it was absent then.
local function version_at(store, word, seq)
  local version, problem, code = store:version({ scope = word.scope, type = word.type, id = word.id, seq = seq })
  if not version and code ~= "not_found" then error({ message = problem, code = code }, 0) end
  return version and not version.removed and version or nil
end

local function as(state, until_ms, more)
  local copy = { seq = state.seq, body = state.body, redaction = state.redaction, until_ms = until_ms, is_base = state.is_base }
  for name, value in pairs(more or {}) do copy[name] = value end
  return copy
end

-- What a state becomes by the word: a new state, and how many changes moved and are left. is_first: it is in force now.
local function moved(store, word, state, is_first, after)
  if is_first and not word.part then return { seq = word.seq }, #word.properties, 0 end
  local from = version_at(store, word, state.seq)
  local body = state.body or from and from.body
  if not body or not after then
    if not word.part then return { seq = word.seq }, 1, 0 end
    error({ code = "invalid", message = "a resource that came or went is accepted as a whole" }, 0)
  end
  local redaction = state.redaction or from and from.redaction
  local result = must(word.detector:move({ id = word.id, type = word.type, before = body, after = after.body,
    before_view = from and from.view, before_api_version = from and from.api_version, before_redaction = redaction,
    after_view = after.view, after_api_version = after.api_version, after_redaction = after.redaction,
    places = word.properties, apart = word.apart }))
  if result.moved == 0 and result.apart == 0 then return state, 0, result.left end
  if result.body == after.body then return { seq = word.seq }, result.moved, result.left end
  return { seq = state.seq, body = result.body, redaction = word.apart and after.redaction or state.redaction }, result.moved, result.left
end

local function is_same(a, b) return a.seq == b.seq and a.body == b.body and a.redaction == b.redaction end

-- States by the word, in order of their ends: each that is in force before the word's end is moved, the one that outlives it split.
local function states_by(store, word, states)
  local list, count, left, after = {}, 0, 0, version_at(store, word, word.seq)
  local function add(state, until_ms)
    local last = list[#list]
    if last and is_same(last, state) then table.remove(list) end
    list[#list + 1] = as(state, until_ms)
  end
  for i, state in ipairs(states) do
    local begins_ms = i > 1 and states[i - 1].until_ms or 0
    if not word.until_ms or begins_ms < word.until_ms then
      local new, its_count, its_left = moved(store, word, state, i == 1, after)
      if i == 1 then count, left = its_count, its_left end
      local outlives = word.until_ms and (not state.until_ms or state.until_ms > word.until_ms)
      add(new, outlives and word.until_ms or state.until_ms)
      if outlives then add(state, state.until_ms) end
    else
      add(state, state.until_ms)
    end
  end
  if list[#list].is_base then table.remove(list) end
  for _, state in ipairs(list) do state.is_base = nil end
  return list, count, left
end

local function evidence_of(record, entry)
  local evidence = record and record.evidence and json.decode(record.evidence, EVIDENCE_LIMITS) or {}
  evidence[#evidence + 1] = entry
  while #evidence > EVIDENCE_MAX do table.remove(evidence, 1) end
  return json.encode(json.array(evidence), EVIDENCE_LIMITS)
end

-- Whether this very word is stored already: its answer was lost on the way.
local function is_stored(record, word)
  return record ~= nil and record.evidence ~= nil and string.find(record.evidence, word.token, 1, true) ~= nil
end

local function try(store, word, entry)
  local base = type_baseline(store, word)
  local record = must(store:accepted(word.scope, { type = word.type, id = word.id }))[1]
  if is_stored(record, word) then return { moved = word.moved, left = word.left } end
  local states = states_of(record, base, word.now_ms)
  if #states == 0 then
    if word.part then
      error({ code = "not_found",
        message = string.format("%s has no baseline in %s yet; `azdrift collect` makes it", word.type, word.scope) }, 0)
    end
    states[1] = { seq = word.seq }
  end
  local list
  list, word.moved, word.left = states_by(store, word, states)
  if #list == 0 then return { moved = 0, left = word.left } end
  local done, problem, code = store:accept({ scope = word.scope, type = word.type, id = word.id, states = list,
    revision = record and record.revision or 0, baseline_ms = base and base.set_ms or nil, who = word.who, why = word.why,
    evidence = evidence_of(record, entry) })
  if done then return { moved = word.moved, left = word.left } end
  return nil, problem, code
end

--- Puts a word: the baseline of one resource moves to what it was at a snapshot.
-- @param word { scope, type, id, seq, properties = array: the places of the drift, or those that are accepted, part = true: only
--   those move, apart = true: secrets that cannot be compared move too, until_ms or nil: for good, who, why, changes = array of
--   { property, op, old_value, new_value } for those who read it later, detector, now_ms }
-- @return { moved = changes, left = changes that stay drift }; raises { message, code }
function acceptance.put(store, word)
  word.token = system.uuid()
  local entry = { token = word.token, at = time.format(word.now_ms), who = word.who, why = word.why, seq = word.seq,
    ["until"] = word.until_ms and time.format(word.until_ms) or nil, part = word.part, changes = word.changes, kind = word.kind }
  local done, problem, code
  for _ = 1, TRIES do
    done, problem, code = try(store, word, entry)
    if done or code ~= "conflict" then break end
  end
  return must(done, problem, code)
end

--- What is in force of a record of store:accepted: true, or false where its time is over or its baseline was set anew.
function acceptance.holds(record, base, now_ms)
  local states = states_of(record, base, now_ms)
  return #states > 0 and not states[1].is_base
end

return acceptance
