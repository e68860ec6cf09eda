---@meta azdrift.table
-- A read-only table of text: one row a line, columns split by tabs, the first line names them. It is mapped, not copied.

---@class azdrift.table
local text_table = {}

--- Reads the file; waits for the disk: at start only.
---@param path string
---@return azdrift.rows? rows
---@return string? message
---@return string? code
function text_table.open(path) end

---@class azdrift.rows
local rows = {}

---@param name string
---@return boolean
function rows:has_column(name) end

--- The row of that key (the first column, without case), or nil.
---@param key string
---@return table<string, string>?
function rows:get(key) end

--- The cells of up to 8 columns, in the order of keys.
---@param ... string  names of columns
---@return fun(): string ...
function rows:each(...) end

--- The same of those rows alone whose keys begin with a text, without case.
---@param prefix string
---@param ... string  names of columns
---@return fun(): string ...
function rows:below(prefix, ...) end

--- Closing twice is fine.
function rows:close() end

return text_table
