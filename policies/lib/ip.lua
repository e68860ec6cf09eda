-- Addresses as ranges of integers: how much of the Internet does a list of prefixes let in?
-- IPv4 addresses are their 32 bits. Of IPv6 the upper 48 bits are kept: a site's prefix is the smallest thing told apart.
-- A set of ranges is a list { { first, last }, ... }, ascending and disjoint.

local ip = {}

-- What is routed on the Internet: without private, shared, loopback, link-local, multicast and reserved ranges.
ip.INTERNET = { [4] = {
  { 0x01000000, 0x09FFFFFF }, { 0x0B000000, 0x643FFFFF }, { 0x64800000, 0x7EFFFFFF }, { 0x80000000, 0xA9FDFFFF },
  { 0xA9FF0000, 0xAC0FFFFF }, { 0xAC200000, 0xC0A7FFFF }, { 0xC0A90000, 0xDFFFFFFF },
}, [6] = { { 0x200000000000, 0x3FFFFFFFFFFF } } } -- 2000::/3

-- An IPv4 address or prefix: its bits, and the length of the prefix ("" where there is none).
local function parse_v4(text)
  local a, b, c, d, bits = string.match(text, "^(%d+)%.(%d+)%.(%d+)%.(%d+)/?(%d*)$")
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  if not d or a > 255 or b > 255 or c > 255 or d > 255 then return nil end
  return a << 24 | b << 16 | c << 8 | d, bits
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
  local family, width = 4, 32
  local first, bits = parse_v4(text)
  if not first then
    local address
    family, width = 6, 48
    address, bits = string.match(text, "^([%x:]+)/?(%d*)$")
    first = address and parse_v6(address)
    if not first then return nil end
  end
  local prefix = math.min(tonumber(bits) or width, width)
  local size = 1 << (width - prefix)
  first = first // size * size
  return family, first, first + size - 1
end

-- One IPv4 address as a number; nil where it is none.
function ip.number(text)
  if type(text) ~= "string" then return nil end
  local number, bits = parse_v4(text)
  return bits == "" and number or nil
end

function ip.size(set)
  local size = 0
  for _, range in ipairs(set) do size = size + range[2] - range[1] + 1 end
  return size
end

-- Any ranges as a set: sorted, and those that touch made one.
function ip.set(ranges)
  if #ranges < 2 then return ranges end
  table.sort(ranges, function(a, b) return a[1] < b[1] end)
  local set = {}
  for _, range in ipairs(ranges) do
    local last = set[#set]
    if not last or range[1] > last[2] + 1 then set[#set + 1] = { range[1], range[2] }
    elseif range[2] > last[2] then last[2] = range[2] end
  end
  return set
end

-- Two sets as one, walking each once.
function ip.union(a, b)
  if #a == 0 then return b end
  if #b == 0 then return a end
  local set, i, k = {}, 1, 1
  while a[i] or b[k] do
    local range
    if not b[k] or (a[i] and a[i][1] <= b[k][1]) then range, i = a[i], i + 1 else range, k = b[k], k + 1 end
    local last = set[#set]
    if not last or range[1] > last[2] + 1 then set[#set + 1] = { range[1], range[2] }
    elseif range[2] > last[2] then last[2] = range[2] end
  end
  return set
end

-- The first range of a set that ends at or after a number.
local function first_at(set, number)
  local low, high = 1, #set + 1
  while low < high do
    local middle = (low + high) // 2
    if set[middle][2] < number then low = middle + 1 else high = middle end
  end
  return low
end

-- What of a set lies outside another.
function ip.without(set, other)
  if #other == 0 then return set end
  local rest = {}
  for _, range in ipairs(set) do
    local first = range[1]
    local k = first_at(other, first)
    while other[k] and other[k][1] <= range[2] and first <= range[2] do
      if other[k][1] > first then rest[#rest + 1] = { first, other[k][1] - 1 } end
      first = other[k][2] + 1
      k = k + 1
    end
    if first <= range[2] then rest[#rest + 1] = { first, range[2] } end
  end
  return rest
end

-- What of first..last is routed on the Internet.
function ip.public(family, first, last)
  local set = {}
  for _, range in ipairs(ip.INTERNET[family]) do
    if range[1] > last then break end
    if range[2] >= first then set[#set + 1] = { math.max(range[1], first), math.min(range[2], last) } end
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
