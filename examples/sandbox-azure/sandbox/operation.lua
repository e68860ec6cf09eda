-- What a request asks for: which of ARM's operations, on which resource or collection.
local server = require("azdrift.server")
local types = require("sandbox.types")
local world = require("sandbox.world")

local operation = {}

local function of_subscription(op, rest)
  if rest == "" then return "subscription" end
  if rest == "/providers" then return "providers" end
  op.namespace = rest:match("^/providers/([^/]+)$")
  if op.namespace then return "provider" end
  if rest == "/resources" then return "resources" end
  if rest == "/resourcegroups" then return "groups" end
  op.group = rest:match("^/resourcegroups/([^/]+)/resources$")
  if op.group then return "resources" end
  return nil
end

-- { kind, key = path in lower case, subscription, group, type (declared), type_name, scope, is_known_namespace }
-- kind: subscriptions, subscription, providers, provider, resources, groups, list, resource, or nil for what is none.
function operation.of(request)
  local path = server.decode(request.path):gsub("/+$", "")
  local op = { method = request.method, path = path, key = path:lower() }
  if op.key == "/subscriptions" then
    op.kind = "subscriptions"
    return op
  end
  local subscription, rest = op.key:match("^/subscriptions/([^/]+)(.*)$")
  if not subscription then return op end
  op.subscription = subscription
  op.kind = of_subscription(op, rest)
  if op.kind then return op end
  local parts = world.parse(path)
  if not parts then return op end
  op.group = parts.group
  if parts.is_group then
    op.kind, op.type_name = "resource", "Microsoft.Resources/resourceGroups"
  else
    op.kind, op.type_name = parts.is_whole and "resource" or "list", parts.type
    op.scope, op.name = parts.scope, parts.name
  end
  op.type = types.by_key[op.type_name:lower()]
  op.is_known_namespace = types.namespaces[op.type_name:match("^[^/]+"):lower()] ~= nil
  return op
end

-- A short name for logs: "GET list Microsoft.Network/virtualNetworks".
function operation.name(op)
  local what = op.type and op.type.name or op.type_name
  return op.method .. " " .. (op.kind or "other") .. (what and " " .. what or "")
end

return operation
