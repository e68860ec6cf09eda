-- The whole of it: an estate, and the one function that answers a request.
local arm = require("sandbox.arm")
local build = require("sandbox.estate.build")
local control = require("sandbox.control")
local faults = require("sandbox.faults")
local journal = require("sandbox.journal")
local json = require("azdrift.json")
local operation = require("sandbox.operation")
local pages = require("sandbox.pages")
local random = require("sandbox.random")
local replies = require("sandbox.replies")
local task = require("azdrift.task")
local throttle = require("sandbox.throttle")
local tokens = require("sandbox.tokens")
local writes = require("sandbox.writes")

local sandbox = {}
sandbox.__index = sandbox

-- options: seed, resources, subscriptions, page, latency_ms, secret, token_lifetime_s.
function sandbox.new(options)
  local numbers = random.new(options.seed + 1)
  local self = setmetatable({ world = build.estate(options), random = numbers, page = options.page,
    latency_ms = options.latency_ms, journal = journal.new(), faults = faults.new(numbers), throttle = throttle.new(),
    tokens = tokens.new(options, numbers), provider_texts = {}, kept_lists = {} }, sandbox)
  -- What a subscription's list shows of the management group above it: inherited, and not the subscription's own.
  local inherited = { id = "/providers/Microsoft.Management/managementGroups/root/providers/Microsoft.Authorization/"
    .. "roleAssignments/6a8f4d2c-0b1e-4f7a-9c3d-5e2a1b0c9d8e", name = "6a8f4d2c-0b1e-4f7a-9c3d-5e2a1b0c9d8e",
    type = "Microsoft.Authorization/roleAssignments", properties = { principalType = "Group",
      scope = "/providers/Microsoft.Management/managementGroups/root", principalId = numbers.guid(),
      roleDefinitionId = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7" } }
  self.inherited = { key = inherited.id:lower(), body = json.encode(inherited),
    type = { key = "microsoft.authorization/roleassignments", name = "Microsoft.Authorization/roleAssignments" } }
  return self
end

-- Something was added or removed, or who may see what: what was worked out about the whole is out of date.
function sandbox:changed() self.kept_lists = {} end

-- A list that is worked out once until something changes: the pages of one long list must not each walk over everything.
function sandbox:kept(name, work_out)
  local list = self.kept_lists[name]
  if not list then
    list = work_out()
    self.kept_lists[name] = list
  end
  return list
end

local function endpoints(request)
  local root = "http://" .. request.host .. "/"
  return replies.json(200, json.array { { name = "SandboxCloud", resourceManager = root, portal = root, graph = root,
    batch = root, suffixes = { storage = "core.windows.net", keyVaultDns = "vault.azure.net" },
    authentication = { loginEndpoint = root, audiences = { root }, tenant = "common", identityProvider = "AAD" } } })
end

-- ARM's order: who is it, what is asked, in which version, is there room, and only then the answer.
local function answer(self, request, op, fault)
  local refusal = self.tokens:check(request) or arm.check_target(self, op) or arm.check_version(request, op)
  if refusal then return refusal end
  if request.method ~= "GET" then
    if request.method == "PUT" or request.method == "PATCH" or request.method == "DELETE" then
      return writes.handle(self, request, op)
    end
    return replies.error(405, "MethodNotAllowed", "The HTTP method is not supported.")
  end
  local throttled, left = self.throttle:take()
  if throttled then return throttled end
  if fault and fault.status then return faults.refusal(fault, op) end
  local reply = arm.read(self, request, op, fault)
  reply.headers["x-ms-ratelimit-remaining-subscription-reads"] = left
  return reply
end

local function give(reply, fault)
  local broken = nil
  if fault and (fault.reset or fault.cut_after_bytes) then
    local cut = fault.cut_after_bytes and math.min(math.tointeger(fault.cut_after_bytes), #(reply.body or ""))
    broken = { cut_after_bytes = cut, reset = fault.reset }
  end
  return reply.status, reply.headers, reply.body, broken
end

function sandbox:handle(request)
  if request.path == "/_control" and request.method == "POST" then return give(control.handle(self, request)) end
  if request.path == "/_log" and request.method == "GET" then
    return give(replies.json(200, self.journal:text(request.query.paths ~= nil)))
  end
  if request.path:lower() == "/metadata/endpoints" and request.method == "GET" then return give(endpoints(request)) end
  local tenant = request.path:match("^/([^/]+)/oauth2/v2%.0/token$")
  local op = not tenant and operation.of(request) or nil
  local _ <close> = self.journal:begin(request, op)
  if op then op.is_later_page = pages.token(request) ~= nil end
  local fault = op and self.faults:meeting(op)
  local delay_ms = self.latency_ms + (fault and fault.delay_ms or 0)
  if delay_ms > 0 then task.sleep_ms(math.tointeger(delay_ms // 1)) end
  local reply
  if not tenant then reply = answer(self, request, op, fault)
  elseif request.method == "POST" then reply = self.tokens:issue(request, tenant)
  else reply = replies.error(405, "MethodNotAllowed", "A token is asked for with POST.") end
  self.journal:finish(reply.status)
  return give(reply, fault)
end

return sandbox
