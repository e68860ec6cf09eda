-- Removals that take data or a door with them. Every other removal has the default severity.

local function resource(properties) return { properties = properties or {} } end

policy "data-removed" {
  type     = {
    "Microsoft.KeyVault/vaults",
    "Microsoft.Storage/storageAccounts",
    "Microsoft.Sql/servers",
    "Microsoft.Sql/servers/databases",
    "Microsoft.Sql/managedInstances",
    "Microsoft.DocumentDB/databaseAccounts",
    "Microsoft.DBforPostgreSQL/flexibleServers",
    "Microsoft.DBforMySQL/flexibleServers",
    "Microsoft.RecoveryServices/vaults",
    "Microsoft.DataProtection/backupVaults",
    "Microsoft.OperationalInsights/workspaces",
    "Microsoft.ContainerRegistry/registries",
  },
  kind     = "removed",
  severity = "high",
  message  = "{resource.name} was deleted, and what it held with it",
  examples = {
    { old = resource { provisioningState = "Succeeded" }, gives = "high" },
    { new = resource { provisioningState = "Succeeded" }, gives = false },
    { old = resource { accessTier = "Hot" }, new = resource(), gives = false },
  },
}

policy "machine-removed" {
  type     = { "Microsoft.Compute/virtualMachines", "Microsoft.Compute/disks", "Microsoft.ContainerService/managedClusters" },
  kind     = "removed",
  severity = "medium",
  message  = "{resource.name} was deleted",
  on_resource = function(r)
    -- Groups that a service manages come and go with its own machines.
    return r.group.managed_by == nil and "medium"
  end,
  examples = {
    { old = resource { vmId = "a" }, gives = "medium" },
    { old = resource { vmId = "a" }, gives = false, group = { name = "MC_rg_aks_westeurope", managed_by = "/aks" } },
    { old = resource { vmId = "a" }, new = resource { vmId = "a", priority = "Spot" }, gives = false },
    { old = resource { vmId = "a" }, new = resource(), gives = false },
  },
}
