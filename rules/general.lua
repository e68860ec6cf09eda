-- What holds for every resource type. A provider's own file says what holds for its types; the schema layer
-- (catalog/rules) says what is read-only, an enum or a secret.

rules {
  type = "*", owner = "azdrift",

  { ignore = "..etag", why = "a version stamp: it follows every write and says nothing about what was written" },
  { ignore = "..gatewayManagerEtag", why = "a version stamp of the gateway's own control plane" },
  { ignore = "..systemData", why = "audit fields of ARM: who and when; read for attribution, never compared" },
  { ignore = "..provisioningState", why = "the progress of the last operation, not configuration" },

  -- Stamps that services write for themselves. Old api-versions and undocumented members do not flag them read-only.
  { ignore = "..lastModified", why = "when it was written, not what" },
  { ignore = "..lastModifiedAt", why = "when it was written, not what" },
  { ignore = "..lastModifiedDate", why = "when it was written, not what" },
  { ignore = "..lastModifiedTime", why = "when it was written, not what" },
  { ignore = "..lastUpdated", why = "when it was written, not what" },
  { ignore = "..lastUpdatedTime", why = "when it was written, not what" },
  { ignore = "..updatedAt", why = "when it was written, not what" },
  { ignore = "..accessedAt", why = "when it was last used" },
  { ignore = "properties.created", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..createdTime", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..createdDate", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..createdDateTime", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..createdAt", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..creationTime", why = "when it was made: a resource made again shows by its other members" },
  { ignore = "..earliestRestoreDate", why = "the start of the restore window moves forward all the time" },
  { compare = "tags{}", why = "tags are named by people: one called updatedAt or etag is theirs" },

  -- Identity of a managed identity: read-only, and worth knowing.
  { compare = "identity.principalId", why = "a new principal: the role assignments of the old one no longer help it" },
  { compare = "identity.tenantId", why = "an identity that moved to another tenant lost every assignment" },
  { observe = "..userAssignedIdentities{}.principalId",
    why = "follows the identity resource, which is collected itself" },
  { observe = "..userAssignedIdentities{}.clientId", why = "follows the identity resource, which is collected itself" },
  { same = "..userAssignedIdentities{}", as = "entry",
    why = "an entry of a map: an empty object still says that the identity is attached" },
  { fold = "..identity.type", why = "an enum that providers spell systemAssigned and SystemAssigned" },

  -- Private endpoints: read-only on the target, and exactly what an intruder or a forgotten project leaves behind.
  { compare = "properties.privateEndpointConnections",
    why = "read-only here, but a new or approved connection is a new way in" },
  { observe = "..privateEndpointConnections[].properties.groupIds",
    why = "repeats what the endpoint's own side asked for" },
  { key = "properties.privateEndpointConnections", by = "name",
    why = "ids differ in case between the doors; names do not" },

  { observe = "..resourceGuid", why = "made by the server; some services make a new one with an update" },

  -- How Azure spells one value in several ways.
  { same = "..location", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..locationName", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..region", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..locations[]", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..regions[]", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..primaryLocation", as = "location", why = "West Europe and westeurope are one place" },
  { same = "..secondaryLocation", as = "location", why = "West Europe and westeurope are one place" },
  { fold = "id", why = "resource ids compare without case, says the ARM contract" },
  { fold = "name", why = "resource names compare without case, says the ARM contract" },
  { fold = "type", why = "resource types compare without case, says the ARM contract" },
  { ignore = "name", between = "views",
    why = "the id tells a resource; as its name one door gives the last segment, another the whole path" },
  { ignore = "type", between = "views", why = "the id tells a resource; some lists name the type of the parent" },
  { same = "..{}", as = "id", why = "providers upper- and lower-case the ids they echo; ids compare without case" },
  { same = "..[]", as = "id", why = "providers upper- and lower-case the ids they echo; ids compare without case" },
  { same = "..{}", as = "instant", why = "fractions and zones of one instant are written differently by api-version" },
  { same = "..{}", as = "empty",
    why = "absent, null, [] and {} are answered for the same thing, by api-version and by whether it was ever set" },
  { same = "..tags{}", as = "entry", why = "a tag with an empty value is a tag: its presence decides in policies" },
  { same = "..awsTags{}", as = "entry", why = "a tag with an empty value is a tag" },

  -- Tags that the platform writes for itself.
  { ignore = "tags{}",
    why = "written by the portal and by Azure services for their own use, not by whoever owns the resource",
    when = function(change)
      local name = change.path
      return contains(name, "hidden-") or contains(name, "ms-resource-usage") or contains(name, "aks-managed-")
    end },
}
