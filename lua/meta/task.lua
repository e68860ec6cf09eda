---@meta azdrift.task
-- Concurrency. A task is a run of its own, a child of the run that started it: cancelled when that ends. Calls that wait (sleep_ms,
-- join, requests, reads of the store) let other tasks go on; between two such calls nothing else of Lua happens.
-- A wait cannot stand inside a sort comparison, a gsub callback or a module's top level.

---@class azdrift.task
local task = {}

--- A task that was started.
---@class azdrift.task.handle
local handle = {}

--- Waits for the end and gives the task's results, or raises its error. May be called again, and by several tasks at once.
---@param deadline_ms? integer  raises when it takes longer
---@return any ...
function handle:join(deadline_ms) end

--- Waits for the end and leaves the outcome to join: what it raises is the caller's own cancel, or its deadline.
---@param deadline_ms? integer
function handle:wait(deadline_ms) end

--- The task's wait at hand, or its next one, raises "cancelled: <reason>" once. What it closes may still wait, for 5 seconds.
---@param reason? string
function handle:cancel(reason) end

---@return "running"|"done"|"failed"|"cancelled"
function handle:status() end

--- Starts fn(...) beside the caller. A task that fails and is never joined is named in the log.
---@param fn function
---@param ... any
---@return azdrift.task.handle
function task.spawn(fn, ...) end

--- fn(...) within a time: its results, or an error.
---@param deadline_ms integer
---@param fn function
---@param ... any
---@return any ...
function task.with_deadline_ms(deadline_ms, fn, ...) end

--- fn(item, index) for each item of a list, at most `concurrency` at once; their first results in the list's order. The first error
--- cancels what still runs, waits for it, and is raised.
---@param list any[]
---@param concurrency integer
---@param fn fun(item: any, index: integer): any
---@return any[]
function task.each(list, concurrency, fn) end

---@param delay_ms integer  0 to 86400000
function task.sleep_ms(delay_ms) end

--- Seconds since 1970.
---@return integer
function task.now() end

--- Milliseconds since 1970.
---@return integer
function task.now_ms() end

--- For durations: milliseconds since some moment, never going back.
---@return integer
function task.clock_ms() end

return task
