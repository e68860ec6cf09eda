-- Microsoft.DocumentDB, DBforPostgreSQL, DBforMySQL, DBforMariaDB and Cache.

rules {
  type = "Microsoft.DocumentDB/databaseAccounts", owner = "azdrift",

  { key = "properties.readLocations", by = "locationName", why = "a region stands once; ids carry a counter" },
  { key = "properties.writeLocations", by = "locationName", why = "a region stands once; ids carry a counter" },
  { key = "properties.locations", by = "locationName", why = "a region stands once; ids carry a counter" },
  { key = "properties.failoverPolicies", by = "locationName", why = "a region stands once; ids carry a counter" },
  { key = "properties.ipRules", by = "ipAddressOrRange", why = "a rule names one range" },
  { key = "properties.virtualNetworkRules", by = "id", why = "a rule names one subnet" },
  { ignore = "properties.keysMetadata", why = "when the keys were generated; the keys are not read" },
  { ignore = "properties.instanceId", why = "a number of the service's own" },
  { compare = "properties.publicNetworkAccess",
    why = "flagged read-only by the api-versions of 2020, a setting in all others" },
  { compare = "properties.failoverPolicies", why = "read-only here, set through an action: which region takes writes" },
}

rules {
  type = {
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers",
    "Microsoft.DocumentDB/databaseAccounts/sqlDatabases",
    "Microsoft.DocumentDB/databaseAccounts/mongodbDatabases/collections",
    "Microsoft.DocumentDB/databaseAccounts/gremlinDatabases/graphs",
  },
  owner = "azdrift",

  { ignore = "properties.resource._ts", why = "a stamp of the service: it follows every write" },
  { ignore = "properties.resource._etag", why = "a stamp of the service: it follows every write" },
  { observe = "properties.resource._rid", why = "the service's own id" },
  { ignore = "properties.resource.statistics", why = "measured sizes of partitions, undocumented" },
}

rules {
  type = "Microsoft.DocumentDB/restorableDatabaseAccounts", owner = "azdrift",

  { ignore = "properties.oldestRestorableTime", why = "moves forward all the time" },
}

rules {
  type = { "Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.DBforMySQL/flexibleServers" }, owner = "azdrift",

  { observe = "properties.minorVersion", why = "the platform patches minor versions" },
  { observe = "properties.state", why = "ready or stopped: a state, not configuration" },
  { observe = "properties.haState", why = "how the standby does: a state, not configuration" },
  { compare = "properties.replicationRole", why = "tells that a failover or a promotion happened" },
}

rules {
  type = {
    "Microsoft.DBforMySQL/servers",
    "Microsoft.DBforPostgreSQL/servers",
    "Microsoft.DBforMariaDB/servers",
  },
  owner = "azdrift",

  { compare = "properties.replicationRole", why = "a request (stop replication) that the PUT schema hides" },
  { observe = "properties.userVisibleState", why = "ready or not: a state, not configuration" },
}

rules {
  type = "Microsoft.Cache/redis", owner = "azdrift",

  { observe = "properties.redisVersion", why = "the platform moves the patch level" },
  { observe = "properties.instances", why = "the nodes at the moment, not configuration" },
  { redact = "properties.accessKeys", why = "both keys, which a PUT answers with" },
}

rules {
  type = "Microsoft.Cache/redis/patchSchedules", owner = "azdrift",

  { key = "properties.scheduleEntries", by = "dayOfWeek", why = "one entry a day" },
  { fold = "properties.scheduleEntries[].dayOfWeek", why = "monday or Monday, by api-version" },
}
