--- What exists: subscriptions, what providers offer, and the ids of a subscription's resources.
-- Sources: ARM REST reference (subscriptions, providers, resources list).

local shape = require("azdrift.azure.shape")

local inventory = {}

local SUBSCRIPTIONS_API = "2022-12-01"
local PROVIDERS_API = "2021-04-01"
local RESOURCES_API = "2021-04-01"
local PAGE_SIZE = 1000 -- the most that ARM answers; above it InvalidTopInQueryString

-- Warned and PastDue can still be read; Disabled too, but nothing in it may change. Deleted is gone.
local READABLE = { Enabled = true, Warned = true, PastDue = true, Disabled = true }

--- Subscriptions that the credential sees: { { id, name, state }, ... } sorted by id, or nil, failure.
function inventory.subscriptions(arm)
  local items, failure = arm:list_small(arm:url("/subscriptions", SUBSCRIPTIONS_API))
  if not items then return nil, failure end
  local subscriptions = {}
  for _, item in ipairs(items) do
    if type(item.subscriptionId) == "string" and READABLE[item.state or "Enabled"] then
      subscriptions[#subscriptions + 1] = { id = string.lower(item.subscriptionId), name = item.displayName or item.subscriptionId,
        state = item.state or "Enabled" }
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

--- What the subscription's providers offer: { ["microsoft.sql/servers"] = { versions } } with types in lower case, or nil, failure.
function inventory.offered(arm, scope)
  local items, failure = arm:list_small(arm:url(scope .. "/providers", PROVIDERS_API))
  if not items then return nil, failure end
  local offered = {}
  for _, provider in ipairs(items) do
    for _, resource_type in ipairs(provider.resourceTypes or {}) do
      local versions = {}
      for i, version in ipairs(resource_type.apiVersions or {}) do versions[i] = version end
      offered[string.lower(string.format("%s/%s", provider.namespace, resource_type.resourceType))] = versions
    end
  end
  return offered
end

--- The ids that the generic list shows, by type in lower case: { ["microsoft.sql/servers"] = { id, ... } }, or nil, failure.
-- ARM keeps no properties there: the bodies are read by type.
function inventory.ids(arm, collector, scope)
  local by_type = {}
  local url = arm:url(scope .. "/resources", RESOURCES_API, { "$top=" .. PAGE_SIZE })
  local ok, failure = arm:pages(url, function(reply)
    local page, problem, code = collector:page(reply, { inventory = true, names = true, next = shape.next })
    if not page then return nil, { outcome = "error", code = code, message = problem, status = 200 } end
    for i = 1, #page.ids, 2 do
      local key = string.lower(page.ids[i + 1])
      local ids = by_type[key] or {}
      ids[#ids + 1] = page.ids[i]
      by_type[key] = ids
    end
    return page.next
  end)
  if not ok then return nil, failure end
  return by_type
end

return inventory
