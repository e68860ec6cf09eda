--- Reads one scope into a collector: what exists, then every type, then children, then what is missing. Knows nothing of leases
-- and publication.

local Coverage = require("azdrift.coverage")
local Reader = require("azdrift.azure.reader")
local inventory = require("azdrift.azure.inventory")
local scope_types = require("azdrift.azure.scope_types")
local task = require("azdrift.task")

local scope = {}

-- Types from parents to children, each once, in lower case.
local function by_depth(types)
  local sorted, seen = {}, {}
  for _, name in ipairs(types) do
    local key = string.lower(name)
    if not seen[key] then
      seen[key] = true
      sorted[#sorted + 1] = key
    end
  end
  local function depth(name) return select(2, string.gsub(name, "/", "")) end
  table.sort(sorted, function(a, b)
    local da, db = depth(a), depth(b)
    if da ~= db then return da < db end
    return a < b
  end)
  return sorted
end

-- A type with open versions that nothing asked about: its absence means something only where what would have shown it was read.
local function presume(reader, coverage, type_name, inventory_ok)
  if coverage:line(type_name).outcome ~= "not_asked" then return end
  local known = reader:known(type_name)
  local shown = inventory_ok
  if known.parent then shown = coverage:is_ok(known.parent) end
  if shown then coverage:read(type_name, 0) end
end

-- What is to be read: { { work, times }, ... }, each work to be called so many times. open_types: those with open versions, which
-- are asked for though no list shows them now.
local function jobs_of(reader, ids_by_type, open_types)
  local jobs, planned, total = {}, {}, 0
  local function add(work, times)
    if times > 0 then jobs[#jobs + 1] = { work = work, times = times } end
    total = total + times
  end
  local function is_new(type_name)
    local key = string.lower(type_name)
    if planned[key] or not reader:is_wanted(key) then return false end
    planned[key] = true
    return true
  end
  for _, entry in ipairs(scope_types) do
    if reader:is_offered(entry.type) and is_new(entry.type) then add(function() reader:at_scope(entry) end, 1) end
  end
  for type_name, ids in pairs(ids_by_type) do
    if is_new(type_name) then reader:plan_type(type_name, ids, add) end
  end
  for _, type_name in ipairs(open_types) do
    if reader:is_listed_top(type_name) and is_new(type_name) then reader:plan_type(type_name, {}, add) end
  end
  return jobs, total
end

-- Does all jobs with so many runs in all, whatever a job is made of: a run a resource would be thousands, which the collector of
-- garbage walks over at once.
local function work_off(jobs, runs, done)
  local at = 1
  local function next_work()
    local job = jobs[at]
    while job and job.times == 0 do
      at = at + 1
      job = jobs[at]
    end
    if not job then return nil end
    job.times = job.times - 1
    return job.work
  end
  local workers = {}
  for i = 1, runs do workers[i] = i end
  task.each(workers, runs, function()
    for work in next_work do
      work()
      done()
    end
  end)
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

-- A type that is asked for and that nobody knows is a spelling mistake, and would otherwise be found to have no resources.
local function check_types(context, types, offered)
  for _, name in ipairs(types or {}) do
    if not offered[string.lower(name)] and not context.catalog:type(name) then
      error({ code = "invalid", message = string.format('--type: nobody knows the resource type "%s"%s', name,
        context.catalog:suggestion(name)) }, 0)
    end
  end
end

--- @param context { arm, catalog, collector }
-- @param options { scope, connections, view, children, types, progress, open_types, missed_before }
-- @return coverage, resources that are gone ({ id, type }), ids still open though nobody showed them
function scope.read(context, options)
  local coverage = Coverage.new(options.scope)
  local offered, failure = inventory.offered(context.arm, options.scope)
  if not offered then return unreadable(context.collector, coverage, failure, options.open_types) end
  check_types(context, options.types, offered)
  local ids_by_type
  ids_by_type, failure = inventory.ids(context.arm, context.collector, options.scope)
  if ids_by_type then
    coverage:inventory(ids_by_type)
  else
    coverage:failed("Microsoft.Resources/resources", failure)
  end
  local reader = Reader.new(context, options, coverage, offered)
  local jobs, total = jobs_of(reader, ids_by_type or {}, options.open_types)
  options.progress:expect(total)
  work_off(jobs, options.connections, function() options.progress:step() end)
  reader:descend()
  local gone, still = {}, {}
  for _, type_name in ipairs(by_depth(options.open_types)) do
    if reader:is_wanted(type_name) then
      presume(reader, coverage, type_name, ids_by_type ~= nil)
      reader:settle_missing(type_name, options.missed_before, gone, still)
    end
  end
  return coverage, gone, still
end

return scope
