-- PUT, PATCH and DELETE, for making drift by hand: with the bearer token "owner" only. The token that a client gets for its
-- secret reads and nothing else, so a collector that tried to write would be told 403, and stand in the log.
local json = require("azdrift.json")
local replies = require("sandbox.replies")

local writes = {}

-- RFC 7396: null removes, objects merge, all else replaces.
local function merge(target, patch)
  for name, value in pairs(patch) do
    if value == json.null then target[name] = nil
    elseif type(value) == "table" and #value == 0 and type(target[name]) == "table" and #target[name] == 0 then
      merge(target[name], value)
    else target[name] = value end
  end
end

local function lock_above(world, op)
  for _, entry in ipairs(world:of_type(op.subscription, "Microsoft.Authorization/locks")) do
    local scope = entry.key:match("^(.*)/providers/microsoft%.authorization/locks/[^/]+$")
    local is_inside = op.key == scope or op.key:sub(1, #scope + 1) == scope .. "/"
    if is_inside and op.type.key ~= "microsoft.authorization/locks" then return entry end
  end
  return nil
end

-- null members of a patch come as json.null only from a document, so the text is read as one.
local function read_patch(view)
  local out = {}
  for name, value in pairs(view) do
    if json.is_null(view, name) then out[name] = json.null
    elseif type(value) == "userdata" then
      out[name] = json.kind(value) == "array" and json.decode(json.canonical(value)) or read_patch(value)
    else out[name] = value end
  end
  return out
end

function writes.handle(sandbox, request, op)
  local world = sandbox.world
  if op.kind ~= "resource" or op.type.embedded_in then
    return replies.error(405, "MethodNotAllowed", "The HTTP method is not supported at this scope.")
  end
  local entry = world:get(op.key)
  if request.method == "DELETE" then
    local lock = lock_above(world, op)
    if lock then
      return replies.error(409, "ScopeLocked", string.format("The scope '%s' cannot perform delete operation because "
        .. "following scope(s) are locked: '%s'. Please remove the lock and try again.", op.path, lock.id))
    end
    sandbox:changed()
    return replies.empty(world:remove(op.key) and 200 or 204)
  end
  local document, problem = json.parse(request.body)
  if not document then return replies.error(400, "InvalidRequestContent", "The request content was invalid: " .. problem) end
  sandbox:changed()
  if request.method == "PATCH" then
    if not entry then return replies.error(404, "ResourceNotFound", "The Resource was not found.") end
    entry = world:edit(op.key, function(body) merge(body, read_patch(document)) end)
    return replies.json(200, entry.body)
  end
  local group = op.group and "/subscriptions/" .. op.subscription .. "/resourcegroups/" .. op.group
  if group and group ~= op.key and not world:get(group) then
    return replies.error(404, "ResourceGroupNotFound", string.format("Resource group '%s' could not be found.", op.group))
  end
  local body = json.decode(request.body)
  body.id = entry and entry.id or op.path
  body.name, body.type = op.name or op.path:match("[^/]+$"), op.type.name
  return replies.json(entry and 200 or 201, world:put(body).body)
end

return writes
