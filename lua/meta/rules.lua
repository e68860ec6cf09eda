---@meta
-- rules/*.lua: what is noise. See docs/writing-policies.md and docs/noise.md.

---@alias azd.When fun(change: azd.Change, resource: azd.Resource): any is it so for this change? false or nil: the rule is silent

---@alias azd.Same
---| "instant" # two spellings of one moment
---| "location" # West Europe, westeurope
---| "id" # resource ids, without case
---| "json" # text that holds JSON, by value
---| "space" # text, but for blanks and line ends
---| "empty" # null, absent, [] and {}
---| "duration" # PT1H and PT60M
---| "entry" # of a map: presence counts, `empty` does not hold

---@alias azd.Between
---| "views" # two doors: a GET, an item of a list, the answer to a PUT
---| "versions" # two api-versions

---One row: exactly one verb, and why.
---@class azd.Rule
---@field ignore string? path: not compared; counted as a hit
---@field observe string? path: an effect, listed but without severity
---@field compare string? path: takes back ignore and observe of a lower layer, here and below
---@field key string? path of an array: its elements are told apart by `by`
---@field set string? path of an array: order and place mean nothing
---@field list string? path of an array: order matters
---@field fold string? path: text compared without case
---@field same string? path: equal when `as` says so
---@field redact string? path: a secret, replaced by a keyed digest before anything is hashed or stored
---@field by (string|string[])? for key: a member, or up to 4
---@field as (azd.Same|any[])? for same: a way to compare, or a list of values that mean the same (null: absent)
---@field when azd.When? for ignore and observe
---@field why string required: what somebody reads who asks why a change was not shown
---@field owner string? else the block's
---@field between azd.Between|azd.Between[]|nil speaks only for two bodies that were read in two ways
---@field till string? "2027-06-30": off from then on, and `rules check` names it

---@class azd.RuleBlock: azd.Rule[]
---@field type string|string[] resource types, or "*"
---@field owner string

---Declares rules for one or several types.
---```lua
---rules {
---  type = "Microsoft.Network/virtualNetworks", owner = "platform-network",
---  { ignore = "properties.subnets[].properties.ipConfigurations", why = "back references" },
---}
---```
---@param block azd.RuleBlock
function rules(block) end
