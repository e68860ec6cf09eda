-- Microsoft.Sql.

local ip = lib "ip"

local function resource(properties) return { properties = properties } end
local function firewall(first, last) return resource { startIpAddress = first, endIpAddress = last } end

policy "sql-firewall" {
  type     = { "Microsoft.Sql/servers/firewallRules", "Microsoft.DBforPostgreSQL/flexibleServers/firewallRules",
    "Microsoft.DBforMySQL/flexibleServers/firewallRules" },
  severity = "high",
  message  = "firewall rule {resource.name} lets more addresses in",
  fix      = "az sql server firewall-rule delete --ids {resource.id}",
  refs     = { "CIS5 3.1.7.1", "P:sqlserver_unrestricted_inbound_access",
    "P:postgresql_flexible_server_allow_access_services_disabled" },
  on_resource = function(r)
    if r.kind == "removed" then return nil end
    local first, last = ip.number(r.after.properties.startIpAddress), ip.number(r.after.properties.endIpAddress)
    if not first or not last then return nil end
    local was_first, was_last = ip.number(r.before.properties.startIpAddress), ip.number(r.before.properties.endIpAddress)
    if was_first and was_last and was_first <= first and last <= was_last then return nil end
    -- 0.0.0.0 to 0.0.0.0 is the switch "allow Azure services": every machine of every tenant.
    if first == 0 and last == 0 then
      return { severity = "high", message = "firewall rule {resource.name} lets every Azure customer's machines in" }
    end
    local rank = ip.rank(ip.size(ip.public(4, first, last)), 0)
    if rank == 0 then return nil end
    local who = ({ "public addresses", "a wide range of the Internet", "the whole Internet" })[rank]
    return { severity = ({ "medium", "high", "critical" })[rank],
      message = "firewall rule {resource.name} lets " .. who .. " in" }
  end,
  examples = {
    { new = firewall("0.0.0.0", "255.255.255.255"), gives = "critical" },
    { new = firewall("1.0.0.0", "223.255.255.255"), gives = "critical" },
    { new = firewall("0.0.0.0", "0.0.0.0"), gives = "high" },
    { new = firewall("203.0.113.7", "203.0.113.7"), gives = "medium" },
    { new = firewall("10.0.0.1", "10.0.0.9"), gives = false },
    { old = firewall("203.0.113.0", "203.0.113.255"), new = firewall("203.0.113.7", "203.0.113.7"), gives = false },
    { old = firewall("203.0.113.7", "203.0.113.7"),
      new = firewall("203.0.113.7", "255.255.255.255"), gives = "critical" },
    { old = firewall("0.0.0.0", "255.255.255.255"), gives = false },
    { new = { properties = {} }, gives = false },
  },
}

policy "sql-public-access" {
  type     = { "Microsoft.Sql/servers" },
  watch    = "properties.publicNetworkAccess",
  from     = { "Disabled", "SecuredByPerimeter" },
  to       = { "Enabled", null }, -- absent means Enabled
  severity = "high",
  message  = "{resource.name} can be reached from public addresses",
  fix      = "az sql server update --ids {resource.id} --enable-public-network false",
  refs     = { "AP 1b8ca024" },
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { publicNetworkAccess = "Disabled" }, new = resource {}, gives = "high" },
    { old = resource { publicNetworkAccess = "Enabled" },
      new = resource { publicNetworkAccess = "Disabled" }, gives = false },
  },
}

policy "sql-tls" {
  type     = { "Microsoft.Sql/servers", "Microsoft.Sql/managedInstances" },
  watch    = "properties.minimalTlsVersion",
  from     = { "1.2", "1.3" },
  to       = { "1.0", "1.1", "None", null },
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name} takes connections with outdated TLS",
  fix      = "az sql server update --ids {resource.id} --minimal-tls-version 1.2",
  refs     = { "AP 32e6bbec", "P:sqlserver_recommended_minimal_tls_version" },
  examples = {
    { old = resource { minimalTlsVersion = "1.2" }, new = resource { minimalTlsVersion = "1.0" }, gives = "medium" },
    { old = resource { minimalTlsVersion = "1.2" }, new = resource {}, gives = "medium" },
    { old = resource { minimalTlsVersion = "1.2" }, new = resource { minimalTlsVersion = "1.3" }, gives = false },
  },
}

policy "sql-auditing-off" {
  type     = { "Microsoft.Sql/servers/auditingSettings", "Microsoft.Sql/servers/databases/auditingSettings" },
  watch    = "properties.state",
  from     = "Enabled",
  to       = { "Disabled", null },
  severity = "high",
  message  = "auditing is off",
  refs     = { "AP a6fb4358", "P:sqlserver_auditing_enabled" },
  examples = {
    { old = resource { state = "Enabled" }, new = resource { state = "Disabled" }, gives = "high" },
    { old = resource { state = "Enabled" }, new = resource {}, gives = "high" },
    { old = resource { state = "Disabled" }, new = resource { state = "Enabled" }, gives = false },
  },
}

policy "sql-threat-detection-off" {
  type     = { "Microsoft.Sql/servers/securityAlertPolicies", "Microsoft.Sql/servers/databases/securityAlertPolicies",
    "Microsoft.Sql/servers/advancedThreatProtectionSettings" },
  watch    = "properties.state",
  from     = "Enabled",
  to       = { "Disabled", null },
  severity = "high",
  message  = "threat detection is off",
  refs     = { "P:sqlserver_microsoft_defender_enabled" },
  examples = {
    { old = resource { state = "Enabled" }, new = resource { state = "Disabled" }, gives = "high" },
    { old = resource { state = "Enabled" }, new = resource {}, gives = "high" },
    { old = resource { state = "Disabled" }, new = resource { state = "Enabled" }, gives = false },
  },
}

policy "sql-entra-admin-removed" {
  type = "Microsoft.Sql/servers/administrators", kind = "removed", severity = "medium",
  message = "no Entra administrator any more: passwords only",
  refs = { "AP 1f314764", "P:sqlserver_azuread_administrator_enabled" },
  examples = {
    { old = resource { login = "dba" }, gives = "medium" },
    { old = resource { login = "dba" }, new = resource { login = "dbas" }, gives = false },
    { old = resource { login = "dba" }, new = resource {}, gives = false },
  },
}

policy "sql-entra-admin-changed" {
  type = "Microsoft.Sql/servers/administrators", watch = "properties.sid", kind = "changed", severity = "high",
  message = "another principal is administrator now",
  examples = {
    { old = resource { sid = "a" }, new = resource { sid = "b" }, gives = "high" },
    { old = resource { sid = "a", login = "x" }, new = resource { sid = "a", login = "y" }, gives = false },
    { old = resource { sid = "a" }, new = resource {}, gives = "high" },
  },
}

policy "sql-passwords-allowed" {
  type     = { "Microsoft.Sql/servers/azureADOnlyAuthentications",
    "Microsoft.Sql/managedInstances/azureADOnlyAuthentications" },
  watch    = "properties.azureADOnlyAuthentication",
  from     = true,
  to       = { false, null },
  severity = "medium",
  message  = "SQL passwords are taken again",
  refs     = { "AP b3a22bc9" },
  examples = {
    { old = resource { azureADOnlyAuthentication = true },
      new = resource { azureADOnlyAuthentication = false }, gives = "medium" },
    { old = resource { azureADOnlyAuthentication = true }, new = resource {}, gives = "medium" },
    { old = resource { azureADOnlyAuthentication = false },
      new = resource { azureADOnlyAuthentication = true }, gives = false },
  },
}

policy "sql-encryption-off" {
  type     = "Microsoft.Sql/servers/databases/transparentDataEncryption",
  watch    = { "properties.state", "properties.status" },
  from     = "Enabled",
  to       = { "Disabled", null },
  severity = "high",
  message  = "the database is no longer encrypted at rest",
  refs     = { "AP 17k78e20", "P:sqlserver_tde_encryption_enabled" },
  examples = {
    { old = resource { state = "Enabled" }, new = resource { state = "Disabled" }, gives = "high" },
    { old = resource { status = "Enabled" }, new = resource { status = "Disabled" }, gives = "high" },
    { old = resource { state = "Enabled" }, new = resource {}, gives = "high" },
    { old = resource { state = "Disabled" }, new = resource { state = "Enabled" }, gives = false },
  },
}
