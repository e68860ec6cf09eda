-- Microsoft.Authorization and Microsoft.Resources.

rules {
  type = {
    "Microsoft.Authorization/roleAssignments",
    "Microsoft.Authorization/roleDefinitions",
    "Microsoft.Authorization/policyAssignments",
    "Microsoft.Authorization/policyDefinitions",
    "Microsoft.Authorization/policySetDefinitions",
    "Microsoft.Authorization/policyExemptions",
    "Microsoft.Authorization/denyAssignments",
  },
  owner = "azdrift",

  { ignore = "properties.createdOn", why = "audit fields: who and when, not what" },
  { ignore = "properties.createdBy", why = "audit fields: who and when, not what" },
  { ignore = "properties.updatedOn", why = "audit fields: who and when, not what" },
  { ignore = "properties.updatedBy", why = "audit fields: who and when, not what" },
  { ignore = "properties.metadata.createdOn", why = "audit fields: who and when, not what" },
  { ignore = "properties.metadata.createdBy", why = "audit fields: who and when, not what" },
  { ignore = "properties.metadata.updatedOn", why = "audit fields: who and when, not what" },
  { ignore = "properties.metadata.updatedBy", why = "audit fields: who and when, not what" },
  { ignore = "properties.metadata.assignedBy", why = "the display name of whoever pressed the button last" },
}

rules {
  type = { "Microsoft.Authorization/roleAssignments", "Microsoft.Authorization/policyAssignments" }, owner = "azdrift",

  { compare = "properties.scope", why = "read-only, and the whole point of an assignment" },
}

rules {
  type = "Microsoft.Authorization/policySetDefinitions", owner = "azdrift",

  { key = "properties.policyDefinitions", by = "policyDefinitionReferenceId",
    why = "the reference names a member of the set" },
}

rules {
  type = { "Microsoft.Resources/deployments", "Microsoft.Resources/deploymentStacks" }, owner = "azdrift",

  { observe = "properties.timestamp", why = "when it ran" },
  { observe = "properties.duration", why = "how long it took" },
  { observe = "properties.correlationId", why = "the run's own id" },
}
