--- Who azdrift is towards Azure: tokens for one audience, cached, asked for by one run at a time.
-- Client secret (OAuth 2 client credentials) and the az command line. A token is refreshed five minutes early and dropped when
-- ARM says 401. An answer that was no is remembered: ten thousand requests that wait for a token are told of one refusal.
-- Sources: MicrosoftDocs/entra-docs v2-oauth2-client-creds-grant-flow, reference-error-codes; azure-cli.

local http = require("azdrift.http")
local json = require("azdrift.json")
local network = require("azdrift.azure.network")
local process = require("azdrift.process")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local credentials = {}
credentials.__index = credentials

local EARLY_S = 300
local AGAIN_MS = 30000 -- after a failure, or after a token was dropped, nobody asks sooner
local TOKEN_DEADLINE_MS = 30000
local TOKEN_MAX_BYTES = 256 * 1024
local CLI_DEADLINE_MS = 60000
local SAID_MAX_BYTES = 1000

-- What to mend, by AADSTS code (entra-docs reference-error-codes).
local ADVICE = {
  [7000215] = "the client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value (not its id)",
  [7000222] = "the client secret has expired: make a new one and set AZURE_CLIENT_SECRET",
  [700016] = "the application is not in this tenant: check AZURE_CLIENT_ID and AZURE_TENANT_ID",
  [90002] = "the tenant does not exist in this cloud: check AZURE_TENANT_ID and the setting cloud",
  [900023] = "the tenant is neither a GUID nor a domain: check AZURE_TENANT_ID",
  [50034] = "the account is not in this tenant: check AZURE_TENANT_ID",
}

local function form_encode(fields)
  local parts = {}
  for _, field in ipairs(fields) do
    local value = string.gsub(field[2], "[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end)
    parts[#parts + 1] = field[1] .. "=" .. value
  end
  return table.concat(parts, "&")
end

local function decoded(reply)
  local text, problem = reply:text(TOKEN_MAX_BYTES)
  if not text then return nil, problem end
  local body = json.decode(text)
  return type(body) == "table" and body or {}
end

local function replace_plain(text, what, with)
  return (string.gsub(text, (string.gsub(what, "%p", "%%%0")), (string.gsub(with, "%%", "%%%%"))))
end

-- What the login endpoint says, for people: its first line, and never the secret, should it repeat what it was sent.
local function token_error(self, reply)
  local body = decoded(reply) or {}
  local said = type(body.error_description) == "string" and body.error_description or body.error
  if type(said) ~= "string" then
    return string.format("token for tenant %s: the login endpoint answered %d", self.tenant, reply.status)
  end
  local code = type(body.error_codes) == "table" and body.error_codes[1]
  local first_line = string.sub(string.match(said, "^[^\r\n]*"), 1, SAID_MAX_BYTES)
  first_line = replace_plain(first_line, self.client_secret, "(the client secret)")
  return string.format("token for tenant %s: %s%s", self.tenant, first_line, ADVICE[code] and ("; " .. ADVICE[code]) or "")
end

local function ask_secret(self)
  local url = string.format("%s/%s/oauth2/v2.0/token", self.cloud.login, self.tenant)
  local body = form_encode({
    { "client_id", self.client_id }, { "scope", self.cloud.arm .. "/.default" },
    { "grant_type", "client_credentials" }, { "client_secret", self.client_secret },
  })
  for tries = 1, self.retry.tries do
    local reply, problem, code, reason = http.request({ url = url, method = "POST", body = body, deadline_ms = TOKEN_DEADLINE_MS,
      headers = { ["content-type"] = "application/x-www-form-urlencoded" }, max_body_bytes = TOKEN_MAX_BYTES })
    if reply and reply.status == 200 then
      local token, unreadable = decoded(reply)
      if not token or type(token.access_token) ~= "string" then
        return nil, string.format("token for tenant %s: the login endpoint's answer holds no access_token%s", self.tenant,
          unreadable and ": " .. unreadable or "")
      end
      return token.access_token, task.now() + (tonumber(token.expires_in) or 0)
    end
    local status = reply and reply.status
    local wait_ms = retry.is_transient(status, code, reason) and
      retry.wait_ms(self.retry, tries, reply and retry.asked_ms(reply.headers, task.now_ms()), math.random())
    if not wait_ms then
      if reply then return nil, token_error(self, reply) end
      return nil, string.format("token for tenant %s: %s", self.tenant, network.sentence(problem, reason))
    end
    task.sleep_ms(wait_ms)
  end
end

local function ask_cli(self)
  local arguments = { "account", "get-access-token", "--output", "json", "--scope", self.cloud.arm .. "/.default" }
  if self.tenant then
    if not string.match(self.tenant, "^%w[%w%.%-]*$") then return nil, "tenant: '" .. self.tenant .. "' is neither a GUID nor a domain" end
    arguments[#arguments + 1] = "--tenant"
    arguments[#arguments + 1] = self.tenant
  end
  local result, problem = process.run({ "az", table.unpack(arguments) }, { deadline_ms = CLI_DEADLINE_MS, max_bytes = TOKEN_MAX_BYTES })
  if not result then return nil, problem .. "; install the Azure CLI, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" end
  if result.status ~= 0 then
    return nil, "az account get-access-token: " .. (string.match(result.stderr, "[^\r\n]+") or "failed") .. "; run: az login"
  end
  local token = json.decode(result.stdout)
  if type(token) ~= "table" or type(token.accessToken) ~= "string" then
    return nil, "az account get-access-token: its answer holds no accessToken"
  end
  return token.accessToken, tonumber(token.expires_on) or task.now() + 2 * EARLY_S
end

local function is_given(text) return text ~= nil and text ~= "" end

--- A credential: { tenant, client_id, client_secret } or { kind = "cli", tenant = optional }; retry = policy.
function credentials.new(cloud, options)
  local self = setmetatable({ cloud = cloud, tenant = options.tenant, client_id = options.client_id,
    client_secret = options.client_secret, retry = options.retry or retry.DEFAULT }, credentials)
  if options.kind == "cli" then
    self.ask = ask_cli
  elseif is_given(options.tenant) and is_given(options.client_id) and is_given(options.client_secret) then
    self.ask = ask_secret
  else
    local missing = not is_given(options.tenant) and "AZURE_TENANT_ID" or not is_given(options.client_id) and "AZURE_CLIENT_ID"
      or "AZURE_CLIENT_SECRET"
    return nil, "credential: " .. missing .. " is not set, or empty; set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, " ..
      "or use the az command line: credential = \"cli\""
  end
  return self
end

-- Asks, and keeps what is answered, a refusal too.
local function renew(self)
  local value, expires_or_problem = self:ask()
  if not value then
    self.problem, self.failed_ms = expires_or_problem, task.clock_ms()
    if self.value and self.expires_at > task.now() then return self.value end
    return nil, expires_or_problem
  end
  self.problem = nil
  self.value, self.expires_at = value, math.max(expires_or_problem, task.now() + EARLY_S + 1)
  return value
end

--- A token that lives at least five minutes more, or nil, sentence. Runs that come while one asks join it and share its answer.
-- Where no new one is to be had, the old one serves until its end.
function credentials:token()
  while true do
    local now = task.now()
    if self.value and self.expires_at - EARLY_S > now then return self.value end
    if self.problem and task.clock_ms() - self.failed_ms < AGAIN_MS then
      if self.value and self.expires_at > now then return self.value end
      return nil, self.problem
    end
    local asking = self.asking
    if not asking then
      asking = task.spawn(renew, self)
      self.asking = asking
      local _ <close> = setmetatable({}, { __close = function() self.asking = nil end })
      return asking:join()
    end
    asking:wait()
    -- Cancelled: the run that asked was, and its task with it. Somebody else has to ask.
    if asking:status() ~= "cancelled" then return asking:join() end
  end
end

--- ARM refused the token: the next call asks for a new one, unless somebody has already.
-- @return whether another token may be worth a try: not where a new one was refused just as quickly
function credentials:drop(token)
  if self.value ~= token then return true end
  local now_ms = task.clock_ms()
  if self.dropped_ms and now_ms - self.dropped_ms < AGAIN_MS then return false end
  self.value, self.dropped_ms = nil, now_ms
  return true
end

return credentials
