-- ARM's read limit: a bucket of tokens, refilled by the second. Off until it is asked for: { size = 250, per_second = 25 },
-- with silent = true for a 429 that does not say when to come back.
local replies = require("sandbox.replies")
local task = require("azdrift.task")

local throttle = {}
throttle.__index = throttle

function throttle.new() return setmetatable({ refused = 0 }, throttle) end

function throttle:set(limit)
  self.limit = limit or nil
  self.tokens, self.at_ms = limit and limit.size or 0, task.clock_ms()
end

-- A refusal, or nil and the header that tells what is left.
function throttle:take()
  if not self.limit then return nil, "11999" end
  local now_ms = task.clock_ms()
  self.tokens = math.min(self.limit.size, self.tokens + (now_ms - self.at_ms) / 1000 * self.limit.per_second)
  self.at_ms = now_ms
  if self.tokens >= 1 then
    self.tokens = self.tokens - 1
    return nil, string.format("%d", self.tokens // 1)
  end
  self.refused = self.refused + 1
  local wait_s = math.max(1, math.ceil((1 - self.tokens) / self.limit.per_second))
  return replies.error(429, "SubscriptionRequestsThrottled", "Number of 'read' requests for subscription exceeded the limit. "
    .. "Please try again after '" .. wait_s .. "' seconds.",
    not self.limit.silent and { ["Retry-After"] = string.format("%d", wait_s) } or nil)
end

return throttle
