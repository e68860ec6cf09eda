-- App Service plans and sites, and containers: a cluster, a registry, a container group.
local json = require("azdrift.json")

local web = {}

function web.plan(ctx, name)
  return ctx:add("Microsoft.Web/serverfarms", { name }, { kind = "linux", location = ctx.location_name,
    sku = { name = "P1v3", tier = "PremiumV3", size = "P1v3", family = "Pv3", capacity = 2 }, properties = {
      provisioningState = "Succeeded", status = "Ready", workerSize = "Small", workerSizeId = 3, numberOfWorkers = 2,
      currentNumberOfWorkers = 2, currentWorkerSize = "Small", currentWorkerSizeId = 3, numberOfSites = 1,
      maximumNumberOfWorkers = 30, webSpace = ctx.group .. "-WestEuropewebspace-Linux", geoRegion = ctx.location_name,
      perSiteScaling = false, elasticScaleEnabled = false, reserved = true, isXenon = false, hyperV = false,
      subscription = ctx.subscription.subscriptionId, resourceGroup = ctx.group, zoneRedundant = false,
      mdmId = "waws-prod-am2-" .. ctx.random.integer(100, 999) } })
end

function web.site(ctx, name, plan, subnet)
  local outbound = {}
  for i = 1, 6 do outbound[i] = string.format("20.%d.%d.%d", 40 + i, ctx.random.integer(0, 255), ctx.random.integer(1, 254)) end
  ctx:add("Microsoft.Web/sites", { name }, { kind = "app,linux", location = ctx.location_name,
    identity = { type = "SystemAssigned", principalId = ctx.random.guid(), tenantId = ctx.tenant }, properties = {
      state = "Running", enabled = true, adminEnabled = true, httpsOnly = true, clientAffinityEnabled = false,
      clientCertEnabled = false, clientCertMode = "Required", publicNetworkAccess = "Enabled",
      availabilityState = "Normal", usageState = "Normal", serverFarmId = plan, reserved = true, isXenon = false,
      hyperV = false, hostNames = { name .. ".azurewebsites.net" },
      enabledHostNames = { name .. ".azurewebsites.net", name .. ".scm.azurewebsites.net" },
      hostNameSslStates = { { name = name .. ".azurewebsites.net", sslState = "Disabled", hostType = "Standard" },
        { name = name .. ".scm.azurewebsites.net", sslState = "Disabled", hostType = "Repository" } },
      defaultHostName = name .. ".azurewebsites.net", repositorySiteName = name, resourceGroup = ctx.group,
      lastModifiedTimeUtc = ctx.random.moment(), outboundIpAddresses = table.concat(outbound, ","),
      possibleOutboundIpAddresses = table.concat(outbound, ","), virtualNetworkSubnetId = subnet,
      vnetRouteAllEnabled = true, keyVaultReferenceIdentity = "SystemAssigned", redundancyMode = "None",
      siteConfig = { numberOfWorkers = 1, linuxFxVersion = "NODE|20-lts", alwaysOn = true, http20Enabled = true,
        functionAppScaleLimit = 0, minimumElasticInstanceCount = 0, acrUseManagedIdentityCreds = false } } })
  ctx:add("Microsoft.Web/sites/config", { name, "web" }, { location = ctx.location_name, properties = {
    numberOfWorkers = 1, linuxFxVersion = "NODE|20-lts", alwaysOn = true, http20Enabled = true, ftpsState = "Disabled",
    minTlsVersion = "1.2", scmMinTlsVersion = "1.2", remoteDebuggingEnabled = false, webSocketsEnabled = false,
    httpLoggingEnabled = true, detailedErrorLoggingEnabled = false, use32BitWorkerProcess = false,
    managedPipelineMode = "Integrated", scmType = "GitHubAction", publishingUsername = "$" .. name,
    publishingPassword = ctx.random.hex(60), ipSecurityRestrictionsDefaultAction = "Allow",
    cors = { allowedOrigins = { "https://portal.contoso.example" }, supportCredentials = false },
    ipSecurityRestrictions = { { ipAddress = "Any", action = "Allow", priority = 2147483647, name = "Allow all" } },
    virtualApplications = { { virtualPath = "/", physicalPath = "site\\wwwroot", preloadEnabled = true } } } })
  return ctx:id("Microsoft.Web/sites", name)
end

function web.cluster(ctx, name, subnet)
  local function pool(pool_name, mode, low, high)
    return { name = pool_name, mode = mode, count = low, minCount = low, maxCount = high, enableAutoScaling = true,
      vmSize = "Standard_D4s_v5", osType = "Linux", osSKU = "Ubuntu", osDiskSizeGB = 128, osDiskType = "Managed",
      maxPods = 110, type = "VirtualMachineScaleSets", vnetSubnetID = subnet, provisioningState = "Succeeded",
      powerState = { code = "Running" }, orchestratorVersion = "1.31", currentOrchestratorVersion = "1.31.7",
      enableNodePublicIP = false, nodeImageVersion = "AKSUbuntu-2204gen2containerd-202610.06.0",
      upgradeSettings = { maxSurge = "10%" } }
  end
  return ctx:add("Microsoft.ContainerService/managedClusters", { name }, {
    sku = { name = "Base", tier = "Standard" }, systemData = ctx:system_data(),
    identity = { type = "SystemAssigned", principalId = ctx.random.guid(), tenantId = ctx.tenant }, properties = {
      provisioningState = "Succeeded", powerState = { code = "Running" }, kubernetesVersion = "1.31",
      currentKubernetesVersion = "1.31.7", dnsPrefix = name, fqdn = name .. "-" .. ctx.random.hex(8) .. ".hcp."
        .. ctx.location .. ".azmk8s.io", enableRBAC = true, disableLocalAccounts = true, maxAgentPools = 100,
      nodeResourceGroup = string.format("MC_%s_%s_%s", ctx.group, name, ctx.location), supportPlan = "KubernetesOfficial",
      agentPoolProfiles = { pool("system", "System", 2, 4), pool("work", "User", 3, 12) },
      apiServerAccessProfile = { authorizedIPRanges = { "198.51.100.0/24", "203.0.113.0/24" },
        enablePrivateCluster = false },
      aadProfile = { managed = true, enableAzureRBAC = true, tenantID = ctx.tenant,
        adminGroupObjectIDs = { ctx.random.guid() } },
      networkProfile = { networkPlugin = "azure", networkPolicy = "calico", networkDataplane = "azure",
        loadBalancerSku = "standard", outboundType = "loadBalancer", serviceCidr = "10.2.0.0/16",
        dnsServiceIP = "10.2.0.10", ipFamilies = { "IPv4" },
        loadBalancerProfile = { managedOutboundIPs = { count = 1 }, backendPoolType = "nodeIPConfiguration" } },
      servicePrincipalProfile = { clientId = "msi" }, autoUpgradeProfile = { upgradeChannel = "patch",
        nodeOSUpgradeChannel = "NodeImage" }, oidcIssuerProfile = { enabled = true }, storageProfile = {
        diskCSIDriver = { enabled = true }, fileCSIDriver = { enabled = true }, snapshotController = { enabled = true } },
      windowsProfile = { adminUsername = "azureuser", enableCSIProxy = true }, resourceUID = ctx.random.hex(24) } })
end

function web.registry(ctx, name)
  return ctx:add("Microsoft.ContainerRegistry/registries", { name }, { sku = { name = "Premium", tier = "Premium" },
    systemData = ctx:system_data(), properties = { provisioningState = "Succeeded", loginServer = name .. ".azurecr.io",
      creationDate = ctx.random.moment(), adminUserEnabled = false, anonymousPullEnabled = false,
      dataEndpointEnabled = false, publicNetworkAccess = "Disabled", networkRuleBypassOptions = "AzureServices",
      zoneRedundancy = "Enabled", encryption = { status = "disabled" }, privateEndpointConnections = json.array {},
      networkRuleSet = { defaultAction = "Deny", ipRules = json.array {} }, policies = {
        quarantinePolicy = { status = "disabled" }, trustPolicy = { type = "Notary", status = "disabled" },
        retentionPolicy = { days = 7, status = "enabled", lastUpdatedTime = ctx.random.moment() },
        exportPolicy = { status = "enabled" }, azureADAuthenticationAsArmPolicy = { status = "enabled" },
        softDeletePolicy = { retentionDays = 7, status = "disabled", lastUpdatedTime = ctx.random.moment() } } } })
end

function web.container_group(ctx, name)
  return ctx:add("Microsoft.ContainerInstance/containerGroups", { name }, { properties = { sku = "Standard",
    provisioningState = "Succeeded", osType = "Linux", restartPolicy = "Always", provisioningTimeoutInSeconds = 1800,
    instanceView = { state = "Running", events = json.array {} },
    ipAddress = { type = "Private", ip = "10.0.5.4", ports = { { protocol = "TCP", port = 8080 } } },
    initContainers = json.array {}, containers = { { name = "worker", properties = {
      image = "mcr.microsoft.com/azuredocs/aci-helloworld:latest", ports = { { port = 8080 } },
      -- Somebody put a password into a plain variable. Azure shows those to every reader.
      environmentVariables = { { name = "QUEUE", value = "orders" }, { name = "DB_PASSWORD", value = ctx.random.hex(20) } },
      resources = { requests = { memoryInGB = 1.5, cpu = 1.0 } } } } } } })
end

return web
