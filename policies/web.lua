-- Microsoft.Web: apps and their configuration, which stands in sites/config and, in part, in sites.

local function resource(properties) return { properties = properties } end

local SITES = { "Microsoft.Web/sites", "Microsoft.Web/sites/slots" }
local CONFIGS = { "Microsoft.Web/sites/config", "Microsoft.Web/sites/slots/config" }

policy "web-http-allowed" {
  type     = SITES,
  watch    = "properties.httpsOnly",
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "{resource.name} answers without TLS again",
  fix      = "az webapp update --ids {resource.id} --https-only true",
  refs     = { "AP a4af4a39", "P:app_ensure_http_is_redirected_to_https" },
  examples = {
    { old = resource { httpsOnly = true }, new = resource { httpsOnly = false }, gives = "high" },
    { old = resource { httpsOnly = true }, new = resource {}, gives = "high" },
    { old = resource { httpsOnly = false }, new = resource { httpsOnly = true }, gives = false },
  },
}

policy "web-public-access" {
  type     = SITES,
  watch    = "properties.publicNetworkAccess",
  from     = "Disabled",
  to       = { "Enabled", "", null }, -- absent means Enabled
  severity = "high",
  message  = "{resource.name} can be reached from the Internet",
  fix      = "az webapp update --ids {resource.id} --set publicNetworkAccess=Disabled",
  examples = {
    { old = resource { publicNetworkAccess = "Disabled" },
      new = resource { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = resource { publicNetworkAccess = "Disabled" }, new = resource {}, gives = "high" },
    { old = resource { publicNetworkAccess = "Enabled" },
      new = resource { publicNetworkAccess = "Disabled" }, gives = false },
  },
}

policy "web-client-certificates-off" {
  type     = SITES,
  watch    = "properties.clientCertEnabled",
  from     = true,
  to       = { false, null },
  severity = "medium",
  message  = "{resource.name} no longer asks its callers for a certificate",
  refs     = { "P:app_client_certificates_on" },
  examples = {
    { old = resource { clientCertEnabled = true }, new = resource { clientCertEnabled = false }, gives = "medium" },
    { old = resource { clientCertEnabled = true }, new = resource {}, gives = "medium" },
    { old = resource { clientCertEnabled = false }, new = resource { clientCertEnabled = true }, gives = false },
  },
}

policy "web-plain-ftp" {
  type     = CONFIGS,
  watch    = "properties.ftpsState",
  to       = "AllAllowed",
  severity = "high",
  message  = "deployments over plain FTP are taken",
  fix      = "az webapp config set --ids {resource.id} --ftps-state FtpsOnly",
  refs     = { "AP 4d24b6d4", "P:app_ftp_deployment_disabled" },
  kind     = "changed",
  examples = {
    { old = resource { ftpsState = "Disabled" }, new = resource { ftpsState = "AllAllowed" }, gives = "high" },
    { old = resource { ftpsState = "AllAllowed" }, new = resource { ftpsState = "FtpsOnly" }, gives = false },
    { old = resource {}, new = resource { ftpsState = "AllAllowed" }, gives = "high" },
  },
}

policy "web-tls" {
  type     = CONFIGS,
  watch    = { "properties.minTlsVersion", "properties.scmMinTlsVersion" },
  from     = { "1.2", "1.3" },
  to       = { "1.0", "1.1" }, -- absent means 1.2
  severity = "medium",
  message  = "connections with TLS {new} are taken",
  fix      = "az webapp config set --ids {resource.id} --min-tls-version 1.2",
  refs     = { "AP f0e6e85b", "P:app_minimum_tls_version_12" },
  examples = {
    { old = resource { minTlsVersion = "1.2" }, new = resource { minTlsVersion = "1.0" }, gives = "medium" },
    { old = resource { minTlsVersion = "1.2" }, new = resource { minTlsVersion = "1.3" }, gives = false },
    { old = resource { minTlsVersion = "1.2" }, new = resource {}, gives = false },
  },
}

policy "web-remote-debugging" {
  type     = CONFIGS,
  watch    = "properties.remoteDebuggingEnabled",
  to       = true,
  kind     = "changed",
  severity = "medium",
  message  = "the app can be debugged from outside",
  fix      = "az webapp config set --ids {resource.id} --remote-debugging-enabled false",
  refs     = { "AP cb510bfd" },
  examples = {
    { old = resource { remoteDebuggingEnabled = false },
      new = resource { remoteDebuggingEnabled = true }, gives = "medium" },
    { old = resource { remoteDebuggingEnabled = true },
      new = resource { remoteDebuggingEnabled = false }, gives = false },
    { old = resource { remoteDebuggingEnabled = true }, new = resource {}, gives = false },
  },
}

policy "web-cors-any-origin" {
  type     = CONFIGS,
  watch    = "properties.cors.allowedOrigins",
  severity = "medium",
  message  = "any web site may call the app from a visitor's browser",
  refs     = { "AP 5744710e" },
  on_resource = function(r)
    local was, is = r.before.properties.cors, r.after.properties.cors
    if not one_of("*", is.allowedOrigins) or one_of("*", was.allowedOrigins) then return nil end
    return is.supportCredentials and "high" or "medium"
  end,
  examples = {
    { old = resource { cors = { allowedOrigins = { "https://a.example" } } },
      new = resource { cors = { allowedOrigins = { "*" } } }, gives = "medium" },
    { old = resource { cors = { allowedOrigins = {} } },
      new = resource { cors = { allowedOrigins = { "*" }, supportCredentials = true } }, gives = "high" },
    { old = resource {}, new = resource { cors = { allowedOrigins = { "*" } } }, gives = "medium" },
    { old = resource { cors = { allowedOrigins = { "*" } } }, new = resource {}, gives = false },
  },
}

-- An entry that lets everybody in: what Azure writes for "allow all".
local function lets_all_in(config, rules, default)
  local entries = config.properties[rules]
  if #(entries or {}) == 0 then return config.properties[default] ~= "Deny" end
  for _, entry in ipairs(entries) do
    if entry.action == "Allow" and one_of(entry.ipAddress, { "Any", "0.0.0.0/0" }) then return true end
  end
  return config.properties[default] == "Allow"
end

policy "web-restrictions-lifted" {
  type     = CONFIGS,
  watch    = { "properties.ipSecurityRestrictions", "properties.ipSecurityRestrictionsDefaultAction",
    "properties.scmIpSecurityRestrictions", "properties.scmIpSecurityRestrictionsDefaultAction" },
  severity = "high",
  message  = "the app can be reached from everywhere",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    for _, names in ipairs({ { "ipSecurityRestrictions", "ipSecurityRestrictionsDefaultAction", "the app" },
                             { "scmIpSecurityRestrictions", "scmIpSecurityRestrictionsDefaultAction",
                               "the deployment site" } }) do
      if lets_all_in(r.after, names[1], names[2]) and not lets_all_in(r.before, names[1], names[2]) then
        return { severity = "high", message = names[3] .. " can be reached from everywhere" }
      end
    end
  end,
  examples = {
    { old = resource { ipSecurityRestrictions = { { ipAddress = "203.0.113.0/24", action = "Allow" } } },
      new = resource { ipSecurityRestrictions = { { ipAddress = "Any", action = "Allow" } } }, gives = "high" },
    { old = resource { scmIpSecurityRestrictions = { { ipAddress = "203.0.113.0/24", action = "Allow" } } },
      new = resource {}, gives = "high" },
    { old = resource { ipSecurityRestrictions = { { ipAddress = "Any", action = "Allow" } } },
      new = resource { ipSecurityRestrictions = { { ipAddress = "203.0.113.0/24", action = "Allow" } } },
      gives = false },
    { old = resource { ipSecurityRestrictionsDefaultAction = "Deny" },
      new = resource { ipSecurityRestrictionsDefaultAction = "Allow" }, gives = "high" },
  },
}

policy "web-login-off" {
  type     = CONFIGS,
  watch    = { "properties.platform.enabled", "properties.globalValidation.requireAuthentication" },
  from     = true,
  to       = { false, null },
  severity = "high",
  message  = "visitors no longer have to sign in",
  refs     = { "P:app_ensure_auth_is_set_up" },
  examples = {
    { old = resource { platform = { enabled = true } },
      new = resource { platform = { enabled = false } }, gives = "high" },
    { old = resource { platform = { enabled = true } }, new = resource {}, gives = "high" },
    { old = resource { platform = { enabled = false } },
      new = resource { platform = { enabled = true } }, gives = false },
  },
}

policy "web-basic-credentials" {
  type     = { "Microsoft.Web/sites/basicPublishingCredentialsPolicies",
    "Microsoft.Web/sites/slots/basicPublishingCredentialsPolicies" },
  watch    = "properties.allow",
  from     = false,
  to       = { true, null }, -- absent means allowed
  severity = "medium",
  message  = "deployments with a password are taken again",
  examples = {
    { old = resource { allow = false }, new = resource { allow = true }, gives = "medium" },
    { old = resource { allow = false }, new = resource {}, gives = "medium" },
    { old = resource { allow = true }, new = resource { allow = false }, gives = false },
  },
}
