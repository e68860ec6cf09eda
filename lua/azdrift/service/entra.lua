--- Tokens of one Entra ID tenant: which are taken, and the keys that sign them, fetched from the tenant and from nowhere else. A set that
-- cannot be fetched, or is refused, changes nothing: the last good one goes on. An unknown key asks for a new set, at most once in five
-- minutes, so that a flood of invented ones asks the tenant nothing.
local http = require("azdrift.http")
local log = require("azdrift.log")
local metrics = require("azdrift.metrics")
local task = require("azdrift.task")

local entra = {}

local REFRESH_MS = 24 * 3600 * 1000
local AGAIN_MS = 5 * 60 * 1000
local KEYS_BYTES = 256 * 1024
local DEADLINE_MS = 10000

local fetches = metrics.counter("azdrift_token_keys_fetches_total", "Key sets of the tenant that were asked for, by outcome.",
  { "outcome" })

local Entra = {}
Entra.__index = Entra

--- nil where no tenant is set: no token is taken. settings: entra.tenant, audiences, authority; ca_file, proxy of collect.
-- @return the watcher of the keys, or nil, sentence where the settings are wrong
function entra.new(settings, gate)
  local wanted = settings.entra
  if not wanted.tenant then return nil end
  if #wanted.audiences == 0 then return nil, "entra.audiences: a token is for somebody: say for whom, as api://azdrift" end
  local authority = wanted.authority:gsub("/+$", "")
  local is_loopback = authority:match("^http://127%.0%.0%.1:%d+$") or authority:match("^http://%[::1%]:%d+$")
  if not authority:match("^https://[^/]+$") and not is_loopback then
    return nil, ("entra.authority: %s is no https://host"):format(authority)
  end
  local tenant = wanted.tenant:lower()
  local taken, message = gate:take_tokens({ tenant = tenant, audiences = wanted.audiences,
    issuers = { ("%s/%s/v2.0"):format(authority, tenant), ("https://sts.windows.net/%s/"):format(tenant) } })
  if not taken then return nil, message end
  local client
  client, message = http.client({ allow = { { method = "GET", origin = authority } }, ca_file = settings.collect.ca_file,
    proxy = settings.collect.proxy, no_proxy = "localhost,127.0.0.1,::1" })
  if not client then return nil, message end
  return setmetatable({ gate = gate, client = client, url = ("%s/%s/discovery/v2.0/keys"):format(authority, tenant), asked_ms = -AGAIN_MS,
    is_known = false, clock_ms = task.clock_ms }, Entra)
end

local function fetch(self)
  local reply, message = self.client.request({ url = self.url, deadline_ms = DEADLINE_MS, max_body_bytes = KEYS_BYTES })
  if not reply then return nil, message end
  if reply.status ~= 200 then return nil, ("%s answers %d"):format(self.url, reply.status) end
  return self.gate:set_token_keys(reply:text())
end

--- Fetches the keys where it is time to: at first, once a day, and when a token named a key that is not known.
function Entra:look()
  local missed = self.gate:missed_token_key()
  self.wants = self.wants or missed or not self.is_known
  local since_ms = self.clock_ms() - self.asked_ms
  if since_ms < AGAIN_MS or not (self.wants or since_ms >= REFRESH_MS) then return end
  self.asked_ms, self.wants = self.clock_ms(), false
  local done, message = fetch(self)
  fetches:add(1, done and "taken" or "failed")
  if done then
    self.is_known = true
    log.info("token_keys", ("the keys of %s are taken"):format(self.url))
  else
    log.error("token_keys_failed", ("%s; %s"):format(message, self.is_known and "the last ones go on"
      or "no token is taken until they come"))
  end
end

return entra
