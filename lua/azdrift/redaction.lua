--- The key of the digests that stand for secrets. It belongs to the store: the same on every engine, its id stamped on what it
--- redacted. A single machine makes its own at first start, beside the SQLite file.

local json = require("azdrift.json")
local system = require("azdrift.system")

local redaction = {}

local KEY_BYTES = 32

--- How versions name a key: never the key, nor enough of a hash to test guesses of a short one quickly across stores.
local function id_of(key) return "k" .. string.sub(json.sha256("azdrift redaction key id\n" .. key), 1, 12) end

local function key_path(settings) return settings.store.path .. ".key" end

local function made_beside(settings)
  local path = key_path(settings)
  local handle = io.open(path, "rb")
  if handle then
    local key = handle:read("a")
    handle:close()
    if #key < 16 then
      return nil, string.format("%s: %d bytes, a redaction key has at least 16; restore the file, or start a new store", path, #key)
    end
    return key
  end
  local key = system.random_hex(KEY_BYTES)
  local made, problem = system.create_file(path, key, true)
  if not made then return nil, string.format("%s: cannot keep the redaction key: %s", path, problem) end
  return key
end

--- { key, id } for a store, or nil, sentence. A store that knows another key refuses it.
function redaction.for_store(settings, store)
  local key, problem = settings.redaction.key
  if not key then
    if settings.store.url then
      return nil, "redaction.key is not set: engines that share a MongoDB need the same one " ..
        "(AZDRIFT_REDACTION_KEY_FILE; make it with: openssl rand -hex 32)"
    end
    key, problem = made_beside(settings)
    if not key then return nil, problem end
  end
  local id = id_of(key)
  local known
  known, problem = store:redaction_key(id)
  if not known then return nil, problem end
  return { key = key, id = id }
end

--- A key for one comparison of files: nobody else can test guesses against its digests.
function redaction.for_files() return system.random_hex(KEY_BYTES) end

return redaction
