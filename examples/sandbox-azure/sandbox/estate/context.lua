-- What a builder of resources works with: one resource group of one subscription, and the names and ids in it.
local types = require("sandbox.types")

local context = {}
context.__index = context

function context.new(world, random, subscription, group_name, location, tags, tenant)
  local self = setmetatable({ world = world, random = random, subscription = subscription, location = location, tags = tags,
    tenant = tenant, group = group_name, group_id = subscription.id .. "/resourceGroups/" .. group_name }, context)
  world:put { id = self.group_id, name = group_name, type = "Microsoft.Resources/resourceGroups", location = location,
    tags = tags, properties = { provisioningState = "Succeeded" } }
  return self
end

-- "Microsoft.Sql/servers/databases", "sql1", "db1" as an id in this group (or below another scope).
function context:id(type_name, ...)
  local id = self.group_id .. "/providers/" .. type_name:match("^[^/]+")
  local i = 0
  for segment in type_name:gmatch("/([^/]+)") do
    i = i + 1
    id = id .. "/" .. segment .. "/" .. select(i, ...)
  end
  return id
end

-- Adds a resource; names as in id(). Tracked types get location and tags. Gives its id.
function context:add(type_name, names, body)
  local declared = assert(types.by_key[type_name:lower()], type_name)
  body.id = self:id(type_name, table.unpack(names))
  body.name, body.type = names[#names], declared.name
  if not declared.is_child or declared.is_tracked then
    body.location = body.location or self.location
    body.tags = body.tags or self.tags
  end
  self.world:put(body)
  return body.id
end

-- Adds an extension of the resource (or group, or subscription) that scope is the id of.
function context:extend(scope, type_name, name, body)
  body.id = scope .. "/providers/" .. type_name .. "/" .. name
  body.name, body.type = name, type_name
  self.world:put(body)
  return body.id
end

function context:system_data()
  local created = self.random.moment()
  return { createdBy = "deploy@contoso.example", createdByType = "User", createdAt = created,
    lastModifiedBy = self.random.guid(), lastModifiedByType = "Application", lastModifiedAt = created }
end

function context:etag() return string.format('W/"%s"', self.random.guid()) end

return context
