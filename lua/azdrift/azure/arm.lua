--- Azure Resource Manager, read only: one GET with its retries, and lists with their pages.
-- An answer is never guessed: what could not be read comes back as an outcome with status, code and what to do about it.

local cloud = require("azdrift.azure.cloud")
local http = require("azdrift.http")
local json = require("azdrift.json")
local limits = require("azdrift.azure.limits")
local network = require("azdrift.azure.network")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local arm = {}
arm.__index = arm

local DEADLINE_MS = 60000
local CONNECTIONS = 32 -- where nobody says otherwise
local REPLY_MAX_BYTES = 64 * 1024 * 1024
local ERROR_MAX_BYTES = 64 * 1024
local MESSAGE_MAX_BYTES = 1024 -- of Azure's own words, as far as a report repeats them
local PAGES_MAX = 10000 -- of one list, ten million resources at ARM's own page size: beyond it the list is said to be endless

--- @param options { cloud, credential, deadline_ms (of one answer), retry = policy, pages_max (of one list), limits }
function arm.new(options)
  return setmetatable({ cloud = options.cloud, origin = options.cloud.arm, credential = options.credential,
    deadline_ms = options.deadline_ms or DEADLINE_MS, pages_max = options.pages_max or PAGES_MAX, retry = options.retry or retry.DEFAULT,
    limits = options.limits or limits.new({ share = 1, most = CONNECTIONS }) }, arm)
end

--- The same for one piece of work: on_wait is called whenever a request of it has to wait for one of Azure's limits.
function arm:on_behalf(on_wait)
  local copy = { on_wait = on_wait }
  for name, value in pairs(self) do copy[name] = copy[name] or value end
  return setmetatable(copy, arm)
end

--- The URL of a path below the ARM endpoint. A path is taken as Azure gave it (names of groups may be of any script); only the
--- query is ours.
function arm:url(path, api_version, query)
  local encoded = string.gsub(path, "[%c \127-\255%%\"<>\\^`{|}#?]", function(c) return string.format("%%%02X", string.byte(c)) end)
  local version = string.gsub(api_version, "[^%w%.%-]", function(c) return string.format("%%%02X", string.byte(c)) end)
  local url = self.origin .. encoded .. "?api-version=" .. version
  for _, pair in ipairs(query or {}) do url = url .. "&" .. pair end
  return url
end

-- Text of at most MESSAGE_MAX_BYTES, cut between characters; nil for anything else.
local function short(value)
  if type(value) ~= "string" then return nil end
  if #value <= MESSAGE_MAX_BYTES then return value end
  return string.sub(value, 1, utf8.offset(value, 0, MESSAGE_MAX_BYTES + 1) - 1) .. "..."
end

local function error_of(reply)
  local text = reply:text(ERROR_MAX_BYTES)
  local body = text and json.decode(text)
  local detail = type(body) == "table" and type(body.error) == "table" and body.error or {}
  return short(detail.code), short(detail.message)
end

local OUTCOME_OF_STATUS = { [401] = "forbidden", [403] = "forbidden", [404] = "not_found", [405] = "unsupported", [429] = "throttled" }

-- The provider knows no such type, or not by this api-version.
local UNSUPPORTED = { NoRegisteredProviderFound = true, InvalidResourceType = true, InvalidResourceNamespace = true }

local function failure(status, code, message)
  local outcome = OUTCOME_OF_STATUS[status] or "error"
  if UNSUPPORTED[code or ""] then outcome = "unsupported" end
  if code == "SubscriptionNotFound" then outcome = "error" end -- lost access, never an absence
  return { outcome = outcome, status = status, code = code, message = message }
end

--- The claims that a CAE challenge asks for, or nil (Entra: WWW-Authenticate ... error="insufficient_claims", claims="...").
local function is_challenge(reply)
  return string.find(reply.headers["www-authenticate"] or "", "insufficient_claims", 1, true) ~= nil
end

local function send(self, url)
  local token, problem = self.credential:token()
  if not token then return nil, { outcome = "error", code = "credential", message = problem } end
  local reply, message, code, reason = http.request({ url = url, method = "GET", deadline_ms = self.deadline_ms,
    headers = { accept = "application/json" }, token = token, token_origin = self.origin, max_body_bytes = REPLY_MAX_BYTES })
  if not reply then
    return nil, { outcome = "error", code = code, message = network.sentence(message, reason),
      transient = retry.is_transient(nil, code, reason) }
  end
  return reply, nil, token
end

-- Sends through the gates of Azure's limits.
local function send_through(self, gates, url)
  local is_open, given_up = self.limits:enter(gates, self.on_wait)
  if not is_open then
    return nil, { outcome = given_up.outcome, status = given_up.status, code = given_up.code, message = given_up.message }
  end
  local left
  local _ <close> = setmetatable({}, { __close = function() if not left then self.limits:leave(gates) end end })
  local reply, problem, token = send(self, url)
  left = true
  self.limits:leave(gates, reply and reply.headers, reply and reply.status < 500 and reply.status ~= 429)
  return reply, problem, token
end

-- After a 429: its gate is closed meanwhile, and the next try waits there with everybody else.
local function after_refusal(self, gates, tries, reply)
  local problem = failure(reply.status, error_of(reply))
  local wait_ms = retry.wait_ms(self.retry, tries, retry.asked_ms(reply.headers, task.now_ms()), math.random())
  self.limits:refused(gates, problem.code, reply.headers, wait_ms, problem)
  return wait_ms ~= nil, problem
end

--- One GET with its retries.
-- @param url below the ARM endpoint, or its nextLink
-- @return reply with status 200, or nil, { outcome, status, code, message, retries }
function arm:get(url)
  local refused, tries, gates = false, 0, self.limits:gates_of(url)
  while true do
    tries = tries + 1
    local reply, problem, token = send_through(self, gates, url)
    if reply and reply.status == 200 then
      reply.retries = tries - 1
      return reply
    end
    local wait_ms
    if reply and reply.status == 401 and not refused and not is_challenge(reply) then
      refused, wait_ms = true, self.credential:drop(token) and 0 or nil
    elseif reply and reply.status == 429 then
      local is_worth_it
      is_worth_it, problem = after_refusal(self, gates, tries, reply)
      wait_ms = is_worth_it and 0 or nil
    elseif reply and retry.is_transient(reply.status) then
      wait_ms = retry.wait_ms(self.retry, tries, retry.asked_ms(reply.headers, task.now_ms()), math.random())
    elseif not reply and problem.transient then
      wait_ms = retry.wait_ms(self.retry, tries, nil, math.random())
    end
    if not wait_ms then
      problem = problem or failure(reply.status, error_of(reply))
      problem.retries = tries - 1
      return nil, problem
    end
    if wait_ms > 0 then task.sleep_ms(wait_ms) end
  end
end

--- Walks the pages of a list: take(reply) reads one and answers the next link ("" or nil at the end), or nil, failure.
-- A link to another host is not followed (the token would leave with it), nor one that was followed before.
-- @return true, or nil, failure { outcome = "partial" once a page was read }
function arm:pages(url, take)
  local seen, count = {}, 0
  while true do
    if cloud.origin(url) ~= self.origin then
      return nil, { outcome = count > 0 and "partial" or "error", code = "ForeignNextLink", read = count,
        message = "the next page lies on another host: " .. tostring(cloud.origin(url) or url) }
    end
    if seen[url] then
      return nil, { outcome = "partial", code = "NextLinkLoop", read = count, message = "the list's pages go round in a circle" }
    end
    if count >= self.pages_max then
      return nil, { outcome = "partial", code = "EndlessList", read = count,
        message = string.format("the list was given up after %d pages, and still has a next one", count) }
    end
    seen[url] = true
    local reply, problem = self:get(url)
    local next_link
    if reply then next_link, problem = take(reply) end
    if problem then
      if count > 0 and problem.outcome ~= "forbidden" then problem.outcome = "partial" end
      problem.read = count
      return nil, problem
    end
    count = count + 1
    if not next_link or next_link == "" then return true end
    if type(next_link) ~= "string" then
      return nil, { outcome = "partial", code = "NextLinkNotText", read = count, message = "the link to the next page is no text" }
    end
    url = next_link
  end
end

-- Adds the objects of a reply's list to items. Answers its next link, or nil, sentence.
local function take_small(reply, items)
  local text, problem = reply:text(REPLY_MAX_BYTES)
  local document
  if text then document, problem = json.parse(text) end
  if not document then return nil, problem end
  local value = json.kind(document) == "object" and document.value
  if json.kind(value) ~= "array" then return nil, "the reply holds no list" end
  for i = 1, #value do
    if json.kind(value[i]) ~= "object" then return nil, string.format("item %d of the list is no object", i) end
    items[#items + 1] = value[i]
  end
  return document.nextLink
end

--- All items of a small list (subscriptions, providers) as documents, every one an object: an array, or nil, failure.
function arm:list_small(url)
  local items = {}
  local ok, problem = self:pages(url, function(reply)
    local next_link, sentence = take_small(reply, items)
    if sentence then return nil, { outcome = "error", status = reply.status, code = "NotAList", message = sentence } end
    return next_link
  end)
  if not ok then return nil, problem end
  return items
end

return arm
