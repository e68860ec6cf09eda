--- What exists: subscriptions, what providers offer, and the ids of a subscription's resources.
-- Sources: ARM REST reference (subscriptions, providers, resources list).

local json = require("azdrift.json")
local shape = require("azdrift.azure.shape")

local inventory = {}

local SUBSCRIPTIONS_API = "2022-12-01"
local PROVIDERS_API = "2021-04-01"
local RESOURCES_API = "2021-04-01"
local PAGE_SIZE = 1000 -- the most that ARM answers; above it InvalidTopInQueryString

-- Warned and PastDue can still be read; Disabled too, but nothing in it may change. Deleted is gone.
local READABLE = { Enabled = true, Warned = true, PastDue = true, Disabled = true }

local function text_or(value, other) return type(value) == "string" and value or other end

-- A subscription's id goes into URLs, scopes and file names: a GUID, or at most what looks like one in a sandbox.
local function is_id(value) return type(value) == "string" and #value <= 64 and string.find(value, "^[%w%-]+$") ~= nil end

--- Subscriptions that the credential sees: { { id, name, state }, ... }, each once, sorted by id, or nil, failure.
function inventory.subscriptions(arm)
  local items, failure = arm:list_small(arm:url("/subscriptions", SUBSCRIPTIONS_API))
  if not items then return nil, failure end
  local subscriptions, seen = {}, {}
  for _, item in ipairs(items) do
    local state = text_or(item.state, "Enabled")
    if not is_id(item.subscriptionId) then
      return nil, { outcome = "error", code = "NotASubscription", message = "the list holds a subscription whose id is none" }
    end
    local id = string.lower(item.subscriptionId)
    if READABLE[state] and not seen[id] then
      seen[id] = true
      subscriptions[#subscriptions + 1] = { id = id, name = text_or(item.displayName, id), state = state }
    end
  end
  table.sort(subscriptions, function(a, b) return a.id < b.id end)
  return subscriptions
end

local function matches(patterns, subscription)
  for _, pattern in ipairs(patterns) do
    local expression = "^" .. string.gsub(string.lower(pattern), "[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*") .. "$"
    if string.find(subscription.id, expression) or string.find(string.lower(subscription.name), expression) then return true end
  end
  return false
end

--- Those that an account's include and exclude name, by id or name; `*` stands for any text.
function inventory.chosen(subscriptions, include, exclude)
  local chosen = {}
  for _, subscription in ipairs(subscriptions) do
    if matches(include, subscription) and not matches(exclude, subscription) then chosen[#chosen + 1] = subscription end
  end
  return chosen
end

-- The elements of a list of a document that are texts, or objects; none where it is no list.
local function elements(value, kind)
  local found = {}
  for i = 1, json.kind(value) == "array" and #value or 0 do
    if (json.kind(value[i]) or type(value[i])) == kind then found[#found + 1] = value[i] end
  end
  return found
end

local function add_offers(offered, provider)
  for _, resource_type in ipairs(elements(provider.resourceTypes, "object")) do
    if type(resource_type.resourceType) == "string" then
      offered[string.lower(provider.namespace .. "/" .. resource_type.resourceType)] = elements(resource_type.apiVersions, "string")
    end
  end
end

--- What the subscription's providers offer: { ["microsoft.sql/servers"] = { versions } } with types in lower case, or nil, failure.
function inventory.offered(arm, scope)
  local items, failure = arm:list_small(arm:url(scope .. "/providers", PROVIDERS_API))
  if not items then return nil, failure end
  local offered = {}
  for _, provider in ipairs(items) do
    if type(provider.namespace) == "string" then add_offers(offered, provider) end
  end
  -- No subscription is without Microsoft.Resources; without this list half of the types would not even be asked for.
  if not next(offered) then return nil, { outcome = "error", code = "NoProviders", message = "the list of providers names no type" } end
  return offered
end

--- Walks the generic list: tell(by_type) once a page, by_type = { ["microsoft.sql/servers"] = { id, ... } } with types in lower
-- case. ARM keeps no properties there: the bodies are read by type.
-- @return nothing, or what kept it from being read to its end
function inventory.walk(arm, collector, scope, tell)
  local url = arm:url(scope .. "/resources", RESOURCES_API, { "$top=" .. PAGE_SIZE })
  local _, failure = arm:pages(url, function(reply)
    local page, problem, code = collector:page(reply, { inventory = true, names = true, next = shape.next })
    if not page then return nil, { outcome = "error", code = code, message = problem, status = 200 } end
    local by_type = {}
    for i = 1, #page.ids, 2 do
      local key = string.lower(page.ids[i + 1])
      local ids = by_type[key] or {}
      ids[#ids + 1] = page.ids[i]
      by_type[key] = ids
    end
    tell(by_type)
    return page.next
  end)
  return failure
end

return inventory
