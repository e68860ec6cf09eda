-- Network security groups: not the text of the rules but what they let in, before and after.

local nsg = lib "nsg"

local SERVICES = {
  [22] = "SSH", [23] = "Telnet", [135] = "RPC", [445] = "SMB", [3389] = "RDP", [5985] = "WinRM", [5986] = "WinRM",
  [1433] = "SQL Server", [1521] = "Oracle", [2375] = "Docker", [2376] = "Docker", [3306] = "MySQL", [5432] = "PostgreSQL",
  [6379] = "Redis", [6443] = "Kubernetes", [9200] = "Elasticsearch", [10250] = "kubelet", [11211] = "memcached",
  [27017] = "MongoDB",
}
local REFLECTORS = { [53] = "DNS", [123] = "NTP", [161] = "SNMP", [389] = "LDAP", [1900] = "SSDP", [11211] = "memcached" }
local WEB = { [80] = true, [443] = true, [8080] = true, [8443] = true }
local KNOWN = { 22, 23, 53, 80, 123, 135, 161, 389, 443, 445, 1433, 1521, 1900, 2375, 2376, 3306, 3389, 5432, 5985, 5986,
  6379, 6443, 8080, 8443, 9200, 10250, 11211, 27017 }

local ORDER = { low = 1, medium = 2, high = 3 }

local function severity_of(gain)
  local is_service = SERVICES[gain.port] ~= nil and gain.protocol == "tcp"
  if gain.rank == 3 then
    if is_service then return "high" end
    if gain.protocol == "tcp" and WEB[gain.port] then return "low" end
    if gain.protocol == "udp" and not REFLECTORS[gain.port] then return "low" end
    return "medium"
  end
  if gain.rank == 2 then return is_service and "medium" or "low" end
  return is_service and "low" or nil
end

local WHO = { "a public address", "a wide range of public addresses", "the Internet" }

local function say(gain)
  local name = gain.protocol == "tcp" and SERVICES[gain.port] or REFLECTORS[gain.port]
  local what = string.format("%s %d", gain.protocol, gain.port)
  if name then what = string.format("%s (%s)", name, what) end
  return string.format("{resource.name} lets %s reach %s by rule %s", WHO[gain.rank], what, gain.rule)
end

-- One inbound rule for the examples.
local function rule(name, priority, access, source, port, protocol)
  local sources = type(source) == "table" and source or nil
  return { name = name, properties = {
    priority = priority, access = access, direction = "Inbound", protocol = protocol or "Tcp",
    sourceAddressPrefix = not sources and source or nil, sourceAddressPrefixes = sources or {}, sourcePortRange = "*",
    destinationAddressPrefix = "*", destinationPortRange = port } }
end

local function group(...) return { properties = { securityRules = { ... } } } end

local DENY_ALL = rule("deny-all", 4000, "Deny", "*", "*", "*")
local OFFICE_SSH = rule("office-ssh", 200, "Allow", "203.0.113.7", "22")

policy "nsg-internet" {
  type     = "Microsoft.Network/networkSecurityGroups",
  watch    = "properties.securityRules",
  severity = "high",
  message  = "{resource.name} lets more of the Internet in",
  fix      = "az network nsg show --ids {resource.id} --query securityRules --output table",
  refs     = { "CIS5 7.1", "CIS5 7.2", "CIS5 7.3", "AP 22730e10", "AP 9daedab3", "P:network_ssh_internet_access_restricted",
    "P:network_rdp_internet_access_restricted" },
  on_resource = function(r)
    if r.kind == "removed" then return nil end
    local gains, all_ports = nsg.gained(r.before, r.after, KNOWN)
    if all_ports.tcp then
      return { severity = "critical", message = "{resource.name} lets the Internet reach every port" }
    end
    local worst, said
    for _, gain in ipairs(gains) do
      local severity = severity_of(gain)
      if severity and (not worst or ORDER[severity] > ORDER[worst]) then worst, said = severity, gain end
    end
    return worst and { severity = worst, message = say(said) }
  end,
  examples = {
    { old = group(DENY_ALL), new = group(rule("ssh", 100, "Allow", "*", "22"), DENY_ALL), gives = "high" },
    { old = group(DENY_ALL), new = group(rule("ssh", 100, "Allow", "0.0.0.0/0", "20-25"), DENY_ALL), gives = "high" },
    { old = group(DENY_ALL),
      new = group(rule("ssh", 100, "Allow", { "0.0.0.0/1", "128.0.0.0/1" }, "22"), DENY_ALL), gives = "high" },
    { old = group(DENY_ALL),
      new = group(rule("low", 100, "Allow", "0.0.0.0/1", "22"), rule("high", 101, "Allow", "128.0.0.0/1", "22"), DENY_ALL),
      gives = "high" },
    { old = group(DENY_ALL), new = group(rule("rdp", 100, "Allow", "::/0", "3389"), DENY_ALL), gives = "high" },
    { old = group(DENY_ALL),
      new = group(rule("all", 100, "Allow", "Internet", "*", "*"), DENY_ALL), gives = "critical" },
    { old = group(DENY_ALL), new = group(rule("web", 100, "Allow", "Internet", "443"), DENY_ALL), gives = "low" },
    { old = group(DENY_ALL), new = group(rule("app", 100, "Allow", "*", "9443"), DENY_ALL), gives = "medium" },
    { old = group(DENY_ALL), new = group(rule("sql", 100, "Allow", "AzureCloud", "1433"), DENY_ALL), gives = "medium" },
    { old = group(DENY_ALL), new = group(OFFICE_SSH, DENY_ALL), gives = "low" },
    -- shadowed: the deny is asked first
    { old = group(rule("no-ssh", 90, "Deny", "*", "22")),
      new = group(rule("no-ssh", 90, "Deny", "*", "22"), rule("ssh", 100, "Allow", "*", "22")), gives = false },
    -- and no longer shadowed: only the priority of the deny moved
    { old = group(rule("no-ssh", 90, "Deny", "*", "22"), rule("ssh", 100, "Allow", "*", "22")),
      new = group(rule("no-ssh", 110, "Deny", "*", "22"), rule("ssh", 100, "Allow", "*", "22")), gives = "high" },
    -- a deny that went away, the property itself absent on one side
    { old = group(rule("no-ssh", 90, "Deny", "*", "22"), rule("ssh", 100, "Allow", "*", "22")),
      new = group(rule("ssh", 100, "Allow", "*", "22")), gives = "high" },
    { old = { properties = {} }, new = group(rule("ssh", 100, "Allow", "*", "22")), gives = "high" },
    { old = group(rule("ssh", 100, "Allow", "*", "22")), new = { properties = {} }, gives = false },
    -- private sources and tighter rules
    { old = group(DENY_ALL),
      new = group(rule("vnet", 100, "Allow", { "10.0.0.0/8", "VirtualNetwork" }, "22"), DENY_ALL), gives = false },
    { old = group(rule("ssh", 100, "Allow", "*", "22")), new = group(OFFICE_SSH), gives = false },
  },
}
