--- What a collection has done so far, as one line for people. Said at most every tenth of a second.

local task = require("azdrift.task")

local progress = {}
progress.__index = progress

local EVERY_MS = 100

--- @param say function(text) or nil
function progress.new(say, scopes)
  return setmetatable({ say = say or function() end, scopes = scopes, expected = 0, done = 0, resources = 0, said_ms = 0 }, progress)
end

function progress:tell()
  local now_ms = task.clock_ms()
  if now_ms - self.said_ms < EVERY_MS then return end
  self.said_ms = now_ms
  self.say(string.format("collecting %d %s: %d of %d steps, %d resources", self.scopes,
    self.scopes == 1 and "subscription" or "subscriptions", self.done, self.expected, self.resources))
end

--- So many steps more are known.
function progress:expect(count)
  self.expected = self.expected + count
  self:tell()
end

function progress:step()
  self.done = self.done + 1
  self:tell()
end

--- So many resources more were read.
function progress:add(count)
  self.resources = self.resources + count
  self:tell()
end

return progress
