--- Types that stand at a subscription itself and that no generic list shows: what is read of each, and what is left out of
-- its list. Lists inherit: built-in definitions and assignments of management groups come along and are dropped, because their
-- ids do not lie in the scope; where ARM can filter them it is asked to.
-- Sources: ARM REST reference of each list; azure-docs role-based-access-control/role-assignments-list-rest.

return {
  { type = "Microsoft.Resources/resourceGroups" },
  { type = "Microsoft.Authorization/locks" },
  { type = "Microsoft.Authorization/roleAssignments" },
  { type = "Microsoft.Authorization/roleDefinitions", query = { "$filter=type%20eq%20'CustomRole'" } },
  { type = "Microsoft.Authorization/policyAssignments" },
  { type = "Microsoft.Authorization/policyExemptions" },
  { type = "Microsoft.Authorization/policyDefinitions", query = { "$filter=policyType%20eq%20'Custom'" } },
  { type = "Microsoft.Authorization/policySetDefinitions", query = { "$filter=policyType%20eq%20'Custom'" } },
  { type = "Microsoft.Insights/diagnosticSettings" },
  { type = "Microsoft.Security/pricings" },
  { type = "Microsoft.Security/securityContacts" },
}
