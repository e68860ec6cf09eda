-- Microsoft.KeyVault.

local function vault(properties) return { properties = properties } end

-- Soft delete and purge protection cannot be switched off once they are on: only a new vault can be without.
policy "keyvault-made-without-purge-protection" {
  type     = "Microsoft.KeyVault/vaults",
  kind     = "added",
  severity = "medium",
  message  = "{resource.name} was made without purge protection: its keys can be destroyed for good",
  fix      = "az keyvault update --ids {resource.id} --enable-purge-protection true",
  refs     = { "CIS5 8.3.5", "AP 0b60c0b2", "P:keyvault_recoverable" },
  on_resource = function(r)
    local properties = r.after.properties
    if properties.enableSoftDelete == false then
      return { severity = "high",
        message = "{resource.name} was made without soft delete: what is deleted there is gone" }
    end
    return properties.enablePurgeProtection ~= true and "medium"
  end,
  examples = {
    { new = vault { enableSoftDelete = true, enablePurgeProtection = true }, gives = false },
    { new = vault { enableSoftDelete = true }, gives = "medium" },
    { new = vault { enableSoftDelete = false }, gives = "high" },
    { old = vault { enableSoftDelete = true },
      new = vault { enableSoftDelete = true, enablePurgeProtection = true }, gives = false },
  },
}

policy "keyvault-rbac-off" {
  type     = "Microsoft.KeyVault/vaults",
  watch    = "properties.enableRbacAuthorization",
  from     = true,
  to       = { false, null },
  kind     = "changed",
  severity = "high",
  message  = "{resource.name} went back from role assignments to access policies",
  fix      = "az keyvault update --ids {resource.id} --enable-rbac-authorization true",
  refs     = { "CIS5 8.3.6", "AP 12d4fa5e", "P:keyvault_rbac_enabled" },
  examples = {
    { old = vault { enableRbacAuthorization = true }, new = vault { enableRbacAuthorization = false }, gives = "high" },
    { old = vault { enableRbacAuthorization = true }, new = vault {}, gives = "high" },
    { old = vault { enableRbacAuthorization = false }, new = vault { enableRbacAuthorization = true }, gives = false },
  },
}

local trusted = param("trusted_cidrs", { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16" })

policy "keyvault-firewall-widened" {
  type     = "Microsoft.KeyVault/vaults",
  watch    = { "properties.networkAcls", "properties.publicNetworkAccess" },
  severity = "high",
  message  = "{resource.name} can be reached from more of the Internet",
  fix      = "az keyvault update --ids {resource.id} --default-action Deny",
  refs     = { "CIS5 8.3.7", "AP 405c5871" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties, r.after.properties
    -- Absent means open: no publicNetworkAccess is Enabled, no networkAcls is Allow.
    local was_closed, is_closed = one_of(was.publicNetworkAccess, { "Disabled" }), one_of(is.publicNetworkAccess,
      { "Disabled" })
    if is_closed then return nil end
    local was_denied, is_denied = was.networkAcls.defaultAction == "Deny", is.networkAcls.defaultAction == "Deny"
    if not is_denied and (was_denied or was_closed) then return "high" end
    for _, rule in ipairs(is_denied and is.networkAcls.ipRules or nil) do
      if not cidr_contains(trusted, rule.value) and not find(was.networkAcls.ipRules, "value", rule.value) then
        return { severity = "medium", message = "{resource.name} lets " .. rule.value .. " in" }
      end
    end
    return was_closed and "medium"
  end,
  examples = {
    { old = vault { networkAcls = { defaultAction = "Deny" } },
      new = vault { networkAcls = { defaultAction = "Allow" } }, gives = "high" },
    { old = vault { networkAcls = { defaultAction = "Deny" } }, new = vault {}, gives = "high" },
    { old = vault { publicNetworkAccess = "Disabled" },
      new = vault { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = vault { publicNetworkAccess = "disabled", networkAcls = { defaultAction = "Deny" } },
      new = vault { publicNetworkAccess = "Enabled", networkAcls = { defaultAction = "Deny" } }, gives = "medium" },
    { old = vault { networkAcls = { defaultAction = "Deny", ipRules = {} } },
      new = vault { networkAcls = { defaultAction = "Deny", ipRules = { { value = "203.0.113.7/32" } } } },
      gives = "medium" },
    { old = vault { networkAcls = { defaultAction = "Allow" } },
      new = vault { networkAcls = { defaultAction = "Deny" } }, gives = false },
  },
}

local KINDS = { "keys", "secrets", "certificates", "storage" }
-- Reading a list of names is no worse than before; everything else is.
local HARMLESS = { "list" }

local function entry_of(policies, wanted)
  for _, entry in ipairs(policies) do
    if entry.objectId == wanted.objectId and entry.applicationId == wanted.applicationId then return entry end
  end
end

policy "keyvault-access-widened" {
  type     = "Microsoft.KeyVault/vaults",
  watch    = "properties.accessPolicies",
  severity = "high",
  message  = "more principals may use what is in {resource.name}",
  fix      = "az keyvault show --ids {resource.id} --query properties.accessPolicies",
  on_resource = function(r)
    -- Pipelines write access policies every day; people rarely do.
    local severity = one_of(r.actor.kind, { "service", "managed_identity" }) and "low" or "high"
    if r.kind ~= "changed" then return nil end
    for _, is in ipairs(r.after.properties.accessPolicies) do
      local was = entry_of(r.before.properties.accessPolicies, is)
      if not was then
        return { severity = severity,
          message = "{resource.name}: principal " .. (is.objectId or "?") .. " has access now" }
      end
      for _, kind in ipairs(KINDS) do
        for _, permission in ipairs(is.permissions[kind]) do
          if not one_of(permission, was.permissions[kind]) and not one_of(permission, HARMLESS) then
            return { severity = severity,
              message = "{resource.name}: principal " .. (is.objectId or "?") .. " may " .. string.lower(permission)
                .. " " .. kind }
          end
        end
      end
    end
  end,
  examples = {
    { old = vault { accessPolicies = {} },
      new = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "get" } } } } }, gives = "high" },
    { old = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "Get" } } } } },
      new = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "get", "set" } } } } },
      gives = "high" },
    { old = vault {}, new = vault { accessPolicies = { { objectId = "p1", permissions = { keys = { "sign" } } } } },
      actor = { kind = "service", name = "sp-platform" }, gives = "low" },
    { old = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "get" } } } } },
      new = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "list", "get" } } } } },
      gives = false },
    { old = vault { accessPolicies = { { objectId = "p1", permissions = { secrets = { "get" } } } } },
      new = vault {}, gives = false },
  },
}
