--- The token of whoever said `az login` on this machine. Source: azure-cli, azure-sdk-for-cpp azure-identity.

local json = require("azdrift.json")
local process = require("azdrift.process")
local task = require("azdrift.task")

local az_cli = {}

local DEADLINE_MS = 60000
local ANSWER_MAX_BYTES = 256 * 1024
local LIFE_S = 600 -- of a token of which az does not say when it ends

--- @param tenant to sign in to, or nil for az's own
-- @return token, when it expires (seconds since 1970); or nil, sentence
function az_cli.ask(cloud, tenant)
  local arguments = { "account", "get-access-token", "--output", "json", "--scope", cloud.arm .. "/.default" }
  if tenant then
    if not string.match(tenant, "^%w[%w%.%-]*$") then return nil, "tenant: '" .. tenant .. "' is neither a GUID nor a domain" end
    arguments[#arguments + 1] = "--tenant"
    arguments[#arguments + 1] = tenant
  end
  local result, problem = process.run({ "az", table.unpack(arguments) }, { deadline_ms = DEADLINE_MS, max_bytes = ANSWER_MAX_BYTES })
  if not result then return nil, problem .. "; install the Azure CLI, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET" end
  if result.status ~= 0 then
    return nil, "az account get-access-token: " .. (string.match(result.stderr, "[^\r\n]+") or "failed") .. "; run: az login"
  end
  local token = json.decode(result.stdout)
  if type(token) ~= "table" or type(token.accessToken) ~= "string" then
    return nil, "az account get-access-token: its answer holds no accessToken"
  end
  return token.accessToken, tonumber(token.expires_on) or task.now() + LIFE_S
end

return az_cli
