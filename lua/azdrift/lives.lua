--- The lives of a store's drifts: those that go on, those that ended, and the one that a person names.

local json = require("azdrift.json")
local life = require("azdrift.life")
local time = require("azdrift.time")

local lives = {}

local DOCUMENT_LIMITS = { max_bytes = 64 * 1024 * 1024 }
local PREFIX_MIN <const> = 6 -- digits of a fingerprint that are enough to name it

local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- As life.lua has it; documents stay in the store.
local function known_of(row)
  local known = {}
  for _, name in ipairs({ "fingerprint", "id", "kind", "type", "resource_id", "severity", "status", "first_seen_seq", "first_seen_ms",
    "last_seen_seq", "last_seen_ms", "until_ms", "who", "why" }) do known[name] = row[name] end
  known.earlier = row.earlier and json.decode(row.earlier) or nil
  return known
end

--- The lives of a scope that have not ended: by fingerprint, and as a list.
function lives.going_on(store, scope)
  local by_fingerprint, list = {}, {}
  local cursor <close> = must(store:drifts({ scope = scope }))
  for row in cursor.next, cursor do
    local known = known_of(row)
    by_fingerprint[known.fingerprint] = known
    list[#list + 1] = known
  end
  return by_fingerprint, list
end

--- The life of a fingerprint, ended ones included; nil where there is none.
function lives.of(store, scope, fingerprint)
  local row, problem, code = store:drift(scope, fingerprint)
  if not row and code ~= "not_found" then error({ message = problem, code = code }, 0) end
  return row and known_of(row)
end

--- The properties of a drift's changes, from its JSON.
function lives.properties(document)
  local drift = document and json.decode(document, DOCUMENT_LIMITS)
  local properties = {}
  for i, change in ipairs(drift and drift.changes or {}) do properties[i] = change.property end
  return properties
end

--- A function that finds, for a drift without a life, the one it is the rest of: of the same resource and kind, not found any more,
--- with all its properties and others that were settled meanwhile.
function lives.rests(store, scope, list, found)
  local by_resource = {}
  for _, known in ipairs(list) do
    if not found[known.fingerprint] and known.kind == "changed" then
      local key = string.lower(known.resource_id)
      by_resource[key] = by_resource[key] or {}
      table.insert(by_resource[key], known)
    end
  end
  return function(drift)
    local candidates = drift.kind == "changed" and by_resource[string.lower(drift.id)]
    if not candidates then return nil end
    local properties = lives.properties(drift.json)
    for _, known in ipairs(candidates) do
      local row = store:drift(scope, known.fingerprint)
      if row and life.is_rest(properties, lives.properties(row.document)) then return known end
    end
  end
end

--- The times a drift was open before, as they are published and stored.
function lives.earlier_document(earlier)
  local list = {}
  for i, entry in ipairs(earlier) do
    list[i] = entry.first_seen and entry or { ended = entry.ended, who = entry.who, why = entry.why,
      first_seen = { seq = entry.first_seen_seq, at = time.format(entry.first_seen_ms) },
      last_seen = entry.last_seen_seq and { seq = entry.last_seen_seq, at = time.format(entry.last_seen_ms) } or nil }
  end
  return json.array(list)
end

--- A life that ended, as a report tells it under "gone".
function lives.gone_document(known)
  return { fingerprint = known.fingerprint, kind = known.kind, resource_type = known.type, resource_id = known.resource_id,
    severity = known.severity, status = "resolved",
    first_seen = { seq = known.first_seen_seq, at = time.format(known.first_seen_ms) } }
end

local function matches(row, id)
  if row.fingerprint == id or row.id == id then return true end
  return #id >= PREFIX_MIN and string.find(id, "^%x+$") ~= nil and string.sub(row.fingerprint, 1, #id) == id
end

--- The drift that a person names by its fingerprint (six digits are enough where they are one drift's) or by its _id.
-- @param scope text or nil: all
-- @return scope, row of store:drifts; or nil, a sentence
function lives.find(store, id, scope)
  id = string.lower(id)
  local found, found_scope
  for _, each in ipairs(scope and { scope } or must(store:scopes())) do
    local cursor <close> = must(store:drifts({ scope = each, statuses = { "open", "acknowledged", "muted", "accepted", "resolved" } }))
    for row in cursor.next, cursor do
      if matches(row, id) then
        if found and found.fingerprint ~= row.fingerprint then
          return nil, string.format("%s names more than one drift (%s, %s); write more of it", id, found.fingerprint, row.fingerprint)
        end
        found, found_scope = row, each
      end
    end
  end
  if not found then
    return nil, string.format("%s knows no drift %s%s; `azdrift drift list` shows them with their ids", store:name(), id,
      scope and " in " .. scope or "")
  end
  return found_scope, found
end

return lives
