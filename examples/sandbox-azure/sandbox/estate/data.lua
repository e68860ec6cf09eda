-- Databases, caches and buses.
local json = require("azdrift.json")

local data = {}

function data.sql_server(ctx, name, databases)
  local id = ctx:add("Microsoft.Sql/servers", { name }, { kind = "v12.0",
    identity = { type = "SystemAssigned", principalId = ctx.random.guid(), tenantId = ctx.tenant }, properties = {
      administratorLogin = "sqladmin", version = "12.0", state = "Ready", minimalTlsVersion = "1.2",
      fullyQualifiedDomainName = name .. ".database.windows.net", publicNetworkAccess = "Enabled",
      restrictOutboundNetworkAccess = "Disabled", privateEndpointConnections = json.array {},
      externalGovernanceStatus = "Disabled", administrators = { administratorType = "ActiveDirectory",
        principalType = "Group", login = "sql-admins", sid = ctx.random.guid(), tenantId = ctx.tenant,
        azureADOnlyAuthentication = false } } })
  local function rule(rule_name, from, to)
    ctx:add("Microsoft.Sql/servers/firewallRules", { name, rule_name },
      { properties = { startIpAddress = from, endIpAddress = to } })
  end
  rule("office", "198.51.100.10", "198.51.100.20")
  rule("vpn", "203.0.113.7", "203.0.113.7")
  ctx:add("Microsoft.Sql/servers/auditingSettings", { name, "default" }, { properties = { state = "Enabled",
    isAzureMonitorTargetEnabled = true, retentionDays = 0, storageAccountSubscriptionId = ctx.subscription.subscriptionId,
    auditActionsAndGroups = { "SUCCESSFUL_DATABASE_AUTHENTICATION_GROUP", "FAILED_DATABASE_AUTHENTICATION_GROUP",
      "BATCH_COMPLETED_GROUP" } } })
  for _, database in ipairs(databases) do
    ctx:add("Microsoft.Sql/servers/databases", { name, database }, { kind = "v12.0,user,vcore",
      sku = { name = "GP_Gen5", tier = "GeneralPurpose", family = "Gen5", capacity = 2 }, properties = {
        status = "Online", databaseId = ctx.random.guid(), creationDate = ctx.random.moment(3),
        collation = "SQL_Latin1_General_CP1_CI_AS", catalogCollation = "SQL_Latin1_General_CP1_CI_AS",
        maxSizeBytes = 34359738368, defaultSecondaryLocation = "northeurope", zoneRedundant = false,
        currentServiceObjectiveName = "GP_Gen5_2", requestedServiceObjectiveName = "GP_Gen5_2", readScale = "Disabled",
        licenseType = "LicenseIncluded", maxLogSizeBytes = 193273528320, earliestRestoreDate = ctx.random.moment(),
        currentBackupStorageRedundancy = "Geo", requestedBackupStorageRedundancy = "Geo", isLedgerOn = false,
        currentSku = { name = "GP_Gen5", tier = "GeneralPurpose", family = "Gen5", capacity = 2 } } })
  end
  return id
end

function data.cosmos(ctx, name)
  local function place(location, priority)
    return { id = name .. "-" .. location, locationName = ctx.location_name, provisioningState = "Succeeded",
      documentEndpoint = string.format("https://%s-%s.documents.azure.com:443/", name, location),
      failoverPriority = priority, isZoneRedundant = false }
  end
  return ctx:add("Microsoft.DocumentDB/databaseAccounts", { name }, { kind = "GlobalDocumentDB",
    identity = { type = "None" }, systemData = { createdAt = ctx.random.moment() }, properties = {
      provisioningState = "Succeeded", documentEndpoint = "https://" .. name .. ".documents.azure.com:443/",
      sqlEndpoint = "https://" .. name .. ".documents.azure.com:443/", publicNetworkAccess = "Disabled",
      enableAutomaticFailover = true, enableMultipleWriteLocations = false, isVirtualNetworkFilterEnabled = true,
      virtualNetworkRules = json.array {}, disableLocalAuth = true, disableKeyBasedMetadataWriteAccess = true,
      enableFreeTier = false, instanceId = ctx.random.guid(), databaseAccountOfferType = "Standard",
      defaultIdentity = "FirstPartyIdentity", minimalTlsVersion = "Tls12", capabilities = json.array {},
      consistencyPolicy = { defaultConsistencyLevel = "Session", maxIntervalInSeconds = 5, maxStalenessPrefix = 100 },
      writeLocations = { place("westeurope", 0) }, readLocations = { place("westeurope", 0), place("northeurope", 1) },
      locations = { place("westeurope", 0), place("northeurope", 1) }, cors = json.array {},
      ipRules = { { ipAddressOrRange = "198.51.100.10" } }, backupPolicy = { type = "Periodic",
        periodicModeProperties = { backupIntervalInMinutes = 240, backupRetentionIntervalInHours = 8,
          backupStorageRedundancy = "Geo" } },
      keysMetadata = { primaryMasterKey = { generationTime = ctx.random.moment() },
        secondaryMasterKey = { generationTime = ctx.random.moment() } } } })
end

function data.redis(ctx, name)
  return ctx:add("Microsoft.Cache/Redis", { name }, { properties = { provisioningState = "Succeeded",
    hostName = name .. ".redis.cache.windows.net", port = 6379, sslPort = 6380, enableNonSslPort = false,
    redisVersion = "6.0.20", minimumTlsVersion = "1.2", publicNetworkAccess = "Disabled", updateChannel = "Stable",
    sku = { name = "Standard", family = "C", capacity = 1 }, linkedServers = json.array {},
    redisConfiguration = { ["maxmemory-reserved"] = "125", ["maxfragmentationmemory-reserved"] = "125",
      ["maxmemory-delta"] = "125", maxclients = "1000" },
    instances = { { sslPort = 15000, isMaster = true, isPrimary = true },
      { sslPort = 15001, isMaster = false, isPrimary = false } } } })
end

local function bus(ctx, type_name, name, extra)
  local properties = { provisioningState = "Succeeded", status = "Active", createdAt = ctx.random.moment(3),
    updatedAt = ctx.random.moment(3), metricId = ctx.subscription.subscriptionId .. ":" .. name, disableLocalAuth = true,
    minimumTlsVersion = "1.2", publicNetworkAccess = "Enabled", zoneRedundant = true,
    privateEndpointConnections = json.array {},
    serviceBusEndpoint = "https://" .. name .. ".servicebus.windows.net:443/" }
  for field, value in pairs(extra) do properties[field] = value end
  return ctx:add(type_name, { name }, { sku = { name = "Standard", tier = "Standard", capacity = 1 },
    properties = properties })
end

function data.service_bus(ctx, name)
  return bus(ctx, "Microsoft.ServiceBus/namespaces", name, { premiumMessagingPartitions = 0 })
end

function data.event_hub(ctx, name)
  return bus(ctx, "Microsoft.EventHub/namespaces", name,
    { isAutoInflateEnabled = true, maximumThroughputUnits = 10, kafkaEnabled = true })
end

return data
