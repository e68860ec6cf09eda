-- Microsoft.Network. Most noise here is back references: one NIC attached somewhere shows in the NSG, the subnet, the
-- virtual network and the load balancer. The change belongs to the resource that holds the forward reference.

-- The service may live in another subscription, and then the link is all that can be read of it.
local BOUND_SUBNET = "read-only, but a service that binds a subnet keeps it from being deleted, delegated anew or shared"
local BACK_REFERENCE = "a back reference: the change belongs to the resource at the other end, which is collected itself"
local CHILD_NAME = "children of one parent are told apart by name; an id also changes with its group's case and with a move"

rules {
  type = {
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/publicIPAddresses",
  },
  owner = "azdrift",

  { compare = "properties.resourceGuid",
    why = "read-only and constant for the life of these: another one means deleted and made again under its name" },
}

rules {
  type = "Microsoft.Network/networkSecurityGroups", owner = "azdrift",

  { ignore = "properties.networkInterfaces", why = BACK_REFERENCE },
  { ignore = "properties.subnets", why = BACK_REFERENCE },
  { ignore = "properties.flowLogs", why = BACK_REFERENCE },
  { compare = "properties.defaultSecurityRules",
    why = "read-only and the same everywhere: a difference means that Azure changed what every group falls back to" },
  { key = "properties.securityRules", by = "name", why = CHILD_NAME },
  { key = "properties.defaultSecurityRules", by = "name", why = CHILD_NAME },
}

rules {
  type = "Microsoft.Network/virtualNetworks", owner = "azdrift",

  { key = "properties.subnets", by = "name", why = CHILD_NAME },
  { key = "properties.virtualNetworkPeerings", by = "name", why = CHILD_NAME },
  { key = "properties.subnets[].properties.serviceEndpoints", by = "service",
    why = "a subnet has one endpoint a service" },
  { key = "properties.subnets[].properties.delegations", by = "name", why = CHILD_NAME },
  { ignore = "properties.subnets[].properties.ipConfigurations", why = BACK_REFERENCE },
  { ignore = "properties.subnets[].properties.privateEndpoints", why = BACK_REFERENCE },
  { compare = "properties.subnets[].properties.serviceAssociationLinks", why = BOUND_SUBNET },
  { ignore = "properties.subnets[].properties.resourceNavigationLinks", why = BACK_REFERENCE },
  { ignore = "properties.subnets[].properties.applicationGatewayIPConfigurations", why = BACK_REFERENCE },
  { ignore = "properties.subnets[].properties.ipConfigurationProfiles", why = BACK_REFERENCE },
  { ignore = "properties.flowLogs", why = BACK_REFERENCE },
  { set = "properties.addressSpace.addressPrefixes", why = "the ranges of a network have no order" },
  { set = "properties.subnets[].properties.addressPrefixes", why = "the ranges of a subnet have no order" },
  { list = "properties.dhcpOptions.dnsServers", why = "machines ask the first server first" },
  { fold = "properties.subnets[].properties.privateEndpointNetworkPolicies",
    why = "Enabled or enabled, by api-version" },
  { fold = "properties.subnets[].properties.privateLinkServiceNetworkPolicies",
    why = "Enabled or enabled, by api-version" },
  { same = "properties.privateEndpointVNetPolicies", as = { null, "Disabled" },
    why = "the default is filled in from 2023-11 on" },
  { observe = "properties.virtualNetworkPeerings[].properties.peeringState",
    why = "follows the peer's side; a peering that was removed shows there" },
  { observe = "properties.virtualNetworkPeerings[].properties.peeringSyncLevel",
    why = "follows the peer's address space" },
  { observe = "properties.virtualNetworkPeerings[].properties.remoteVirtualNetworkAddressSpace",
    why = "the peer's own configuration" },
}

rules {
  type = "Microsoft.Network/virtualNetworks/subnets", owner = "azdrift",

  { key = "properties.serviceEndpoints", by = "service", why = "a subnet has one endpoint a service" },
  { key = "properties.delegations", by = "name", why = CHILD_NAME },
  { ignore = "properties.ipConfigurations", why = BACK_REFERENCE },
  { ignore = "properties.privateEndpoints", why = BACK_REFERENCE },
  { compare = "properties.serviceAssociationLinks", why = BOUND_SUBNET },
  { ignore = "properties.resourceNavigationLinks", why = BACK_REFERENCE },
  { ignore = "properties.ipConfigurationProfiles", why = BACK_REFERENCE },
  { set = "properties.addressPrefixes", why = "the ranges of a subnet have no order" },
}

rules {
  type = "Microsoft.Network/virtualNetworks/virtualNetworkPeerings", owner = "azdrift",

  { observe = "properties.peeringState", why = "follows the peer's side; a peering that was removed shows there" },
  { observe = "properties.peeringSyncLevel", why = "follows the peer's address space" },
  { observe = "properties.remoteVirtualNetworkAddressSpace", why = "the peer's own configuration" },
}

rules {
  type = "Microsoft.Network/networkInterfaces", owner = "azdrift",

  { key = "properties.ipConfigurations", by = "name", why = CHILD_NAME },
  { ignore = "properties.virtualMachine", why = BACK_REFERENCE },
  { ignore = "properties.primary", why = "follows the order in the machine's network profile" },
  { ignore = "properties.hostedWorkloads", why = BACK_REFERENCE },
  { list = "properties.dnsSettings.dnsServers", why = "machines ask the first server first" },
  { observe = "properties.ipConfigurations[].properties.privateIPAddress",
    why = "handed out by Azure while the method is dynamic; moves with stop and start",
    when = function(change) return change.parent.privateIPAllocationMethod == "Dynamic" end },
}

rules {
  type = { "Microsoft.Network/publicIPAddresses", "Microsoft.Network/publicIPPrefixes" }, owner = "azdrift",

  { ignore = "properties.ipConfiguration", why = BACK_REFERENCE },
  { ignore = "properties.natGateway", why = BACK_REFERENCE },
  { ignore = "properties.publicIPAddresses", why = BACK_REFERENCE },
  { ignore = "properties.loadBalancerFrontendIpConfiguration", why = BACK_REFERENCE },
  { observe = "properties.ipAddress",
    why = "handed out by Azure while the method is dynamic; moves with stop and start",
    when = function(change) return change.parent.publicIPAllocationMethod == "Dynamic" end },
}

rules {
  type = "Microsoft.Network/loadBalancers", owner = "azdrift",

  { key = "properties.frontendIPConfigurations", by = "name", why = CHILD_NAME },
  { key = "properties.backendAddressPools", by = "name", why = CHILD_NAME },
  { key = "properties.backendAddressPools[].properties.loadBalancerBackendAddresses", by = "name", why = CHILD_NAME },
  { key = "properties.loadBalancingRules", by = "name", why = CHILD_NAME },
  { key = "properties.probes", by = "name", why = CHILD_NAME },
  { key = "properties.inboundNatRules", by = "name", why = CHILD_NAME },
  { key = "properties.inboundNatPools", by = "name", why = CHILD_NAME },
  { key = "properties.outboundRules", by = "name", why = CHILD_NAME },
}

rules {
  type = "Microsoft.Network/applicationGateways", owner = "azdrift",

  { key = "properties.gatewayIPConfigurations", by = "name", why = CHILD_NAME },
  { key = "properties.sslCertificates", by = "name", why = CHILD_NAME },
  { key = "properties.frontendIPConfigurations", by = "name", why = CHILD_NAME },
  { key = "properties.frontendPorts", by = "name", why = CHILD_NAME },
  { key = "properties.probes", by = "name", why = CHILD_NAME },
  { key = "properties.backendAddressPools", by = "name", why = CHILD_NAME },
  { key = "properties.backendHttpSettingsCollection", by = "name", why = CHILD_NAME },
  { key = "properties.httpListeners", by = "name", why = CHILD_NAME },
  { key = "properties.urlPathMaps", by = "name", why = CHILD_NAME },
  { key = "properties.requestRoutingRules", by = "name", why = CHILD_NAME },
  { key = "properties.rewriteRuleSets", by = "name", why = CHILD_NAME },
  { key = "properties.redirectConfigurations", by = "name", why = CHILD_NAME },
  { observe = "properties.operationalState", why = "running or stopped: a state, not configuration" },
}

rules {
  type = "Microsoft.Network/routeTables", owner = "azdrift",

  { key = "properties.routes", by = "name", why = CHILD_NAME },
  { ignore = "properties.subnets", why = BACK_REFERENCE },
}

rules {
  type = "Microsoft.Network/connections", owner = "azdrift",

  { observe = "properties.connectionStatus", why = "the state of the tunnel, not configuration" },
  { ignore = "properties.egressBytesTransferred", why = "a counter" },
  { ignore = "properties.ingressBytesTransferred", why = "a counter" },
  { redact = "properties.authorizationKey", why = "the key of the circuit" },
}

rules {
  type = "Microsoft.Network/trafficManagerProfiles", owner = "azdrift",

  { observe = "..endpointMonitorStatus", why = "the result of the last probe, not configuration" },
  { observe = "..profileMonitorStatus", why = "the result of the last probe, not configuration" },
}

rules {
  type = "Microsoft.Network/networkWatchers", owner = "azdrift",

  { ignore = "properties.runningOperationIds", why = "operations in flight" },
  { ignore = "properties.flowLogs", why = BACK_REFERENCE },
}

rules {
  type = { "Microsoft.Network/privateDnsZones", "Microsoft.Network/dnsZones" }, owner = "azdrift",

  { observe = "properties.numberOfRecordSets", why = "a count; the record sets are collected themselves" },
  { observe = "properties.numberOfVirtualNetworkLinks", why = "a count; the links are collected themselves" },
  { observe = "properties.numberOfVirtualNetworkLinksWithRegistration",
    why = "a count; the links are collected themselves" },
}

rules {
  type = { "Microsoft.Network/azureFirewalls", "Microsoft.Network/firewallPolicies" }, owner = "azdrift",

  { ignore = "properties.firewalls", why = BACK_REFERENCE },
  { ignore = "properties.childPolicies", why = BACK_REFERENCE },
  { ignore = "properties.ruleCollectionGroups", why = "the groups are collected themselves" },
  { list = "properties.dnsSettings.servers", why = "the first server is asked first" },
  { key = "properties.networkRuleCollections", by = "name", why = CHILD_NAME },
  { key = "properties.applicationRuleCollections", by = "name", why = CHILD_NAME },
  { key = "properties.natRuleCollections", by = "name", why = CHILD_NAME },
}
