--- API keys: made, listed, exchanged, revoked. A key is shown once, when it is made.
local json = require("azdrift.json")
local keys = require("azdrift.keys")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local task = require("azdrift.task")

local ID = { id = schema.text(8, 8) }
local DAY_S = 86400

-- An admin whose key is narrowed rules over what lies within: over keys that are at most as wide.
local function may_rule(request, scopes)
  if not request.access.is_narrow then return true end
  if #scopes == 0 then return false end
  for _, scope in ipairs(scopes) do
    if not request.access:sees(scope) then return false end
  end
  return true
end

local function shown_once(text, key, status)
  local document = keys.document(key)
  document.key = text
  return reply.json(status, document, { ["Cache-Control"] = "no-store", Location = "/v1/keys/" .. key.id })
end

local function create(request, service)
  local body = request.body
  local scopes = body.scopes or {}
  if not may_rule(request, scopes) then return reply.problem(403, "forbidden", "no key may make one that is wider than itself") end
  local text, key, code = keys.create(service.store, { name = body.name, role = body.role, scopes = scopes,
    life_s = body.days * DAY_S, by = request.access:name() }, task.now_ms())
  if not text then return reply.failure(key, code) end
  service:audit(request.access, "key-create", key.id, { name = key.name, role = key.role, scopes = key.scopes })
  service:load_keys()
  return shown_once(text, key, 201)
end

local function find(request, service)
  local key, message, code = keys.get(service.store, request.params.id)
  if key and not may_rule(request, key.scopes) then key, code = nil, "not_found" end
  if not key then error({ message = code == "not_found" and "there is no such key" or message, code = code }, 0) end
  return key
end

return {
  { "GET /v1/me", summary = "Who I am here", role = "reader", replies = { [200] = "The principal" },
    handle = function(request)
      local principal = request.principal
      return reply.json(200, { kind = principal.kind, key = principal.key, subject = principal.subject, role = principal.role,
        scopes = json.array(request.access.prefixes) })
    end },
  { "GET /v1/keys", summary = "All keys, without their secrets", role = "admin", replies = { [200] = "The keys" },
    handle = function(request, service)
      local list, message, code = keys.list(service.store)
      if not list then return reply.failure(message, code) end
      local items = json.array({})
      for _, key in ipairs(list) do
        if may_rule(request, key.scopes) then items[#items + 1] = keys.document(key) end
      end
      return reply.json(200, { items = items }, { ["Cache-Control"] = "no-store" })
    end },
  { "POST /v1/keys", summary = "Make a key", role = "admin", about = "The answer has the key itself: it is shown this once.",
    body = { name = schema.required(schema.text(1, 100)), role = schema.required(schema.choice(keys.ROLES)),
      scopes = schema.list(schema.arm_id(), 100), days = schema.integer(0, 3650, 90) },
    replies = { [201] = "The key" }, handle = create },
  { "POST /v1/keys/{id}/rotate", summary = "Exchange a key", role = "admin", path = ID,
    about = "The new one has the same role and scopes; the old one is taken for one more day.", replies = { [201] = "The new key" },
    handle = function(request, service)
      local old = find(request, service)
      local text, key, code = keys.rotate(service.store, old.id, request.access:name(), task.now_ms())
      if not text then return reply.failure(key, code) end
      service:audit(request.access, "key-rotate", old.id, { replaced_by = key.id })
      service:load_keys()
      return shown_once(text, key, 201)
    end },
  { "DELETE /v1/keys/{id}", summary = "Revoke a key", role = "admin", path = ID, replies = { [200] = "The key, which counts no more" },
    handle = function(request, service)
      local old = find(request, service)
      local key, message, code = keys.revoke(service.store, old.id, request.access:name(), task.now_ms())
      if not key then return reply.failure(message, code) end
      service:audit(request.access, "key-revoke", old.id)
      service:load_keys()
      return reply.json(200, keys.document(key))
    end },
}
