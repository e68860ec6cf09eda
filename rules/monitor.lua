-- Microsoft.Insights, OperationalInsights, Security and AlertsManagement.

rules {
  type = "Microsoft.Insights/diagnosticSettings", owner = "azdrift",

  { key = "properties.logs", by = { "category", "categoryGroup" },
    why = "a setting names a category or a group of them, once each" },
  { key = "properties.metrics", by = "category", why = "a category stands once" },
  { same = "properties.logs[].retentionPolicy", as = { null, { days = 0, enabled = false } },
    why = "the retired retention policy: filled in by some doors, absent in others" },
  { same = "properties.metrics[].retentionPolicy", as = { null, { days = 0, enabled = false } },
    why = "the retired retention policy: filled in by some doors, absent in others" },
  { same = "properties.logAnalyticsDestinationType", as = { null, "AzureDiagnostics" },
    why = "the default, answered as null" },
}

rules {
  type = {
    "Microsoft.Insights/metricAlerts",
    "Microsoft.Insights/activityLogAlerts",
    "Microsoft.Insights/scheduledQueryRules",
  },
  owner = "azdrift",

  { observe = "properties.lastUpdatedTime", why = "when it was written" },
  { set = "properties.scopes", why = "the scopes of an alert have no order" },
}

rules {
  type = "Microsoft.Insights/components", owner = "azdrift",

  { observe = "properties.CreationDate", why = "when it was made" },
  { ignore = "properties.LaMigrationDate", why = "when the platform moved it to a workspace" },
  { redact = "properties.InstrumentationKey",
    why = "who has it can write telemetry; Microsoft's description does not call it a secret" },
  { redact = "properties.ConnectionString", why = "holds the instrumentation key" },
}

rules {
  type = "Microsoft.OperationalInsights/workspaces", owner = "azdrift",

  { ignore = "properties.modifiedDate", why = "follows every write, also the platform's" },
  { ignore = "properties.workspaceCapping.quotaNextResetTime", why = "moves each day" },
  { observe = "properties.workspaceCapping.dataIngestionStatus", why = "whether the cap was met: a state" },
  { ignore = "properties.sku.lastSkuUpdate", why = "when the tier was written; the tier shows what" },
}

rules {
  type = "Microsoft.Security/pricings", owner = "azdrift",

  { ignore = "properties.freeTrialRemainingTime", why = "a countdown" },
  { ignore = "properties.enablementTime", why = "when it was switched on" },
}
