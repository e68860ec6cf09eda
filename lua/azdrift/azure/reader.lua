--- Reads the resources of a scope into a run: a list where one answers whole bodies, else a GET each; children below each parent
-- as soon as it was seen; and, by id, what a complete list no longer shows. What is read next goes to a list of jobs.

local plan = require("azdrift.azure.plan")
local shape = require("azdrift.azure.shape")

local reader = {}
reader.__index = reader

--- Ranks of jobs, longest chains first: lists have pages and children; a GET with children below it; a GET without.
reader.RANKS = 3
local LISTS, PARENTS, LEAVES = 1, 2, 3

-- 404s that say nothing about the resource: access was lost, or the question was wrong.
local NOT_GONE = { SubscriptionNotFound = true, InvalidSubscriptionId = true, InvalidResourceType = true, InvalidResourceNamespace = true,
  MissingSubscription = true }

--- @param context { arm, collector }
-- @param parts { scope, plan, coverage, progress, jobs = azdrift.work with reader.RANKS ranks }
function reader.new(context, parts)
  return setmetatable({ arm = context.arm, collector = context.collector, scope = parts.scope, plan = parts.plan,
    coverage = parts.coverage, progress = parts.progress, jobs = parts.jobs, ways = {}, waiting = {}, is_forgotten = {} }, reader)
end

--- GET of a URL that a function makes from the api-version; steps back to a version that the provider names, once.
local function with_version(self, known, ask)
  local version = self.plan:version(known)
  if not version then return nil, { outcome = "error", code = "NoApiVersion", message = "no api-version is known for it" } end
  local result, failure = ask(version)
  if result or failure.code ~= "NoRegisteredProviderFound" then return result, failure, version end
  local other = self.plan:step_back(known, version, failure.message)
  if not other then return nil, failure, version end
  result, failure = ask(other)
  return result, failure, other
end

local function must_store(ok, problem, code)
  if not ok then error({ message = problem, code = code }, 0) end
end

-- Children of resources that were just read: { id, type, id, type ... }.
local function descend(self, ids)
  local by_type = {}
  for i = 1, #ids, 2 do
    local list = by_type[ids[i + 1]] or {}
    list[#list + 1] = ids[i]
    by_type[ids[i + 1]] = list
  end
  for type_name, parents in pairs(by_type) do
    for _, known in ipairs(self.plan:children_of(type_name)) do
      self.jobs:add(LISTS, function(parent) self:children_of(known, parent) end, parents)
    end
  end
end

-- Reads one reply. Answers what collector:page says, or nil, failure.
local function take(self, reply, page)
  page.next, page.names = shape.next, #self.plan:children_of(page.type) > 0
  local read, problem, code = self.collector:page(reply, page)
  if not read then return nil, { outcome = "error", status = 200, code = code, message = problem, retries = reply.retries } end
  must_store(self.collector:flush())
  if read.ids then descend(self, read.ids) end
  local line = self.coverage:line(page.type)
  line.requests, line.retries = line.requests + 1, line.retries + (reply.retries or 0)
  self.progress:add(read.items)
  return read
end

-- A resource that was there a moment ago and that is not found now was deleted between the two: not a failure.
local function is_gone(failure) return failure.status == 404 and not NOT_GONE[failure.code or ""] end

--- Reads a list whose items are whole bodies. true, or nil, failure (told to the coverage).
-- @param parent_may_go the list stands below a resource: not found, it went with that; unsupported, that has none
function reader:list(known, path, query, parent_may_go)
  local nameless = 0
  local function ask(version)
    local line = self.coverage:line(known.type)
    line.name, line.view, line.api_version = known.type, "list", version
    return self.arm:pages(self.arm:url(path, version, query), function(reply)
      local read, failure = take(self, reply, { type = known.type, view = "list", api_version = version })
      if not read then return nil, failure end
      nameless = nameless + read.nameless
      self.coverage:read(known.type, read.items)
      return read.next
    end)
  end
  local ok, failure = with_version(self, known, ask)
  if ok or parent_may_go and is_gone(failure) and (failure.read or 0) == 0 then
    self.coverage:read(known.type, 0)
    -- What has no id cannot be followed from snapshot to snapshot: it is not in this one.
    if nameless > 0 then
      self.coverage:failed(known.type, { outcome = "partial", status = 200, code = "NamelessItems",
        message = string.format("%d items of the list have no id", nameless) })
    end
    return true
  end
  if parent_may_go and failure.outcome == "unsupported" and (failure.read or 0) == 0 then
    self.coverage:without(known.type, failure)
  else
    self.coverage:failed(known.type, failure)
  end
  return nil, failure
end

--- Reads one resource by id. "ok", or nil, failure (not told to the coverage: what it means depends on who asks).
function reader:get(known, id)
  local function ask(version)
    local reply, failure = self.arm:get(self.arm:url(id, version))
    if not reply then return nil, failure end
    return take(self, reply, { single = true, id = id, type = known.type, view = "get", api_version = version })
  end
  local read, failure, version = with_version(self, known, ask)
  if not read then return nil, failure end
  local line = self.coverage:line(known.type)
  line.name = known.type
  line.view, line.api_version = line.view or "get", line.api_version or version
  self.coverage:read(known.type, read.items)
  return read
end

-- One resource of a type that is read by id; what goes wrong is told to the coverage.
local function get_told(self, known, id)
  local read, failure = self:get(known, id)
  if read then return end
  if is_gone(failure) then
    self.coverage:read(known.type, 0)
  else
    self.coverage:resource(known.type, id, failure)
  end
end

-- GETs for ids of one type, some time.
local function get_later(self, known, ids)
  self.coverage:line(known.type).name = known.type
  local rank = #self.plan:children_of(known.type) > 0 and PARENTS or LEAVES
  self.jobs:add(rank, function(id) get_told(self, known, id) end, ids)
end

-- Asks one by one where a provider turned out to have no list: for the ids that came before, and for those that come later.
local function get_instead(self, known, ids)
  if #ids == 0 then return end
  if not self.is_forgotten[known] then self.coverage:forget(known.type) end
  self.is_forgotten[known] = true
  get_later(self, known, ids)
end

-- Reads the resources of one type by its list.
local function type_by_list(self, known)
  local ok, failure = self:list(known, plan.list_path(self.scope, known))
  local ids = self.waiting[known]
  self.waiting[known] = nil
  -- A provider that does not list below the subscription may still answer each resource.
  if ok or failure.outcome ~= "not_found" and failure.outcome ~= "unsupported" then return end
  self.ways[known] = "get instead"
  get_instead(self, known, ids)
end

-- Decides how a type is read, and begins where that needs no ids.
local function begin(self, known)
  local way = self.plan:way_of(known)
  self.ways[known] = way
  if way == "none" then
    self.coverage:failed(known.type, { outcome = "unsupported", code = "NoApiVersion", message = "no api-version is known for it" })
  elseif way == "list" then
    self.waiting[known] = {}
    self.jobs:add(LISTS, function() type_by_list(self, known) end, { known.type })
  end
end

--- Types that are read without anybody showing one of their resources: those that stand at the scope, and those with open
-- versions whose absence a list would tell.
function reader:begin(scope_types, open_types)
  for _, entry in ipairs(scope_types) do
    local known = self.plan:known(entry.type)
    if self.plan:is_offered(entry.type) and self.plan:is_wanted(entry.type) and not self.ways[known] then
      self.ways[known] = "at scope"
      self.jobs:add(LISTS, function() self:list(known, plan.list_path(self.scope, known), entry.query) end, { entry.type })
    end
  end
  for _, type_name in ipairs(open_types) do
    local known = self.plan:known(type_name)
    if self.plan:is_wanted(type_name) and not self.ways[known] and self.plan:is_listed_alone(known) then begin(self, known) end
  end
end

--- The generic list shows resources of a type.
function reader:found(type_name, ids)
  if not self.plan:is_wanted(type_name) then return end
  local known = self.plan:known(type_name)
  if not self.ways[known] then begin(self, known) end
  local way, waiting = self.ways[known], self.waiting[known]
  if way == "get" then get_later(self, known, ids) end
  if way == "get instead" then get_instead(self, known, ids) end
  if waiting then table.move(ids, 1, #ids, #waiting + 1, waiting) end
end

--- The generic list broke off: of types that are read by the ids it shows there may be more resources than were read.
function reader:not_all_found(failure)
  for known, way in pairs(self.ways) do
    if way == "get" or way == "get instead" then
      self.coverage:failed(known.type, { outcome = "partial", status = failure.status, code = failure.code,
        message = "the list of the subscription's resources broke off: " .. (failure.message or failure.code or "no answer") })
    end
  end
end

-- Children of one type below one parent.
function reader:children_of(known, parent_id)
  local path = parent_id .. "/" .. string.match(known.type, "[^/]+$")
  if known.lists.parent and #known.names == 0 then
    self:list(known, path, nil, true)
    return
  end
  for _, name in ipairs(known.names) do get_told(self, known, path .. "/" .. name) end
end

-- "gone", "there" (its new state is read), "kept" (said in the coverage) or "missing" (no GET to ask with: wait for a second list).
local function ask_missing(self, known, resource, missed_before)
  local read, failure = self:get(known, resource.id)
  if read then return "there" end
  if is_gone(failure) then return "gone" end
  if failure.outcome == "unsupported" then return missed_before and "gone" or "missing" end
  self.coverage:resource(known.type, resource.id, failure)
  return "kept"
end

--- What a complete list of the type no longer shows is asked for by id, some time: gone for good only where ARM says so.
-- @param missed_before set of ids (lower case) that the snapshot before missed too, for types that cannot be asked by id
-- @param gone array that takes the resources that are gone
-- @param still array that takes ids still open though nobody showed them, for the next snapshot
function reader:settle_missing(type_name, missed_before, gone, still)
  local known, line = self.plan:known(type_name), self.coverage:line(type_name)
  if not self.coverage:is_ok(type_name) then
    line.kept = self.collector:missing_count(type_name)
    return
  end
  local missing, problem, code = self.collector:missing(type_name)
  must_store(missing, problem, code)
  self.jobs:add(LEAVES, function(resource)
    local verdict = ask_missing(self, known, resource, missed_before[string.lower(resource.id)])
    if verdict == "gone" then
      gone[#gone + 1] = { id = resource.id, type = resource.type }
      return
    end
    line.kept = line.kept + 1
    self.collector:keep(resource.place)
    if verdict == "missing" then still[#still + 1] = resource.id end
  end, missing)
end

return reader
