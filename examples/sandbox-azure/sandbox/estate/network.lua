-- Virtual networks with their subnets, security groups, routes, addresses, balancers, private endpoints and DNS zones.
local json = require("azdrift.json")

local network = {}

local function rule(ctx, nsg, name, priority, access, direction, source, ports)
  local properties = { provisioningState = "Succeeded", description = name:gsub("-", " "), protocol = "Tcp",
    sourcePortRange = "*", sourceAddressPrefix = source, destinationAddressPrefix = "*", access = access,
    priority = priority, direction = direction, sourcePortRanges = json.array {}, destinationPortRanges = json.array {},
    sourceAddressPrefixes = json.array {}, destinationAddressPrefixes = json.array {} }
  if type(ports) == "table" then properties.destinationPortRanges = json.array(ports)
  else properties.destinationPortRange = ports end
  return { name = name, id = ctx:id("Microsoft.Network/networkSecurityGroups/securityRules", nsg, name), etag = ctx:etag(),
    type = "Microsoft.Network/networkSecurityGroups/securityRules", properties = properties }
end
network.rule = rule

local function default_rule(ctx, nsg, name, priority, access, direction, source, destination)
  return { name = name, id = ctx:id("Microsoft.Network/networkSecurityGroups", nsg) .. "/defaultSecurityRules/" .. name,
    etag = ctx:etag(), type = "Microsoft.Network/networkSecurityGroups/defaultSecurityRules",
    properties = { provisioningState = "Succeeded", description = name, protocol = "*", sourcePortRange = "*",
      destinationPortRange = "*", sourceAddressPrefix = source, destinationAddressPrefix = destination, access = access,
      priority = priority, direction = direction, sourcePortRanges = json.array {}, destinationPortRanges = json.array {},
      sourceAddressPrefixes = json.array {}, destinationAddressPrefixes = json.array {} } }
end

function network.security_group(ctx, name, rules)
  local made = {}
  for i, r in ipairs(rules) do made[i] = rule(ctx, name, table.unpack(r)) end
  return ctx:add("Microsoft.Network/networkSecurityGroups", { name }, { etag = ctx:etag(), properties = {
    provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), securityRules = json.array(made),
    defaultSecurityRules = {
      default_rule(ctx, name, "AllowVnetInBound", 65000, "Allow", "Inbound", "VirtualNetwork", "VirtualNetwork"),
      default_rule(ctx, name, "AllowAzureLoadBalancerInBound", 65001, "Allow", "Inbound", "AzureLoadBalancer", "*"),
      default_rule(ctx, name, "DenyAllInBound", 65500, "Deny", "Inbound", "*", "*"),
      default_rule(ctx, name, "AllowInternetOutBound", 65001, "Allow", "Outbound", "*", "Internet"),
      default_rule(ctx, name, "DenyAllOutBound", 65500, "Deny", "Outbound", "*", "*") } } })
end

function network.subnet(ctx, vnet, spec)
  local properties = { provisioningState = "Succeeded", addressPrefix = spec.prefix, delegations = json.array {},
    privateEndpointNetworkPolicies = "Disabled", privateLinkServiceNetworkPolicies = "Enabled",
    serviceEndpoints = json.array(spec.endpoints or {}), ipConfigurations = json.array {},
    defaultOutboundAccess = false }
  if spec.nsg then properties.networkSecurityGroup = { id = spec.nsg } end
  if spec.routes then properties.routeTable = { id = spec.routes } end
  return { name = spec.name, id = ctx:id("Microsoft.Network/virtualNetworks/subnets", vnet, spec.name), etag = ctx:etag(),
    type = "Microsoft.Network/virtualNetworks/subnets", properties = properties }
end

function network.virtual_network(ctx, name, prefixes, dns, subnets)
  local made = {}
  for i, spec in ipairs(subnets) do made[i] = network.subnet(ctx, name, spec) end
  return ctx:add("Microsoft.Network/virtualNetworks", { name }, { etag = ctx:etag(), properties = {
    provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), addressSpace = { addressPrefixes = prefixes },
    dhcpOptions = { dnsServers = json.array(dns) }, subnets = json.array(made),
    virtualNetworkPeerings = json.array {}, enableDdosProtection = false,
    privateEndpointVNetPolicies = "Disabled" } })
end

function network.route_table(ctx, name, firewall)
  local id = ctx:id("Microsoft.Network/routeTables", name)
  local function route(route_name, prefix, hop, address)
    return { name = route_name, id = id .. "/routes/" .. route_name, etag = ctx:etag(),
      type = "Microsoft.Network/routeTables/routes", properties = { provisioningState = "Succeeded", addressPrefix = prefix,
        nextHopType = hop, nextHopIpAddress = address, hasBgpOverride = false } }
  end
  return ctx:add("Microsoft.Network/routeTables", { name }, { etag = ctx:etag(), properties = {
    provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), disableBgpRoutePropagation = true,
    routes = { route("to-firewall", "0.0.0.0/0", "VirtualAppliance", firewall), route("local", "10.0.0.0/8", "VnetLocal") },
    subnets = json.array {} } })
end

function network.public_ip(ctx, name, label)
  return ctx:add("Microsoft.Network/publicIPAddresses", { name }, { etag = ctx:etag(),
    sku = { name = "Standard", tier = "Regional" }, zones = { "1", "2", "3" }, properties = {
      provisioningState = "Succeeded", resourceGuid = ctx.random.guid(),
      ipAddress = string.format("20.%d.%d.%d", ctx.random.integer(33, 250), ctx.random.integer(0, 255),
        ctx.random.integer(1, 254)), publicIPAddressVersion = "IPv4", publicIPAllocationMethod = "Static",
      idleTimeoutInMinutes = 4, ipTags = json.array {}, ddosSettings = { protectionMode = "VirtualNetworkInherited" },
      dnsSettings = { domainNameLabel = label, fqdn = label .. "." .. ctx.location .. ".cloudapp.azure.com" } } })
end

function network.load_balancer(ctx, name, public_ip)
  local id = ctx:id("Microsoft.Network/loadBalancers", name)
  local function part(kind, part_name, properties)
    properties.provisioningState = "Succeeded"
    return { name = part_name, id = id .. "/" .. kind .. "/" .. part_name, etag = ctx:etag(),
      type = "Microsoft.Network/loadBalancers/" .. kind, properties = properties }
  end
  return ctx:add("Microsoft.Network/loadBalancers", { name }, { etag = ctx:etag(),
    sku = { name = "Standard", tier = "Regional" }, properties = { provisioningState = "Succeeded",
      resourceGuid = ctx.random.guid(), inboundNatRules = json.array {}, outboundRules = json.array {},
      frontendIPConfigurations = { part("frontendIPConfigurations", "public", { privateIPAllocationMethod = "Dynamic",
        publicIPAddress = { id = public_ip } }) },
      backendAddressPools = { part("backendAddressPools", "servers", { loadBalancerBackendAddresses = json.array {} }) },
      probes = { part("probes", "https", { protocol = "Tcp", port = 443, intervalInSeconds = 5, numberOfProbes = 2,
        probeThreshold = 1 }) },
      loadBalancingRules = { part("loadBalancingRules", "https", { frontendPort = 443, backendPort = 443,
        protocol = "Tcp", enableFloatingIP = false, enableTcpReset = true, idleTimeoutInMinutes = 4,
        loadDistribution = "Default", disableOutboundSnat = true,
        frontendIPConfiguration = { id = id .. "/frontendIPConfigurations/public" },
        backendAddressPool = { id = id .. "/backendAddressPools/servers" },
        probe = { id = id .. "/probes/https" } }) } } })
end

function network.nat_gateway(ctx, name, public_ip)
  return ctx:add("Microsoft.Network/natGateways", { name }, { etag = ctx:etag(), sku = { name = "Standard" },
    properties = { provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), idleTimeoutInMinutes = 4,
      publicIpAddresses = { { id = public_ip } } } })
end

function network.private_endpoint(ctx, name, subnet, target, kind, zone)
  local id = ctx:id("Microsoft.Network/privateEndpoints", name)
  return ctx:add("Microsoft.Network/privateEndpoints", { name }, { etag = ctx:etag(), properties = {
    provisioningState = "Succeeded", resourceGuid = ctx.random.guid(), subnet = { id = subnet },
    ipConfigurations = json.array {}, customNetworkInterfaceName = name .. "-nic",
    networkInterfaces = { { id = ctx:id("Microsoft.Network/networkInterfaces", name .. "-nic") } },
    manualPrivateLinkServiceConnections = json.array {},
    privateLinkServiceConnections = { { name = name, id = id .. "/privateLinkServiceConnections/" .. name,
      etag = ctx:etag(), properties = { provisioningState = "Succeeded", privateLinkServiceId = target,
        groupIds = { kind }, privateLinkServiceConnectionState = { status = "Approved", description = "Auto-Approved",
          actionsRequired = "None" } } } },
    customDnsConfigs = { { fqdn = name .. "." .. zone, ipAddresses = { "10.0.4." .. ctx.random.integer(4, 250) } } } } })
end

function network.private_dns_zone(ctx, zone, vnet)
  local id = ctx:add("Microsoft.Network/privateDnsZones", { zone }, { location = "global", etag = ctx.random.guid(),
    properties = { provisioningState = "Succeeded", internalId = ctx.random.hex(24), maxNumberOfRecordSets = 25000,
      numberOfRecordSets = ctx.random.integer(1, 40), maxNumberOfVirtualNetworkLinks = 1000,
      numberOfVirtualNetworkLinks = 1, maxNumberOfVirtualNetworkLinksWithRegistration = 100,
      numberOfVirtualNetworkLinksWithRegistration = 0 } })
  ctx:add("Microsoft.Network/privateDnsZones/virtualNetworkLinks", { zone, "hub" }, { location = "global",
    etag = string.format('"%s"', ctx.random.guid()), properties = { provisioningState = "Succeeded",
      registrationEnabled = false, virtualNetworkLinkState = "Completed", virtualNetwork = { id = vnet } } })
  return id
end

function network.watcher(ctx, nsg, account, workspace)
  local name = "NetworkWatcher_" .. ctx.location
  ctx:add("Microsoft.Network/networkWatchers", { name }, { etag = ctx:etag(),
    properties = { provisioningState = "Succeeded", runningOperationIds = json.array {} } })
  return ctx:add("Microsoft.Network/networkWatchers/flowLogs", { name, "hub-flow" }, { etag = ctx:etag(), properties = {
    provisioningState = "Succeeded", targetResourceId = nsg, targetResourceGuid = ctx.random.guid(), storageId = account,
    enabled = true, retentionPolicy = { days = 90, enabled = true }, format = { type = "JSON", version = 2 },
    flowAnalyticsConfiguration = { networkWatcherFlowAnalyticsConfiguration = { enabled = true,
      workspaceId = ctx.random.guid(), workspaceRegion = ctx.location, workspaceResourceId = workspace,
      trafficAnalyticsInterval = 10 } } } })
end

return network
