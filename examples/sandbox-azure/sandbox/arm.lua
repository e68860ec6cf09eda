-- Azure Resource Manager's reading side: subscriptions, providers, lists, resources.
local json = require("azdrift.json")
local pages = require("sandbox.pages")
local replies = require("sandbox.replies")
local types = require("sandbox.types")

local arm = {}

-- No diagnostic settings on these.
local WITHOUT_DIAGNOSTICS = {}
for _, name in ipairs { "microsoft.compute/disks", "microsoft.compute/availabilitysets", "microsoft.network/routetables",
  "microsoft.managedidentity/userassignedidentities", "microsoft.authorization/locks", "microsoft.insights/actiongroups",
  "microsoft.authorization/roleassignments", "microsoft.compute/virtualmachines/extensions" } do
  WITHOUT_DIAGNOSTICS[name] = true
end

local function api_version(request)
  for name, value in pairs(request.query) do
    if name:lower() == "api-version" then return value end
  end
  return nil
end

local function supported_versions(declared, version)
  return replies.error(400, "NoRegisteredProviderFound", string.format(
    "No registered resource provider found for location 'westeurope' and API version '%s' for type '%s'. "
    .. "The supported api-versions are '%s'. The supported locations are 'westeurope, northeurope, germanywestcentral'.",
    version, declared.path, table.concat(declared.versions, ", ")))
end

-- nil when the request speaks a version that its target knows.
function arm.check_version(request, op)
  local version = api_version(request)
  if not version or version == "" then
    return replies.error(400, "MissingApiVersionParameter",
      "The api-version query parameter (?api-version=) is required for all requests.")
  end
  if op.type then return not op.type.speaks[version] and supported_versions(op.type, version) or nil end
  if not version:match("^%d%d%d%d%-%d%d%-%d%d$") and not version:match("^%d%d%d%d%-%d%d%-%d%d%-preview$") then
    return replies.error(400, "InvalidApiVersionParameter", string.format("The api-version '%s' is invalid. "
      .. "The supported versions are '2022-12-01,2021-04-01,2020-01-01'.", version))
  end
  return nil
end

local function provider_json(known)
  local listed = {}
  for _, declared in ipairs(known.types) do
    listed[#listed + 1] = { resourceType = declared.path, apiVersions = declared.versions, capabilities = "None",
      defaultApiVersion = declared.versions[1], locations = { "West Europe", "North Europe", "Germany West Central" } }
  end
  return { namespace = known.name, registrationState = "Registered", registrationPolicy = "RegistrationRequired",
    resourceTypes = json.array(listed) }
end

local function provider_text(sandbox, subscription, known)
  local texts = sandbox.provider_texts
  local key = subscription .. known.name
  if not texts[key] then
    local provider = provider_json(known)
    provider.id = "/subscriptions/" .. subscription .. "/providers/" .. known.name
    texts[key] = json.encode(provider)
  end
  return texts[key]
end

local function not_found(op)
  local where = op.group and " under resource group '" .. op.group .. "'" or ""
  return replies.error(404, "ResourceNotFound", string.format("The Resource '%s/%s'%s was not found. For more details "
    .. "please go to https://aka.ms/ARMResourceNotFoundFix", op.type_name, op.name or "", where))
end

-- A subnet or a rule stands in its parent's body, and answers for itself as well.
local function embedded(sandbox, op)
  local parent_key, _, name = op.key:match("^(.*)/([^/]+)/([^/]+)$")
  local parent = sandbox.world:get(op.kind == "list" and op.key:match("^(.*)/[^/]+$") or parent_key)
  if not parent then return nil end
  local found = {}
  for _, part in ipairs(json.decode(parent.body).properties[op.type.embedded_in] or {}) do
    if op.kind == "list" or part.name:lower() == name then
      found[#found + 1] = { body = json.encode(part), type = op.type }
    end
  end
  return found
end

local function is_visible(sandbox, entry)
  return not sandbox.faults.hidden[entry.key]
end

local function visible(sandbox, entries, accept)
  local seen = {}
  for _, entry in ipairs(entries) do
    if is_visible(sandbox, entry) and (not accept or accept(entry)) then seen[#seen + 1] = entry end
  end
  return seen
end

local function below(scope)
  local prefix = scope .. "/"
  return function(entry) return entry.key:sub(1, #prefix) == prefix end
end

-- Everything that a list answers with, or nil and a reply that refuses.
local function members(sandbox, request, op)
  local world, declared = sandbox.world, op.type
  local subscription_scope = "/subscriptions/" .. op.subscription
  local is_at_group = op.scope:match("^/subscriptions/[^/]+/resourcegroups/[^/]+$") ~= nil
  if is_at_group and not world:get(op.scope) then
    return nil, replies.error(404, "ResourceGroupNotFound",
      string.format("Resource group '%s' could not be found.", op.group))
  end
  if declared.list == "parent" then
    local parent = op.key:match("^(.*)/[^/]+$")
    if not world:get(parent) then
      return nil, replies.error(404, "ParentResourceNotFound", string.format(
        "Failed to perform 'read' on resource(s) of type '%s', because the parent resource '%s' could not be found.",
        op.type_name, parent))
    end
    return declared.embedded_in and embedded(sandbox, op) or visible(sandbox, world:collection(op.key))
  end
  if declared.list == "extension" then
    local target = world:get(op.scope)
    if not target and op.scope ~= subscription_scope then return nil, not_found(op) end
    if declared.key == "microsoft.insights/diagnosticsettings" and target and WITHOUT_DIAGNOSTICS[target.type.key] then
      return nil, replies.error(400, "ResourceTypeNotSupported",
        string.format("The resource type '%s' does not support diagnostic settings.", target.type.key))
    end
    if not declared.from_below or request.query["$filter"] == "atScope()" then
      return visible(sandbox, world:collection(op.key))
    end
    local found = visible(sandbox, world:of_type(op.subscription, declared.name), below(op.scope))
    if declared.key == "microsoft.authorization/roleassignments" then found[#found + 1] = sandbox.inherited end
    return found
  end
  if not is_at_group and op.scope ~= subscription_scope then
    return nil, replies.error(404, "InvalidResourceType", string.format(
      "The resource type '%s' could not be found at this scope.", op.type_name))
  end
  return visible(sandbox, world:of_type(op.subscription, declared.name), is_at_group and below(op.scope) or nil)
end

local operations = {}

function operations.subscriptions(sandbox, request, _, fault)
  local gone = sandbox.faults.gone
  local listed = {}
  for _, subscription in ipairs(sandbox.world.subscriptions) do
    if not gone[subscription.subscriptionId] then listed[#listed + 1] = subscription end
  end
  return pages.reply(request, listed, json.encode, sandbox.page, fault)
end

function operations.subscription(sandbox, _, op)
  return replies.json(200, sandbox.world.subscriptions["/subscriptions/" .. op.subscription])
end

function operations.providers(sandbox, request, op, fault)
  return pages.reply(request, types.namespaces, function(known) return provider_text(sandbox, op.subscription, known) end,
    1000, fault)
end

function operations.provider(sandbox, _, op)
  local known = types.namespaces[op.namespace]
  if known then return replies.json(200, provider_text(sandbox, op.subscription, known)) end
  return replies.error(404, "InvalidResourceNamespace",
    string.format("The resource namespace '%s' is invalid.", op.namespace))
end

function operations.groups(sandbox, request, op, fault)
  local groups = visible(sandbox, sandbox.world:of_type(op.subscription, "Microsoft.Resources/resourceGroups"))
  return pages.reply(request, groups, pages.list_body, sandbox.page, fault)
end

-- All resources of a subscription or group, without their properties.
function operations.resources(sandbox, request, op, fault)
  local size = sandbox.page
  if request.query["$top"] then
    local top = tonumber(request.query["$top"])
    if math.type(top) ~= "integer" or top < 1 or top > 1000 then
      return replies.error(400, "InvalidTopInQueryString", "The value of the '$top' query parameter is not between 1 and 1000.")
    end
    size = math.min(size, top)
  end
  local scope = "/subscriptions/" .. op.subscription .. (op.group and "/resourcegroups/" .. op.group or "")
  if op.group and not sandbox.world:get(scope) then
    return replies.error(404, "ResourceGroupNotFound", string.format("Resource group '%s' could not be found.", op.group))
  end
  local wanted = (request.query["$filter"] or ""):match("^[rR]esourceType eq '([^']+)'$")
  local listed = sandbox:kept("resources " .. scope .. " " .. (wanted or ""), function()
    local forbidden = sandbox.faults:forbidden_types()
    local is_below = below(scope)
    return visible(sandbox, sandbox.world:sorted(), function(entry)
      return entry.is_listed and is_below(entry) and not forbidden[entry.type.key]
        and (not wanted or entry.type.key == wanted:lower())
    end)
  end)
  local is_expanded = (request.query["$expand"] or "") ~= ""
  return pages.reply(request, listed, function(entry) return pages.item(entry, is_expanded) end, size, fault)
end

function operations.list(sandbox, request, op, fault)
  local found, refusal = members(sandbox, request, op)
  if not found then return refusal end
  return pages.reply(request, found, pages.list_body, sandbox.page, fault)
end

function operations.resource(sandbox, _, op)
  if op.type.embedded_in then
    local found = embedded(sandbox, op)
    return found and found[1] and replies.json(200, found[1].body) or not_found(op)
  end
  local entry = sandbox.world:get(op.key)
  if entry then return replies.json(200, entry.body) end
  if op.type.key == "microsoft.resources/resourcegroups" or
    (op.group and not sandbox.world:get("/subscriptions/" .. op.subscription .. "/resourcegroups/" .. op.group)) then
    return replies.error(404, "ResourceGroupNotFound", string.format("Resource group '%s' could not be found.", op.group))
  end
  return not_found(op)
end

-- nil when the target exists as far as its address goes.
function arm.check_target(sandbox, op)
  if not op.kind then
    return replies.error(404, "NotFound", "No HTTP resource was found that matches the request URI.")
  end
  if op.subscription and (not sandbox.world.subscriptions["/subscriptions/" .. op.subscription]
    or sandbox.faults.gone[op.subscription]) then
    return replies.error(404, "SubscriptionNotFound",
      string.format("The subscription '%s' could not be found.", op.subscription))
  end
  if op.type_name and not op.type then
    local code = op.is_known_namespace and "InvalidResourceType" or "InvalidResourceNamespace"
    return replies.error(404, code, string.format("The resource type '%s' could not be found in this cloud.", op.type_name))
  end
  return nil
end

function arm.read(sandbox, request, op, fault) return operations[op.kind](sandbox, request, op, fault) end

return arm
