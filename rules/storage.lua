-- Microsoft.Storage.

rules {
  type = "Microsoft.Storage/storageAccounts", owner = "azdrift",

  { compare = "properties.creationTime",
    why = "constant for the life of an account: another one means deleted and made again under its name" },
  { ignore = "properties.encryption.services{}.lastEnabledTime",
    why = "when encryption was switched on: it never goes off" },
  { observe = "properties.keyCreationTime",
    why = "read-only: tells that a key was rotated, never what was configured" },
  { observe = "properties.statusOfPrimary", why = "availability of a region, not configuration" },
  { observe = "properties.statusOfSecondary", why = "availability of a region, not configuration" },
  { observe = "properties.geoReplicationStats", why = "the replication's lag and state, not configuration" },
  { observe = "properties.lastGeoFailoverTime", why = "an event; the new primary location shows it" },
  { observe = "properties.networkAcls.virtualNetworkRules[].state",
    why = "whether the subnet's endpoint is ready: a state" },
  { key = "properties.networkAcls.virtualNetworkRules", by = "id", why = "a rule names one subnet" },
  { key = "properties.networkAcls.ipRules", by = "value", why = "a rule names one range" },
  { key = "properties.networkAcls.resourceAccessRules", by = { "resourceId", "tenantId" },
    why = "a rule names one resource of one tenant" },
}

rules {
  type = "Microsoft.Storage/storageAccounts/blobServices/containers", owner = "azdrift",

  { ignore = "properties.leaseState", why = "who holds a lease at this moment" },
  { ignore = "properties.leaseStatus", why = "who holds a lease at this moment" },
  { ignore = "properties.leaseDuration", why = "who holds a lease at this moment" },
  { same = "properties.defaultEncryptionScope", as = { null, "$account-encryption-key" },
    why = "the default is filled in by some doors" },
  { same = "properties.denyEncryptionScopeOverride", as = { null, false },
    why = "the default is filled in by some doors" },
  { compare = "properties.immutabilityPolicy",
    why = "read-only here, set through a child: what keeps the data from being deleted" },
  { ignore = "properties.immutabilityPolicy.updateHistory[].timestamp",
    why = "when the policy was written; the rest of the history shows what" },
  { compare = "properties.legalHold",
    why = "read-only here, set through an action: what keeps the data from being deleted" },
}

rules {
  type = "Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies", owner = "azdrift",

  { compare = "properties.state", why = "read-only, and Locked cannot be taken back" },
}

rules {
  type = { "Microsoft.Storage/storageAccounts/fileServices/shares" }, owner = "azdrift",

  { ignore = "properties.leaseState", why = "who holds a lease at this moment" },
  { ignore = "properties.leaseStatus", why = "who holds a lease at this moment" },
  { ignore = "properties.leaseDuration", why = "who holds a lease at this moment" },
  { observe = "properties.shareUsageBytes", why = "a measurement" },
}
