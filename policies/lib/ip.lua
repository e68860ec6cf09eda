-- Addresses as ranges of integers: how much of the Internet does a list of prefixes let in?
-- IPv4 addresses are their 32 bits. Of IPv6 the upper 48 bits are kept: a site's prefix is the smallest thing told apart.
-- A set of ranges is a list { { first, last }, ... }, ascending and disjoint.

local ip = {}

-- What is routed on the Internet: without private, shared, loopback, link-local, multicast and reserved ranges.
local PUBLIC_V4 = {
  { 0x01000000, 0x09FFFFFF }, { 0x0B000000, 0x643FFFFF }, { 0x64800000, 0x7EFFFFFF }, { 0x80000000, 0xA9FDFFFF },
  { 0xA9FF0000, 0xAC0FFFFF }, { 0xAC200000, 0xC0A7FFFF }, { 0xC0A90000, 0xDFFFFFFF },
}
local PUBLIC_V6 = { { 0x200000000000, 0x3FFFFFFFFFFF } } -- 2000::/3

local function parse_v4(text)
  local a, b, c, d = string.match(text, "^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if not d or a > 255 or b > 255 or c > 255 or d > 255 then return nil end
  return a << 24 | b << 16 | c << 8 | d
end

-- The groups of one side of "::", as numbers.
local function groups_of(text)
  local groups = {}
  for group in string.gmatch(text, "[^:]+") do
    local value = tonumber(group, 16)
    if not value or #group > 4 then return nil end
    groups[#groups + 1] = value
  end
  return groups
end

local function parse_v6(text)
  if not contains(text, ":") then return nil end
  local head, tail = string.match(text, "^(.-)::(.*)$")
  local left, right = groups_of(head or text), groups_of(tail or "")
  if not left or not right then return nil end
  if head then
    while #left + #right < 8 do left[#left + 1] = 0 end
    for _, group in ipairs(right) do left[#left + 1] = group end
  end
  if #left ~= 8 then return nil end
  return left[1] << 32 | left[2] << 16 | left[3]
end

-- "10.0.0.0/8", "10.0.0.4", "2001:db8::/32" -> 4 or 6, first, last; nil where it is no address (a service tag).
function ip.range(text)
  local address, bits = string.match(text, "^([%x%.:]+)/?(%d*)$")
  if not address then return nil end
  local family, width, first = 4, 32, parse_v4(address)
  if not first then family, width, first = 6, 48, parse_v6(address) end
  if not first then return nil end
  local prefix = tonumber(bits) or width
  if prefix > width then prefix = width end
  local size = 1 << (width - prefix)
  first = first // size * size
  return family, first, first + size - 1
end

-- One address as a number; nil where it is none.
function ip.number(text)
  if type(text) ~= "string" then return nil end
  return parse_v4(text)
end

function ip.size(set)
  local size = 0
  for _, range in ipairs(set) do size = size + range[2] - range[1] + 1 end
  return size
end

-- What of set lies outside first..last.
function ip.without(set, first, last)
  local rest = {}
  for _, range in ipairs(set) do
    if range[2] < first or range[1] > last then
      rest[#rest + 1] = range
    else
      if range[1] < first then rest[#rest + 1] = { range[1], first - 1 } end
      if range[2] > last then rest[#rest + 1] = { last + 1, range[2] } end
    end
  end
  return rest
end

function ip.without_all(set, others)
  for _, range in ipairs(others) do
    if #set == 0 then return set end
    set = ip.without(set, range[1], range[2])
  end
  return set
end

-- What of first..last is routed on the Internet.
function ip.public(family, first, last)
  local set = {}
  for _, range in ipairs(family == 4 and PUBLIC_V4 or PUBLIC_V6) do
    local low, high = math.max(range[1], first), math.min(range[2], last)
    if low <= high then set[#set + 1] = { low, high } end
  end
  return set
end

-- How much of the Internet a size is: 0 nothing, 1 somebody, 2 wide (from an IPv4 /8 on), 3 the Internet (a sixteenth of
-- it: two halves, four quarters or one of them are all the same to a scanner).
function ip.rank(v4_size, v6_size)
  if v4_size >= 1 << 28 or v6_size >= 1 << 41 then return 3 end
  if v4_size >= 1 << 24 or v6_size >= 1 << 32 then return 2 end
  return (v4_size > 0 or v6_size > 0) and 1 or 0
end

return ip
