--- Reads the resources of a scope into a run, type by type: a list where one answers whole bodies, else a GET each; then
-- children below the parents that were seen; then, by id, what a complete list no longer shows.

local catalog = require("azdrift.azure.catalog")
local left_out = require("azdrift.azure.left_out")
local shape = require("azdrift.azure.shape")
local task = require("azdrift.task")

local reader = {}
reader.__index = reader

-- 404s that say nothing about the resource: access was lost, or the question was wrong.
local NOT_GONE = { SubscriptionNotFound = true, InvalidSubscriptionId = true, InvalidResourceType = true, InvalidResourceNamespace = true,
  MissingSubscription = true }

--- @param context { arm, catalog, collector }
-- @param options { scope, connections, view = "auto"|"get", children = "core"|"all", types = array or nil, progress }
-- @param offered api-versions by type in lower case
function reader.new(context, options, coverage, offered)
  local only
  for _, name in ipairs(options.types or {}) do
    only = only or {}
    only[string.lower(name)] = true
  end
  return setmetatable({ arm = context.arm, collector = context.collector, catalog = context.catalog, coverage = coverage, offered = offered,
    scope = options.scope, connections = options.connections, view = options.view or "auto", children = options.children or "core",
    only = only, progress = options.progress, child_types = {}, parents = {} }, reader)
end

--- Whether the run reads a type at all (--type chooses some).
function reader:is_wanted(type_name) return not self.only or self.only[string.lower(type_name)] == true end

--- What is known of a type, or as much as its name says.
function reader:known(type_name)
  return self.catalog:type(type_name) or { type = type_name, names = {}, versions = {}, flags = {}, lists = {}, get = "id", how = "" }
end

function reader:version(known)
  local offered = self.offered[string.lower(known.type)]
  -- Extension types are offered by their own provider; children are often not registered on their own.
  if not offered and known.parent then offered = self.offered[string.lower(known.parent)] end
  return catalog.version(known, offered)
end

-- The provider does not know this api-version in the resource's region: its message names those it does.
local function supported_versions(message)
  local versions = {}
  local list = string.match(message or "", "api%-versions are '([^']*)'")
  for version in string.gmatch(list or "", "[%d%-]+[%w%-]*") do versions[#versions + 1] = version end
  return versions
end

--- GET of a URL that a function makes from the api-version; steps back to a version that the provider names, once.
local function with_version(self, known, version, ask)
  if not version then return nil, { outcome = "error", code = "NoApiVersion", message = "no api-version is known for it" } end
  local result, failure = ask(version)
  if result or failure.code ~= "NoRegisteredProviderFound" then return result, failure, version end
  local other = catalog.version(known, supported_versions(failure.message))
  if not other or other == version then return nil, failure, version end
  self.offered[string.lower(known.type)] = { other }
  result, failure = ask(other)
  return result, failure, other
end

local function must_store(ok, problem, code)
  if not ok then error({ message = problem, code = code }, 0) end
end

-- Reads one reply. Answers what collector:page says, or nil, failure.
function reader:take(reply, page)
  page.next, page.names = shape.next, self:has_children(page.type)
  local read, problem, code = self.collector:page(reply, page)
  if not read then return nil, { outcome = "error", status = 200, code = code, message = problem, retries = reply.retries } end
  must_store(self.collector:flush())
  if read.ids then self:remember(read.ids) end
  local line = self.coverage:line(page.type)
  line.requests, line.retries = line.requests + 1, line.retries + (reply.retries or 0)
  self.progress:add(read.items)
  return read
end

-- A resource that was there a moment ago and that is not found now was deleted between the two: not a failure.
local function is_gone(failure) return failure.status == 404 and not NOT_GONE[failure.code or ""] end

--- Reads a list whose items are whole bodies. true, or nil, failure (told to the coverage).
-- @param parent_may_go the list stands below a resource: not found, it went with that
function reader:list(known, path, query, parent_may_go)
  local nameless = 0
  local function ask(version)
    local line = self.coverage:line(known.type)
    line.name, line.view, line.api_version = known.type, "list", version
    return self.arm:pages(self.arm:url(path, version, query), function(reply)
      local read, failure = self:take(reply, { type = known.type, view = "list", api_version = version })
      if not read then return nil, failure end
      nameless = nameless + read.nameless
      self.coverage:read(known.type, read.items)
      return read.next
    end)
  end
  local ok, failure = with_version(self, known, self:version(known), ask)
  if ok or parent_may_go and is_gone(failure) and (failure.read or 0) == 0 then
    self.coverage:read(known.type, 0)
    -- What has no id cannot be followed from snapshot to snapshot: it is not in this one.
    if nameless > 0 then
      self.coverage:failed(known.type, { outcome = "partial", status = 200, code = "NamelessItems",
        message = string.format("%d items of the list have no id", nameless) })
    end
    return true
  end
  self.coverage:failed(known.type, failure)
  return nil, failure
end

--- Reads one resource by id. "ok", or nil, failure (not told to the coverage: what it means depends on who asks).
function reader:get(known, id)
  local function ask(version)
    local reply, failure = self.arm:get(self.arm:url(id, version))
    if not reply then return nil, failure end
    return self:take(reply, { single = true, id = id, type = known.type, view = "get", api_version = version })
  end
  local read, failure, version = with_version(self, known, self:version(known), ask)
  if not read then return nil, failure end
  local line = self.coverage:line(known.type)
  line.name = known.type
  line.view, line.api_version = line.view or "get", line.api_version or version
  self.coverage:read(known.type, read.items)
  return read
end

-- One resource of a type that is read by id; what goes wrong is told to the coverage.
function reader:get_told(known, id)
  local read, failure = self:get(known, id)
  if read then return end
  if is_gone(failure) then
    self.coverage:read(known.type, 0)
  else
    self.coverage:resource(known.type, id, failure)
  end
end

function reader:get_all(known, ids)
  self.coverage:line(known.type).name = known.type
  task.each(ids, self.connections, function(id) self:get_told(known, id) end)
end

function reader:is_offered(type_name) return self.offered[string.lower(type_name)] ~= nil end

-- Whether the whole type is read by one list below the subscription.
function reader:listed_at_scope(known)
  return self.view ~= "get" and known.lists.subscription ~= nil
end

--- Whether a type can be listed though no id of it is known.
function reader:is_listed_top(type_name)
  local known = self:known(type_name)
  return not known.parent and self:is_offered(type_name) and self:listed_at_scope(known)
end

local function scope_list_path(scope, known)
  local template = known.lists.subscription and known.lists.subscription.url
  if template then return (string.gsub(template, "{}", (string.gsub(string.match(scope, "[^/]+$"), "%%", "%%%%")), 1)) end
  return scope .. "/providers/" .. known.type
end

--- Reads the resources of one type by its list, and one by one where its provider has none after all.
function reader:type_by_list(known, ids)
  local ok, failure = self:list(known, scope_list_path(self.scope, known))
  -- A provider that does not list below the subscription may still answer each resource.
  if ok or failure.outcome ~= "not_found" and failure.outcome ~= "unsupported" or #ids == 0 then return end
  self.coverage:forget(known.type)
  self:get_all(known, ids)
end

-- A type that the lists below its parents show whole, once the parents are read.
function reader:is_read_below(known)
  return self.view ~= "get" and known.parent and known.lists.parent ~= nil and #known.names == 0
    and self:is_wanted(known.parent) and self:is_wanted_child(known.parent, known)
end

--- How the resources of one type are read: calls plan(work) once for each piece of it, to be done in any order.
function reader:plan_type(type_name, ids, plan)
  local known = self:known(type_name)
  if self:is_read_below(known) then return end
  if not self:version(known) then
    self.coverage:failed(type_name, { outcome = "unsupported", code = "NoApiVersion", message = "no api-version is known for it" })
  elseif self:listed_at_scope(known) then
    plan(function() self:type_by_list(known, ids) end, 1)
  else
    local line, at = self.coverage:line(known.type), 0
    line.name = known.type
    if #ids == 0 then self.coverage:read(known.type, 0) end
    plan(function()
      at = at + 1
      self:get_told(known, ids[at])
    end, #ids)
  end
end

-- Resources whose children are read later: { ["microsoft.sql/servers"] = { id, ... } }.
function reader:remember(ids)
  for i = 1, #ids, 2 do
    local key = string.lower(ids[i + 1])
    local list = self.parents[key] or {}
    list[#list + 1] = ids[i]
    self.parents[key] = list
  end
end

function reader:has_children(type_name) return #self:wanted_children(type_name) > 0 end

--- Reads a type of scope_types.lua, always by its list at the scope.
function reader:at_scope(entry)
  local known = self:known(entry.type)
  self:list(known, scope_list_path(self.scope, known), entry.query)
end

local function last_name(type_name) return string.match(type_name, "[^/]+$") end

-- Children of one type below one parent.
function reader:children_of(known, parent_id)
  if known.lists.parent and #known.names == 0 then
    self:list(known, parent_id .. "/" .. last_name(known.type), nil, true)
    return
  end
  for _, name in ipairs(known.names) do
    self:get_told(known, parent_id .. "/" .. last_name(known.type) .. "/" .. name)
  end
end

--- Types to read below each resource of a type: those the catalogue calls core, or, on request, all that the provider offers.
function reader:wanted_children(parent_type)
  local key = string.lower(parent_type)
  local wanted = self.child_types[key]
  if wanted then return wanted end
  wanted = {}
  self.child_types[key] = wanted
  for _, name in ipairs(self.catalog:children(parent_type)) do
    local known = self.catalog:type(name)
    local reachable = known.lists.parent or #known.names > 0
    local chosen = (self.children == "all" or known.flags.core) and not known.flags.getonly and not left_out.reason(name)
    if reachable and chosen and self:is_offered(name) and self:is_wanted(name) then wanted[#wanted + 1] = known end
  end
  return wanted
end

function reader:is_wanted_child(parent_type, known)
  for _, child in ipairs(self:wanted_children(parent_type)) do
    if child.type == known.type then return true end
  end
  return false
end

--- Reads children below the resources seen so far, and theirs, until there are none left.
function reader:descend()
  while next(self.parents) do
    local parents, jobs = self.parents, {}
    self.parents = {}
    for type_name, ids in pairs(parents) do
      for _, known in ipairs(self:wanted_children(type_name)) do
        for _, id in ipairs(ids) do jobs[#jobs + 1] = { known = known, parent = id } end
      end
    end
    self.progress:expect(#jobs)
    task.each(jobs, self.connections, function(job)
      self:children_of(job.known, job.parent)
      self.progress:step()
    end)
  end
end

--- What a complete list of the type no longer shows is asked for by id: gone for good only where ARM says so.
-- @param missed_before set of ids (lower case) that the snapshot before missed too, for types that cannot be asked by id
-- @param gone array that takes the resources that are gone
-- @param still array that takes ids still open though nobody showed them, for the next snapshot
function reader:settle_missing(type_name, missed_before, gone, still)
  local known, line = self:known(type_name), self.coverage:line(type_name)
  if not self.coverage:is_ok(type_name) then
    line.kept = self.collector:missing_count(type_name)
    return
  end
  local missing, problem, code = self.collector:missing(type_name)
  must_store(missing, problem, code)
  task.each(missing, self.connections, function(resource)
    local verdict = self:ask_missing(known, resource, missed_before[string.lower(resource.id)])
    if verdict == "gone" then
      gone[#gone + 1] = { id = resource.id, type = resource.type }
      return
    end
    line.kept = line.kept + 1
    self.collector:keep(resource.place)
    if verdict == "missing" then still[#still + 1] = resource.id end
  end)
end

-- "gone", "there" (its new state is read), "kept" (said in the coverage) or "missing" (no GET to ask with: wait for a second list).
function reader:ask_missing(known, resource, missed_before)
  local read, failure = self:get(known, resource.id)
  if read then return "there" end
  if is_gone(failure) then return "gone" end
  if failure.outcome == "unsupported" then return missed_before and "gone" or "missing" end
  self.coverage:resource(known.type, resource.id, failure)
  return "kept"
end

return reader
