--- Reads one scope into a collector: what exists and, while that is still being listed, every type, then what is missing. Knows
-- nothing of leases and publication.

local Coverage = require("azdrift.coverage")
local Plan = require("azdrift.azure.plan")
local Reader = require("azdrift.azure.reader")
local inventory = require("azdrift.azure.inventory")
local scope_types = require("azdrift.azure.scope_types")
local work = require("azdrift.work")

local scope = {}

-- Jobs at once for each connection: while one reads its reply, another's request is already on the way.
local JOBS_A_CONNECTION = 2

-- Types by how deep they lie below their provider, parents first, each once, in lower case: { { name, ... }, ... }.
local function by_depth(types)
  local levels, seen, deepest = {}, {}, 0
  for _, name in ipairs(types) do
    local key = string.lower(name)
    if not seen[key] then
      seen[key] = true
      local _, depth = string.gsub(key, "/", "")
      levels[depth] = levels[depth] or {}
      table.insert(levels[depth], key)
      deepest = math.max(deepest, depth)
    end
  end
  local sorted = {}
  for depth = 0, deepest do
    if levels[depth] then
      table.sort(levels[depth])
      sorted[#sorted + 1] = levels[depth]
    end
  end
  return sorted
end

-- A type with open versions that nothing asked about: its absence means something only where what would have shown it was read.
local function presume(plan, coverage, type_name, inventory_ok)
  if coverage:line(type_name).outcome ~= "not_asked" then return end
  local known = plan:known(type_name)
  local shown = inventory_ok
  if known.parent then shown = coverage:is_ok(known.parent) end
  if shown then coverage:read(type_name, 0) end
end

-- Nothing could be asked, because what providers offer could not be read: every type keeps its open versions.
local function unreadable(collector, coverage, failure, open_types)
  coverage:failed("Microsoft.Resources/providers", failure)
  for _, type_name in ipairs(open_types) do
    coverage:failed(type_name, failure)
    coverage:line(type_name).kept = collector:missing_count(type_name)
  end
  return coverage, {}, {}
end

--- What the subscription's providers offer: asked before anything is begun. A type that is asked for and that nobody knows is a
-- spelling mistake, and would otherwise be found to have no resources: raises { code = "invalid", message }.
-- @param context { arm, catalog }
-- @return for scope.read: { types = api-versions by type, or nil, failure = why not }
function scope.offers(context, scope_id, types)
  local offered, failure = inventory.offered(context.arm, scope_id)
  for _, name in ipairs(types or {}) do
    if not (offered or {})[string.lower(name)] and not context.catalog:type(name) then
      error({ code = "invalid", message = string.format('--type: nobody knows the resource type "%s"%s', name,
        context.catalog:suggestion(name)) }, 0)
    end
  end
  return { types = offered, failure = failure }
end

-- Walks the generic list and hands each page's ids to the reader. Answers whether all of it was read.
local function walk_inventory(context, reader, coverage, scope_id)
  local types = {}
  local failure = inventory.walk(context.arm, context.collector, scope_id, function(ids_by_type)
    for type_name, ids in pairs(ids_by_type) do
      types[type_name] = true
      reader:found(type_name, ids)
    end
  end)
  if failure then
    coverage:failed("Microsoft.Resources/resources", failure)
    reader:not_all_found(failure)
    return false
  end
  coverage:inventory(types)
  return true
end

--- @param context { arm, catalog, collector }
-- @param options { scope, offers, connections, view, children, types, progress, open_types, missed_before }
-- @return coverage, resources that are gone ({ id, type }), ids still open though nobody showed them
function scope.read(context, options)
  local coverage = Coverage.new(options.scope)
  local offers = options.offers
  if not offers.types then return unreadable(context.collector, coverage, offers.failure, options.open_types) end
  local plan = Plan.new(context.catalog, offers.types, options)
  local jobs = work.new(Reader.RANKS, options.progress)
  context = { arm = context.arm:on_behalf(function() jobs:widen() end), catalog = context.catalog, collector = context.collector }
  local reader = Reader.new(context, { scope = options.scope, plan = plan, coverage = coverage, progress = options.progress, jobs = jobs })
  local at_once, inventory_ok = options.connections * JOBS_A_CONNECTION, nil
  jobs:add(1, function() inventory_ok = walk_inventory(context, reader, coverage, options.scope) end, { options.scope })
  reader:begin(scope_types, options.open_types)
  jobs:run(at_once)
  local gone, still = {}, {}
  for _, types in ipairs(by_depth(options.open_types)) do
    for _, type_name in ipairs(types) do
      if plan:is_wanted(type_name) then
        presume(plan, coverage, type_name, inventory_ok)
        reader:settle_missing(type_name, options.missed_before, gone, still)
      end
    end
    jobs:run(at_once)
  end
  return coverage, gone, still
end

return scope
