--- Child types that are not read below their parents, and why not.

-- The whole configuration stands in the parent's body: reading it again would tell each change twice.
-- Source: the GET schemas of the parents (Azure/bicep-types-az), where they are members.
local IN_PARENT = {
  "Microsoft.ContainerService/managedClusters/agentPools",
  "Microsoft.KeyVault/vaults/accessPolicies",
  "Microsoft.Network/loadBalancers/backendAddressPools",
  "Microsoft.Network/loadBalancers/inboundNatRules",
  "Microsoft.Network/loadBalancers/loadBalancingRules",
  "Microsoft.Network/loadBalancers/outboundRules",
  "Microsoft.Network/loadBalancers/probes",
  "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
  "Microsoft.Network/networkSecurityGroups/securityRules",
  "Microsoft.Network/routeFilters/routeFilterRules",
  "Microsoft.Network/routeTables/routes",
  "Microsoft.Network/virtualNetworks/subnets",
  "Microsoft.Network/virtualNetworks/virtualNetworkPeerings",
}

-- What people and jobs put into a service, not how the service is set up.
local DATA = {
  "Microsoft.AppConfiguration/configurationStores/keyValues",
  "Microsoft.DataProtection/backupVaults/backupJobs",
  "Microsoft.OperationalInsights/workspaces/savedSearches",
}

local reasons = {}
for _, name in ipairs(IN_PARENT) do reasons[string.lower(name)] = "stands in its parent" end
for _, name in ipairs(DATA) do reasons[string.lower(name)] = "data, not configuration" end

local left_out = {}

--- Why a child type is not read, or nil where it is.
function left_out.reason(type_name)
  local key = string.lower(type_name)
  -- Private endpoint connections stand in every resource that can have them.
  if string.find(key, "/privateendpointconnections$") then return "stands in its parent" end
  return reasons[key]
end

return left_out
