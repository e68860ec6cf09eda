-- What goes wrong on purpose. A fault says whom it meets and what happens; the first that meets a request counts.
--
--   meets:  type = "Microsoft.KeyVault/vaults", kind = "list" | "resource" | "resources" | ..., path = part of the path,
--           later = true for the pages of a list behind its first,
--           rate = share of the requests it meets (default 1), times = how often at most
--   does:   status (with code, message, retry_after in seconds), delay_ms, cut_after_bytes, reset, next_link = "loop" |
--           "other-host" | "http://HOST:PORT" | "empty"
-- Beside them: gone (subscriptions nobody finds any more), hide (resources that lists do not show and a GET does).
local replies = require("sandbox.replies")

local faults = {}
faults.__index = faults

local CODES = { [403] = "AuthorizationFailed", [404] = "ResourceNotFound", [408] = "RequestTimeout", [409] = "Conflict",
  [429] = "TooManyRequests", [500] = "InternalServerError", [502] = "BadGateway", [503] = "ServerBusy",
  [504] = "GatewayTimeout" }
local FIELDS = { type = "string", kind = "string", path = "string", later = "boolean", rate = "number", times = "number", status = "number",
  code = "string", message = "string", retry_after = "number", delay_ms = "number", cut_after_bytes = "number",
  reset = "boolean", next_link = "string" }

function faults.new(random)
  return setmetatable({ rules = {}, gone = {}, hidden = {}, random = random }, faults)
end

-- Takes the place of all faults there were. Raises on a field that is none: a fault that does nothing proves nothing.
function faults:set(rules)
  local checked = {}
  for i, rule in ipairs(rules) do
    for name, value in pairs(rule) do
      if type(value) ~= FIELDS[name] then
        error(string.format("fault %d: %s is no field of a fault, or of another type", i, name), 0)
      end
    end
    checked[i] = rule
    rule.type = rule.type and rule.type:lower()
    rule.path = rule.path and rule.path:lower()
  end
  self.rules = checked
end

function faults:set_gone(ids)
  self.gone = {}
  for _, id in ipairs(ids) do self.gone[id:lower()] = true end
end

function faults:set_hidden(ids)
  self.hidden = {}
  for _, id in ipairs(ids) do self.hidden[id:lower()] = true end
end

local function meets(rule, op)
  return (not rule.type or (op.type ~= nil and op.type.key == rule.type)) and (not rule.kind or op.kind == rule.kind)
    and (not rule.path or op.key:find(rule.path, 1, true) ~= nil) and (rule.later == nil or op.is_later_page == rule.later)
end

-- The fault that meets this operation, or nil.
function faults:meeting(op)
  for _, rule in ipairs(self.rules) do
    if meets(rule, op) and (not rule.times or rule.times > 0) and (not rule.rate or self.random.chance(rule.rate)) then
      if rule.times then rule.times = rule.times - 1 end
      return rule
    end
  end
  return nil
end

-- The list of all resources leaves out what may not be read.
function faults:forbidden_types()
  local forbidden = {}
  for _, rule in ipairs(self.rules) do
    if rule.status == 403 and rule.type and not rule.rate and not rule.times then forbidden[rule.type] = true end
  end
  return forbidden
end

-- The refusal of a fault with a status.
function faults.refusal(rule, op)
  local code = rule.code or CODES[rule.status] or "Unknown"
  local message = rule.message or "injected by the sandbox"
  if rule.status == 403 and not rule.message then
    message = string.format("The client 'sandbox-reader' with object id 'f0b7a3c6-5f0e-4c35-9d43-000000000001' does not have "
      .. "authorization to perform action '%s/read' over scope '%s' or the scope is invalid. If access was recently granted, "
      .. "please refresh your credentials.", op.type and op.type.name or "Microsoft.Resources/subscriptions", op.path)
  end
  local headers = rule.retry_after and { ["Retry-After"] = string.format("%d", rule.retry_after) } or nil
  return replies.error(rule.status, code, message, headers)
end

return faults
