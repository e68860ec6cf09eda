-- Microsoft.ContainerService, ContainerRegistry and App.

local function resource(properties) return { properties = properties } end

policy "aks-local-accounts" {
  type     = "Microsoft.ContainerService/managedClusters",
  watch    = "properties.disableLocalAccounts",
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "{resource.name} hands out administrator certificates that Entra cannot take back",
  fix      = "az aks update --ids {resource.id} --disable-local-accounts",
  refs     = { "AP 993c2fcd", "P:aks_cluster_local_accounts_disabled" },
  examples = {
    { old = resource { disableLocalAccounts = true }, new = resource { disableLocalAccounts = false }, gives = "high" },
    { old = resource { disableLocalAccounts = true }, new = resource {}, gives = "high" },
    { old = resource { disableLocalAccounts = false }, new = resource { disableLocalAccounts = true }, gives = false },
  },
}

policy "aks-rbac-off" {
  type     = "Microsoft.ContainerService/managedClusters",
  watch    = { "properties.enableRBAC", "properties.aadProfile.enableAzureRBAC" },
  from     = true,
  to       = { false, null },
  kind     = "changed",
  severity = "high",
  message  = "{resource.name}: {path} is off",
  refs     = { "AP ac4a19c2", "P:aks_cluster_rbac_enabled" },
  examples = {
    { old = resource { enableRBAC = true }, new = resource { enableRBAC = false }, gives = "high" },
    { old = resource { aadProfile = { enableAzureRBAC = true } }, new = resource { aadProfile = {} }, gives = "high" },
    { old = resource { enableRBAC = false }, new = resource { enableRBAC = true }, gives = false },
  },
}

policy "aks-api-server-open" {
  type     = "Microsoft.ContainerService/managedClusters",
  watch    = { "properties.apiServerAccessProfile", "properties.publicNetworkAccess" },
  severity = "high",
  message  = "the API server of {resource.name} can be reached from everywhere",
  fix      = "az aks update --ids {resource.id} --api-server-authorized-ip-ranges RANGES",
  refs     = { "AP 040732e8", "AP 0e246bcf", "P:aks_clusters_public_access_disabled" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local function is_open(cluster)
      local profile = cluster.properties.apiServerAccessProfile
      if profile.enablePrivateCluster or cluster.properties.publicNetworkAccess == "Disabled" then return false end
      return #(profile.authorizedIPRanges or {}) == 0 or one_of("0.0.0.0/0", profile.authorizedIPRanges)
    end
    return is_open(r.after) and not is_open(r.before) and "high"
  end,
  examples = {
    { old = resource { apiServerAccessProfile = { authorizedIPRanges = { "203.0.113.0/24" } } },
      new = resource { apiServerAccessProfile = { authorizedIPRanges = {} } }, gives = "high" },
    { old = resource { apiServerAccessProfile = { enablePrivateCluster = true } }, new = resource {}, gives = "high" },
    { old = resource { apiServerAccessProfile = { authorizedIPRanges = { "203.0.113.0/24" } } },
      new = resource { apiServerAccessProfile = { authorizedIPRanges = { "203.0.113.0/24", "198.51.100.0/24" } } },
      gives = false },
    { old = resource {}, new = resource { apiServerAccessProfile = { enablePrivateCluster = true } }, gives = false },
  },
}

policy "aks-network-policy-removed" {
  type     = "Microsoft.ContainerService/managedClusters",
  watch    = "properties.networkProfile.networkPolicy",
  from     = { "azure", "calico", "cilium" },
  to       = { "none", null },
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name}: every pod may talk to every other",
  refs     = { "P:aks_network_policy_enabled" },
  examples = {
    { old = resource { networkProfile = { networkPolicy = "calico" } },
      new = resource { networkProfile = {} }, gives = "medium" },
    { old = resource { networkProfile = { networkPolicy = "azure" } },
      new = resource { networkProfile = { networkPolicy = "none" } }, gives = "medium" },
    { old = resource { networkProfile = {} },
      new = resource { networkProfile = { networkPolicy = "calico" } }, gives = false },
  },
}

policy "registry-anonymous-or-admin" {
  type     = "Microsoft.ContainerRegistry/registries",
  watch    = { "properties.adminUserEnabled", "properties.anonymousPullEnabled" },
  to       = true,
  severity = "high",
  message  = "{resource.name}: {path} is on",
  fix      = "az acr update --ids {resource.id} --admin-enabled false --anonymous-pull-enabled false",
  refs     = { "AP dc921057", "AP 9f2dea28", "P:containerregistry_admin_user_disabled" },
  examples = {
    { old = resource { adminUserEnabled = false }, new = resource { adminUserEnabled = true }, gives = "high" },
    { old = resource {}, new = resource { anonymousPullEnabled = true }, gives = "high" },
    { old = resource { adminUserEnabled = true }, new = resource { adminUserEnabled = false }, gives = false },
    { old = resource { adminUserEnabled = true }, new = resource {}, gives = false },
  },
}

policy "registry-public-access" {
  type     = "Microsoft.ContainerRegistry/registries",
  watch    = { "properties.publicNetworkAccess", "properties.networkRuleSet.defaultAction" },
  severity = "high",
  message  = "{resource.name} can be reached from the Internet",
  fix      = "az acr update --ids {resource.id} --public-network-enabled false",
  refs     = { "AP 0fdf0491", "P:containerregistry_not_publicly_accessible" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local function is_open(registry) -- absent means Enabled and Allow
      return registry.publicNetworkAccess ~= "Disabled" and registry.networkRuleSet.defaultAction ~= "Deny"
    end
    return is_open(r.after.properties) and not is_open(r.before.properties) and "high"
  end,
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { networkRuleSet = { defaultAction = "Deny" } }, new = resource {}, gives = "high" },
    { old = resource { publicNetworkAccess = "Enabled" },
      new = resource { publicNetworkAccess = "Disabled" }, gives = false },
  },
}

policy "container-app-ingress-opened" {
  type     = "Microsoft.App/containerApps",
  watch    = { "properties.configuration.ingress.external", "properties.configuration.ingress.allowInsecure" },
  from     = { false, null },
  to       = true,
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name}: {path} is on",
  fix      = "az containerapp ingress show --ids {resource.id}",
  examples = {
    { old = resource { configuration = { ingress = { external = false } } },
      new = resource { configuration = { ingress = { external = true } } }, gives = "medium" },
    { old = resource { configuration = { ingress = { external = true } } },
      new = resource { configuration = { ingress = { external = true, allowInsecure = true } } }, gives = "medium" },
    { old = resource { configuration = { ingress = { external = true } } },
      new = resource { configuration = {} }, gives = false },
  },
}
