-- Microsoft.DocumentDB, DBforPostgreSQL, DBforMySQL and Cache. Firewall rules of servers: sql.lua.

local function resource(properties) return { properties = properties } end

policy "cosmos-keys-allowed" {
  type     = "Microsoft.DocumentDB/databaseAccounts",
  watch    = "properties.disableLocalAuth",
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "{resource.name} takes account keys again",
  fix      = "az resource update --ids {resource.id} --set properties.disableLocalAuth=true",
  refs     = { "AP 5450f5bd", "P:cosmosdb_account_use_aad_and_rbac" },
  examples = {
    { old = resource { disableLocalAuth = true }, new = resource { disableLocalAuth = false }, gives = "high" },
    { old = resource { disableLocalAuth = true }, new = resource {}, gives = "high" },
    { old = resource { disableLocalAuth = false }, new = resource { disableLocalAuth = true }, gives = false },
  },
}

policy "cosmos-firewall-widened" {
  type     = "Microsoft.DocumentDB/databaseAccounts",
  watch    = { "properties.publicNetworkAccess", "properties.ipRules", "properties.isVirtualNetworkFilterEnabled" },
  severity = "medium",
  message  = "{resource.name} can be reached from more of the Internet",
  fix      = "az cosmosdb update --ids {resource.id} --public-network-access DISABLED",
  refs     = { "AP 797b37f7", "P:cosmosdb_account_firewall_use_selected_networks" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties, r.after.properties
    if is.publicNetworkAccess == "Disabled" then return nil end
    -- Without rules and without the network filter everybody may come.
    local function is_open(account) return #(account.ipRules or {}) == 0
      and account.isVirtualNetworkFilterEnabled ~= true end
    if is_open(is) and (was.publicNetworkAccess == "Disabled" or not is_open(was)) then
      return { severity = "high", message = "{resource.name} can be reached from the whole Internet" }
    end
    if was.publicNetworkAccess == "Disabled" then return "medium" end
    for _, rule in ipairs(is.ipRules) do
      if not is_open(was) and not find(was.ipRules, "ipAddressOrRange", rule.ipAddressOrRange) then
        local everybody = one_of(rule.ipAddressOrRange, { "0.0.0.0", "0.0.0.0/0" })
        return { severity = everybody and "high" or "medium",
          message = "{resource.name} lets " .. (rule.ipAddressOrRange or "?") .. " in" }
      end
    end
  end,
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { ipRules = { { ipAddressOrRange = "203.0.113.7" } } },
      new = resource { ipRules = {} }, gives = "high" },
    { old = resource { ipRules = { { ipAddressOrRange = "203.0.113.7" } } }, new = resource {}, gives = "high" },
    { old = resource { ipRules = { { ipAddressOrRange = "203.0.113.7" } } },
      new = resource { ipRules = { { ipAddressOrRange = "203.0.113.7" }, { ipAddressOrRange = "198.51.100.0/24" } } },
      gives = "medium" },
    { old = resource {}, new = resource { ipRules = { { ipAddressOrRange = "203.0.113.7" } } }, gives = false },
  },
}

policy "server-public-access" {
  type     = { "Microsoft.DBforPostgreSQL/flexibleServers", "Microsoft.DBforMySQL/flexibleServers" },
  watch    = "properties.network.publicNetworkAccess",
  from     = "Disabled",
  to       = { "Enabled", null },
  kind     = "changed",
  severity = "high",
  message  = "{resource.name} can be reached from public addresses",
  refs     = { "P:postgresql_flexible_server_private_access" },
  examples = {
    { old = resource { network = { publicNetworkAccess = "Disabled" } },
      new = resource { network = { publicNetworkAccess = "Enabled" } }, gives = "high" },
    { old = resource { network = { publicNetworkAccess = "Disabled" } }, new = resource {}, gives = "high" },
    { old = resource { network = { publicNetworkAccess = "Enabled" } },
      new = resource { network = { publicNetworkAccess = "Disabled" } }, gives = false },
  },
}

-- Server parameters whose "off" takes a protection away; the name is the last part of the id.
local PROTECTIONS = { "require_secure_transport", "log_checkpoints", "log_connections", "log_disconnections",
  "connection_throttle.enable", "audit_log_enabled" }

policy "server-parameter-off" {
  type     = { "Microsoft.DBforPostgreSQL/flexibleServers/configurations",
    "Microsoft.DBforMySQL/flexibleServers/configurations" },
  watch    = "properties.value",
  severity = "medium",
  message  = "server parameter {resource.name} is off",
  refs     = { "CIS5 5.1.1", "P:postgresql_flexible_server_enforce_ssl_enabled" },
  on_resource = function(r)
    local name = string.match(string.lower(r.id or ""), "([^/]+)$")
    if r.kind ~= "changed" or not one_of(name, PROTECTIONS) then return nil end
    local was, is = string.lower(r.before.properties.value or "on"), string.lower(r.after.properties.value or "on")
    if was ~= "on" or is ~= "off" then return nil end
    return name == "require_secure_transport" and { severity = "high",
      message = "connections without TLS are taken" } or "medium"
  end,
  examples = {
    { id = "/x/require_secure_transport", old = resource { value = "ON" },
      new = resource { value = "OFF" }, gives = "high" },
    { id = "/x/log_connections", old = resource { value = "on" }, new = resource { value = "off" }, gives = "medium" },
    { id = "/x/require_secure_transport", old = resource {}, new = resource { value = "OFF" }, gives = "high" },
    { id = "/x/require_secure_transport", old = resource { value = "OFF" },
      new = resource { value = "ON" }, gives = false },
    { id = "/x/work_mem", old = resource { value = "on" }, new = resource { value = "off" }, gives = false },
  },
}

policy "redis-plain-port" {
  type     = "Microsoft.Cache/redis",
  watch    = "properties.enableNonSslPort",
  to       = true,
  severity = "high",
  message  = "{resource.name} answers without TLS",
  fix      = "az redis update --ids {resource.id} --set enableNonSslPort=false",
  refs     = { "AP 22bee202" },
  examples = {
    { old = resource { enableNonSslPort = false }, new = resource { enableNonSslPort = true }, gives = "high" },
    { old = resource { enableNonSslPort = true }, new = resource { enableNonSslPort = false }, gives = false },
    { old = resource { enableNonSslPort = true }, new = resource {}, gives = false },
  },
}

policy "redis-public-access" {
  type     = "Microsoft.Cache/redis",
  watch    = "properties.publicNetworkAccess",
  from     = "Disabled",
  to       = { "Enabled", null },
  severity = "high",
  message  = "{resource.name} can be reached from public addresses",
  fix      = "az redis update --ids {resource.id} --set publicNetworkAccess=Disabled",
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { publicNetworkAccess = "Disabled" }, new = resource {}, gives = "high" },
    { old = resource { publicNetworkAccess = "Enabled" },
      new = resource { publicNetworkAccess = "Disabled" }, gives = false },
  },
}
