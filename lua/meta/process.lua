---@meta azdrift.process

---@class azdrift.process
local process = {}

---@class azdrift.process.result
---@field status integer   the exit status; -1: a signal ended it
---@field signal? integer  that signal
---@field stdout string
---@field stderr string

--- Runs a program without a shell and waits for its end. It and what it started are killed at the deadline, beyond max_bytes, and
--- when the caller is cancelled.
---@param arguments string[]  the program (looked up in PATH) and its arguments
---@param options? { deadline_ms?: integer, max_bytes?: integer }  default 60000 ms; 1 MiB of each stream
---@return azdrift.process.result? result
---@return string? message
---@return "not_found"|"timeout"|"limit"|"io"|nil code
function process.run(arguments, options) end

return process
