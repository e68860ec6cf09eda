--- Something that happens once, and tasks that wait for it.
local task = require("azdrift.task")

local event = {}

local Event = {}
Event.__index = Event

local LONGEST_MS = 86400000

function event.new() return setmetatable({ is_set = false, sleepers = {} }, Event) end

--- Waits until it has happened; from then on it never waits.
function Event:wait()
  while not self.is_set do
    local sleeper = task.spawn(task.sleep_ms, LONGEST_MS)
    self.sleepers[sleeper] = true
    local _ <close> = setmetatable({}, { __close = function() self.sleepers[sleeper] = nil end })
    sleeper:wait()
  end
end

--- It has happened. A second time does nothing.
function Event:set()
  self.is_set = true
  for sleeper in pairs(self.sleepers) do sleeper:cancel("it has happened") end
end

return event
