--- Standard output whose failures count: a report that nobody could read must not end as exit code 0.
local failure = require("azdrift.cli.failure")

local output = {}

local Output = {}
Output.__index = Output

-- One system call a piece of this size, not one a line.
local FLUSH_BYTES = 64 * 1024

--- sink(text): writes all of it; answers true, or nil and a message. name is for the message.
function output.new(sink, name)
  return setmetatable({ sink = sink, name = name, pending = {}, pending_bytes = 0 }, Output)
end

function Output:write(text)
  self.pending[#self.pending + 1] = text
  self.pending_bytes = self.pending_bytes + #text
  if self.pending_bytes >= FLUSH_BYTES then self:flush() end
end

function Output:line(...) self:write(table.concat({ ... }) .. "\n") end

--- Raises where the text could not be written: disk full, or the reader of a pipe is gone.
function Output:flush()
  if self.pending_bytes == 0 then return end
  local text = table.concat(self.pending)
  self.pending, self.pending_bytes = {}, 0
  local written, message = self.sink(text)
  if not written then
    failure.raise("cannot write to %s: %s; the output is not complete", self.name, tostring(message))
  end
end

return output
