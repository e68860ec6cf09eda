-- Microsoft.Storage. New accounts are judged only by what somebody wrote explicitly, never by Azure's defaults.

-- One account for the examples.
local function account(properties) return { properties = properties } end

policy "storage-blob-public-access" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.allowBlobPublicAccess",
  to       = true,
  severity = "high",
  message  = "containers of {resource.name} may be opened to anybody",
  fix      = "az storage account update --ids {resource.id} --allow-blob-public-access false",
  refs     = { "CIS5 9.3.8", "AP 4fa4b6c0", "P:storage_blob_public_access_level_is_disabled" },
  examples = {
    { old = account { allowBlobPublicAccess = false }, new = account { allowBlobPublicAccess = true }, gives = "high" },
    { new = account { allowBlobPublicAccess = true }, gives = "high" },
    { old = account { allowBlobPublicAccess = true }, new = account { allowBlobPublicAccess = false }, gives = false },
    { old = account { allowBlobPublicAccess = true }, new = account {}, gives = false }, -- absent: false, since 2023
  },
}

policy "storage-http-allowed" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.supportsHttpsTrafficOnly",
  to       = false,
  severity = "high",
  message  = "{resource.name} now answers without TLS",
  fix      = "az storage account update --ids {resource.id} --https-only true",
  refs     = { "CIS5 9.3.4", "AP 404c3081", "P:storage_secure_transfer_required_is_enabled" },
  examples = {
    { old = account { supportsHttpsTrafficOnly = true },
      new = account { supportsHttpsTrafficOnly = false }, gives = "high" },
    { old = account { supportsHttpsTrafficOnly = false },
      new = account { supportsHttpsTrafficOnly = true }, gives = false },
    { old = account { supportsHttpsTrafficOnly = true },
      new = account {}, gives = false }, -- absent: true, since 2019-04
  },
}

policy "storage-tls" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.minimumTlsVersion",
  to       = { "TLS1_0", "TLS1_1" },
  severity = "low", -- the service itself refuses TLS 1.0 and 1.1 since February 2026
  message  = "{resource.name} names {new} as its minimum",
  fix      = "az storage account update --ids {resource.id} --min-tls-version TLS1_2",
  refs     = { "CIS5 9.3.6", "AP fe83a0eb", "P:storage_ensure_minimum_tls_version_12" },
  examples = {
    { old = account { minimumTlsVersion = "TLS1_2" }, new = account { minimumTlsVersion = "TLS1_0" }, gives = "low" },
    { old = account { minimumTlsVersion = "TLS1_0" }, new = account { minimumTlsVersion = "TLS1_2" }, gives = false },
    { old = account { minimumTlsVersion = "TLS1_2" }, new = account {}, gives = false },
  },
}

local trusted = param("trusted_cidrs", { "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16" })

local CLOSED = { "Disabled", "SecuredByPerimeter" }

policy "storage-firewall-widened" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = { "properties.networkAcls", "properties.publicNetworkAccess" },
  severity = "high",
  message  = "{resource.name} can be reached from more of the Internet",
  fix      = "az storage account update --ids {resource.id} --default-action Deny",
  refs     = { "CIS5 9.3.2.2", "CIS5 9.3.2.3", "AP 34c877ad", "AP b2982f36",
    "P:storage_default_network_access_rule_is_denied",
    "P:storage_account_public_network_access_disabled" },
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties, r.after.properties
    -- Absent means open: no publicNetworkAccess is Enabled, no networkAcls is Allow.
    local was_closed, is_closed = one_of(was.publicNetworkAccess, CLOSED), one_of(is.publicNetworkAccess, CLOSED)
    if is_closed then return nil end
    local was_denied, is_denied = was.networkAcls.defaultAction == "Deny", is.networkAcls.defaultAction == "Deny"
    if not is_denied and (was_denied or was_closed) then
      return { severity = "high", message = "{resource.name} can be reached from the whole Internet" }
    end
    if was_closed then
      return { severity = "medium", message = "{resource.name} is reachable from public addresses again" }
    end
    for _, rule in ipairs(is_denied and is.networkAcls.ipRules or nil) do
      if not cidr_contains(trusted, rule.value) and not find(was.networkAcls.ipRules, "value", rule.value) then
        return { severity = "medium", message = "{resource.name} lets " .. rule.value .. " in" }
      end
    end
  end,
  examples = {
    { old = account { networkAcls = { defaultAction = "Deny" } },
      new = account { networkAcls = { defaultAction = "Allow" } }, gives = "high" },
    { old = account { networkAcls = { defaultAction = "Deny" } }, new = account {}, gives = "high" },
    { old = account { publicNetworkAccess = "Disabled" },
      new = account { publicNetworkAccess = "Enabled" }, gives = "high" },
    { old = account { publicNetworkAccess = "Disabled" }, new = account {}, gives = "high" },
    { old = account { publicNetworkAccess = "Disabled", networkAcls = { defaultAction = "Deny" } },
      new = account { publicNetworkAccess = "Enabled", networkAcls = { defaultAction = "Deny" } }, gives = "medium" },
    { old = account { networkAcls = { defaultAction = "Deny", ipRules = {} } },
      new = account { networkAcls = { defaultAction = "Deny", ipRules = { { value = "203.0.113.0/24",
        action = "Allow" } } } },
      gives = "medium" },
    { old = account { networkAcls = { defaultAction = "Deny", ipRules = {} } },
      new = account { networkAcls = { defaultAction = "Deny", ipRules = { { value = "10.1.0.0/24", action = "Allow" } } } },
      gives = false },
    { old = account { networkAcls = { defaultAction = "Allow" } },
      new = account { networkAcls = { defaultAction = "Deny" } }, gives = false },
  },
}

policy "storage-shared-key" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.allowSharedKeyAccess",
  from     = false,
  to       = { true, null }, -- absent means allowed
  severity = "high",
  message  = "{resource.name} takes account keys again: whoever has one has everything",
  fix      = "az storage account update --ids {resource.id} --allow-shared-key-access false",
  refs     = { "CIS5 9.3.1.3", "AP 8c6a50c6", "P:storage_account_key_access_disabled" },
  examples = {
    { old = account { allowSharedKeyAccess = false }, new = account { allowSharedKeyAccess = true }, gives = "high" },
    { old = account { allowSharedKeyAccess = false }, new = account {}, gives = "high" },
    { old = account { allowSharedKeyAccess = true }, new = account { allowSharedKeyAccess = false }, gives = false },
    { old = account {}, new = account { allowSharedKeyAccess = true }, gives = false },
  },
}

policy "storage-cross-tenant-replication" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.allowCrossTenantReplication",
  to       = true,
  kind     = "changed",
  severity = "high",
  message  = "blobs of {resource.name} may be replicated into another tenant",
  fix      = "az storage account update --ids {resource.id} --allow-cross-tenant-replication false",
  refs     = { "CIS5 9.3.7", "AP 92a89a79", "P:storage_cross_tenant_replication_disabled" },
  examples = {
    { old = account { allowCrossTenantReplication = false },
      new = account { allowCrossTenantReplication = true }, gives = "high" },
    { old = account { allowCrossTenantReplication = true },
      new = account { allowCrossTenantReplication = false }, gives = false },
    { old = account { allowCrossTenantReplication = true }, new = account {}, gives = false },
  },
}

policy "storage-sftp-on" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.isSftpEnabled",
  to       = true,
  kind     = "changed",
  severity = "medium",
  message  = "{resource.name} opened an SFTP door with users of its own",
  fix      = "az storage account update --ids {resource.id} --enable-sftp false",
  examples = {
    { old = account { isSftpEnabled = false }, new = account { isSftpEnabled = true }, gives = "medium" },
    { old = account { isSftpEnabled = true }, new = account { isSftpEnabled = false }, gives = false },
    { old = account {}, new = account { isSftpEnabled = true }, gives = "medium" },
  },
}

policy "storage-customer-key-removed" {
  type     = "Microsoft.Storage/storageAccounts",
  watch    = "properties.encryption.keySource",
  from     = "Microsoft.Keyvault",
  severity = "medium",
  message  = "{resource.name} is no longer encrypted with your own key",
  refs     = { "P:storage_ensure_encryption_with_customer_managed_keys" },
  kind     = "changed",
  examples = {
    { old = account { encryption = { keySource = "Microsoft.Keyvault" } },
      new = account { encryption = { keySource = "Microsoft.Storage" } }, gives = "medium" },
    { old = account { encryption = { keySource = "Microsoft.Keyvault" } }, new = account {}, gives = "medium" },
    { old = account { encryption = { keySource = "Microsoft.Storage" } },
      new = account { encryption = { keySource = "Microsoft.Keyvault" } }, gives = false },
  },
}

policy "storage-soft-delete-off" {
  type     = "Microsoft.Storage/storageAccounts/blobServices",
  watch    = { "properties.deleteRetentionPolicy.enabled", "properties.containerDeleteRetentionPolicy.enabled",
    "properties.isVersioningEnabled" },
  from     = true,
  to       = { false, null },
  severity = "medium",
  message  = "deleted or overwritten blobs of {resource.name} cannot be brought back: {path} is off",
  refs     = { "CIS5 9.2.1", "CIS5 9.2.2", "CIS5 9.2.3", "P:storage_ensure_soft_delete_is_enabled",
    "P:storage_blob_versioning_is_enabled" },
  examples = {
    { old = account { deleteRetentionPolicy = { enabled = true, days = 7 } },
      new = account { deleteRetentionPolicy = { enabled = false } }, gives = "medium" },
    { old = account { isVersioningEnabled = true }, new = account {}, gives = "medium" },
    { old = account { isVersioningEnabled = false }, new = account { isVersioningEnabled = true }, gives = false },
  },
}

policy "storage-container-public" {
  type     = "Microsoft.Storage/storageAccounts/blobServices/containers",
  watch    = "properties.publicAccess",
  to       = { "Blob", "Container" },
  severity = "high",
  message  = "anybody can read container {resource.name} ({new})",
  fix      = "az storage container set-permission --name {resource.name} --public-access off",
  refs     = { "CIS5 9.3.8" },
  examples = {
    { old = account { publicAccess = "None" }, new = account { publicAccess = "Container" }, gives = "high" },
    { new = account { publicAccess = "Blob" }, gives = "high" },
    { old = account { publicAccess = "Blob" }, new = account { publicAccess = "None" }, gives = false },
    { old = account { publicAccess = "Blob" }, new = account {}, gives = false },
  },
}

policy "storage-immutability-weakened" {
  type     = "Microsoft.Storage/storageAccounts/blobServices/containers",
  watch    = { "properties.immutabilityPolicy", "properties.legalHold", "properties.hasLegalHold",
    "properties.hasImmutabilityPolicy" },
  severity = "high",
  message  = "data in container {resource.name} may be deleted earlier than before",
  on_resource = function(r)
    if r.kind ~= "changed" then return nil end
    local was, is = r.before.properties, r.after.properties
    if was.legalHold.hasLegalHold and not is.legalHold.hasLegalHold then
      return { severity = "high", message = "the legal hold on container {resource.name} was lifted" }
    end
    local was_days = was.immutabilityPolicy.properties.immutabilityPeriodSinceCreationInDays or 0
    local is_days = is.immutabilityPolicy.properties.immutabilityPeriodSinceCreationInDays or 0
    return is_days < was_days and "high"
  end,
  examples = {
    { old = account { legalHold = { hasLegalHold = true } },
      new = account { legalHold = { hasLegalHold = false } }, gives = "high" },
    { old = account { legalHold = { hasLegalHold = true } }, new = account {}, gives = "high" },
    { old = account { immutabilityPolicy = { properties = { immutabilityPeriodSinceCreationInDays = 365 } } },
      new = account { immutabilityPolicy = { properties = { immutabilityPeriodSinceCreationInDays = 1 } } },
      gives = "high" },
    { old = account { immutabilityPolicy = { properties = { immutabilityPeriodSinceCreationInDays = 30 } } },
      new = account { immutabilityPolicy = { properties = { immutabilityPeriodSinceCreationInDays = 365 } } },
      gives = false },
  },
}
