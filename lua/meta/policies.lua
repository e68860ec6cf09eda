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
---@field why string? what it shows
---@field kind azd.Kind? else from old and new
---@field id string?
---@field type string? else the policy's first
---@field name string?
---@field subscription string?
---@field location string?
---@field group table?
---@field tags table?
---@field parent table?
---@field related table<string, table[]>?
---@field actor table?
---@field against "previous"|"baseline"|nil
---@field now integer?

---@class azd.Policy
---@field type string|string[] resource types, or "*"
---@field watch (string|string[])? paths: asked where a change lies at, above or below one; nil: at every change
---@field kind (azd.Kind|azd.Kind[])? asked for these kinds only
---@field from any? data only: the old value, or a list of them; null means absent
---@field to any? data only: the new value, or a list of them; null means absent
---@field severity azd.Severity what it says by itself, and the least said when its function fails
---@field message string? filled in: {resource.name} .id .type .kind .group .subscription .location, {actor.name} .kind .id
--- .operation, {path} {old} {new} {op} {key}
---@field fix string? a command that puts it right; filled in like message
---@field why string? for readers of the file
---@field refs string[]? benchmarks and checks: "CIS5 9.3.6" (CIS Azure 5.0), "AP fe83a0eb" (Azure Policy), "P:name" (Prowler)
---@field on_resource (fun(r: azd.Resource): azd.Said)? once a drift
---@field on_change (fun(change: azd.Change, r: azd.Resource): azd.Said)? once a change
---@field examples azd.Example[] at least one that fires and one that does not: `policies check` asks for both

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
---@field actor (string|string[])? names or ids, with * and ?; an unattributed change is never expected
---@field client (string|string[])?
---@field operation (string|string[])?
---@field deployment (string|string[])?
---@field type (string|string[])?
---@field group (string|string[])? resource groups
---@field tag table<string, string|true>? true: any value
---@field within (string|string[])? "mon-fri 08:00-18:00 Europe/Berlin"
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
---@field by ("resource"|"path"|"actor"|"type"|"group"|"subscription"|"change_set")[] what makes a group
---@field within string "90m", "7d"
---@field at_least integer? events in a group; 1 where absent
---@field severity azd.Severity
---@field message string?
---@field why string?
---@field on_group fun(group: { events: azd.PatternEvent[] }): any
---@field examples table[]?

---Looks at drifts of the past, newest last; runs after the report.
---@param name string
---@return fun(declaration: azd.Pattern)
function pattern(name) end
