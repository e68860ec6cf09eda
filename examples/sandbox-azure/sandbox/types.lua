-- The resource types of this Azure: how they are spelled, which api-versions they speak (newest first), where lists of them
-- stand. scope: "group" lives in a resource group, "extension" hangs on any other id. list: what answers with many of them:
-- "subscription" (and the resource group), "parent", "extension".
local types = { by_key = {}, namespaces = {} }

local NETWORK = { "2025-09-01", "2025-05-01", "2024-05-01", "2023-11-01" }
local COMPUTE = { "2026-04-01", "2025-04-01", "2024-07-01", "2023-09-01" }
local SQL = { "2025-08-01-preview", "2025-01-01", "2023-08-01", "2021-11-01" }
local WEB = { "2025-03-01", "2024-11-01", "2023-12-01" }
local STORAGE = { "2026-04-01", "2025-06-01", "2024-01-01", "2023-05-01" }

local function declare(name, versions, list, extra)
  local namespace, path = name:match("^([^/]+)/(.+)$")
  local declared = { name = name, key = name:lower(), namespace = namespace, path = path, versions = versions,
    list = list or "subscription", is_child = path:find("/", 1, true) ~= nil }
  for field, value in pairs(extra or {}) do declared[field] = value end
  declared.speaks = {}
  for _, version in ipairs(versions) do declared.speaks[version] = true end
  types.by_key[declared.key] = declared
  local known = types.namespaces[namespace:lower()]
  if not known then
    known = { name = namespace, types = {} }
    types.namespaces[namespace:lower()] = known
    types.namespaces[#types.namespaces + 1] = known
  end
  known.types[#known.types + 1] = declared
end

declare("Microsoft.Network/virtualNetworks", NETWORK)
declare("Microsoft.Network/virtualNetworks/subnets", NETWORK, "parent", { embedded_in = "subnets" })
declare("Microsoft.Network/networkSecurityGroups", NETWORK)
declare("Microsoft.Network/networkSecurityGroups/securityRules", NETWORK, "parent", { embedded_in = "securityRules" })
declare("Microsoft.Network/networkInterfaces", NETWORK)
declare("Microsoft.Network/publicIPAddresses", NETWORK)
declare("Microsoft.Network/loadBalancers", NETWORK)
declare("Microsoft.Network/routeTables", NETWORK)
declare("Microsoft.Network/natGateways", NETWORK)
declare("Microsoft.Network/privateEndpoints", NETWORK)
declare("Microsoft.Network/networkWatchers", NETWORK)
declare("Microsoft.Network/networkWatchers/flowLogs", NETWORK, "parent", { is_tracked = true })
declare("Microsoft.Network/privateDnsZones", { "2024-06-01", "2020-06-01" })
declare("Microsoft.Network/privateDnsZones/virtualNetworkLinks", { "2024-06-01", "2020-06-01" }, "parent",
  { is_tracked = true })
declare("Microsoft.Compute/virtualMachines", COMPUTE, nil, { shouts = true })
declare("Microsoft.Compute/virtualMachines/extensions", COMPUTE, "parent", { shouts = true, is_tracked = true })
declare("Microsoft.Compute/disks", { "2026-03-02", "2025-01-02", "2024-03-02", "2023-04-02" }, nil, { shouts = true })
declare("Microsoft.Compute/availabilitySets", COMPUTE, nil, { shouts = true })
declare("Microsoft.Storage/storageAccounts", STORAGE)
declare("Microsoft.Storage/storageAccounts/blobServices", STORAGE, "parent")
declare("Microsoft.Storage/storageAccounts/blobServices/containers", STORAGE, "parent")
declare("Microsoft.KeyVault/vaults", { "2026-02-01", "2024-11-01", "2023-07-01", "2022-07-01" })
declare("Microsoft.Sql/servers", SQL)
declare("Microsoft.Sql/servers/databases", SQL, "parent", { is_tracked = true })
declare("Microsoft.Sql/servers/firewallRules", SQL, "parent")
declare("Microsoft.Sql/servers/auditingSettings", SQL, "parent")
declare("Microsoft.Web/serverfarms", WEB)
declare("Microsoft.Web/sites", WEB)
declare("Microsoft.Web/sites/config", WEB, "parent")
declare("Microsoft.ContainerService/managedClusters", { "2026-05-01", "2025-05-01", "2024-09-01", "2024-02-01" })
declare("Microsoft.ContainerRegistry/registries", { "2025-11-01", "2025-04-01", "2023-07-01" })
declare("Microsoft.ContainerInstance/containerGroups", { "2026-07-01", "2025-09-01", "2023-05-01" })
declare("Microsoft.DocumentDB/databaseAccounts", { "2026-03-15", "2025-04-15", "2024-05-15" })
declare("Microsoft.Cache/Redis", { "2024-11-01", "2024-03-01", "2023-08-01" })
declare("Microsoft.ServiceBus/namespaces", { "2026-01-01", "2024-01-01", "2021-11-01" })
declare("Microsoft.EventHub/namespaces", { "2026-01-01", "2024-01-01", "2021-11-01" })
declare("Microsoft.OperationalInsights/workspaces", { "2026-03-01", "2025-02-01", "2023-09-01" })
declare("Microsoft.Insights/components", { "2020-02-02", "2015-05-01" })
declare("Microsoft.Insights/actionGroups", { "2023-01-01", "2022-06-01" })
declare("Microsoft.Insights/diagnosticSettings", { "2021-05-01-preview", "2016-09-01" }, "extension")
declare("Microsoft.ManagedIdentity/userAssignedIdentities", { "2024-11-30", "2023-01-31" })
declare("Microsoft.Authorization/locks", { "2020-05-01", "2017-04-01", "2016-09-01" }, "extension", { from_below = true })
declare("Microsoft.Authorization/roleAssignments", { "2022-04-01", "2020-04-01-preview" }, "extension",
  { from_below = true })
declare("Microsoft.Authorization/policyAssignments", { "2026-07-01", "2024-04-01", "2021-06-01" }, "extension",
  { from_below = true })
declare("Microsoft.Resources/resourceGroups", { "2025-04-01", "2024-11-01", "2021-04-01" })

types.LOCATIONS = { westeurope = "West Europe", northeurope = "North Europe", germanywestcentral = "Germany West Central" }

return types
