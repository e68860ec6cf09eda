-- Services with a few rules each: RecoveryServices, Logic, Automation, Search, ApiManagement, Cdn, ManagedIdentity, ...

rules {
  type = {
    "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems",
    "Microsoft.RecoveryServices/vaults/backupProtectedItems",
  },
  owner = "azdrift",

  { ignore = "properties.deferredDeleteTimeRemaining", why = "a countdown" },
  { ignore = "properties.lastRecoveryPoint", why = "follows each backup" },
  { ignore = "properties.lastBackupTime", why = "follows each backup" },
  { observe = "properties.lastBackupStatus", why = "the result of the last backup: a state" },
  { observe = "properties.healthStatus", why = "a state, not configuration" },
  { observe = "properties.healthDetails", why = "a state, not configuration" },
  { observe = "properties.kpisHealths", why = "a state, not configuration" },
  { observe = "properties.extendedInfo", why = "recovery points so far: it follows each backup" },
}

rules {
  type = { "Microsoft.RecoveryServices/vaults/backupPolicies", "Microsoft.RecoveryServices/vaults" }, owner = "azdrift",

  { observe = "properties.protectedItemsCount", why = "a count; the items are collected themselves" },
}

rules {
  type = "Microsoft.RecoveryServices/vaults/replicationPolicies", owner = "azdrift",

  { compare = "properties.providerSpecificDetails",
    why = "flagged read-only because PUT and GET use different objects: it is the policy" },
}

rules {
  type = "Microsoft.Logic/workflows", owner = "azdrift",

  { ignore = "properties.changedTime", why = "follows every write" },
  { observe = "properties.version", why = "a number of the service's own: it follows every write" },
  { observe = "properties.endpointsConfiguration", why = "the service's addresses" },
}

rules {
  type = {
    "Microsoft.Automation/automationAccounts",
    "Microsoft.Automation/automationAccounts/runbooks",
    "Microsoft.Automation/automationAccounts/variables",
    "Microsoft.Automation/automationAccounts/schedules",
  },
  owner = "azdrift",

  { ignore = "properties.lastModifiedTime", why = "follows every write, also the platform's" },
  { ignore = "properties.nextRun", why = "moves with each run" },
  { ignore = "properties.nextRunOffsetMinutes", why = "follows daylight saving" },
  { ignore = "properties.jobCount", why = "a counter" },
}

rules {
  type = "Microsoft.Search/searchServices", owner = "azdrift",

  { fold = "properties.hostingMode", why = "default or Default, by api-version" },
  { observe = "properties.status", why = "a state, not configuration" },
  { observe = "properties.statusDetails", why = "a state, not configuration" },
}

rules {
  type = {
    "Microsoft.ApiManagement/service/policies",
    "Microsoft.ApiManagement/service/apis/policies",
    "Microsoft.ApiManagement/service/apis/operations/policies",
    "Microsoft.ApiManagement/service/products/policies",
  },
  owner = "azdrift",

  { same = "properties.value", as = "space", why = "policies are XML text: the service reformats it" },
}

rules {
  type = {
    "Microsoft.Cdn/profiles",
    "Microsoft.Cdn/profiles/endpoints",
    "Microsoft.Cdn/profiles/endpoints/origins",
    "Microsoft.Cdn/profiles/customDomains",
  },
  owner = "azdrift",

  { observe = "properties.resourceState", why = "creating, running, stopped: a state, not configuration" },
  { observe = "properties.deploymentStatus", why = "the progress of a roll-out" },
}

rules {
  type = { "Microsoft.ManagedIdentity/userAssignedIdentities" }, owner = "azdrift",

  { compare = "properties.principalId",
    why = "read-only and constant: another one means deleted and made again, and every role assignment is lost" },
}

rules {
  type = {
    "Microsoft.Kusto/clusters",
    "Microsoft.Synapse/workspaces/sqlPools",
    "Microsoft.Synapse/workspaces/bigDataPools",
    "Microsoft.StreamAnalytics/streamingjobs",
  },
  owner = "azdrift",

  { observe = "properties.state", why = "running or stopped: a state, not configuration" },
  { observe = "properties.status", why = "running or paused: a state, not configuration" },
  { observe = "properties.jobState", why = "running or stopped: a state, not configuration" },
  { ignore = "properties.lastOutputEventTime", why = "follows each event" },
}

rules {
  type = {
    "Microsoft.Logic/integrationAccounts/assemblies",
    "Microsoft.Logic/integrationAccounts/maps",
    "Microsoft.Logic/integrationAccounts/schemas",
  },
  owner = "azdrift",

  { observe = "properties.contentLink.uri", why = "signed anew for each answer; contentHash tells whether the content changed" },
  { ignore = "properties.changedTime", why = "follows every write" },
}

rules {
  type = {
    "Microsoft.AppPlatform/Spring/apps/deployments",
    "Microsoft.AppPlatform/Spring/DevToolPortals",
    "Microsoft.AppPlatform/Spring/apiPortals",
    "Microsoft.AppPlatform/Spring/gateways",
    "Microsoft.AppPlatform/Spring/configurationServices",
    "Microsoft.AppPlatform/Spring/serviceRegistries",
  },
  owner = "azdrift",

  { observe = "properties.instances", why = "the instances that run at the moment" },
}

rules {
  type = "Microsoft.AAD/domainServices", owner = "azdrift",

  { compare = "properties.replicaSets[].domainControllerIpAddress",
    why = "read-only, but the networks that join the domain name exactly these as their DNS servers" },
  { observe = "properties.replicaSets[].healthLastEvaluated", why = "when health was looked at last" },
  { observe = "properties.replicaSets[].healthMonitors", why = "health at the moment, not configuration" },
  { observe = "properties.replicaSets[].healthAlerts", why = "health at the moment, not configuration" },
}
