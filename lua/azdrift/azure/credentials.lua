--- Who azdrift is towards Azure: tokens for one audience, cached, asked for by one run at a time.
-- A token is refreshed five minutes early (where its source says more, earlier) and dropped when ARM says 401. An answer that was
-- no is remembered: ten thousand requests that wait for a token are told of one refusal.
-- Sources: azure-sdk-for-go sdk/internal/temporal/resource; microsoft-authentication-library-for-go.

local az_cli = require("azdrift.azure.az_cli")
local entra = require("azdrift.azure.entra")
local managed_identity = require("azdrift.azure.managed_identity")
local retry = require("azdrift.azure.retry")
local task = require("azdrift.task")

local credentials = {}
credentials.__index = credentials

local EARLY_S = 300
local AGAIN_MS = 30000 -- after a failure, or after a token was dropped, nobody asks sooner
local TOKEN_FILE_MAX_BYTES = 64 * 1024
local ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

-- Kinds: each is a function(self) that answers token, when it expires, and perhaps when to renew it; or nil, sentence.
local ask = {}

function ask.secret(self)
  return entra.ask({ cloud = self.cloud, tenant = self.tenant, client_id = self.client_id, retry = self.retry,
    fields = { { "client_secret", self.client_secret } }, proof = self.client_secret, proof_name = "the client secret" })
end

-- The file is written anew before its token ends: it is read each time.
local function read_assertion(path)
  local file, problem = io.open(path, "r")
  local text = file and file:read(TOKEN_FILE_MAX_BYTES)
  if file then file:close() end
  if not text then
    return nil, string.format("token_file: %s; it is mounted where workload identity is set up (AZURE_FEDERATED_TOKEN_FILE)",
      problem or path .. ": empty or not readable")
  end
  return (string.match(text, "^%s*(.-)%s*$"))
end

function ask.workload(self)
  local assertion, problem = read_assertion(self.token_file)
  if not assertion then return nil, problem end
  return entra.ask({ cloud = self.cloud, tenant = self.tenant, client_id = self.client_id, retry = self.retry, proof = assertion,
    proof_name = "the token of token_file", fields = { { "client_assertion_type", ASSERTION_TYPE }, { "client_assertion", assertion } } })
end

function ask.managed_identity(self) return managed_identity.ask(self.cloud, self.client_id, self.env) end

function ask.cli(self) return az_cli.ask(self.cloud, self.tenant) end

local NAMES = { tenant = "AZURE_TENANT_ID", client_id = "AZURE_CLIENT_ID", client_secret = "AZURE_CLIENT_SECRET",
  token_file = "AZURE_FEDERATED_TOKEN_FILE" }
local NEEDS = { secret = { "tenant", "client_id", "client_secret" }, workload = { "tenant", "client_id", "token_file" },
  managed_identity = {}, cli = {} }

local function given(text) return text ~= "" and text or nil end

--- A credential.
-- @param options { kind = "secret"|"workload"|"managed_identity"|"cli", tenant, client_id, client_secret, token_file,
--   retry = policy, env = function(name) } ; which of them a kind needs, NEEDS says
-- @return credential, or nil, a sentence that says which setting to mend
function credentials.new(cloud, options)
  local kind = options.kind or "secret"
  local function env(name) return given((options.env or os.getenv)(name)) end
  local self = setmetatable({ cloud = cloud, tenant = options.tenant, client_id = given(options.client_id),
    client_secret = options.client_secret, token_file = options.token_file, retry = options.retry or retry.DEFAULT, env = env,
    ask = ask[kind] }, credentials)
  if not self.ask then
    return nil, string.format("credential '%s' is not supported yet; use secret, workload, managed_identity or cli", kind)
  end
  for _, name in ipairs(NEEDS[kind]) do
    if not given(options[name]) then
      return nil, string.format("credential: %s is not set, or empty; set %s, %s and %s, or use the az command line: credential = \"cli\"",
        NAMES[name], NAMES[NEEDS[kind][1]], NAMES[NEEDS[kind][2]], NAMES[NEEDS[kind][3]])
    end
  end
  return self
end

-- Asks, and keeps what is answered, a refusal too.
local function renew(self)
  local value, expires_or_problem, renew_at = self:ask()
  if not value then
    self.problem, self.failed_ms = expires_or_problem, task.clock_ms()
    if self.value and self.expires_at > task.now() then return self.value end
    return nil, expires_or_problem
  end
  self.problem, self.renew_at = nil, renew_at
  self.value, self.expires_at = value, math.max(expires_or_problem, task.now() + EARLY_S + 1)
  return value
end

--- A token that lives at least five minutes more, or nil, sentence. Runs that come while one asks join it and share its answer.
-- Where no new one is to be had, the old one serves until its end.
function credentials:token()
  while true do
    local now = task.now()
    local is_fresh = self.value and self.expires_at - EARLY_S > now
    if is_fresh and (not self.renew_at or self.renew_at > now) then return self.value end
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
