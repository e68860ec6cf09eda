-- What a network security group lets in from the Internet, by its effective rules: in the order of priority, with every
-- way to write a source (Internet, *, 0.0.0.0/0, ::/0, two halves, lists) and a port (ranges, lists, *).

local ip = lib "ip"

local nsg = {}

local PORT_MAX = 65535
local INTERNET_SIZE = ip.size(ip.INTERNET[4])
local ANYWHERE = { ["*"] = true, any = true, internet = true }

-- The one value and the list that Azure keeps side by side.
local function values_of(rule, singular, plural)
  local values = {}
  if type(rule[singular]) == "string" and rule[singular] ~= "" then values[1] = rule[singular] end
  for _, value in ipairs(rule[plural]) do values[#values + 1] = value end
  return values
end

local function ports_of(rule, singular, plural)
  local ports = {}
  for _, text in ipairs(values_of(rule, singular, plural)) do
    local first, last = string.match(text, "^(%d+)%-(%d+)$")
    first = tonumber(first or text)
    if text == "*" then ports[#ports + 1] = { 0, PORT_MAX }
    elseif first then ports[#ports + 1] = { first, tonumber(last) or first } end
  end
  return ports
end

-- Who may come: ranges of the Internet by family, and whether Azure's own public ranges (anybody's machine there) are in.
local function sources_of(rule)
  local sources = { [4] = {}, [6] = {}, cloud = false, whole_cloud = false }
  for _, text in ipairs(values_of(rule, "sourceAddressPrefix", "sourceAddressPrefixes")) do
    local name = string.lower(text)
    if ANYWHERE[name] then
      sources[4], sources[6] = ip.INTERNET[4], ip.INTERNET[6]
      sources.cloud, sources.whole_cloud = true, true
      return sources
    end
    local family, first, last = ip.range(text)
    if family then
      for _, range in ipairs(ip.public(family, first, last)) do table.insert(sources[family], range) end
    elseif starts_with(name, "azurecloud") then
      sources.cloud, sources.whole_cloud = true, sources.whole_cloud or name == "azurecloud"
    end
  end
  sources[4], sources[6] = ip.set(sources[4]), ip.set(sources[6])
  local size = ip.size(sources[4])
  sources.cloud = sources.cloud or ip.rank(size, 0) == 3
  sources.whole_cloud = sources.whole_cloud or size == INTERNET_SIZE
  return sources
end

local function destinations_of(rule)
  local names = {}
  for _, text in ipairs(values_of(rule, "destinationAddressPrefix", "destinationAddressPrefixes")) do
    names[#names + 1] = string.lower(text)
  end
  for _, group in ipairs(rule.destinationApplicationSecurityGroups) do names[#names + 1] = string.lower(group.id or "") end
  return names
end

local function is_whole_destination(names)
  for _, name in ipairs(names) do
    if name == "*" or name == "any" or name == "virtualnetwork" or name == "0.0.0.0/0" then return true end
  end
  return false
end

-- Does every place of one list lie in the other? Unknown counts as no: a deny is believed only where it surely covers.
local function covers(outer, inner)
  if outer.everywhere then return true end
  for _, name in ipairs(inner.destinations) do
    local held = false
    for _, candidate in ipairs(outer.destinations) do
      local both_addresses = ip.range(candidate) ~= nil and ip.range(name) ~= nil
      held = held or candidate == name or (both_addresses and cidr_contains(candidate, name))
    end
    if not held then return false end
  end
  return #inner.destinations > 0
end

-- The inbound rules that decide what the Internet reaches, as plain tables, first asked first: allows with a public source,
-- and denies.
local function inbound_rules(group)
  local rules = {}
  for _, entry in ipairs(group.properties.securityRules) do
    local rule = entry.properties
    if rule.direction == "Inbound" and type(rule.priority) == "number" then
      local sources, allows = sources_of(rule), rule.access == "Allow"
      if not allows or sources.cloud or #sources[4] > 0 or #sources[6] > 0 then
        local destinations, source_ports = destinations_of(rule), ports_of(rule, "sourcePortRange", "sourcePortRanges")
        rules[#rules + 1] = {
          name = entry.name or "?", priority = rule.priority, allows = allows,
          protocol = string.lower(rule.protocol or "*"), ports = ports_of(rule, "destinationPortRange", "destinationPortRanges"),
          sources = sources, destinations = destinations, everywhere = is_whole_destination(destinations),
          any_source_port = #source_ports > 0 and source_ports[1][1] == 0 and source_ports[1][2] == PORT_MAX,
        }
      end
    end
  end
  table.sort(rules, function(a, b) return a.priority < b.priority end)
  return rules
end

-- For each of the ports (ascending) the rules that speak of it, in their order.
local function rules_by_port(rules, protocol, ports)
  local speaking = {}
  for _, port in ipairs(ports) do speaking[port] = {} end
  for index, rule in ipairs(rules) do
    for _, range in ipairs((rule.protocol == "*" or rule.protocol == protocol) and rule.ports or nil) do
      local low, high = 1, #ports + 1
      while low < high do
        local middle = (low + high) // 2
        if ports[middle] < range[1] then low = middle + 1 else high = middle end
      end
      while ports[low] and ports[low] <= range[2] do
        local list = speaking[ports[low]]
        if list[#list] ~= index then list[#list + 1] = index end
        low = low + 1
      end
    end
  end
  return speaking
end

-- How much of the Internet passes these rules, and by which one first: rank (see ip.rank), name.
local function reach(rules, indexes)
  local open, denied, narrow_denies = { [4] = {}, [6] = {} }, { [4] = {}, [6] = {} }, {}
  local cloud, cloud_denied, by = false, false, nil
  for _, index in ipairs(indexes) do
    local rule = rules[index]
    if rule.allows then
      local left, left_cloud = {}, rule.sources.cloud and not cloud_denied
      for _, family in ipairs({ 4, 6 }) do left[family] = ip.without(rule.sources[family], denied[family]) end
      for _, deny in ipairs(narrow_denies) do
        if covers(deny, rule) then
          for _, family in ipairs({ 4, 6 }) do left[family] = ip.without(left[family], deny.sources[family]) end
          left_cloud = left_cloud and not deny.sources.whole_cloud
        end
      end
      for _, family in ipairs({ 4, 6 }) do
        for _, range in ipairs(left[family]) do table.insert(open[family], range) end
      end
      cloud = cloud or left_cloud
      if left_cloud or #left[4] > 0 or #left[6] > 0 then by = by or rule.name end
    elseif rule.any_source_port and rule.everywhere then
      for _, family in ipairs({ 4, 6 }) do denied[family] = ip.union(denied[family], rule.sources[family]) end
      cloud_denied = cloud_denied or rule.sources.whole_cloud
    elseif rule.any_source_port then
      narrow_denies[#narrow_denies + 1] = rule
    end
  end
  local rank = ip.rank(ip.size(ip.set(open[4])), ip.size(ip.set(open[6])))
  if cloud and rank < 2 then rank = 2 end
  return rank, by
end

local function is_same_list(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- reach for every port. Neighbours of which the same rules speak are asked once.
local function reach_by_port(rules, protocol, ports)
  local speaking, found, previous = rules_by_port(rules, protocol, ports), {}, nil
  for _, port in ipairs(ports) do
    if previous and is_same_list(speaking[port], speaking[previous]) then
      found[port] = found[previous]
    else
      local rank, by = reach(rules, speaking[port])
      found[port] = { rank = rank, by = by }
    end
    previous = port
  end
  return found
end

-- Ports that nobody names by chance: where all of them are open, every port is.
local ANY_PORT_PROBES = { 7, 1029, 9101, 17017, 31337, 49151, 65535 }

local function probe_ports(rules, known)
  local ports, seen = {}, {}
  local function add(port)
    if not seen[port] and #ports < 96 then
      seen[port] = true
      ports[#ports + 1] = port
    end
  end
  for _, port in ipairs(known) do add(port) end
  for _, port in ipairs(ANY_PORT_PROBES) do add(port) end
  for _, rule in ipairs(rules) do
    for _, range in ipairs(rule.allows and rule.ports or {}) do
      add(range[1])
      add(range[2])
    end
  end
  table.sort(ports)
  return ports
end

-- What the change lets in: a list of { protocol, port, rank, rule }, and the set of protocols whose every port opened.
-- known: ports to look at besides those that rules name.
function nsg.gained(before, after, known)
  local was, is = inbound_rules(before), inbound_rules(after)
  local gains, all_ports = {}, {}
  local ports = probe_ports(is, known)
  for _, protocol in ipairs({ "tcp", "udp" }) do
    local reached_before, reached = reach_by_port(was, protocol, ports), reach_by_port(is, protocol, ports)
    local opened = {}
    for _, port in ipairs(ports) do
      local rank = reached[port].rank
      if rank > reached_before[port].rank then
        gains[#gains + 1] = { protocol = protocol, port = port, rank = rank, rule = reached[port].by }
        opened[port] = rank
      end
    end
    local all = true
    for _, port in ipairs(ANY_PORT_PROBES) do all = all and opened[port] == 3 end
    if all then all_ports[protocol] = true end
  end
  return gains, all_ports
end

return nsg
