--- What a run reads, and how each type is read: decisions only, made once a type, from what the catalogue knows, what the
-- subscription's providers offer, and what was asked for.

local catalog = require("azdrift.azure.catalog")
local left_out = require("azdrift.azure.left_out")

local plan = {}
plan.__index = plan

--- @param catalog_rows the catalogue
-- @param offered api-versions by type in lower case
-- @param options { view = "auto"|"get", children = "core"|"all", types = array or nil }
function plan.new(catalog_rows, offered, options)
  local only
  for _, name in ipairs(options.types or {}) do
    only = only or {}
    only[string.lower(name)] = true
  end
  return setmetatable({ catalog = catalog_rows, offered = offered, only = only, view = options.view or "auto",
    children = options.children or "core", types = {} }, plan)
end

--- Whether the run reads a type at all (--type chooses some).
function plan:is_wanted(type_name) return not self.only or self.only[string.lower(type_name)] == true end

--- What is known of a type, or as much as its name says; the same table as long as the plan lives.
function plan:known(type_name)
  local key = string.lower(type_name)
  local known = self.types[key]
  if not known then
    known = self.catalog:type(type_name) or { type = type_name, names = {}, versions = "", flags = {}, lists = {} }
    known.key = key
    self.types[key] = known
  end
  return known
end

function plan:is_offered(type_name) return self.offered[string.lower(type_name)] ~= nil end

--- The api-version to read a type with, or false.
function plan:version(known)
  if known.version == nil then
    local offered = self.offered[known.key]
    -- Extension types are offered by their own provider; children are often not registered on their own.
    if not offered and known.parent then offered = self.offered[string.lower(known.parent)] end
    known.version = catalog.version(known, offered) or false
  end
  return known.version
end

--- The provider does not know an api-version in the resource's region: the version to go on with, of those that its message
-- names, or nil where there is no other.
function plan:step_back(known, version, message)
  local supported = {}
  local list = string.match(message or "", "api%-versions are '([^']*)'")
  for name in string.gmatch(list or "", "[%d%-]+[%w%-]*") do supported[#supported + 1] = name end
  local other = catalog.version(known, supported)
  if not other or other == version then return nil end
  self.offered[known.key] = { other }
  known.version = other
  return other
end

--- Types to read below each resource of a type: those the catalogue calls core, or, on request, all that the provider offers.
function plan:children_of(parent_type)
  local parent = self:known(parent_type)
  if parent.wanted then return parent.wanted end
  local wanted = {}
  for _, name in ipairs(self.catalog:children(parent_type, self.children == "core" and "core" or nil)) do
    if self:is_offered(name) and self:is_wanted(name) and not left_out.reason(name) then
      local known = self:known(name)
      local is_reachable = known.lists.parent or #known.names > 0
      if is_reachable and not known.flags.getonly then wanted[#wanted + 1] = known end
    end
  end
  parent.wanted = wanted
  return wanted
end

local function is_among(list, known)
  for _, other in ipairs(list) do
    if other == known then return true end
  end
  return false
end

-- A type that the lists below its parents show whole, once the parents are read.
local function is_read_below(self, known)
  return self.view ~= "get" and known.parent and known.lists.parent ~= nil and #known.names == 0
    and self:is_wanted(known.parent) and is_among(self:children_of(known.parent), known)
end

--- How resources of a type are read that the generic list shows: "below" (by the lists of their parents), "list" (one list at
-- the scope), "get" (each by its id), "none" (nobody knows an api-version).
function plan:way_of(known)
  if is_read_below(self, known) then return "below" end
  if not self:version(known) then return "none" end
  return self.view ~= "get" and known.lists.subscription and "list" or "get"
end

--- Whether a type can be listed at the scope though no id of it is known.
function plan:is_listed_alone(known)
  return not known.parent and self:is_offered(known.type) and self:way_of(known) == "list"
end

--- Where a type is listed below a scope.
function plan.list_path(scope, known)
  local template = known.lists.subscription and known.lists.subscription.url
  if template then return (string.gsub(template, "{}", (string.gsub(string.match(scope, "[^/]+$"), "%%", "%%%%")), 1)) end
  return scope .. "/providers/" .. known.type
end

return plan
