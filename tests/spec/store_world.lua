--- A store of one scope for specs, without Azure: runs of small bodies, and drift looked for in them as a collection does.
local bundles = require("azdrift.bundles")
local drift = require("azdrift.drift")
local json = require("azdrift.json")
local store = require("azdrift.store")
local task = require("azdrift.task")

local world = {}

local World = {}
World.__index = World

local SCOPE <const> = "/subscriptions/11111111-2222-3333-4444-555555555555"
local TYPE <const> = "Microsoft.Storage/storageAccounts"

--- A bundle of one file of rules and one of policies; either may be nil.
function world.bundle(rules, policies)
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute(string.format("mkdir -p %s/rules %s/policies", folder, folder)))
  for name, text in pairs({ ["rules/r.lua"] = rules or "", ["policies/p.lua"] = policies or "" }) do
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end
  local bundle = assert(bundles.build({ now_ms = task.now_ms(),
    layers = { { layer = "user", rules = folder .. "/rules", policies = folder .. "/policies" } } }))
  os.execute("rm -r " .. folder)
  return bundle
end

--- options: rules, policies, redaction = how versions are stamped.
function world.new(options)
  options = options or {}
  local path = os.tmpname()
  os.remove(path)
  return setmetatable({ scope = SCOPE, type = TYPE, path = path, redaction = options.redaction,
    store = assert(store.open({ path = path })), bundle = world.bundle(options.rules, options.policies) }, World)
end

function World:close()
  self.store:close()
  for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(self.path .. suffix) end
end

function World:id(name) return SCOPE .. "/resourceGroups/rg/providers/" .. self.type .. "/" .. name end

--- One run: bodies by name, false: gone; those not named stay. is_first: what it reads becomes the baseline.
function World:run(bodies, is_first)
  local lease = assert(self.store:acquire(SCOPE, "spec", 60000))
  local map = assert(self.store:map(SCOPE))
  local commit = assert(self.store:begin(lease))
  local resources, gone = {}, {}
  for name, body in pairs(bodies) do
    local resource = { id = self:id(name), type = self.type, view = "list", api_version = "1", resource_group = "rg", body = body or nil,
      redaction = self.redaction }
    table.insert(body and resources or gone, resource)
  end
  assert(commit:put(map, resources))
  assert(commit:remove(map, gone))
  local coverage = { complete = true, types = json.array({ { type = self.type:lower(), outcome = "ok" } }) }
  local snapshot = assert(commit:publish({ status = "complete", timestamp_ms = lease:seq() * 1000, coverage = json.encode(coverage) }))
  assert(lease:release())
  if is_first then
    assert(self.store:baseline_set({ scope = SCOPE, types = { self.type }, seq = snapshot.seq, only_missing = true, who = "spec" }))
  end
  self.newest = snapshot
  return snapshot
end

--- Drift of the newest snapshot against the baseline. more: fields of drift.find's query.
function World:find(more)
  local query = { scope = SCOPE, to = self.newest, bundle = self.bundle, to_keep = true }
  for name, value in pairs(more or {}) do query[name] = value end
  return drift.find(self.store, query)
end

--- The same, and kept, as a collection does.
function World:keep(more)
  local result = self:find(more)
  drift.keep(self.store, SCOPE, result, self.newest)
  return result
end

return world
