-- What a network security group lets in from the Internet, by its effective rules: in the order of priority, with every
-- way to write a source (Internet, *, 0.0.0.0/0, ::/0, two halves, lists) and a port (ranges, lists, *).

local ip = lib "ip"

local nsg = {}

local PORT_MAX = 65535
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
      sources[4], sources[6] = ip.public(4, 0, 0xFFFFFFFF), ip.public(6, 0, 0xFFFFFFFFFFFF)
      sources.cloud, sources.whole_cloud = true, true
      return sources
    end
    local family, first, last = ip.range(text)
    if family then
      local fresh = ip.without_all(ip.public(family, first, last), sources[family])
      for _, range in ipairs(fresh) do table.insert(sources[family], range) end
    elseif starts_with(name, "azurecloud") then
      sources.cloud, sources.whole_cloud = true, sources.whole_cloud or name == "azurecloud"
    end
  end
  sources.cloud = sources.cloud or ip.rank(ip.size(sources[4]), 0) == 3
  sources.whole_cloud = sources.whole_cloud or ip.size(sources[4]) == ip.size(ip.public(4, 0, 0xFFFFFFFF))
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

-- The inbound rules as plain tables, first asked first.
local function inbound_rules(group)
  local rules = {}
  for _, entry in ipairs(group.properties.securityRules) do
    local rule = entry.properties
    if rule.direction == "Inbound" and type(rule.priority) == "number" then
      local destinations = destinations_of(rule)
      local source_ports = ports_of(rule, "sourcePortRange", "sourcePortRanges")
      rules[#rules + 1] = {
        name = entry.name or "?", priority = rule.priority, allows = rule.access == "Allow",
        protocol = string.lower(rule.protocol or "*"), ports = ports_of(rule, "destinationPortRange",
          "destinationPortRanges"),
        sources = sources_of(rule), destinations = destinations, everywhere = is_whole_destination(destinations),
        any_source_port = #source_ports > 0 and source_ports[1][1] == 0 and source_ports[1][2] == PORT_MAX,
      }
    end
  end
  table.sort(rules, function(a, b) return a.priority < b.priority end)
  return rules
end

local function speaks_of(rule, protocol, port)
  if rule.protocol ~= "*" and rule.protocol ~= protocol then return false end
  for _, range in ipairs(rule.ports) do
    if port >= range[1] and port <= range[2] then return true end
  end
  return false
end

-- How much of the Internet reaches the port, and by which rule first: rank (see ip.rank), name.
local function reach(rules, protocol, port)
  local total, by = { [4] = {}, [6] = {} }, nil
  local cloud = false
  for index, allow in ipairs(rules) do
    if allow.allows and speaks_of(allow, protocol, port) then
      local open = { [4] = allow.sources[4], [6] = allow.sources[6] }
      local open_cloud = allow.sources.cloud
      for before = 1, index - 1 do
        local deny = rules[before]
        if not deny.allows and deny.any_source_port and speaks_of(deny, protocol, port) and covers(deny, allow) then
          open[4] = ip.without_all(open[4], deny.sources[4])
          open[6] = ip.without_all(open[6], deny.sources[6])
          open_cloud = open_cloud and not deny.sources.whole_cloud
        end
      end
      for _, family in ipairs({ 4, 6 }) do
        for _, range in ipairs(ip.without_all(open[family], total[family])) do
          table.insert(total[family], range)
          by = by or allow.name
        end
      end
      if open_cloud then cloud, by = true, by or allow.name end
    end
  end
  local rank = ip.rank(ip.size(total[4]), ip.size(total[6]))
  if cloud and rank < 2 then rank = 2 end
  return rank, by
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
  return ports
end

-- What the change lets in: a list of { protocol, port, rank, rule }, and the set of protocols whose every port opened.
-- known: ports to look at besides those that rules name.
function nsg.gained(before, after, known)
  local was, is = inbound_rules(before), inbound_rules(after)
  local gains, all_ports = {}, {}
  local ports = probe_ports(is, known)
  for _, protocol in ipairs({ "tcp", "udp" }) do
    local opened = {}
    for _, port in ipairs(ports) do
      local rank, rule = reach(is, protocol, port)
      if rank > 0 and rank > reach(was, protocol, port) then
        gains[#gains + 1] = { protocol = protocol, port = port, rank = rank, rule = rule }
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
