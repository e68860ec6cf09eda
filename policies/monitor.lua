-- Microsoft.Insights, Security and OperationalInsights: what tells you that something happened.

local function resource(properties) return { properties = properties } end

policy "diagnostics-removed" {
  type = "Microsoft.Insights/diagnosticSettings", kind = "removed", severity = "high",
  message = "diagnostic setting {resource.name} is gone: its logs are no longer sent anywhere",
  refs = { "CIS5 6.1.1.1", "AP 7f89b1eb", "P:monitor_diagnostic_settings_exists" },
  examples = {
    { old = resource { logs = { { category = "AuditEvent", enabled = true } } }, gives = "high" },
    { old = resource { logs = {} }, new = resource {}, gives = false },
    { new = resource { logs = {} }, gives = false },
  },
}

local function entry_of(logs, wanted)
  for _, log in ipairs(logs) do
    if log.category == wanted.category and log.categoryGroup == wanted.categoryGroup then return log end
  end
end

local function all_logs(logs) return find(logs, "categoryGroup", "allLogs").enabled == true end

policy "diagnostics-category-off" {
  type     = "Microsoft.Insights/diagnosticSettings",
  watch    = "properties.logs",
  severity = "high",
  message  = "diagnostic setting {resource.name} no longer sends a category of logs",
  refs     = { "CIS5 6.1.1.2", "CIS5 6.1.1.4", "P:keyvault_logging_enabled" },
  on_resource = function(r)
    if r.kind ~= "changed" or all_logs(r.after.properties.logs) then return nil end
    for _, was in ipairs(r.before.properties.logs) do
      local is = entry_of(r.after.properties.logs, was)
      if was.enabled and not is.enabled then
        return { severity = "high",
          message = "diagnostic setting {resource.name} no longer sends " .. (was.category or was.categoryGroup or "?") }
      end
    end
  end,
  examples = {
    { old = resource { logs = { { category = "AuditEvent", enabled = true } } },
      new = resource { logs = { { category = "AuditEvent", enabled = false } } }, gives = "high" },
    { old = resource { logs = { { categoryGroup = "audit", enabled = true } } }, new = resource {}, gives = "high" },
    { old = resource { logs = { { category = "AuditEvent", enabled = true } } },
      new = resource { logs = { { categoryGroup = "allLogs", enabled = true } } }, gives = false },
    { old = resource { logs = { { category = "AuditEvent", enabled = false } } },
      new = resource { logs = { { category = "AuditEvent", enabled = true } } }, gives = false },
  },
}

policy "diagnostics-destination-changed" {
  type     = "Microsoft.Insights/diagnosticSettings",
  watch    = { "properties.workspaceId", "properties.storageAccountId", "properties.eventHubAuthorizationRuleId" },
  kind     = "changed",
  severity = "medium",
  message  = "diagnostic setting {resource.name} sends its logs elsewhere: {path}",
  examples = {
    { old = resource { workspaceId = "/a" }, new = resource { workspaceId = "/b" }, gives = "medium" },
    { old = resource { storageAccountId = "/a" }, new = resource {}, gives = "medium" },
    { old = resource { workspaceId = "/a", logs = {} },
      new = resource { workspaceId = "/a", logs = { { category = "x" } } }, gives = false },
  },
}

policy "alert-off" {
  type     = { "Microsoft.Insights/activityLogAlerts", "Microsoft.Insights/metricAlerts",
    "Microsoft.Insights/scheduledQueryRules" },
  watch    = "properties.enabled",
  from     = { true, null }, -- absent means enabled
  to       = false,
  kind     = "changed",
  severity = "medium",
  message  = "alert {resource.name} is switched off",
  fix      = "az resource update --ids {resource.id} --set properties.enabled=true",
  refs     = { "CIS5 6.1.2" },
  examples = {
    { old = resource { enabled = true }, new = resource { enabled = false }, gives = "medium" },
    { old = resource {}, new = resource { enabled = false }, gives = "medium" },
    { old = resource { enabled = false }, new = resource { enabled = true }, gives = false },
  },
}

policy "alert-removed" {
  type = { "Microsoft.Insights/activityLogAlerts", "Microsoft.Insights/actionGroups" }, kind = "removed",
    severity = "medium",
  message = "{resource.name} is gone: nobody is told any more",
  examples = {
    { old = resource { enabled = true }, gives = "medium" },
    { old = resource { enabled = true }, new = resource {}, gives = false },
    { new = resource { enabled = true }, gives = false },
  },
}

policy "workspace-retention-shortened" {
  type     = "Microsoft.OperationalInsights/workspaces",
  watch    = "properties.retentionInDays",
  severity = "medium",
  message  = "{resource.name} forgets earlier than before",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties.retentionInDays or 30, r.after.properties.retentionInDays or 30 -- absent means 30
    return is < was and { severity = "medium",
      message = string.format("{resource.name} keeps logs for %d days instead of %d", is, was) }
  end,
  examples = {
    { old = resource { retentionInDays = 365 }, new = resource { retentionInDays = 30 }, gives = "medium" },
    { old = resource { retentionInDays = 365 }, new = resource {}, gives = "medium" },
    { old = resource { retentionInDays = 30 }, new = resource { retentionInDays = 90 }, gives = false },
  },
}

policy "defender-off" {
  type     = "Microsoft.Security/pricings",
  watch    = "properties.pricingTier",
  from     = "Standard",
  to       = { "Free", null },
  severity = "high",
  message  = "Defender for {resource.name} is off",
  fix      = "az security pricing create --name {resource.name} --tier Standard",
  refs     = { "CIS5 8.1.1", "P:defender_ensure_defender_for_server_is_on" },
  examples = {
    { old = resource { pricingTier = "Standard" }, new = resource { pricingTier = "Free" }, gives = "high" },
    { old = resource { pricingTier = "Standard" }, new = resource {}, gives = "high" },
    { old = resource { pricingTier = "Free" }, new = resource { pricingTier = "Standard" }, gives = false },
  },
}

policy "security-contact-removed" {
  type = "Microsoft.Security/securityContacts", kind = "removed", severity = "medium",
  message = "nobody is told about security alerts of this subscription",
  refs = { "CIS5 8.1.13", "P:defender_additional_email_configured_with_a_security_contact" },
  examples = {
    { old = resource { emails = "soc@example.com" }, gives = "medium" },
    { old = resource { emails = "soc@example.com" }, new = resource { emails = "ops@example.com" }, gives = false },
    { old = resource { emails = "soc@example.com" }, new = resource {}, gives = false },
  },
}
