--- An expected failure of a command: one line for the person, exit code 1. Anything else that is raised is a bug of
--- ours and is reported as one.
local failure = {}

local Failure = {}
Failure.__index = Failure
Failure.__tostring = function(self) return self.message end

--- Raises. Arguments as for string.format.
function failure.raise(format, ...)
  local message = select("#", ...) > 0 and format:format(...) or format
  error(setmetatable({ message = message }, Failure), 0)
end

--- Answers value, or raises the message that came with nil: `local text = failure.check(file.read(path))`.
function failure.check(value, message, ...)
  if value == nil or value == false then failure.raise("%s", tostring(message)) end
  return value, message, ...
end

--- Ours, or what the workflows raise for an expected failure: { message =, code = }.
function failure.is(raised)
  return getmetatable(raised) == Failure or (type(raised) == "table" and type(raised.message) == "string")
end

return failure
