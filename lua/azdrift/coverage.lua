--- What a run read and what it could not: one line a type, and the few resources that stand out. Pure.
-- Outcomes: ok, partial, forbidden, unsupported, throttled, error, not_asked. Only `ok` lets the absence of a resource mean anything.

local json = require("azdrift.json")

local coverage = {}
coverage.__index = coverage

local RESOURCES_MAX = 1000 -- listed by id; more are counted

--- @param scope ARM scope in lower case, for hints
function coverage.new(scope)
  return setmetatable({ scope = scope, lines = {}, order = {}, worst = {}, resources = {}, more_resources = 0 }, coverage)
end

--- The line of a type, made when first asked for.
function coverage:line(type_name)
  local key = string.lower(type_name)
  local line = self.lines[key]
  if not line then
    line = { type = key, outcome = "not_asked", requests = 0, retries = 0, read = 0, kept = 0 }
    self.lines[key] = line
    self.order[#self.order + 1] = key
  end
  return line
end

local WORSE = { not_asked = 0, ok = 1, unsupported = 2, partial = 3, throttled = 4, error = 5, forbidden = 6 }

local function hint_for(outcome, scope, failure)
  if failure.status == 401 then return "Azure refuses the token: check the account's credential" end
  if outcome == "forbidden" then return "needs Reader on " .. scope end
  if failure.code == "SubscriptionNotFound" then return "the subscription is gone or no longer visible: check the identity's access" end
  if outcome == "throttled" then return "ask for less at once: lower collect.budget or collect.connections" end
  if failure.code == "NextLinkLoop" or failure.code == "ForeignNextLink" or failure.code == "EndlessList" then
    return "the provider's paging is broken; kept what was there"
  end
  return nil
end

-- The outcome of a type by what was read and by the worst that failed, in whatever order the two came: children of many parents
-- and resources by id are read at the same time.
local function settle(self, line)
  local failure = self.worst[line.type]
  if not failure or failure.of_parent and line.outcome == "ok" then return end
  local is_partial = line.read > 0 and (failure.outcome ~= "forbidden" or failure.of_resource)
  line.outcome = is_partial and "partial" or failure.outcome
  line.status, line.code, line.message = failure.status, failure.code, failure.message
  line.hint = hint_for(failure.outcome, self.scope, failure)
end

--- A list or GET of that type was read.
function coverage:read(type_name, count)
  local line = self:line(type_name)
  line.read = line.read + count
  local worst = self.worst[line.type]
  if line.outcome == "not_asked" or worst and worst.of_parent then
    line.outcome, line.status, line.code, line.message, line.hint = "ok", nil, nil, nil, nil
  end
  settle(self, line)
end

-- what: "resource" or "parent" where the failure is of one of them alone.
local function note_failure(self, type_name, failure, outcome, what)
  local line = self:line(type_name)
  local worst = self.worst[line.type]
  line.retries = line.retries + (failure.retries or 0)
  if not worst or WORSE[outcome] >= WORSE[worst.outcome] then
    self.worst[line.type] = { outcome = outcome, of_resource = what == "resource", of_parent = what == "parent", status = failure.status,
      code = failure.code, message = failure.message }
  end
  settle(self, line)
end

--- A list of that type could not be read in full. What was worse before stays.
function coverage:failed(type_name, failure)
  note_failure(self, type_name, failure, failure.outcome == "not_found" and "unsupported" or failure.outcome)
end

--- One resource could not be read; its type is partly read, unless nobody may read any.
function coverage:resource(type_name, id, failure)
  if #self.resources < RESOURCES_MAX then
    self.resources[#self.resources + 1] = { id = id, outcome = failure.outcome, status = failure.status, code = failure.code }
  else
    self.more_resources = self.more_resources + 1
  end
  note_failure(self, type_name, failure, failure.outcome == "forbidden" and "forbidden" or "partial", "resource")
end

--- Below one parent the provider has no such type (a kind of account that knows no queues): that parent has none, and nothing is
-- said of the others. Below all of them: the type is unsupported.
function coverage:without(type_name, failure)
  local line = self:line(type_name)
  line.without = (line.without or 0) + 1
  note_failure(self, type_name, failure, "unsupported", "parent")
end

--- The generic list of resources was read: types that have any.
-- @param types table by type in lower case
function coverage:inventory(types)
  self.shown = {}
  for name in pairs(types) do self.shown[name] = true end
end

--- What failed so far says nothing about the type: it is read in another way from now on.
function coverage:forget(type_name)
  local line = self:line(type_name)
  self.worst[line.type] = nil
  line.outcome, line.status, line.code, line.message, line.hint, line.view, line.api_version = "not_asked", nil, nil, nil, nil, nil, nil
end

--- Whether every resource of the type was read: then one that was not seen may be gone.
function coverage:is_ok(type_name)
  local line = self.lines[string.lower(type_name)]
  return line ~= nil and line.outcome == "ok"
end

-- A type that nobody can read is no gap, unless it could be read once: then what is kept of it may be long gone.
local function is_gap(line) return line.outcome ~= "ok" and (line.outcome ~= "unsupported" or line.kept > 0) end

--- Everything asked for was read.
function coverage:is_complete()
  if #self.resources > 0 then return false end
  for _, key in ipairs(self.order) do
    if is_gap(self.lines[key]) then return false end
  end
  return true
end

--- Types that were read in full: an array, sorted.
function coverage:ok_types()
  local types = {}
  for _, key in ipairs(self.order) do
    if self.lines[key].outcome == "ok" then types[#types + 1] = key end
  end
  table.sort(types)
  return types
end

--- Says of each type that was not read in full since which snapshot that is so.
-- @param seq of this run
-- @param before the published coverage of the snapshot before, or nil
function coverage:date(seq, before)
  local since = {}
  for _, line in ipairs(before and before.types or {}) do since[line.type] = line.since end
  for key, line in pairs(self.lines) do
    if line.outcome ~= "ok" then line.since = since[key] or seq end
  end
end

--- The published form (docs: the drift report's "coverage").
function coverage:document()
  local keys = table.move(self.order, 1, #self.order, 1, {})
  table.sort(keys)
  local types = {}
  for i, key in ipairs(keys) do types[i] = self.lines[key] end
  return { complete = self:is_complete(), types = json.array(types), resources = json.array(self.resources),
    more_resources = self.more_resources > 0 and self.more_resources or nil }
end

return coverage
