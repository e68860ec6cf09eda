---@meta azdrift.spool

--- Long lists of texts that do not have to fit into memory: the first 256 KiB stay there, the rest goes to a temporary file without a
--- name in $TMPDIR (else /tmp).
---@class azdrift.spool
local spools = {}

---@class azdrift.texts
local texts = {}

---@return azdrift.texts
function spools.new() end

--- The key stays in memory; texts are read in its order by `sorted`.
---@param text string
---@param key? string
---@return true? added
---@return string? message
---@return string? code
function texts:add(text, key) end

---@return integer
function texts:count() end

--- In the order of adding, from 1.
---@param number integer
---@return string?
function texts:text(number) end

--- In the order of keys, bytewise; equal ones as they were added.
---@param place integer
---@return string?
function texts:sorted(place) end

function texts:close() end

return spools
