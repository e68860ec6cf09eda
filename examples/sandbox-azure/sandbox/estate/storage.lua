-- Storage accounts with their blob service and containers.
local json = require("azdrift.json")

local storage = {}

function storage.account(ctx, name, options)
  options = options or {}
  local function endpoints(base)
    local made = {}
    for _, service in ipairs { "blob", "dfs", "file", "queue", "table", "web" } do
      made[service] = string.format("https://%s.%s.core.windows.net/", base, service)
    end
    return made
  end
  local changed = ctx.random.moment()
  local id = ctx:add("Microsoft.Storage/storageAccounts", { name }, { kind = "StorageV2",
    sku = { name = "Standard_ZRS", tier = "Standard" }, properties = { provisioningState = "Succeeded",
      accessTier = "Hot", allowBlobPublicAccess = false, allowSharedKeyAccess = false,
      allowCrossTenantReplication = false, defaultToOAuthAuthentication = true, isHnsEnabled = false,
      minimumTlsVersion = "TLS1_2", supportsHttpsTrafficOnly = true, publicNetworkAccess = options.public or "Disabled",
      dnsEndpointType = "Standard", largeFileSharesState = "Enabled", creationTime = ctx.random.moment(),
      keyCreationTime = { key1 = changed, key2 = changed }, primaryLocation = ctx.location, statusOfPrimary = "available",
      primaryEndpoints = endpoints(name), privateEndpointConnections = json.array {},
      networkAcls = { bypass = "AzureServices", defaultAction = "Deny", ipv6Rules = json.array {},
        virtualNetworkRules = options.subnet and { { id = options.subnet, action = "Allow", state = "Succeeded" } }
          or json.array {},
        ipRules = { { value = "198.51.100." .. ctx.random.integer(1, 250), action = "Allow" },
          { value = "203.0.113.0/24", action = "Allow" } } },
      encryption = { keySource = "Microsoft.Storage", requireInfrastructureEncryption = false, services = {
        blob = { enabled = true, keyType = "Account", lastEnabledTime = changed },
        file = { enabled = true, keyType = "Account", lastEnabledTime = changed } } } } })
  ctx:add("Microsoft.Storage/storageAccounts/blobServices", { name, "default" }, {
    sku = { name = "Standard_ZRS", tier = "Standard" }, properties = { isVersioningEnabled = true,
      changeFeed = { enabled = true }, restorePolicy = { enabled = false }, cors = { corsRules = json.array {} },
      containerDeleteRetentionPolicy = { enabled = true, days = 14 },
      deleteRetentionPolicy = { enabled = true, days = 14, allowPermanentDelete = false } } })
  for _, container in ipairs(options.containers or { "data" }) do
    ctx:add("Microsoft.Storage/storageAccounts/blobServices/containers", { name, "default", container }, {
      etag = string.format('"0x8DC%s"', ctx.random.hex(12):upper()), properties = { publicAccess = "None",
        deleted = false, remainingRetentionDays = 0, defaultEncryptionScope = "$account-encryption-key",
        denyEncryptionScopeOverride = false, hasImmutabilityPolicy = false, hasLegalHold = false,
        immutableStorageWithVersioning = { enabled = false }, leaseState = "available", leaseStatus = "unlocked",
        lastModifiedTime = ctx.random.moment() } })
  end
  return id
end

return storage
