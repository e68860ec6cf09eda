--- Where things stand in ARM's answers: all that the engine is told of Azure's protocol.
-- Sources: Azure/azure-resource-manager-rpc v1.0 (common-api-details, resource-api-reference); some providers page by
-- NextPageLink or @odata.nextLink.

return {
  items = "/value",
  groups = "/resources", -- of an export
  id = "id",
  type = "type",
  type_marker = "/providers/",
  root_type = "Microsoft.Resources/resourceGroups",
  group_marker = "/resourcegroups/",
  managed_by = "managedBy", -- of a group
  next = { "/nextLink", "/NextPageLink", "/@odata.nextLink" },
  -- Values that Azure gives a resource when it is made: where one differs, it was deleted and made again.
  identities = { "/properties/vmId", "/properties/resourceGuid", "/properties/timeCreated", "/properties/creationTime",
    "/properties/principalId" },
}
