-- A believable day: seven things that somebody did, one permission that somebody took away, and the platform's own noise
-- around them. Gives what was done, for tests and for the demo to compare a report with.
local json = require("azdrift.json")
local network = require("sandbox.estate.network")
local noise = require("sandbox.noise")

local day = {}

local function first(sandbox, type_name, accept)
  for _, subscription in ipairs(sandbox.world.subscriptions) do
    for _, entry in ipairs(sandbox.world:of_type(subscription.subscriptionId, type_name)) do
      if not accept or accept(entry) then return entry end
    end
  end
  return nil
end

local function named(name)
  return function(entry) return entry.name == name end
end

-- The id helper of the estate's builders, for a resource that exists.
local function context_of(sandbox, entry)
  local group_id = entry.id:match("^(/subscriptions/[^/]+/resourceGroups/[^/]+)")
  return {
    random = sandbox.random,
    etag = function() return string.format('W/"%s"', sandbox.random.guid()) end,
    id = function(_, type_name, parent, name)
      local namespace, kind, child = type_name:match("^([^/]+)/([^/]+)/([^/]+)$")
      return string.format("%s/providers/%s/%s/%s/%s/%s", group_id, namespace, kind, parent, child, name)
    end,
  }
end

local function open_ssh(sandbox)
  local nsg = first(sandbox, "Microsoft.Network/networkSecurityGroups", named("nsg-hub"))
  local ctx = context_of(sandbox, nsg)
  sandbox.world:edit(nsg.id, function(body)
    local rules = body.properties.securityRules
    -- Neither says "Internet" nor 0.0.0.0/0, both together are all of it, and they stand above the deny at 200.
    table.insert(rules, network.rule(ctx, nsg.name, "maintenance-a", 110, "Allow", "Inbound", "0.0.0.0/1", "22"))
    table.insert(rules, network.rule(ctx, nsg.name, "maintenance-b", 120, "Allow", "Inbound", "128.0.0.0/1", "22"))
  end)
  return { what = "SSH opened to the internet by two halves, above the deny", id = nsg.id, kind = "changed" }
end

local function forget_shared_key(sandbox)
  local account = first(sandbox, "Microsoft.Storage/storageAccounts",
    function(entry) return entry.name:find("stdata", 1, true) == 1 end) or first(sandbox, "Microsoft.Storage/storageAccounts")
  sandbox.world:edit(account.id, function(body) body.properties.allowSharedKeyAccess = nil end)
  return { what = "shared key access from false to absent, which means allowed", id = account.id, kind = "changed" }
end

local function unlock_and_delete_vault(sandbox)
  local vault = first(sandbox, "Microsoft.KeyVault/vaults",
    function(entry) return entry.name:find("kv-platform", 1, true) == 1 end)
  local lock = vault.id .. "/providers/Microsoft.Authorization/locks/do-not-delete"
  assert(sandbox.world:remove(lock), "the vault has its lock")
  assert(sandbox.world:remove(vault.id), "the vault is there")
  return { what = "a lock deleted", id = lock, kind = "removed" },
    { what = "and then its vault", id = vault.id, kind = "removed" }
end

local function let_everyone_in(sandbox)
  local server = first(sandbox, "Microsoft.Sql/servers")
  if not server then return nil end
  local id = server.id .. "/firewallRules/temp"
  sandbox.world:put { id = id, name = "temp", type = "Microsoft.Sql/servers/firewallRules",
    properties = { startIpAddress = "0.0.0.0", endIpAddress = "255.255.255.255" } }
  return { what = "a SQL firewall rule for everyone", id = id, kind = "added" }
end

local function recreate_machine(sandbox)
  local machine = first(sandbox, "Microsoft.Compute/virtualMachines")
  if not machine then return nil end
  sandbox.world:edit(machine.id, function(body)
    body.properties.vmId = sandbox.random.guid()
    body.properties.timeCreated = "2026-11-22T09:14:51.2893477+00:00"
    body.identity.principalId = sandbox.random.guid()
    body.etag = '"1"'
  end)
  return { what = "a virtual machine deleted and made again under its name", id = machine.id, kind = "recreated" }
end

local function reorder_dns(sandbox)
  local vnet = first(sandbox, "Microsoft.Network/virtualNetworks")
  local ctx = context_of(sandbox, vnet)
  sandbox.world:edit(vnet.id, function(body)
    local servers = body.properties.dhcpOptions.dnsServers
    servers[1], servers[2] = servers[2], servers[1]
    table.insert(body.properties.subnets, network.subnet(ctx, vnet.name,
      { name = "migration", prefix = "10.1.7.0/24", nsg = body.properties.subnets[1].properties.networkSecurityGroup.id }))
  end)
  return { what = "the order of a network's DNS servers, and a subnet more", id = vnet.id, kind = "changed" }
end

-- options.noise: ticks of platform noise around it, 3 unless told.
function day.live(sandbox, options)
  local done = {}
  local function note(...)
    for _, event in ipairs { ... } do done[#done + 1] = event end
  end
  note(open_ssh(sandbox))
  note(forget_shared_key(sandbox))
  note(unlock_and_delete_vault(sandbox))
  note(let_everyone_in(sandbox))
  note(recreate_machine(sandbox))
  note(reorder_dns(sandbox))
  for _ = 1, options.noise or 3 do noise.tick(sandbox) end
  local rules = { { type = "Microsoft.ContainerRegistry/registries", status = 403 } }
  for _, rule in ipairs(sandbox.faults.rules) do rules[#rules + 1] = rule end
  sandbox.faults:set(rules)
  note { what = "the right to read container registries was taken away", id = "Microsoft.ContainerRegistry/registries",
    kind = "forbidden" }
  sandbox:changed()
  return json.array(done)
end

return day
