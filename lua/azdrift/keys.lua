--- API keys as the store keeps them: who made them, for what role and scopes, until when; of the key itself only a hash.
local gate = require("azdrift.gate")
local json = require("azdrift.json")
local time = require("azdrift.time")

local keys = {}

local KIND = "api_keys"
local SECOND_MS = 1000
local ROTATION_MS = 24 * 3600 * SECOND_MS -- the old key and the new one are both taken for so long
keys.DEFAULT_LIFE_S = 90 * 86400
keys.ROLES = { "reader", "operator", "admin" }
local TRIES = 5

local function save(store, key, revision) return store:put(KIND, key.id, json.encode(key), revision) end

local function decode(document)
  local key = document.bytes and json.decode(document.bytes)
  if type(key) ~= "table" or key.id ~= document.id then return nil end
  key.scopes = json.array(key.scopes or {})
  return key
end

--- All of them, oldest first; those that are revoked too. nil, sentence, code where the store fails.
function keys.list(store)
  local documents, message, code = store:list(KIND)
  if not documents then return nil, message, code end
  local list = {}
  for _, document in ipairs(documents) do list[#list + 1] = decode(document) end
  table.sort(list, function(a, b)
    if a.created_ms ~= b.created_ms then return a.created_ms < b.created_ms end
    return a.id < b.id
  end)
  return list
end

--- Whether a key counts at this moment.
function keys.is_live(key, now_ms)
  return not key.revoked_ms and (not key.expires_ms or key.expires_ms > now_ms)
end

--- Makes one. wanted: { name, role, scopes = list of lower-case ARM ids or {} for all, life_s (0: for ever), by }
-- @return text (shown once, kept nowhere), key; or nil, sentence, code
function keys.create(store, wanted, now_ms)
  local text, id, hash = gate.make_key()
  local life_s = wanted.life_s or keys.DEFAULT_LIFE_S
  local key = { id = id, name = wanted.name, role = wanted.role, scopes = json.array(wanted.scopes or {}), hash = hash, created_ms = now_ms,
    created_by = wanted.by, expires_ms = life_s > 0 and now_ms + life_s * SECOND_MS or nil }
  local done, message, code = save(store, key, 0)
  if not done then return nil, message, code end
  return text, key
end

--- One key. nil, sentence, "not_found" where there is none.
function keys.get(store, id)
  local bytes, revision, code = store:get(KIND, id)
  if not bytes then return nil, revision, code end
  local key = decode({ id = id, bytes = bytes })
  if not key then return nil, ("the key %s cannot be read"):format(id), "corrupt" end
  return key, revision
end

-- change(key) at a key that nobody else changes meanwhile.
local function update(store, id, change)
  local message, code
  for _ = 1, TRIES do
    local key, revision, missing = keys.get(store, id)
    if not key then return nil, revision, missing end
    if change(key) == false then return key end
    local done
    done, message, code = save(store, key, revision)
    if done then return key end
    if code ~= "conflict" then break end
  end
  return nil, message, code
end

--- From now on it is refused. Revoking twice is fine.
function keys.revoke(store, id, by, now_ms)
  return update(store, id, function(key)
    if key.revoked_ms then return false end
    key.revoked_ms, key.revoked_by = now_ms, by
  end)
end

--- A new key of the same role and scopes; the old one ends in a day, or when it would have ended.
-- @return text, key; or nil, sentence, code
function keys.rotate(store, id, by, now_ms)
  local old, message, code = keys.get(store, id)
  if not old then return nil, message, code end
  if not keys.is_live(old, now_ms) then return nil, ("the key %s counts no more; create a new one"):format(id), "conflict" end
  local life_s = old.expires_ms and (old.expires_ms - old.created_ms) // SECOND_MS or 0
  local text, key, failed = keys.create(store, { name = old.name, role = old.role, scopes = old.scopes, life_s = life_s, by = by }, now_ms)
  if not text then return nil, key, failed end
  local ended
  ended, message, code = update(store, id, function(current)
    current.expires_ms = math.min(current.expires_ms or math.maxinteger, now_ms + ROTATION_MS)
    current.replaced_by = key.id
  end)
  if not ended then return nil, message, code end
  return text, key
end

--- Notes when keys were last taken: { [id] = milliseconds }.
function keys.note_use(store, used)
  for id, at_ms in pairs(used) do
    update(store, id, function(key)
      if (key.used_ms or 0) >= at_ms then return false end
      key.used_ms = at_ms
    end)
  end
end

--- A key as people may see it: everything but its hash.
function keys.document(key)
  local function instant(ms) return ms and time.format(ms) or nil end
  return { id = key.id, name = key.name, role = key.role, scopes = json.array(key.scopes), created = instant(key.created_ms),
    created_by = key.created_by, expires = instant(key.expires_ms), last_used = instant(key.used_ms), revoked = instant(key.revoked_ms),
    replaced_by = key.replaced_by }
end

return keys
