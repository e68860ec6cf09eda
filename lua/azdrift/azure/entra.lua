--- Asks Entra's login endpoint for a token of an application: OAuth 2 client credentials, whatever proves who asks.
-- Sources: MicrosoftDocs/entra-docs v2-oauth2-client-creds-grant-flow, reference-error-codes.

local http = require("azdrift.http")
local json = require("azdrift.json")
local network = require("azdrift.azure.network")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local entra = {}

local TOKEN_DEADLINE_MS = 30000
local TOKEN_MAX_BYTES = 256 * 1024
local SAID_MAX_BYTES = 1000

-- What to mend, by AADSTS code (entra-docs reference-error-codes; azure-workload-identity issues for the federated ones).
local FEDERATED = "no federated credential of the application matches the token: compare its issuer, subject and audience with the "
  .. "token's, letter by letter (a new one takes minutes to be known)"
local ADVICE = {
  [7000215] = "the client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value (not its id)",
  [7000222] = "the client secret has expired: make a new one and set AZURE_CLIENT_SECRET",
  [700016] = "the application is not in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
  [90002] = "the tenant does not exist in this cloud: check AZURE_TENANT_ID and the setting cloud",
  [900023] = "the tenant is neither a GUID nor a domain: check AZURE_TENANT_ID",
  [50034] = "the account is not in this tenant: check AZURE_TENANT_ID",
  [50012] = "the token of token_file proves nothing here: is it of this cluster, and not expired (AZURE_FEDERATED_TOKEN_FILE)?",
  [70021] = FEDERATED,
  [700213] = FEDERATED,
  [7002138] = FEDERATED,
}

local function form_encode(fields)
  local parts = {}
  for _, field in ipairs(fields) do
    local value = string.gsub(field[2], "[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end)
    parts[#parts + 1] = field[1] .. "=" .. value
  end
  return table.concat(parts, "&")
end

--- The object in the body of a reply of a token endpoint: an empty one where it holds none; nil, sentence where it is unreadable.
function entra.decoded(reply)
  local text, problem = reply:text(TOKEN_MAX_BYTES)
  if not text then return nil, problem end
  local body = json.decode(text)
  return type(body) == "table" and body or {}
end

local function replace_plain(text, what, with)
  return (string.gsub(text, (string.gsub(what, "%p", "%%%0")), (string.gsub(with, "%%", "%%%%"))))
end

--- What a token endpoint says, for people: its first line, and never the proof, should it repeat what it was sent. nil: nothing.
function entra.said(body, proof, name)
  local said = type(body.error_description) == "string" and body.error_description or body.error
  if type(said) ~= "string" then return nil end
  local first_line = string.sub(string.match(said, "^[^\r\n]*"), 1, SAID_MAX_BYTES)
  return proof and replace_plain(first_line, proof, "(" .. name .. ")") or first_line
end

local function token_error(request, reply)
  local body = entra.decoded(reply) or {}
  local said = entra.said(body, request.proof, request.proof_name)
  if not said then return string.format("token for tenant %s: the login endpoint answered %d", request.tenant, reply.status) end
  local code = type(body.error_codes) == "table" and body.error_codes[1]
  return string.format("token for tenant %s: %s%s", request.tenant, said, ADVICE[code] and ("; " .. ADVICE[code]) or "")
end

--- @param request { cloud, tenant, client_id, fields = { { name, value }, ... } that prove it, proof = the secret among them,
--   proof_name = "the client secret", retry = policy }
-- @return token, when it expires (seconds since 1970); or nil, sentence
function entra.ask(request)
  local url = string.format("%s/%s/oauth2/v2.0/token", request.cloud.login, request.tenant)
  local fields = { { "client_id", request.client_id }, { "scope", request.cloud.arm .. "/.default" },
    { "grant_type", "client_credentials" } }
  table.move(request.fields, 1, #request.fields, #fields + 1, fields)
  local body = form_encode(fields)
  for tries = 1, request.retry.tries do
    local reply, problem, code, reason = http.request({ url = url, method = "POST", body = body, deadline_ms = TOKEN_DEADLINE_MS,
      headers = { ["content-type"] = "application/x-www-form-urlencoded" }, max_body_bytes = TOKEN_MAX_BYTES })
    if reply and reply.status == 200 then
      local token, unreadable = entra.decoded(reply)
      if not token or type(token.access_token) ~= "string" then
        return nil, string.format("token for tenant %s: the login endpoint's answer holds no access_token%s", request.tenant,
          unreadable and ": " .. unreadable or "")
      end
      return token.access_token, task.now() + (tonumber(token.expires_in) or 0)
    end
    local status = reply and reply.status
    local wait_ms = retry.is_transient(status, code, reason) and
      retry.wait_ms(request.retry, tries, reply and retry.asked_ms(reply.headers, task.now_ms()), math.random())
    if not wait_ms then
      if reply then return nil, token_error(request, reply) end
      return nil, string.format("token for tenant %s: %s", request.tenant, network.sentence(problem, reason))
    end
    task.sleep_ms(wait_ms)
  end
end

return entra
