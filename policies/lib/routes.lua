-- What a route table sends where.

local ip = lib "ip"

local routes = {}

-- Does the prefix stand for "everything else"? The default route, or one of the halves that quietly replace it.
function routes.is_default(prefix)
  local family, first, last = ip.range(prefix or "")
  if not family then return false end
  return last - first + 1 >= (family == 4 and 1 << 30 or 1 << 46)
end

-- "Internet", "VirtualAppliance 10.0.0.4", ...: the next hop as one text.
function routes.hop(route)
  local properties = route.properties
  if not properties.nextHopType then return nil end
  return properties.nextHopIpAddress and properties.nextHopType .. " " .. properties.nextHopIpAddress
    or properties.nextHopType
end

return routes
