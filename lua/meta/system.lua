---@meta azdrift.system

--- What the command line asks of the machine.
---@class azdrift.system
---@field version string of azdrift: "0.1.0"
---@field share string the folder with lua/, rules/, policies/, catalog/
local system = {}

--- Whether a file descriptor (1: standard output, 2: standard error) is a terminal.
---@param fd integer
---@return boolean
function system.is_terminal(fd) end

--- Columns of the terminal; nil where there is none.
---@param fd integer
---@return integer?
function system.columns(fd) end

--- What stands at path; nil where nothing does.
---@param path string
---@return "file"|"directory"|"other"|nil
function system.kind(path) end

--- Makes one folder; the one above it must be there.
---@param path string
---@return true? made
---@return string? message
function system.make_directory(path) end

--- Makes a file that is not there yet and writes text into it. What is there is never touched.
---@param path string
---@param text string
---@param is_private? boolean  readable by its owner alone
---@return true? made
---@return string? message
function system.create_file(path, text) end

--- Wall-clock milliseconds since 1970, UTC.
---@return integer
function system.now_ms() end

--- Strong random bytes as lower-case hex.
---@param bytes integer  1 to 64
---@return string
function system.random_hex(bytes) end

--- A fresh UUID of version 7: sorts by the millisecond it was made in.
---@return string
function system.uuid() end

--- This process, as it signs a lease: others on its machine can tell by it whether it still runs.
---@return string
function system.owner() end

--- Whether the process that signed so is known not to run any more; false where that cannot be known (another machine).
---@param name string
---@return boolean
function system.owner_is_dead(name) end

--- Descriptors that this process has open.
---@return integer
function system.open_descriptors() end

---@class azdrift.system.loop_stats
---@field callbacks integer
---@field slow_callbacks integer  took 5 ms of CPU or more
---@field longest_cpu_ms number  of one callback
---@field longest_name string  which it was
---@field longest_lag_ms number  a timer was called this much too late, at worst

--- How well the event loop of this process has kept up so far.
---@return azdrift.system.loop_stats
function system.loop_stats() end

--- They count from here on: what was before, starting up for one, is forgotten.
function system.restart_loop_stats() end

return system
