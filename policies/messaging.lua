-- Microsoft.EventHub, ServiceBus and EventGrid.

local function resource(properties) return { properties = properties } end

local NAMESPACES = { "Microsoft.EventHub/namespaces", "Microsoft.ServiceBus/namespaces" }

policy "messaging-keys-allowed" {
  type     = { "Microsoft.EventHub/namespaces", "Microsoft.ServiceBus/namespaces", "Microsoft.EventGrid/topics",
    "Microsoft.EventGrid/domains" },
  watch    = "properties.disableLocalAuth",
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "{resource.name} takes shared access keys again",
  fix      = "az resource update --ids {resource.id} --set properties.disableLocalAuth=true",
  refs     = { "AP 5d4e3c65", "AP cfb11c26" },
  examples = {
    { old = resource { disableLocalAuth = true }, new = resource { disableLocalAuth = false }, gives = "high" },
    { old = resource { disableLocalAuth = true }, new = resource {}, gives = "high" },
    { old = resource { disableLocalAuth = false }, new = resource { disableLocalAuth = true }, gives = false },
  },
}

policy "messaging-public-access" {
  type     = { "Microsoft.EventHub/namespaces", "Microsoft.ServiceBus/namespaces", "Microsoft.EventGrid/topics",
    "Microsoft.EventGrid/domains" },
  watch    = "properties.publicNetworkAccess",
  from     = { "Disabled", "SecuredByPerimeter" },
  to       = { "Enabled", null },
  severity = "high",
  message  = "{resource.name} can be reached from the Internet",
  fix      = "az resource update --ids {resource.id} --set properties.publicNetworkAccess=Disabled",
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { publicNetworkAccess = "Disabled" }, new = resource {}, gives = "high" },
    { old = resource { publicNetworkAccess = "Enabled" },
      new = resource { publicNetworkAccess = "Disabled" }, gives = false },
  },
}

policy "messaging-tls" {
  type     = NAMESPACES,
  watch    = "properties.minimumTlsVersion",
  from     = "1.2",
  to       = { "1.0", "1.1" }, -- absent means 1.2
  severity = "medium",
  message  = "{resource.name} takes connections with TLS {new}",
  fix      = "az resource update --ids {resource.id} --set properties.minimumTlsVersion=1.2",
  examples = {
    { old = resource { minimumTlsVersion = "1.2" }, new = resource { minimumTlsVersion = "1.0" }, gives = "medium" },
    { old = resource { minimumTlsVersion = "1.0" }, new = resource { minimumTlsVersion = "1.2" }, gives = false },
    { old = resource { minimumTlsVersion = "1.2" }, new = resource {}, gives = false },
  },
}

policy "messaging-key-made" {
  type = { "Microsoft.EventHub/namespaces/authorizationRules", "Microsoft.ServiceBus/namespaces/authorizationRules" },
    kind = { "added", "changed" },
  watch = "properties.rights",
  severity = "medium", message = "key {resource.name} may manage the whole namespace",
  on_resource = function(r)
    return one_of("Manage", r.after.properties.rights) and not one_of("Manage", r.before.properties.rights) and "medium"
  end,
  examples = {
    { new = resource { rights = { "Listen", "Manage", "Send" } }, gives = "medium" },
    { old = resource { rights = { "Listen" } }, new = resource { rights = { "Listen", "Manage" } }, gives = "medium" },
    { old = resource { rights = { "Manage" } }, new = resource {}, gives = false },
    { new = resource { rights = { "Listen" } }, gives = false },
  },
}
