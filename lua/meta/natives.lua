---@meta
-- Functions that rules and policies see besides Lua's own. Text compares without ASCII case, as Azure Policy does; nil is
-- never equal to, contained in or like anything. `string`, `table` and `math` are there in guarded copies; there is no io,
-- os, require, load, pcall, coroutine, setmetatable, clock or randomness: the same input gives the same verdict, always.

---JSON null, where a declaration must say it: in `from`, `to`, `as` it means "null or absent". In documents null reads nil.
---@type lightuserdata
null = nil

---Is the member there, even if it is null? `has(r.after, "tags")`
---@param object any
---@param key string|integer
---@return boolean
function has(object, key) end

---Is the member there and JSON null?
---@param object any
---@param key string|integer
---@return boolean
function is_null(object, key) end

---The exact text of a member: the digits of a number, the text of a string, JSON of anything else; nil where absent.
---@param object any
---@param key string|integer
---@return string?
function raw(object, key) end

---The first element whose member `key` (or path, `"properties.access"`) is `value`, and its place in the list.
---@param list any a list, or nil
---@param key string
---@param value any
---@return any element nil where none is
---@return integer? index counted from 1
function find(list, key, value) end

---The names of an object's members, sorted.
---@param object any
---@return string[]
function keys(object) end

---Does the text match? `*` is any run of characters, `?` one. `like(r.name, "vm-*")`. A list: is one of them enough?
---@param text any
---@param pattern string|string[]
---@return boolean
function like(text, pattern) end

---Is the value one of the list? `one_of(change.new, { "Allow", "Audit" })` or `one_of(change.new, "Allow", "Audit")`
---@param value any
---@param list any a list, or the first of the values
---@param ... any
---@return boolean
function one_of(value, list, ...) end

---Does the text hold the part? Does the list hold the value?
---@param text_or_list any
---@param part any
---@return boolean
function contains(text_or_list, part) end

---@param text any
---@param start string
---@return boolean
function starts_with(text, start) end

---@param text any
---@param ending string
---@return boolean
function ends_with(text, ending) end

---Does one of the networks hold all of the value? IPv4 and IPv6, prefixes, single addresses and `first-last`. What is no
---network (a service tag, `*`) is in none. `cidr_contains("10.0.0.0/8", "10.1.0.0/16")`
---@param networks string|string[]
---@param value any
---@return boolean
function cidr_contains(networks, value) end

---Does one of the networks share an address with the value?
---@param networks string|string[]
---@param value any
---@return boolean
function cidr_overlaps(networks, value) end

---A value of `params` in azdrift.lua, or the default. `local trusted = param("trusted_cidrs", { "10.0.0.0/8" })`
---@generic T
---@param name string
---@param default T
---@return T
function param(name, default) end

---What `policies/lib/<name>.lua` of this bundle returns: helpers that several files share.
---@param name string
---@return any
function lib(name) end
