--- When to ask again, and how long to wait: pure functions, so that every rule of it is tested without a clock.
-- What Azure says wins (Retry-After in its three spellings); else exponential backoff with full jitter.
-- Sources: azure-sdk-for-go sdk/azcore/runtime/policy_retry.go, ARM's request limits page.

local time = require("azdrift.time")

local retry = {}

--- Where nobody says otherwise (settings: collect.tries, collect.backoff, collect.backoff_max).
retry.DEFAULT = { tries = 5, base_ms = 800, cap_ms = 60000 }

local AGAIN = { [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true }
-- Codes of our own HTTP client for failures on the way; "denied" and "limit" would fail again the same way.
local AGAIN_CODES = { timeout = true, io = true }
-- Why it failed, where another try would fail the same way: nobody trusts a certificate on second thought.
local NOT_AGAIN_REASONS = { untrusted = true }

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

--- Milliseconds since 1970 of an HTTP date ("Sun, 06 Nov 1994 08:49:37 GMT"), or nil.
function retry.http_date_ms(text)
  local day, name, year, hour, minute, second = string.match(text, "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$")
  local month = name and MONTHS[name]
  if not month then return nil end
  local days = time.days_since_1970(tonumber(year), month, tonumber(day))
  return ((days * 24 + tonumber(hour)) * 60 + tonumber(minute)) * 60000 + tonumber(second) * 1000
end

--- The wait that a reply asks for in milliseconds, or nil. now_ms: wall clock.
function retry.asked_ms(headers, now_ms)
  local milliseconds = tonumber(headers["retry-after-ms"] or headers["x-ms-retry-after-ms"])
  if milliseconds and milliseconds >= 0 then return math.ceil(milliseconds) end
  local text = headers["retry-after"]
  if not text then return nil end
  local seconds = tonumber(text)
  if seconds then return seconds >= 0 and math.ceil(seconds * 1000) or nil end
  local at_ms = retry.http_date_ms(text)
  return at_ms and math.max(0, at_ms - now_ms)
end

--- Whether this status, or failure on the way, is worth another try.
-- @param code, reason of a failure on the way, as http.request tells them
function retry.is_transient(status, code, reason)
  if status then return AGAIN[status] == true end
  return AGAIN_CODES[code] == true and not NOT_AGAIN_REASONS[reason]
end

--- The policy that a run's settings ask for.
function retry.policy(collect)
  return { tries = collect.tries, base_ms = collect.backoff * 1000, cap_ms = collect.backoff_max * 1000 }
end

--- How long to wait before try number `tries + 1`, or nil where there should be none.
-- @param policy { tries, base_ms, cap_ms }
-- @param asked_ms what the reply asked for, or nil; more than the cap means: come back another time
-- @param random a number in [0, 1)
function retry.wait_ms(policy, tries, asked_ms, random)
  if tries >= policy.tries then return nil end
  -- "At once" from a service that has just refused is no answer: it is asked again after our own wait.
  if asked_ms and asked_ms > 0 then return asked_ms <= policy.cap_ms and asked_ms or nil end
  return math.floor(math.min(policy.cap_ms, policy.base_ms * 2 ^ (tries - 1)) * random)
end

return retry
