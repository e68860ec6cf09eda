-- Microsoft.Sql.

rules {
  type = "Microsoft.Sql/servers/databases", owner = "azdrift",

  { ignore = "properties.pausedDate", why = "follows the serverless database's own pausing" },
  { ignore = "properties.resumedDate", why = "follows the serverless database's own pausing" },
  { observe = "properties.status", why = "Online, Paused, Resuming: a state, not configuration" },
  { observe = "properties.currentSku", why = "follows the requested objective when scaling has ended" },
  { observe = "properties.currentServiceObjectiveName",
    why = "follows the requested objective when scaling has ended" },
  { compare = "properties.requestedServiceObjectiveName",
    why = "read-only in new api-versions, a request in old ones: what was asked for" },
}

rules {
  type = "Microsoft.Sql/servers/failoverGroups", owner = "azdrift",

  { compare = "properties.replicationRole", why = "read-only, but it tells that a failover happened" },
  { observe = "properties.replicationState", why = "catching up or seeding: a state" },
}

rules {
  type = { "Microsoft.Sql/servers", "Microsoft.Sql/managedInstances" }, owner = "azdrift",

  { observe = "properties.state", why = "ready or not: a state, not configuration" },
}

rules {
  type = "Microsoft.Sql/servers/databases/transparentDataEncryption", owner = "azdrift",

  { fold = "properties.state", why = "Enabled or enabled, by api-version" },
  { fold = "properties.status", why = "Enabled or enabled, by api-version" },
}
