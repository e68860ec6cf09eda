--- Which scopes of the store a request is about, as far as its principal may see them.
local scopes = {}

local function raise(message, code) error({ message = message, code = code }, 0) end

--- The one that was asked for, or nil where none was; "not_found" where it may not be seen: that it exists is not told.
function scopes.asked(request, wanted)
  if not wanted then return nil end
  if not request.access:sees_part_of(wanted) then raise(("nothing is known of %s"):format(wanted), "not_found") end
  return wanted
end

--- All scopes of the store that may be seen at least in part, or the one that was asked for.
function scopes.visible(request, service, wanted)
  if wanted then return { scopes.asked(request, wanted) } end
  local all, message, code = service.store:scopes()
  if not all then raise(message, code) end
  local seen = {}
  for _, scope in ipairs(all) do
    if request.access:sees_part_of(scope) then seen[#seen + 1] = scope end
  end
  return seen
end

--- "/subscriptions/<id>" of a subscription's id, in lower case; nil stays nil.
function scopes.of_subscription(id) return id and "/subscriptions/" .. id:lower() or nil end

--- The prefix of what lies in a resource group of a scope; of the scope itself without one.
function scopes.group_prefix(scope, group) return group and scope .. "/resourcegroups/" .. group:lower() or scope end

--- Whether a resource lies in the group, and may be seen.
function scopes.filter(request, scope, group)
  local prefix = scopes.group_prefix(scope, group)
  return function(id)
    local lower = id:lower()
    local is_inside = not group or lower == prefix or lower:sub(1, #prefix + 1) == prefix .. "/"
    return is_inside and request.access:sees(lower)
  end
end

return scopes
