---@meta azdrift.supervisor
-- What those who run a service say to it, and hear from it.

---@class azdrift.supervisor
local supervisor = {}

--- From now on SIGTERM, SIGINT and SIGHUP end nothing by themselves: await tells of them. A second SIGTERM or SIGINT still ends the
--- process at once.
function supervisor.take() end

--- Waits for the next word: "stop" (SIGTERM, SIGINT) or "reload" (SIGHUP; several that came meanwhile are one).
---@return "stop"|"reload"
function supervisor.await() end

--- Lines of sd_notify(3): "READY=1". true also where nobody asked for notes.
---@param text string
---@return true? done
---@return string? message
---@return string? code
function supervisor.notify(text) end

--- How often "WATCHDOG=1" is wanted at the latest; 0: not at all.
---@return integer
function supervisor.watchdog_ms() end

return supervisor
