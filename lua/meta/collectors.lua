---@meta azdrift.collectors
-- Pages of one collection become new versions of its commit. Bodies stay outside Lua: scripts hand over replies and get counts,
-- links and ids. Failures are nil, a sentence, a code.

---@class azdrift.collectors
local collectors = {}

---@class azdrift.collectors.shape  where things stand in the answers of a service
---@field items string        pointer to the array of a page
---@field groups? string      pointer to the object of an export
---@field id string           member that names a resource
---@field type string         member that holds its type
---@field type_marker string  in an id, what stands before the type
---@field root_type? string   type of an id without the marker
---@field group_marker? string  in an id, what stands before the name of its group, in lower case
---@field managed_by? string    member of a group's body that names who manages it

---@class azdrift.collectors.options
---@field store azdrift.store
---@field map azdrift.store.map          of the scope, not loaded anew meanwhile
---@field commit azdrift.store.commit
---@field bundle azdrift.bundle          its rules of `redact`
---@field scope string                   in lower case; what lies outside is dropped
---@field subscription? string
---@field shape azdrift.collectors.shape
---@field redaction_key string           at least 16 bytes
---@field redaction_id? string           what versions say of it: "key/rules"

---@param options azdrift.collectors.options
---@return azdrift.collector? collector
---@return string? message
---@return string? code
function collectors.new(options) end

---@class azdrift.collector
local collector = {}

---@class azdrift.collector.page
---@field single? boolean     one resource, the one of `id`
---@field inventory? boolean  items are named only: nothing is stored
---@field names? boolean      ids and types are wanted
---@field next? string[]      up to 4 pointers at which the link to the next page may stand
---@field id? string
---@field type? string        of items whose id does not say it
---@field view? string
---@field api_version? string

---@class azdrift.collector.read
---@field items integer           resources that the scope owns
---@field fresh integer           of these, new or changed
---@field not_owned integer
---@field repeated integer        seen before in this run
---@field redacted integer        secrets replaced
---@field duplicate_keys integer  members named twice
---@field nameless integer        items without an id
---@field next? string
---@field ids? string[]           id, type, id, type ...

--- Reads one reply on a CPU worker; awaits. Several pages may be read at once. Where it fails the list is not complete; items
--- before the fault are taken. The reply gives its body away: it is empty afterwards.
---@param reply azdrift.http.reply
---@param page azdrift.collector.page
---@return azdrift.collector.read? read
---@return string? message
---@return string? code
function collector:page(reply, page) end

--- Writes what waits, where it is worth a write; awaits. With all: whatever waits, and "busy" where another flush is under way.
---@param all? boolean
---@return true? done
---@return string? message  the commit must be aborted
---@return string? code
function collector:flush(all) end

---@class azdrift.collector.missing
---@field id string
---@field type string
---@field place integer  for keep

--- Resources of a type that are open and that no page has shown; awaits.
---@param type string
---@return azdrift.collector.missing[]? missing
---@return string? message
---@return string? code
function collector:missing(type) end

--- How many those are, without reading which.
---@param type string
---@return integer
function collector:missing_count(type) end

--- A missing resource was found to be there, or is kept for another reason.
---@param place integer
function collector:keep(place) end

--- Lets go of store, map and commit. Closing twice is fine.
function collector:close() end

return collectors
