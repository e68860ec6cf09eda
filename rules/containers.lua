-- Microsoft.ContainerService, ContainerRegistry, ContainerInstance and App.

-- The node count belongs to the autoscaler as long as it stays within the bounds that were configured.
local function is_autoscaler_count(change)
  local pool = change.parent
  return pool.enableAutoScaling and type(change.new) == "number"
    and change.new >= (pool.minCount or 0) and change.new <= (pool.maxCount or 0)
end

rules {
  type = {
    "Microsoft.ContainerService/managedClusters",
    "Microsoft.ContainerService/managedClusters/agentPools",
  },
  owner = "azdrift",

  { ignore = "properties.agentPoolProfiles[].count",
    why = "the autoscaler's business within its bounds", when = is_autoscaler_count },
  { ignore = "properties.count", why = "the autoscaler's business within its bounds", when = is_autoscaler_count },
  { observe = "..currentOrchestratorVersion", why = "follows orchestratorVersion node by node" },
  { observe = "..nodeImageVersion", why = "the platform upgrades node images each week" },
  { observe = "..virtualMachineNodesStatus", why = "the nodes at the moment, not configuration" },
  { observe = "properties.currentKubernetesVersion", why = "follows kubernetesVersion when the upgrade has ended" },
  { observe = "properties.powerState", why = "running or stopped: a state, not configuration" },
  { observe = "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
    why = "what the load balancer got, not what was asked for" },
  { observe = "properties.httpProxyConfig.effectiveNoProxy", why = "noProxy and what the platform adds to it" },
  { set = "properties.httpProxyConfig.noProxy", why = "a list of exceptions has no order" },
  { key = "properties.agentPoolProfiles", by = "name", why = "a pool is told by its name" },
}

rules {
  type = "Microsoft.ContainerService/managedClusters", owner = "azdrift",

  { observe = "properties.kubernetesVersion", why = "an upgrade channel is set: the platform moves the version",
    when = function(_, resource)
      local channel = resource.after.properties.autoUpgradeProfile.upgradeChannel
      return channel ~= nil and channel ~= "none"
    end },
  { observe = "properties.agentPoolProfiles[].orchestratorVersion",
    why = "an upgrade channel is set: the platform moves the version",
    when = function(_, resource)
      local channel = resource.after.properties.autoUpgradeProfile.upgradeChannel
      return channel ~= nil and channel ~= "none"
    end },
}

rules {
  type = "Microsoft.ContainerRegistry/registries", owner = "azdrift",

  { ignore = "..lastUpdatedTime", why = "when a policy was written; the policy shows what" },
  { key = "properties.networkRuleSet.ipRules", by = "value", why = "a rule names one range" },
}

rules {
  type = "Microsoft.ContainerInstance/containerGroups", owner = "azdrift",

  { observe = "..instanceView", why = "the state of the running containers, not configuration" },
  { observe = "properties.ipAddress.ip",
    why = "handed out by Azure; moves with a restart",
    when = function(change) return change.parent.type == "Public" end },
}

rules {
  type = { "Microsoft.App/containerApps", "Microsoft.App/jobs" }, owner = "azdrift",

  { observe = "properties.latestRevisionName", why = "follows every change of the template, which shows itself" },
  { observe = "properties.latestReadyRevisionName", why = "follows every change of the template, which shows itself" },
  { ignore = "kind", between = "versions",
    why = "given when the app is made and fixed from then on; not every api-version answers with it" },
  { observe = "properties.latestRevisionFqdn", why = "follows every change of the template, which shows itself" },
  { observe = "properties.runningStatus", why = "a state, not configuration" },
  { observe = "properties.outboundIpAddresses", why = "the environment's addresses, in any order" },
  { key = "properties.configuration.secrets", by = "name",
    why = "a secret is told by its name; their values are never returned" },
}

rules {
  type = {
    "Microsoft.App/containerApps",
    "Microsoft.App/containerApps/revisions",
    "Microsoft.App/jobs",
    "Microsoft.ContainerInstance/containerGroups",
  },
  owner = "azdrift",

  { redact = "..env[].value", why = "connection strings and keys stand in environment variables; that one changed still shows" },
  { redact = "..environmentVariables[].value", why = "connection strings and keys stand in environment variables" },
}

rules {
  type = "Microsoft.App/containerApps/revisions", owner = "azdrift",

  { observe = "properties.replicas", why = "the scaler's business" },
  { observe = "properties.runningState", why = "a state, not configuration" },
  { observe = "properties.healthState", why = "a state, not configuration" },
  { observe = "properties.lastActiveTime", why = "a measurement" },
}

rules {
  type = "Microsoft.App/managedEnvironments", owner = "azdrift",

  { same = "properties.workloadProfiles", between = "versions",
    as = { null, { { name = "Consumption", workloadProfileType = "Consumption" } } },
    why = "an environment without profiles of its own runs on the Consumption one, which newer api-versions write out" },
}

rules {
  type = "Microsoft.App/sessionPools", owner = "azdrift",

  { observe = "properties.templateUpdateStatus", why = "the progress of a roll-out" },
  { observe = "properties.poolManagementEndpoint", why = "follows the name" },
}
