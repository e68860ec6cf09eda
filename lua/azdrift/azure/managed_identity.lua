--- The token of the identity that Azure gives a virtual machine (IMDS) or an app (App Service, Container Apps).
-- Sources: entra-docs managed-identities-azure-resources/how-to-use-vm-token; azure-sdk-for-cpp azure-identity.

local entra = require("azdrift.azure.entra")
local http = require("azdrift.http")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local managed_identity = {}

local IMDS = "http://169.254.169.254"
local IMDS_API_VERSION = "2018-02-01"
local APP_API_VERSION = "2019-08-01"
local DEADLINE_MS = 10000
local ANSWER_MAX_BYTES = 256 * 1024
local HALF_LIFE_FROM_S = 7200 -- a token that lives so long is renewed at half its life

--- Waits before the second try and those after it: Azure's own advice for 404, 429 and 5xx.
managed_identity.WAITS_MS = { 2000, 4000, 8000, 16000 }
--- IMDS is being updated: back within 70 s.
managed_identity.GONE_WAITS_MS = { 10000, 20000, 40000 }

-- Where the identity of this machine is asked for: url, headers, what it is called; or nil, sentence.
local function endpoint(env)
  if env("IDENTITY_ENDPOINT") and env("IMDS_ENDPOINT") then
    return nil, "managed identity: this is an Azure Arc machine, whose identity azdrift cannot use yet; use workload, secret or cli"
  end
  if env("IDENTITY_ENDPOINT") then
    if not env("IDENTITY_HEADER") then return nil, "managed identity: IDENTITY_ENDPOINT is set and IDENTITY_HEADER is not" end
    return env("IDENTITY_ENDPOINT"), { ["x-identity-header"] = env("IDENTITY_HEADER") }, APP_API_VERSION
  end
  local host = env("AZURE_POD_IDENTITY_AUTHORITY_HOST") or IMDS
  return string.gsub(host, "/+$", "") .. "/metadata/identity/oauth2/token", { metadata = "true" }, IMDS_API_VERSION
end

local function escaped(text)
  return (string.gsub(text, "[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

local function refusal(reply, client_id)
  local said = entra.said(entra.decoded(reply) or {}) or "answered " .. reply.status
  local advice = client_id and "is the identity of AZURE_CLIENT_ID assigned to this machine?"
    or "is an identity assigned to this machine? a user-assigned one is named by AZURE_CLIENT_ID"
  return string.format("managed identity: %s; %s", said, advice)
end

local function read_token(reply)
  local body, unreadable = entra.decoded(reply)
  local expires_at = body and tonumber(body.expires_on)
  if not body or type(body.access_token) ~= "string" or not expires_at then
    return nil, "managed identity: the answer holds no access_token and expires_on" .. (unreadable and ": " .. unreadable or "")
  end
  local life_s = expires_at - task.now()
  local renew_s = tonumber(body.refresh_in) or life_s >= HALF_LIFE_FROM_S and life_s // 2 or nil
  return body.access_token, expires_at, renew_s and task.now() + renew_s
end

-- What to wait before another try, or nil.
local function wait_ms(reply, tries)
  if reply.status == 410 then return managed_identity.GONE_WAITS_MS[tries] end
  if reply.status == 404 or retry.is_transient(reply.status) then return managed_identity.WAITS_MS[tries] end
  return nil
end

--- @param client_id of a user-assigned identity, or nil for the machine's own
-- @param env function(name): the environment
-- @return token, when it expires, when to renew it (seconds since 1970; nil: as any other); or nil, sentence
function managed_identity.ask(cloud, client_id, env)
  local url, headers, version = endpoint(env)
  if not url then return nil, headers end
  url = string.format("%s?api-version=%s&resource=%s", url, version, escaped(cloud.arm .. "/"))
  if client_id then url = url .. "&client_id=" .. escaped(client_id) end
  local tries = 0
  while true do
    tries = tries + 1
    local reply, problem = http.request({ url = url, method = "GET", headers = headers, deadline_ms = DEADLINE_MS,
      max_body_bytes = ANSWER_MAX_BYTES })
    if not reply then
      return nil, string.format("managed identity: %s; this machine has none, or is not in Azure: use another credential", problem)
    end
    if reply.status == 200 then return read_token(reply) end
    local pause_ms = wait_ms(reply, tries)
    if not pause_ms then return nil, refusal(reply, client_id) end
    task.sleep_ms(pause_ms)
  end
end

return managed_identity
