-- Microsoft.Network, but for security groups (network_nsg.lua).

local routes = lib "routes"

-- Subnets that Azure's own gateways live in: a security group there is unsupported or breaks them.
local WITHOUT_NSG = { "GatewaySubnet", "AzureFirewallSubnet", "AzureFirewallManagementSubnet", "AzureBastionSubnet",
  "RouteServerSubnet" }

local function subnet(name, nsg, table_id)
  return { name = name, properties = {
    addressPrefix = "10.0.1.0/24",
    networkSecurityGroup = nsg and { id = nsg } or nil, routeTable = table_id and { id = table_id } or nil } }
end

local function network(...) return { properties = { subnets = { ... } } } end

policy "subnet-nsg-removed" {
  type     = "Microsoft.Network/virtualNetworks",
  watch    = "properties.subnets[].properties.networkSecurityGroup",
  severity = "high",
  message  = "a subnet of {resource.name} lost its network security group",
  fix      = "az network vnet subnet update --resource-group {resource.group} --vnet-name {resource.name} --name SUBNET"
    .. " --network-security-group NSG",
  refs     = { "CIS5 7.11", "AP e71308d3", "P:network_subnet_nsg_associated" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, was in ipairs(r.before.properties.subnets) do
      local is = find(r.after.properties.subnets, "name", was.name)
      if was.properties.networkSecurityGroup.id and is and not is.properties.networkSecurityGroup.id
        and not one_of(was.name, WITHOUT_NSG) then
        return { severity = "high",
          message = "subnet " .. was.name .. " of {resource.name} lost its network security group" }
      end
    end
  end,
  examples = {
    { old = network(subnet("app", "/nsg/a")), new = network(subnet("app")), gives = "high" },
    { old = network(subnet("app", "/nsg/a")), new = network(subnet("app", "/nsg/b")), gives = false },
    { old = network(subnet("GatewaySubnet", "/nsg/a")), new = network(subnet("GatewaySubnet")), gives = false },
    { old = network(subnet("app", "/nsg/a"), subnet("db", "/nsg/a")),
      new = network(subnet("db", "/nsg/a")), gives = false },
    { old = network(subnet("app")), new = network(subnet("app"), subnet("new")), gives = false },
  },
}

policy "subnet-route-table-removed" {
  type     = "Microsoft.Network/virtualNetworks",
  watch    = "properties.subnets[].properties.routeTable",
  severity = "high",
  message  = "a subnet of {resource.name} lost its route table: its traffic no longer takes the way through the firewall",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, was in ipairs(r.before.properties.subnets) do
      local is = find(r.after.properties.subnets, "name", was.name)
      if was.properties.routeTable.id and is and not is.properties.routeTable.id then
        return { severity = "high", message = "subnet " .. was.name .. " of {resource.name} lost its route table" }
      end
    end
  end,
  examples = {
    { old = network(subnet("app", nil, "/rt/a")), new = network(subnet("app")), gives = "high" },
    { old = network(subnet("app", nil, "/rt/a")), new = network(subnet("app", nil, "/rt/b")), gives = false },
    { old = network(subnet("app")), new = network(subnet("app", nil, "/rt/a")), gives = false },
  },
}

policy "vnet-dns-servers" {
  type     = "Microsoft.Network/virtualNetworks",
  watch    = "properties.dhcpOptions.dnsServers",
  severity = "medium",
  message  = "machines of {resource.name} ask other name servers, or in another order",
  fix      = "az network vnet show --ids {resource.id} --query dhcpOptions",
  on_resource = function(r) return r.kind == "changed" and "medium" end,
  examples = {
    { old = { properties = { dhcpOptions = { dnsServers = { "10.0.0.4", "10.0.0.5" } } } },
      new = { properties = { dhcpOptions = { dnsServers = { "10.0.0.5", "10.0.0.4" } } } }, gives = "medium" },
    { old = { properties = { dhcpOptions = { dnsServers = { "10.0.0.4" } } } }, new = { properties = {} },
      gives = "medium" },
    { old = { properties = { addressSpace = { addressPrefixes = { "10.0.0.0/16", "10.1.0.0/16" } } } },
      new = { properties = { addressSpace = { addressPrefixes = { "10.1.0.0/16", "10.0.0.0/16" } } } }, gives = false },
  },
}

local function peering(name, remote)
  return { name = name, properties = { remoteVirtualNetwork = { id = remote }, allowForwardedTraffic = false } }
end

local HUB = "/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/hub"
local HOME = "/subscriptions/00000000-0000-0000-0000-000000000001" .. HUB
local ABROAD = "/subscriptions/00000000-0000-0000-0000-000000000002" .. HUB

policy "vnet-peering-added" {
  type     = "Microsoft.Network/virtualNetworks",
  watch    = "properties.virtualNetworkPeerings",
  severity = "medium",
  message  = "{resource.name} is joined with another network",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, is in ipairs(r.after.properties.virtualNetworkPeerings) do
      if not find(r.before.properties.virtualNetworkPeerings, "name", is.name) then
        local remote = is.properties.remoteVirtualNetwork.id or ""
        local abroad = r.subscription ~= nil and not contains(remote, "/subscriptions/" .. r.subscription)
        return { severity = abroad and "high" or "medium",
          message = "{resource.name} is joined with " .. remote .. (abroad and ", in another subscription" or "") }
      end
    end
  end,
  examples = {
    { id = HOME .. "x", old = { properties = { virtualNetworkPeerings = {} } },
      new = { properties = { virtualNetworkPeerings = { peering("to-hub", HOME) } } }, gives = "medium" },
    { id = HOME .. "x", old = { properties = {} },
      new = { properties = { virtualNetworkPeerings = { peering("to-hub", ABROAD) } } }, gives = "high" },
    { id = HOME .. "x", old = { properties = { virtualNetworkPeerings = { peering("to-hub", HOME) } } },
      new = { properties = {} }, gives = false },
  },
}

policy "vnet-ddos-off" {
  type     = "Microsoft.Network/virtualNetworks",
  watch    = "properties.enableDdosProtection",
  from     = true,
  to       = { false, null },
  severity = "medium",
  message  = "{resource.name} is no longer under a DDoS protection plan",
  fix      = "az network vnet update --ids {resource.id} --ddos-protection true",
  refs     = { "P:network_vnet_ddos_protection_enabled" },
  examples = {
    { old = { properties = { enableDdosProtection = true } }, new = { properties = { enableDdosProtection = false } },
      gives = "medium" },
    { old = { properties = { enableDdosProtection = true } }, new = { properties = {} }, gives = "medium" },
    { old = { properties = { enableDdosProtection = false } }, new = { properties = { enableDdosProtection = true } },
      gives = false },
  },
}

local function route(name, prefix, hop, address)
  return { name = name, properties = { addressPrefix = prefix, nextHopType = hop, nextHopIpAddress = address } }
end

local function route_table(...) return { properties = { routes = { ... } } } end

policy "route-changed" {
  type     = "Microsoft.Network/routeTables",
  watch    = "properties.routes",
  severity = "high",
  message  = "{resource.name} sends traffic another way",
  fix      = "az network route-table route list --resource-group {resource.group} --route-table-name {resource.name}",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local verdict
    for _, was in ipairs(r.before.properties.routes) do
      local is = find(r.after.properties.routes, "name", was.name)
      local prefix = was.properties.addressPrefix
      if not is and routes.is_default(prefix) and was.properties.nextHopType == "VirtualAppliance" then
        return { severity = "high",
          message = "{resource.name}: the default route through " .. was.properties.nextHopIpAddress .. " is gone" }
      end
      if is and routes.hop(is) ~= routes.hop(was) then
        return { severity = "high",
          message = "{resource.name}: " .. prefix .. " now goes to " .. (routes.hop(is) or "nowhere")
            .. " instead of " .. (routes.hop(was) or "nowhere") }
      end
    end
    for _, is in ipairs(r.after.properties.routes) do
      local hop, prefix = is.properties.nextHopType, is.properties.addressPrefix
      if not find(r.before.properties.routes, "name", is.name) then
        if hop == "Internet" and routes.is_default(prefix) then
          return { severity = "high",
            message = "{resource.name}: " .. prefix .. " goes straight to the Internet by route " .. is.name }
        end
        verdict = { severity = "medium", message = "{resource.name}: new route " .. is.name .. " for " .. (prefix or "?") }
      end
    end
    return verdict
  end,
  examples = {
    { old = route_table(route("default", "0.0.0.0/0", "VirtualAppliance", "10.0.0.4")),
      new = route_table(route("default", "0.0.0.0/0", "Internet")), gives = "high" },
    { old = route_table(route("default", "0.0.0.0/0", "VirtualAppliance", "10.0.0.4")),
      new = route_table(), gives = "high" },
    { old = route_table(route("default", "0.0.0.0/0", "VirtualAppliance", "10.0.0.4")), new = { properties = {} },
      gives = "high" },
    { old = route_table(), new = route_table(route("half", "0.0.0.0/1", "Internet")), gives = "high" },
    { old = route_table(),
      new = route_table(route("branch", "10.9.0.0/16", "VirtualNetworkGateway")), gives = "medium" },
    { old = route_table(route("branch", "10.9.0.0/16", "VirtualNetworkGateway")), new = route_table(), gives = false },
  },
}

policy "nic-ip-forwarding" {
  type     = "Microsoft.Network/networkInterfaces",
  watch    = "properties.enableIPForwarding",
  to       = true,
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name} now forwards traffic that is not its own",
  fix      = "az network nic update --ids {resource.id} --ip-forwarding false",
  refs     = { "AP 88c0b9da" },
  examples = {
    { old = { properties = { enableIPForwarding = false } }, new = { properties = { enableIPForwarding = true } },
      gives = "medium" },
    { old = { properties = { enableIPForwarding = true } }, new = { properties = { enableIPForwarding = false } },
      gives = false },
    { old = { properties = {} }, new = { properties = { enableIPForwarding = true } }, gives = "medium" },
  },
}

local function nic(public)
  return { properties = { ipConfigurations = { { name = "ipconfig1", properties = {
    privateIPAddress = "10.0.0.4", publicIPAddress = public and { id = public } or nil } } } } }
end

policy "nic-public-address" {
  type     = "Microsoft.Network/networkInterfaces",
  watch    = "properties.ipConfigurations[].properties.publicIPAddress",
  severity = "medium",
  message  = "{resource.name} got a public address",
  refs     = { "CIS5 7.7", "P:vm_public_ip" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, is in ipairs(r.after.properties.ipConfigurations) do
      local was = find(r.before.properties.ipConfigurations, "name", is.name)
      if is.properties.publicIPAddress.id and not was.properties.publicIPAddress.id then return "medium" end
    end
  end,
  examples = {
    { old = nic(), new = nic("/pip/a"), gives = "medium" },
    { old = nic("/pip/a"), new = nic(), gives = false },
    { old = { properties = {} }, new = nic("/pip/a"), gives = "medium" },
  },
}

policy "firewall-threat-intelligence-off" {
  type     = { "Microsoft.Network/azureFirewalls", "Microsoft.Network/firewallPolicies" },
  watch    = "properties.threatIntelMode",
  to       = "Off",
  severity = "high",
  message  = "{resource.name} no longer looks at known malicious addresses",
  refs     = { "AP 7c591a93", "AP da79a7e2" },
  examples = {
    { old = { properties = { threatIntelMode = "Alert" } }, new = { properties = { threatIntelMode = "Off" } },
      gives = "high" },
    { old = { properties = { threatIntelMode = "Off" } }, new = { properties = { threatIntelMode = "Deny" } },
      gives = false },
    { old = { properties = { threatIntelMode = "Alert" } }, new = { properties = {} }, gives = false }, -- absent: Alert
  },
}

policy "firewall-threat-intelligence-alert-only" {
  type     = { "Microsoft.Network/azureFirewalls", "Microsoft.Network/firewallPolicies" },
  watch    = "properties.threatIntelMode",
  from     = "Deny",
  to       = { "Alert", null },
  severity = "medium",
  message  = "{resource.name} only reports traffic with known malicious addresses that it refused before",
  examples = {
    { old = { properties = { threatIntelMode = "Deny" } }, new = { properties = { threatIntelMode = "Alert" } },
      gives = "medium" },
    { old = { properties = { threatIntelMode = "Deny" } }, new = { properties = {} }, gives = "medium" },
    { old = { properties = { threatIntelMode = "Alert" } }, new = { properties = { threatIntelMode = "Deny" } },
      gives = false },
  },
}

policy "waf-weakened" {
  type     = { "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies",
    "Microsoft.Network/FrontDoorWebApplicationFirewallPolicies",
    "Microsoft.Cdn/cdnWebApplicationFirewallPolicies" },
  watch    = "properties.policySettings",
  severity = "high",
  message  = "the web application firewall {resource.name} no longer blocks",
  refs     = { "AP 12430be1" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties.policySettings, r.after.properties.policySettings
    local was_on = (was.state or was.enabledState) ~= "Disabled" and was.mode == "Prevention"
    if not was_on then return nil end
    if (is.state or is.enabledState) == "Disabled" then
      return { severity = "high", message = "the web application firewall {resource.name} is switched off" }
    end
    if is.mode ~= "Prevention" then return "high" end
  end,
  examples = {
    { old = { properties = { policySettings = { mode = "Prevention", state = "Enabled" } } },
      new = { properties = { policySettings = { mode = "Detection", state = "Enabled" } } }, gives = "high" },
    { old = { properties = { policySettings = { mode = "Prevention", enabledState = "Enabled" } } },
      new = { properties = { policySettings = { mode = "Prevention", enabledState = "Disabled" } } }, gives = "high" },
    { old = { properties = { policySettings = { mode = "Prevention" } } }, new = { properties = {} }, gives = "high" },
    { old = { properties = { policySettings = { mode = "Detection" } } },
      new = { properties = { policySettings = { mode = "Prevention" } } }, gives = false },
  },
}

policy "gateway-waf-weakened" {
  type     = "Microsoft.Network/applicationGateways",
  watch    = "properties.webApplicationFirewallConfiguration",
  severity = "high",
  message  = "the web application firewall of {resource.name} no longer blocks",
  refs     = { "AP 12430be1" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local function blocks(waf) return waf.enabled == true and waf.firewallMode == "Prevention" end
    local was, is = r.before.properties, r.after.properties
    if not blocks(was.webApplicationFirewallConfiguration) or blocks(is.webApplicationFirewallConfiguration) then return nil end
    -- The configuration moved into a policy of its own, which is judged there.
    return not is.firewallPolicy.id and "high"
  end,
  examples = {
    { old = { properties = { webApplicationFirewallConfiguration = { enabled = true, firewallMode = "Prevention" } } },
      new = { properties = { webApplicationFirewallConfiguration = { enabled = true, firewallMode = "Detection" } } },
      gives = "high" },
    { old = { properties = { webApplicationFirewallConfiguration = { enabled = true, firewallMode = "Prevention" } } },
      new = { properties = {} }, gives = "high" },
    { old = { properties = { webApplicationFirewallConfiguration = { enabled = true, firewallMode = "Prevention" } } },
      new = { properties = { firewallPolicy = { id = "/waf/a" } } }, gives = false },
    { old = { properties = { webApplicationFirewallConfiguration = { enabled = false } } },
      new = { properties = { webApplicationFirewallConfiguration = { enabled = true, firewallMode = "Prevention" } } },
      gives = false },
  },
}

policy "flow-log-off" {
  type     = "Microsoft.Network/networkWatchers/flowLogs",
  watch    = "properties.enabled",
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "{resource.name} no longer records who talks to whom",
  fix      = "az network watcher flow-log update --location {resource.location} --name {resource.name} --enabled true",
  refs     = { "CIS5 6.1.1.5", "P:network_flow_log_captured_sent" },
  examples = {
    { old = { properties = { enabled = true } }, new = { properties = { enabled = false } }, gives = "high" },
    { old = { properties = { enabled = true } }, new = { properties = {} }, gives = "high" },
    { old = { properties = { enabled = false } }, new = { properties = { enabled = true } }, gives = false },
  },
}

policy "flow-log-removed" {
  type = "Microsoft.Network/networkWatchers/flowLogs", kind = "removed", severity = "high",
  message = "{resource.name} is gone: nothing records who talks to whom",
  examples = {
    { old = { properties = { enabled = true } }, gives = "high" },
    { new = { properties = { enabled = true } }, gives = false },
    { old = { properties = { enabled = true } }, new = { properties = {} }, gives = false },
  },
}

policy "flow-log-retention" {
  type     = "Microsoft.Network/networkWatchers/flowLogs",
  watch    = "properties.retentionPolicy.days",
  severity = "medium",
  message  = "flow logs of {resource.name} are kept for less than 90 days",
  refs     = { "CIS5 7.5", "P:network_flow_log_more_than_90_days" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    -- 0 days: kept for ever. An absent policy keeps them for ever, too.
    local was, is = r.before.properties.retentionPolicy.days or 0, r.after.properties.retentionPolicy.days or 0
    return is > 0 and is < 90 and (was == 0 or was > is) and "medium"
  end,
  examples = {
    { old = { properties = { retentionPolicy = { days = 120 } } }, new = { properties = { retentionPolicy = { days = 7 } } },
      gives = "medium" },
    { old = { properties = { retentionPolicy = { days = 7 } } }, new = { properties = { retentionPolicy = { days = 90 } } },
      gives = false },
    { old = { properties = { retentionPolicy = { days = 90 } } }, new = { properties = {} }, gives = false },
  },
}
