--- Scopes as people name them -> as the store knows them: an ARM scope in lower case.
local failure = require("azdrift.cli.failure")

local scopes = {}

local GUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

--- nil stays nil: all scopes.
function scopes.parse(text)
  if not text then return nil end
  local lower = text:lower()
  if lower == "/" then return "/" end
  if lower:find(GUID) then return "/subscriptions/" .. lower end
  local id = lower:match("^/subscriptions/([^/]+)/?$")
  if id then return "/subscriptions/" .. id end
  local group = lower:match("^/providers/microsoft%.management/managementgroups/([^/]+)/?$")
  if group then return "/providers/microsoft.management/managementgroups/" .. group end
  if lower:find("^[%w%-_().]+$") then return "/providers/microsoft.management/managementgroups/" .. lower end
  failure.raise('--scope: "%s" is no scope; write a subscription id, /subscriptions/ID, a management group\'s id, or /',
    text)
end

return scopes
