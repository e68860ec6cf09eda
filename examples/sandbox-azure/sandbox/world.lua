-- What exists: every resource once, its body kept as the JSON text that a GET answers with (so that a GET costs no encoding),
-- found by its id in any case, by the collection it stands in, and by its type.
local json = require("azdrift.json")
local types = require("sandbox.types")

local world = {}
world.__index = world

function world.new()
  return setmetatable({ subscriptions = {}, entries = {}, collections = {}, by_type = {}, count = 0 }, world)
end

-- The parts of a resource id in any case, or nil for what is none. The type is that of the last provider in it.
function world.parse(id)
  local key = id:lower()
  local subscription, rest = key:match("^/subscriptions/([^/]+)(.*)$")
  if not subscription then return nil end
  local group = rest:match("^/resourcegroups/([^/]+)")
  local before = key:match("^(.*)/providers/[^/]+/.+$")
  if not before then
    if rest ~= "" and (not group or rest:match("^/[^/]+/[^/]+/.")) then return nil end
    return { id = id, subscription = subscription, group = group, is_group = group ~= nil, is_subscription = group == nil }
  end
  local segments = {}
  for segment in id:sub(#before + #"/providers/" + 1):gmatch("[^/]+") do segments[#segments + 1] = segment end
  local path = { segments[1] }
  for i = 2, #segments, 2 do path[#path + 1] = segments[i] end
  return { id = id, subscription = subscription, group = group, scope = before, type = table.concat(path, "/"),
    name = segments[#segments], is_whole = #segments % 2 == 1 }
end

local function collection_of(key) return key:match("^(.*)/[^/]+$") end

local function list_in(index, key)
  local list = index[key]
  if not list then
    list = {}
    index[key] = list
  end
  return list
end

local function remove_from(list, entry)
  for i, other in ipairs(list) do
    if other == entry then return table.remove(list, i) end
  end
end

local function type_key(subscription, type_name) return subscription:lower() .. " " .. type_name:lower() end

function world:add_subscription(subscription)
  self.subscriptions[#self.subscriptions + 1] = subscription
  self.subscriptions[subscription.id:lower()] = subscription
end

function world:get(id) return self.entries[id:lower()] end
function world:collection(path) return self.collections[path:lower()] or {} end
function world:of_type(subscription, type_name) return self.by_type[type_key(subscription, type_name)] or {} end

-- Creates or replaces the resource that the body's id names.
function world:put(body)
  local key = body.id:lower()
  local entry = self.entries[key]
  if not entry then
    local parts = assert(world.parse(body.id), body.id)
    local type_name = parts.is_group and "Microsoft.Resources/resourceGroups" or parts.type
    entry = { id = body.id, key = key, name = body.name, subscription = parts.subscription, group = parts.group,
      type = types.by_key[type_name:lower()] }
    assert(entry.type, type_name)
    self.entries[key] = entry
    table.insert(list_in(self.collections, collection_of(key)), entry)
    table.insert(list_in(self.by_type, type_key(parts.subscription, type_name)), entry)
    self.count = self.count + 1
  end
  entry.body = json.encode(body)
  local declared = entry.type
  -- What the list of all resources shows: tracked ones, which have a place. Proxy resources are left out.
  entry.is_listed = body.location ~= nil and declared.list ~= "extension" and entry.key:find("/providers/", 1, true) ~= nil
    and (not declared.is_child or declared.is_tracked == true)
  entry.item, entry.list_body = nil, nil
  return entry
end

-- Changes a resource: change(body) works on it as tables.
function world:edit(id, change)
  local entry = assert(self:get(id), id)
  local body = json.decode(entry.body)
  change(body)
  return self:put(body)
end

-- Removes a resource and what lies below it. False when there is none.
function world:remove(id)
  local key = id:lower()
  if not self.entries[key] then return false end
  local doomed = {}
  for other, entry in pairs(self.entries) do
    if other == key or other:sub(1, #key + 1) == key .. "/" then doomed[#doomed + 1] = entry end
  end
  for _, entry in ipairs(doomed) do
    self.entries[entry.key] = nil
    remove_from(self.collections[collection_of(entry.key)], entry)
    remove_from(self.by_type[type_key(entry.subscription, entry.type.name)], entry)
    self.count = self.count - 1
  end
  return true
end

-- All entries in the order of their ids: what walks over everything must not depend on hash order.
function world:sorted()
  local all = {}
  for _, entry in pairs(self.entries) do all[#all + 1] = entry end
  table.sort(all, function(a, b) return a.key < b.key end)
  return all
end

return world
