-- Microsoft.KeyVault.

rules {
  type = "Microsoft.KeyVault/vaults", owner = "azdrift",

  { key = "properties.accessPolicies", by = { "objectId", "applicationId" },
    why = "one entry a principal, and one more for each application it acts through" },
  { set = "properties.accessPolicies[].permissions.keys",
    why = "permissions have no order; Azure sorts them its own way" },
  { set = "properties.accessPolicies[].permissions.secrets",
    why = "permissions have no order; Azure sorts them its own way" },
  { set = "properties.accessPolicies[].permissions.certificates",
    why = "permissions have no order; Azure sorts them its own way" },
  { set = "properties.accessPolicies[].permissions.storage",
    why = "permissions have no order; Azure sorts them its own way" },
  { fold = "properties.accessPolicies[].permissions.keys[]", why = "the portal writes Get, the command line get" },
  { fold = "properties.accessPolicies[].permissions.secrets[]", why = "the portal writes Get, the command line get" },
  { fold = "properties.accessPolicies[].permissions.certificates[]",
    why = "the portal writes Get, the command line get" },
  { fold = "properties.accessPolicies[].permissions.storage[]", why = "the portal writes Get, the command line get" },
  { observe = "properties.vaultUri", why = "follows the name; with or without a slash at its end, by door" },
  { key = "properties.networkAcls.ipRules", by = "value", why = "a rule names one range" },
  { key = "properties.networkAcls.virtualNetworkRules", by = "id", why = "a rule names one subnet" },
}

rules {
  type = { "Microsoft.KeyVault/vaults/keys", "Microsoft.KeyVault/vaults/secrets" }, owner = "azdrift",

  { observe = "properties.attributes.updated", why = "when it was last touched; the touched attribute shows itself" },
}
