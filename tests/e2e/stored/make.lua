-- Two snapshots of one subscription, without Azure: what tests/e2e/stored.sh reads through the command line.
local store = assert(require("azdrift.store").open({ path = arg[1] }))

local SCOPE = "/subscriptions/11111111-2222-3333-4444-555555555555"

local function resource(type, name, properties)
  local id = ("%s/resourceGroups/rg/providers/%s/%s"):format(SCOPE, type, name)
  return { id = id, type = type, view = "get", api_version = "2024-01-01", resource_group = "rg",
    subscription_id = SCOPE:match("[^/]+$"),
    body = ('{"id":"%s","name":"%s","properties":%s,"type":"%s"}'):format(id, name, properties, type) }
end

local function run(timestamp_ms, resources, gone)
  local lease = assert(store:acquire(SCOPE, "story", 60000))
  local map = assert(store:map(SCOPE))
  local commit = assert(store:begin(lease))
  assert(commit:put(map, resources))
  assert(commit:remove(map, gone or {}))
  local coverage = '{"complete":true,"types":[]}'
  assert(commit:publish({ status = "complete", timestamp_ms = timestamp_ms, coverage = coverage }))
  assert(lease:release())
end

local STORAGE, WEB = "Microsoft.Storage/storageAccounts", "Microsoft.Web/sites"

run(1795341600000, { resource(STORAGE, "a", '{"big":12345678901234567890123,"minimumTlsVersion":"TLS1_2"}'),
  resource(WEB, "w", '{"httpsOnly":true}'), resource(WEB, "gone", "{}") })
run(1795345200000, { resource(STORAGE, "a", '{"big":12345678901234567890123,"minimumTlsVersion":"TLS1_0"}') },
  { { type = WEB, id = ("%s/resourceGroups/rg/providers/%s/gone"):format(SCOPE, WEB) } })
