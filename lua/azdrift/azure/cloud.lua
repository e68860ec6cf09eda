--- Which Azure: the endpoints of a cloud by name, or discovered from the URL of an ARM endpoint.
-- Names and hosts: Azure/azure-sdk-for-go sdk/azcore/cloud; discovery: GET {arm}/metadata/endpoints?api-version=2019-05-01.

local json = require("azdrift.json")
local network = require("azdrift.azure.network")

local cloud = {}

local METADATA_API_VERSION = "2019-05-01"
local METADATA_DEADLINE_MS = 10000
local METADATA_MAX_BYTES = 1024 * 1024

local KNOWN = {
  public = { name = "public", arm = "https://management.azure.com", login = "https://login.microsoftonline.com" },
  usgov = { name = "usgov", arm = "https://management.usgovcloudapi.net", login = "https://login.microsoftonline.us" },
  china = { name = "china", arm = "https://management.chinacloudapi.cn", login = "https://login.chinacloudapi.cn" },
}

local DEFAULT_PORT = { http = ":80", https = ":443" }

--- Scheme and host (with port, where it is not the scheme's own: providers write nextLinks with ":443") of a URL, in lower case:
--- what a token is pinned to. nil where it is no http(s) URL.
function cloud.origin(url)
  if type(url) ~= "string" then return nil end
  local scheme, host = string.match(url, "^(%a+)://([^/?#]+)")
  local port = scheme and DEFAULT_PORT[string.lower(scheme)]
  if not port or string.find(host, "@", 1, true) then return nil end
  if string.sub(host, -#port) == port then host = string.sub(host, 1, -#port - 1) end
  return string.lower(scheme .. "://" .. host)
end

local function is_loopback(origin)
  local host = string.match(origin, "^https?://(.+)$")
  host = string.match(host, "^%[(.-)%]") or string.match(host, "^([^:]+)")
  -- Whole addresses only: "127.0.0.1.example.com" is somebody else's.
  return host == "localhost" or host == "::1" or string.match(host, "^127%.%d+%.%d+%.%d+$") ~= nil
end

--- A token must not travel in the clear: https, or plain http to this very machine (the sandbox, tests).
local function checked_origin(url, what)
  local origin = cloud.origin(url)
  if not origin then return nil, string.format("%s: '%s' is no URL; give https://HOST", what, url) end
  if string.sub(origin, 1, 7) == "http://" and not is_loopback(origin) then
    return nil, string.format("%s: '%s' would send tokens in the clear; use https (plain http is for loopback only)", what, url)
  end
  return origin
end

-- One entry (Azure Stack), or a list of clouds (public Azure): of those the one whose ARM endpoint was asked. Another one's login
-- endpoint would be handed the secret.
local function matching_entry(metadata, origin)
  if metadata.authentication then return metadata end
  for _, entry in ipairs(metadata) do
    if type(entry) == "table" and cloud.origin(entry.resourceManager) == origin then return entry end
  end
  return nil
end

-- Where tokens are asked for, as an entry of the metadata says; nil where it does not.
local function login_of(entry)
  local authentication = type(entry) == "table" and entry.authentication
  local login = type(authentication) == "table" and authentication.loginEndpoint
  return type(login) == "string" and login or nil
end

local function discover(url, http)
  local origin, problem = checked_origin(url, "cloud")
  if not origin then return nil, problem end
  local metadata_url = origin .. "/metadata/endpoints?api-version=" .. METADATA_API_VERSION
  local reply, err, _, reason = http.request({ url = metadata_url, method = "GET", deadline_ms = METADATA_DEADLINE_MS,
    max_body_bytes = METADATA_MAX_BYTES })
  if not reply then
    return nil, string.format("cloud: %s: %s", metadata_url, network.sentence(err, reason))
  end
  if reply.status ~= 200 then return nil, string.format("cloud: %s answered %d", metadata_url, reply.status) end
  local text, unreadable = reply:text(METADATA_MAX_BYTES)
  local metadata, parse_error
  if text then metadata, parse_error = json.decode(text) end
  if type(metadata) ~= "table" then
    return nil, string.format("cloud: %s: not JSON metadata (%s)", metadata_url, unreadable or parse_error or type(metadata))
  end
  local entry = matching_entry(metadata, origin)
  local login_url = login_of(entry)
  if not login_url then return nil, string.format("cloud: %s names no loginEndpoint for %s", metadata_url, origin) end
  local login
  login, problem = checked_origin(login_url, "cloud's loginEndpoint")
  if not login then return nil, problem end
  return { name = type(entry.name) == "string" and entry.name or origin, arm = origin, login = login }
end

--- The cloud of a name ("public", "usgov", "china") or of the URL of an ARM endpoint.
-- @return { name, arm, login } (origins without a trailing slash, scope for tokens is arm .. "/.default"), or nil, sentence
function cloud.resolve(name_or_url, http)
  if KNOWN[name_or_url] then return KNOWN[name_or_url] end
  if not string.find(name_or_url, "://", 1, true) then
    return nil, string.format("cloud: '%s' is not known; use public, usgov, china or the URL of an ARM endpoint", name_or_url)
  end
  return discover(name_or_url, http)
end

return cloud
