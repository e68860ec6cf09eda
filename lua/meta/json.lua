---@meta azdrift.json
-- Exact JSON. Azure's bodies are read through documents, which keep every digit and cost no tables; plain tables are for
-- small things that a script makes itself.

---@class azdrift.json
---@field null lightuserdata  written as null; a null element of a decoded array
local json = {}

--- A parsed JSON text, or a part of one: read-only, not copied. Indexing with a name or with 1 .. #view gives a string, a
--- boolean, an integer (exact; a number with point or exponent, or beyond 64 bits, is a float: json.raw has its digits),
--- nil for null and for what is absent (json.has and json.is_null tell them apart), or a view of what lies below.
--- `#` counts members or elements. `pairs` goes over all of them in the order of the text, nulls too (their value is nil);
--- `ipairs` ends at the first null. `==` is the same place of the same document.
---@class azdrift.json.view
---@field [string|integer] any
local view = {}

--- What an RFC 6901 pointer leads to (indexes count from 0), or nil. Of a whole document, where it has no member called
--- "pointer"; json.pointer works on every view.
---@param pointer string
---@return any
function view:pointer(pointer) end

---@class azdrift.json.limits
---@field max_bytes? integer
---@field max_depth? integer  nested arrays and objects

--- Parses one text (RFC 8259, UTF-8, a BOM is skipped, the last of doubled names wins).
---@param text string  kept alive by the document
---@param limits? azdrift.json.limits  default 256 MiB, 512 deep
---@return azdrift.json.view? document
---@return string? message  line, column and what was expected
---@return "parse"|"limit"|"memory"|nil code
function json.parse(text, limits) end

--- A small text as plain tables. Arrays are marked as by json.array; null members are left out, null elements are json.null.
---@param text string
---@param limits? azdrift.json.limits  default 1 MiB, 64 deep (at most 180)
---@return any value
---@return string? message
---@return "parse"|"limit"|"memory"|nil code
function json.decode(text, limits) end

--- Tables, scalars, json.null and views as text in canonical form. A table with elements is an array, one without is an
--- object (also an empty one) unless json.array marked it. Raises on holes, mixtures, circles, functions, infinities, text
--- that is not UTF-8, and beyond the limits.
---@param value any
---@param limits? azdrift.json.limits  default 1 MiB, 64 deep (at most 180)
---@return string
function json.encode(value, limits) end

--- The canonical form (RFC 8785; integers keep every digit). A document may be of any size, tables as in json.encode.
---@param value any
---@return string
function json.canonical(value) end

--- The text of a document as it was read: order of members and digits kept.
---@param view azdrift.json.view
---@param indent_spaces? integer  0 to 8; 0, the default, is one line
---@return string
function json.write(view, indent_spaces) end

--- SHA-256 in lower-case hex.
---@param bytes string
---@return string
function json.sha256(bytes) end

--- What an RFC 6901 pointer leads to from a view, or nil.
---@param view azdrift.json.view
---@param pointer string
---@return any
function json.pointer(view, pointer) end

--- Whether the member or element is there, null or not.
---@param view azdrift.json.view
---@param key string|integer
---@return boolean
function json.has(view, key) end

--- Whether it is there and null.
---@param view azdrift.json.view
---@param key string|integer
---@return boolean
function json.is_null(view, key) end

--- The digits of a number as they stand in the text; nothing where it is no number.
---@param view azdrift.json.view
---@param key string|integer
---@return string?
function json.raw(view, key) end

--- The member of that name without ASCII case; an exact match wins.
---@param view azdrift.json.view
---@param name string
---@return any
function json.member(view, name) end

--- "object" or "array" of a view, nothing of any other value.
---@param value any
---@return "object"|"array"|nil
function json.kind(value) end

--- Equal by value: order of members and spelling of numbers do not matter.
---@param a azdrift.json.view
---@param b azdrift.json.view
---@return boolean
function json.equal(a, b) end

--- How many doubled names the document had, and the first of them.
---@param view azdrift.json.view
---@return integer count
---@return string? name
function json.duplicates(view) end

--- Marks a table (a new one by default) as an array, so that it is written as one even when empty.
---@generic T: table
---@param table? T
---@return T
function json.array(table) end

--- Frees a document now instead of when it is collected. Every view of it then raises.
---@param view azdrift.json.view
function json.close(view) end

return json
