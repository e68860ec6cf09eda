-- The authority's side: client credentials against a bearer token.
local replies = require("sandbox.replies")
local server = require("azdrift.server")

local tokens = {}
tokens.__index = tokens

-- Whoever holds this one may write. It is printed in the README: the sandbox has nothing to protect.
tokens.OWNER = "owner"

function tokens.new(options, random)
  return setmetatable({ secret = options.secret, lifetime_s = options.token_lifetime_s, random = random, live = {} }, tokens)
end

local function refuse(status, name, code, text)
  return replies.json(status, { error = name, error_codes = { code }, timestamp = "2026-11-22 10:00:00Z",
    error_description = string.format("AADSTS%d: %s", code, text), trace_id = "5a5d0000-0000-0000-0000-000000000001",
    correlation_id = "5a5d0000-0000-0000-0000-000000000002",
    error_uri = string.format("https://login.microsoftonline.com/error?code=%d", code) })
end

-- POST /{tenant}/oauth2/v2.0/token
function tokens:issue(request, tenant)
  local form = server.parse_form(request.body)
  for _, name in ipairs { "grant_type", "client_id", "scope" } do
    if not form[name] or form[name] == "" then
      return refuse(400, "invalid_request", 900144, "The request body must contain the following parameter: '" .. name .. "'.")
    end
  end
  if form.grant_type ~= "client_credentials" then
    return refuse(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
  end
  if not form.scope:match("/%.default$") then
    return refuse(400, "invalid_scope", 1002012, "The provided value for scope " .. form.scope .. " is not valid.")
  end
  if form.client_secret ~= self.secret then
    return refuse(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the "
      .. "request is the client secret value, not the client secret ID, for a secret added to app '" .. form.client_id .. "'.")
  end
  local token = "sandbox." .. self.random.hex(32) .. "." .. tenant
  self.live[token] = true
  return replies.json(200, { token_type = "Bearer", expires_in = self.lifetime_s, ext_expires_in = self.lifetime_s,
    access_token = token })
end

function tokens:expire_all() self.live = {} end

-- nil for a token that may do this; a refusal otherwise.
function tokens:check(request)
  local token = (request.headers.authorization or ""):match("^[Bb]earer (.+)$")
  local challenge = { ["WWW-Authenticate"] = string.format('Bearer authorization_uri="http://%s/common", error="invalid_token", '
    .. 'error_description="The access token is missing, expired or invalid."', request.host) }
  if not token then
    return replies.error(401, "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing.", challenge)
  end
  if token == tokens.OWNER then return nil end
  if not self.live[token] then
    return replies.error(401, "ExpiredAuthenticationToken", "The access token expiry UTC time is earlier than current UTC time.",
      challenge)
  end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    return replies.error(403, "AuthorizationFailed",
      "The client 'sandbox-reader' does not have authorization to perform this action.")
  end
  return nil
end

return tokens
