---@meta
-- policies/*.lua: how bad a change is. See docs/writing-policies.md.

---What a policy's function returns: nothing to say, a severity, or a verdict.
---@alias azd.Said nil|false|azd.Severity|azd.Verdict

---@class azd.Verdict
---@field severity azd.Severity
---@field message string?
---@field fix string?
---@field refs string[]?

---One proof: two bodies and what the policy says. Every other field sets an input of the resource (actor, tags, group, now ...).
---@class azd.Example
---@field old table? nil: the resource was added
---@field new table? nil: it was removed
---@field gives azd.Severity|false
---@field id string?
---@field type string?
---@field actor table?
---@field tags table?
---@field group table?
---@field parent table?
---@field related table<string, table[]>?
---@field now integer?

---@class azd.Policy
---@field type string|string[] resource types, or "*"
---@field watch (string|string[])? paths: asked where a change lies at, above or below one; nil: at every change
---@field kind (azd.Kind|azd.Kind[])? asked for these kinds only
---@field from any? data only: the old value, or a list of them; null means absent
---@field to any? data only: the new value, or a list of them; null means absent
---@field severity azd.Severity what it says by itself, and the least said when its function fails
---@field message string placeholders: {resource.name} {resource.id} {resource.location} {group.name} {actor.name} {path} {old} {new}
---@field fix string? a command that puts it right
---@field refs string[]? benchmarks and checks: "CIS5 9.3.6" (CIS Azure 5.0), "AP fe83a0eb" (Azure Policy), "P:name" (Prowler)
---@field on_resource (fun(r: azd.Resource): azd.Said)? once a drift
---@field on_change (fun(change: azd.Change, r: azd.Resource): azd.Said)? once a change
---@field examples azd.Example[] required: at least one that fires and one that does not

---Declares a policy. Names are unique in a bundle.
---```lua
---policy "storage-tls" { type = "Microsoft.Storage/storageAccounts", watch = "properties.minimumTlsVersion", ... }
---```
---@param name string
---@return fun(declaration: azd.Policy)
function policy(name) end

---@class azd.Tune
---@field severity azd.Severity?
---@field unless (fun(change: azd.Change, r: azd.Resource): any)?
---@field enabled boolean? false: switched off
---@field why string required

---Softens one policy, of any layer: the only way to change a shipped one.
---@param name string
---@return fun(declaration: azd.Tune)
function tune(name) end

---@class azd.Expected
---@field actor string[]? names or ids; an unattributed change is never expected
---@field client string[]?
---@field operation string[]?
---@field deployment string[]?
---@field type string[]?
---@field group string[]?
---@field tag table<string, string>?
---@field within string[]? "mon-fri 08:00-18:00 Europe/Berlin"
---@field unless (fun(r: azd.Resource): any)?
---@field why string required

---Changes nobody needs to look at: folded, counted, and the baseline advances.
---@param name string
---@return fun(declaration: azd.Expected)
function expected(name) end

---@class azd.PatternEvent
---@field at integer
---@field old any
---@field new any
---@field actor azd.Actor?
---@field drift_id string

---@class azd.Pattern
---@field by string[] what makes a group: "resource", "path", "actor", "type"
---@field within string "7d"
---@field at_least integer
---@field severity azd.Severity
---@field on_group fun(group: { events: azd.PatternEvent[] }): any
---@field examples table[]

---Looks at drifts of the past, newest last; runs after the report.
---@param name string
---@return fun(declaration: azd.Pattern)
function pattern(name) end
