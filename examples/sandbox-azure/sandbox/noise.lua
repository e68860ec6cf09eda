-- What the platform changes by itself, and nobody wants to read about: etags, timestamps, counters, the order of sets, the
-- case of ids, states that come and go. One tick touches about half of everything.
local json = require("azdrift.json")
local task = require("azdrift.task")

local noise = {}

local BATCH = 50 -- resources a turn of the loop

local by_type = {}

by_type["microsoft.network/virtualnetworks"] = function(body, random)
  random.shuffle(body.properties.addressSpace.addressPrefixes)
  local servers = body.properties.subnets[1]
  servers.properties.ipConfigurations = json.array { { id = body.id .. "/nic-" .. random.hex(6) .. "/ipConfigurations/primary" } }
end
by_type["microsoft.network/networkinterfaces"] = function(body, random)
  body.properties.virtualMachine.id = body.properties.virtualMachine.id:gsub("/resourceGroups/", "/resourcegroups/")
  body.properties.ipConfigurations[1].properties.provisioningState = random.chance(0.2) and "Updating" or "Succeeded"
end
by_type["microsoft.network/privatednszones"] = function(body, random)
  body.properties.numberOfRecordSets = random.integer(1, 60)
end
by_type["microsoft.compute/disks"] = function(body, random)
  if body.managedBy then body.properties.LastOwnershipUpdateTime = random.moment() end
end
by_type["microsoft.compute/virtualmachines"] = function(body, random)
  body.properties.provisioningState = random.chance(0.2) and "Updating" or "Succeeded"
  body.etag = string.format('"%d"', random.integer(2, 99))
end
by_type["microsoft.storage/storageaccounts"] = function(body, random)
  random.shuffle(body.properties.networkAcls.ipRules)
  body.properties.statusOfPrimary = "available"
  body.properties.encryption.services.blob.lastEnabledTime = random.moment()
end
by_type["microsoft.storage/storageaccounts/blobservices/containers"] = function(body, random)
  body.properties.lastModifiedTime = random.moment()
  body.etag = string.format('"0x8DC%s"', random.hex(12):upper())
end
by_type["microsoft.keyvault/vaults"] = function(body, random)
  random.shuffle(body.properties.accessPolicies)
  random.shuffle(body.properties.accessPolicies[1].permissions.secrets)
end
by_type["microsoft.sql/servers/databases"] = function(body, random)
  body.properties.earliestRestoreDate = random.moment()
end
by_type["microsoft.web/serverfarms"] = function(body, random)
  body.properties.numberOfWorkers = random.integer(2, 4)
  body.properties.currentNumberOfWorkers = body.properties.numberOfWorkers
end
by_type["microsoft.web/sites"] = function(body, random)
  body.properties.lastModifiedTimeUtc = random.moment()
  body.properties.usageState = random.chance(0.1) and "Exceeded" or "Normal"
end
by_type["microsoft.containerservice/managedclusters"] = function(body, random)
  for _, pool in ipairs(body.properties.agentPoolProfiles) do pool.count = random.integer(pool.minCount, pool.maxCount) end
  body.systemData.lastModifiedAt = random.moment()
end
by_type["microsoft.documentdb/databaseaccounts"] = function(body, random) random.shuffle(body.properties.readLocations) end
by_type["microsoft.servicebus/namespaces"] = function(body, random) body.properties.updatedAt = random.moment(3) end
by_type["microsoft.eventhub/namespaces"] = by_type["microsoft.servicebus/namespaces"]
by_type["microsoft.operationalinsights/workspaces"] = function(body, random)
  body.properties.workspaceCapping.quotaNextResetTime = random.moment()
  body.properties.modifiedDate = random.moment()
end

local function new_etags(part, random)
  for name, value in pairs(part) do
    if name == "etag" and type(value) == "string" and value:sub(1, 2) == "W/" then
      part.etag = string.format('W/"%s"', random.guid())
    elseif type(value) == "table" then
      new_etags(value, random)
    end
  end
end

-- Awaits now and then: an estate of thousands must not keep the requests of others waiting. Gives how many it touched.
function noise.tick(sandbox)
  local random, touched = sandbox.random, 0
  for i, entry in ipairs(sandbox.world:sorted()) do
    local change = by_type[entry.type.key]
    local is_network = entry.type.key:find("microsoft.network/", 1, true) == 1
    if (change or is_network) and random.chance(0.5) and sandbox.world:get(entry.key) == entry then
      sandbox.world:edit(entry.id, function(body)
        if is_network then new_etags(body, random) end
        if change then change(body, random) end
      end)
      touched = touched + 1
    end
    if i % BATCH == 0 then task.sleep_ms(0) end
  end
  for _, type_name in ipairs { "Microsoft.Network/publicIPAddresses", "Microsoft.Web/sites", "Microsoft.Compute/disks" } do
    for _, subscription in ipairs(sandbox.world.subscriptions) do
      random.shuffle(sandbox.world:of_type(subscription.subscriptionId, type_name)) -- lists promise no order
    end
  end
  sandbox:changed()
  return touched
end

return noise
