--- Which Azure: the endpoints of a cloud by name, or discovered from the URL of an ARM endpoint.
-- Names and hosts: Azure/azure-sdk-for-go sdk/azcore/cloud; discovery: GET {arm}/metadata/endpoints?api-version=2019-05-01.

local json = require("azdrift.json")

local cloud = {}

local METADATA_API_VERSION = "2019-05-01"
local METADATA_DEADLINE_MS = 10000
local METADATA_MAX_BYTES = 1024 * 1024

local KNOWN = {
  public = { name = "public", arm = "https://management.azure.com", login = "https://login.microsoftonline.com" },
  usgov = { name = "usgov", arm = "https://management.usgovcloudapi.net", login = "https://login.microsoftonline.us" },
  china = { name = "china", arm = "https://management.chinacloudapi.cn", login = "https://login.chinacloudapi.cn" },
}

--- Scheme and host (with port) of a URL, in lower case: what a token is pinned to. nil where it is no http(s) URL.
function cloud.origin(url)
  local scheme, host = string.match(url or "", "^(https?)://([^/?#]+)")
  if not scheme or string.find(host, "@", 1, true) then return nil end
  return string.lower(scheme .. "://" .. host)
end

local function is_loopback(origin)
  local host = string.match(origin, "^https?://(.+)$")
  host = string.match(host, "^%[(.-)%]") or string.match(host, "^([^:]+)")
  return host == "localhost" or host == "::1" or string.match(host, "^127%.") ~= nil
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

local function matching_entry(metadata, origin)
  if metadata.resourceManager or metadata.authentication then return metadata end
  for _, entry in ipairs(metadata) do
    if cloud.origin(entry.resourceManager) == origin then return entry end
  end
  return metadata[1]
end

local function discover(url, http)
  local origin, problem = checked_origin(url, "cloud")
  if not origin then return nil, problem end
  local metadata_url = origin .. "/metadata/endpoints?api-version=" .. METADATA_API_VERSION
  local reply, err = http.request({ url = metadata_url, method = "GET", deadline_ms = METADATA_DEADLINE_MS,
    max_body_bytes = METADATA_MAX_BYTES })
  if not reply then return nil, string.format("cloud: %s: %s", metadata_url, err) end
  if reply.status ~= 200 then return nil, string.format("cloud: %s answered %d", metadata_url, reply.status) end
  local metadata, parse_error = json.decode(reply.body)
  if type(metadata) ~= "table" then
    return nil, string.format("cloud: %s: not JSON metadata (%s)", metadata_url, parse_error or type(metadata))
  end
  local entry = matching_entry(metadata, origin)
  local login_url = entry and entry.authentication and entry.authentication.loginEndpoint
  if not login_url then return nil, string.format("cloud: %s names no loginEndpoint", metadata_url) end
  local login
  login, problem = checked_origin(login_url, "cloud's loginEndpoint")
  if not login then return nil, problem end
  return { name = entry.name or origin, arm = origin, login = login }
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
