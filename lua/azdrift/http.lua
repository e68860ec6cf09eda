--- HTTP requests to others. Replies keep their bytes outside Lua until a script asks for reply.body or reply:text().
-- What a client may send is said when it is made and cannot be widened afterwards. The client that http.request uses reads, and
-- asks for tokens: it cannot send a request that writes.
local core = require("azdrift.core.http")

local http = {}

local READ_ONLY = {
  { method = "GET" },
  { method = "HEAD" },
  { method = "POST", path = "/*/oauth2/v2.0/token" },
}

--- A client of its own: { request = function(options), stats = function(), close = function() }.
-- @param options allow, connections, connect_timeout_ms, proxy, no_proxy, ca_file
function http.client(options)
  local given = { allow = READ_ONLY }
  for name, value in pairs(options or {}) do given[name] = value end
  local client, message, code = core.client(given)
  if not client then return nil, message, code end
  return {
    request = function(request) return client:request(request) end,
    stats = function() return client:stats() end,
    close = function() client:close() end,
  }
end

local default

--- How http.request goes out from now on. The rules of what it may send stay.
-- @param options connections, connect_timeout_ms, proxy, no_proxy, ca_file
function http.configure(options)
  assert(not options.allow, "http.configure: what the common client may send is fixed; make an http.client of your own")
  local client, message, code = http.client(options)
  if not client then return nil, message, code end
  default = client
  return true
end

--- One request by the common client; awaits its reply.
-- @return reply, or nil, sentence, code, reason
function http.request(options)
  if not default then assert(http.configure({})) end
  return default.request(options)
end

--- Counters of the common client.
function http.stats()
  if not default then assert(http.configure({})) end
  return default.stats()
end

return http
