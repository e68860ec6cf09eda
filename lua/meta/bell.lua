---@meta azdrift.bell
-- What tasks wait at until another has something for them. A bell carries no value: whoever is woken looks again at what it waited
-- for. A ring that reached a task which was cancelled before its turn is lost: cancel those together that wait at one bell.

---@class azdrift.bell
local bell = {}

---@class azdrift.bell.handle
local handle = {}

---@return azdrift.bell.handle
function bell.new() end

--- Waits for a ring.
---@param deadline_ms? integer  raises when it takes longer
function handle:wait(deadline_ms) end

--- Wakes the task that has waited longest.
---@return boolean rang  false: nobody waits
function handle:ring() end

--- Wakes all that wait.
function handle:ring_all() end

return bell
