---@meta azdrift.folders
-- Waits for scripts to change: files written, renamed over, added or removed, in folders and below them.

---@class azdrift.folders
local folders = {}

---@class azdrift.folders.watch
local watched = {}

---@return azdrift.folders.watch? watched
---@return string? message
---@return string? code
function folders.watch() end

--- One folder more. Watching one again does nothing.
---@param path string
---@param deep? boolean  with everything below it, also what comes later
---@return boolean? is_there  false: there is no such folder
---@return string? message
---@return string? code
function watched:add(path, deep) end

--- Waits for a change since the last call; at once where there was one. false: it was closed.
---@return boolean changed
function watched:wait() end

--- Also __close and __gc.
function watched:close() end

return folders
