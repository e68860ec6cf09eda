---@meta
-- What functions of rules and policies are given. Everything is read-only and lives for one call. A member that is not there
-- is nil and may be indexed again: `r.after.properties.networkAcls.defaultAction` never raises. Comparing nil with `<` does.

---@alias azd.Severity "info"|"low"|"medium"|"high"|"critical"

---@alias azd.Kind
---| "added"
---| "removed"
---| "changed"
---| "moved" # the same resource under a new id
---| "recreated" # deleted and made again under its name
---| "state" # running, stopped: never counts

---A JSON value of a resource: scalars as Lua's own (integers stay exact), objects and arrays as read-only handles.
---@alias azd.Document any

---@class azd.Actor who made the change, where that is known
---@field kind "user"|"service"|"managed_identity"|"platform"
---@field name string?
---@field id string?
---@field confidence "exact"|"likely"
---@field at integer? seconds since 1970
---@field operation string? "Microsoft.Network/networkSecurityGroups/write"
---@field correlation string? the same for all writes of one deployment
---@field client string?
---@field deployment string?

---@class azd.Group the resource group
---@field name string
---@field tags table<string, string>
---@field managed_by string? the service whose group it is (MC_..., Databricks)

---@class azd.Resource one drift: a resource that was added, removed or changed
---@field kind azd.Kind
---@field id string as Azure writes it
---@field type string
---@field name string
---@field subscription string? the GUID
---@field group azd.Group?
---@field parent azd.Document? the parent resource's body
---@field related fun(type: string): azd.Document[] bodies of resources of that type that name this one, or that it names
---@field location string?
---@field tags table<string, string>
---@field before azd.Document nil where it was added
---@field after azd.Document nil where it was removed
---@field changes azd.Change[]
---@field effects azd.Change[] observed state that moved beside
---@field actor azd.Actor?
---@field against "previous"|"baseline"
---@field now integer time of the new snapshot, seconds since 1970: the only clock there is

---@class azd.Key what tells an array element apart
---@field name string

---@class azd.Change one difference at one path
---@field op "add"|"remove"|"replace"|"move"
---@field path string "properties.securityRules[name=ssh].properties.access"
---@field pointer string RFC 6901, into the new body; for a removal into the old
---@field old any
---@field new any
---@field parent azd.Document the object that holds the changed member, on the new side where there is one
---@field key azd.Key? of the innermost keyed element
