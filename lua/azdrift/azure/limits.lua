--- Azure's request limits as a run meets them: a gate for each subscription and one for each provider in it. A 429 closes the gate
-- that it names for as long as it asks, and halves what may be under way there; nothing else slows down. What the answers' headers
-- say is left is shared with others: below their part of it requests wait until it has filled up again.
-- Sources: learn.microsoft.com azure-resource-manager/management/request-limits-and-throttling (250 tokens, 25 a second; before
-- that 12,000 an hour); troubleshooting-throttling-errors (x-ms-ratelimit-remaining-resource: "Microsoft.Compute/GetVM3Min;197").

local bell = require("azdrift.bell")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local limits = {}
limits.__index = limits

local READS_SIZE, READS_PER_S = 250, 25          -- ARM's bucket of a subscription or tenant
local HOURLY_SIZE, HOURLY_PER_S = 12000, 12000 / 3600 -- where the header shows more than that: the limit before it
local LOOK_AGAIN_MS = 5000                       -- the longest wait for others' part before looking at it again
local GIVE_UP_AFTER = 3                          -- requests in a row that were refused to their last try
local GIVEN_UP_MS = 60000                        -- then nobody asks there for so long

--- @param options { share = part of what is left that may be used, 0 to 1; most = requests under way at which a gate counts as open }
function limits.new(options)
  return setmetatable({ share = options.share, most = options.most, gates = {} }, limits)
end

local function gate_of(self, key)
  local gate = self.gates[key]
  if not gate then
    gate = { until_ms = 0, busy = 0, most = math.huge, quotas = {}, refused = 0, bell = bell.new() }
    self.gates[key] = gate
  end
  return gate
end

--- The gates that a request goes through: its subscription's (or the tenant's), and its provider's in there.
function limits:gates_of(url)
  local path = string.lower(string.match(url, "^%a+://[^/]+([^?#]*)") or "")
  local scope = string.match(path, "^/subscriptions/([^/]+)") or "tenant"
  local provider = string.match(path, ".*/providers/([^/]+)") or "microsoft.resources"
  return { gate_of(self, scope), gate_of(self, scope .. " " .. provider) }
end

-- What should be left now of a quota: what the last answer said, less what was sent since, and what has come back.
local function expected(quota, now_ms) return math.min(quota.size, quota.left + (now_ms - quota.at_ms) / 1000 * quota.per_s) end

-- How long until a gate lets another through: 0 for now; nil where somebody has to come out first.
local function wait_of(self, gate, now_ms)
  if now_ms < gate.until_ms then return gate.until_ms - now_ms end
  if gate.busy >= gate.most then return nil end
  local longest = 0
  for _, quota in pairs(gate.quotas) do
    local lacking = quota.size * (1 - self.share) + 1 - expected(quota, now_ms)
    if lacking > 0 then longest = math.max(longest, math.min(LOOK_AGAIN_MS, math.ceil(lacking / quota.per_s * 1000))) end
  end
  return longest
end

--- Waits until a request may be sent.
-- @param on_wait called before each wait: others may take the run's place; or nil
-- @return true, or nil, failure where a gate was given up
function limits:enter(gates, on_wait)
  local passed = 0
  while passed < #gates do
    passed = 0
    for _, gate in ipairs(gates) do
      local now_ms = task.clock_ms()
      if gate.given_up and now_ms < gate.given_up.until_ms then return nil, gate.given_up.failure end
      local wait_ms = wait_of(self, gate, now_ms)
      if wait_ms ~= 0 then
        if on_wait then on_wait() end
        if wait_ms then task.sleep_ms(wait_ms) else gate.bell:wait() end
        break
      end
      passed = passed + 1
    end
  end
  for _, gate in ipairs(gates) do
    gate.busy = gate.busy + 1
    for _, quota in pairs(gate.quotas) do quota.left = quota.left - 1 end
  end
  return true
end

local function note_quota(gate, name, left, size, per_s)
  local quota = gate.quotas[name]
  if not quota then
    quota = { size = size, per_s = per_s }
    gate.quotas[name] = quota
  end
  if left > quota.size then quota.size, quota.per_s = size, per_s end
  quota.left, quota.at_ms = left - (gate.busy - 1), task.clock_ms() -- those under way are not in the answer yet
end

-- "Microsoft.Compute/GetVMScaleSet3Min;197,Microsoft.Compute/GetVMScaleSet30Min;1297"
local function note_resource_quotas(gate, text)
  for name, left in string.gmatch(text, "([^;,%s]+);(%d+)") do
    local minutes = tonumber(string.match(name, "(%d+)Min$"))
    left = tonumber(left)
    if minutes and minutes > 0 then
      local size = math.max(left, gate.quotas[name] and gate.quotas[name].size or 0)
      note_quota(gate, name, left, size, size / (minutes * 60))
    end
  end
end

local function note_headers(gates, headers)
  for _, name in ipairs({ "x-ms-ratelimit-remaining-subscription-reads", "x-ms-ratelimit-remaining-tenant-reads" }) do
    local left = tonumber(headers[name])
    if left and left > READS_SIZE then
      note_quota(gates[1], name, left, math.max(left, HOURLY_SIZE), HOURLY_PER_S)
    elseif left then
      note_quota(gates[1], name, left, READS_SIZE, READS_PER_S)
    end
  end
  local resource = headers["x-ms-ratelimit-remaining-resource"]
  if resource then note_resource_quotas(gates[2], resource) end
end

--- The request is over. headers: of its answer, or nil where none came; is_good: it was no refusal and no failure of the service.
function limits.leave(_, gates, headers, is_good)
  if headers then note_headers(gates, headers) end
  for _, gate in ipairs(gates) do
    gate.busy = gate.busy - 1
    if is_good then gate.refused, gate.given_up = 0, nil end
    if is_good and gate.most < math.huge then gate.most = gate.most + 1 / gate.most end
    gate.bell:ring()
  end
end

-- Which gate a 429 names: the subscription's where ARM itself counts, else the provider's.
local function named(gates, code, headers)
  local left = tonumber(headers["x-ms-ratelimit-remaining-subscription-reads"] or headers["x-ms-ratelimit-remaining-tenant-reads"])
  local is_arm = left and left < 1 or string.find(code or "", "^Subscription.*Throttled") or string.find(code or "", "^Tenant.*Throttled")
  return is_arm and gates[1] or gates[2]
end

--- A 429 came back: its gate is closed for a while. To be called after leave.
-- @param wait_ms until the next try, or nil where there is none: then the failure is what others get who come soon
function limits:refused(gates, code, headers, wait_ms, failure)
  local gate, now_ms = named(gates, code, headers), task.clock_ms()
  if now_ms >= gate.until_ms then gate.most = math.max(1, math.min(gate.most, self.most, gate.busy + 1) // 2) end
  if wait_ms then
    gate.until_ms = math.max(gate.until_ms, now_ms + wait_ms)
    return
  end
  gate.refused = gate.refused + 1
  local asked_ms = retry.asked_ms(headers, task.now_ms())
  if gate.refused >= GIVE_UP_AFTER then
    gate.given_up = { until_ms = now_ms + math.max(GIVEN_UP_MS, asked_ms or 0), failure = failure }
    gate.bell:ring_all()
  end
end

return limits
