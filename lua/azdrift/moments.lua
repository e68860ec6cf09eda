--- The snapshot that a moment stands for (cli/moment.lua reads the words), or why there is none: one answer for all who take moments.

local time = require("azdrift.time")

local moments = {}

local PAGE <const> = 10000

local function must(value, problem, code)
  if value == nil and code ~= "not_found" then error({ message = problem, code = code }, 0) end
  return value
end

-- The oldest and newest published snapshot of a scope; nil where it has none.
local function ends(store, scope)
  local newest, oldest
  repeat
    local page = must(store:snapshots({ scope = scope, before_seq = oldest and oldest.seq, limit = PAGE })) or {}
    newest, oldest = newest or page[1], page[#page] or oldest
  until #page < PAGE
  return oldest, newest
end

local function why_none(store, scope, moment)
  if moment.id then
    local there = must(store:snapshot({ id = moment.id }))
    if there then return string.format("snapshot %s is one of %s", moment.id, there.scope) end
    return string.format("%s has no snapshot %s", store:name(), moment.id)
  end
  local oldest, newest = ends(store, scope)
  if not oldest then return string.format("%s has no snapshot yet", scope) end
  if moment.seq then
    return string.format("%s has no snapshot %d; its numbers go from %d to %d, with gaps", scope, moment.seq, oldest.seq, newest.seq)
  end
  return string.format("before the first snapshot of %s (%s)", scope, time.format(oldest.timestamp_ms))
end

--- The snapshot of a scope that stood at a moment; the newest where moment is nil.
-- @param moment { at_ms = } or { seq = } or { id = }, or nil
-- @return the snapshot, or nil and a sentence without an end: why there is none
function moments.find(store, scope, moment)
  moment = moment or {}
  local found = must(store:snapshot({ scope = scope, seq = moment.seq, id = moment.id, at_ms = moment.at_ms }))
  if found and found.scope == scope then return found end
  return nil, why_none(store, scope, moment)
end

return moments
