-- Microsoft.EventHub, ServiceBus, EventGrid, Relay and Devices.

rules {
  type = {
    "Microsoft.EventHub/namespaces",
    "Microsoft.ServiceBus/namespaces",
    "Microsoft.Relay/namespaces",
  },
  owner = "azdrift",

  { ignore = "properties.createdAt", why = "when it was made" },
  { ignore = "properties.updatedAt", why = "follows every write, also the platform's" },
  { ignore = "properties.metricId", why = "a label of the service's own" },
  { observe = "properties.status", why = "Created, Activating, Active: the progress of making it" },
}

rules {
  type = "Microsoft.EventHub/namespaces", owner = "azdrift",

  { observe = "sku.capacity", why = "auto-inflate is on: throughput units follow the load", when = function(_, resource)
      return resource.after.properties.isAutoInflateEnabled == true
    end },
}

rules {
  type = {
    "Microsoft.ServiceBus/namespaces/topics",
    "Microsoft.ServiceBus/namespaces/queues",
    "Microsoft.ServiceBus/namespaces/topics/subscriptions",
    "Microsoft.EventHub/namespaces/eventhubs",
    "Microsoft.EventHub/namespaces/eventhubs/consumergroups",
  },
  owner = "azdrift",

  { ignore = "properties.accessedAt", why = "when it was last used" },
  { ignore = "properties.createdAt", why = "when it was made" },
  { ignore = "properties.updatedAt", why = "follows every write, also the platform's" },
  { ignore = "properties.countDetails", why = "counters of messages" },
  { ignore = "properties.messageCount", why = "a counter of messages" },
  { ignore = "properties.sizeInBytes", why = "a measurement" },
  { ignore = "properties.subscriptionCount", why = "a count; the subscriptions are collected themselves" },
}

rules {
  type = {
    "Microsoft.EventGrid/eventSubscriptions",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions",
    "Microsoft.EventGrid/topics/eventSubscriptions",
  },
  owner = "azdrift",

  { set = "properties.filter.advancedFilters[].values", why = "any of the values matches: no order" },
}

rules {
  type = { "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices" }, owner = "azdrift",

  { observe = "properties.state", why = "active or not: a state, not configuration" },
  { key = "properties.locations", by = { "location", "role" },
    why = "a region stands once a role; the roles swap in a failover" },
}
