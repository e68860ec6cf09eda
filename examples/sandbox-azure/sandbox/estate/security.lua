-- Vaults, identities, and what hangs on other resources: locks, role assignments, policies, diagnostic settings; and where
-- logs go.
local json = require("azdrift.json")

local security = {}

local READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
local CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
security.roles = { reader = READER, contributor = CONTRIBUTOR }

function security.vault(ctx, name)
  local function policy(secrets)
    return { tenantId = ctx.tenant, objectId = ctx.random.guid(), permissions = { keys = { "Get", "List" },
      secrets = secrets, certificates = { "Get" }, storage = json.array {} } }
  end
  return ctx:add("Microsoft.KeyVault/vaults", { name }, { systemData = ctx:system_data(), properties = {
    provisioningState = "Succeeded", tenantId = ctx.tenant, sku = { family = "A", name = "standard" },
    vaultUri = "https://" .. name .. ".vault.azure.net/", enableSoftDelete = true, softDeleteRetentionInDays = 90,
    enablePurgeProtection = true, enableRbacAuthorization = false, enabledForDeployment = false,
    enabledForDiskEncryption = false, enabledForTemplateDeployment = true, publicNetworkAccess = "Enabled",
    accessPolicies = { policy { "Get", "List" }, policy { "Get", "List", "Set", "Delete" } },
    networkAcls = { bypass = "AzureServices", defaultAction = "Deny",
      ipRules = { { value = "198.51.100.10/32" }, { value = "203.0.113.0/24" } },
      virtualNetworkRules = json.array {} } } })
end

function security.identity(ctx, name)
  return ctx:add("Microsoft.ManagedIdentity/userAssignedIdentities", { name }, { properties = { tenantId = ctx.tenant,
    principalId = ctx.random.guid(), clientId = ctx.random.guid(), isolationScope = "None" } })
end

function security.lock(ctx, scope, name, level)
  return ctx:extend(scope, "Microsoft.Authorization/locks", name,
    { systemData = ctx:system_data(), properties = { level = level, notes = "ask the platform team" } })
end

function security.assignment(ctx, scope, role, principal_type)
  local created = ctx.random.moment()
  local name = ctx.random.guid()
  return ctx:extend(scope, "Microsoft.Authorization/roleAssignments", name, { properties = {
    roleDefinitionId = ctx.subscription.id .. "/providers/Microsoft.Authorization/roleDefinitions/" .. role,
    principalId = ctx.random.guid(), principalType = principal_type or "ServicePrincipal", scope = scope,
    createdOn = created, updatedOn = created, createdBy = ctx.random.guid(), updatedBy = ctx.random.guid() } })
end

function security.policy(ctx, scope, name, display, definition)
  return ctx:extend(scope, "Microsoft.Authorization/policyAssignments", name, { location = ctx.location,
    systemData = ctx:system_data(), identity = { type = "SystemAssigned", principalId = ctx.random.guid(),
      tenantId = ctx.tenant }, properties = { displayName = display, enforcementMode = "Default", scope = scope,
      policyDefinitionId = "/providers/Microsoft.Authorization/policyDefinitions/" .. definition,
      notScopes = json.array {}, metadata = { assignedBy = "Platform Team", createdBy = ctx.random.guid(),
        createdOn = ctx.random.moment() }, nonComplianceMessages = json.array {} } })
end

function security.diagnostics(ctx, target, workspace, categories)
  local logs = {}
  for i, category in ipairs(categories) do
    logs[i] = { category = category, enabled = true, retentionPolicy = { days = 0, enabled = false } }
  end
  return ctx:extend(target, "microsoft.insights/diagnosticSettings", "to-workspace", { properties = {
    workspaceId = workspace, logs = json.array(logs), metrics = { { category = "AllMetrics", enabled = true,
      retentionPolicy = { days = 0, enabled = false } } } } })
end

function security.workspace(ctx, name)
  return ctx:add("Microsoft.OperationalInsights/workspaces", { name }, { etag = string.format('"%s"', ctx.random.guid()),
    properties = { provisioningState = "Succeeded", customerId = ctx.random.guid(), retentionInDays = 90,
      sku = { name = "PerGB2018", lastSkuUpdate = ctx.random.moment() }, createdDate = ctx.random.moment(),
      modifiedDate = ctx.random.moment(), publicNetworkAccessForIngestion = "Enabled",
      publicNetworkAccessForQuery = "Enabled", features = { legacy = 0, searchVersion = 1,
        enableLogAccessUsingOnlyResourcePermissions = true }, workspaceCapping = { dailyQuotaGb = -1.0,
        quotaNextResetTime = ctx.random.moment(), dataIngestionStatus = "RespectQuota" } } })
end

function security.insights(ctx, name, workspace)
  local key = ctx.random.guid()
  return ctx:add("Microsoft.Insights/components", { name }, { kind = "web", etag = string.format('"%s"', ctx.random.guid()),
    properties = { provisioningState = "Succeeded", Application_Type = "web", AppId = ctx.random.guid(),
      ApplicationId = name, Name = name, CreationDate = ctx.random.moment(), TenantId = ctx.subscription.subscriptionId,
      InstrumentationKey = key, ConnectionString = "InstrumentationKey=" .. key .. ";IngestionEndpoint=https://"
        .. ctx.location .. "-5.in.applicationinsights.azure.com/;ApplicationId=" .. ctx.random.guid(),
      RetentionInDays = 90, WorkspaceResourceId = workspace, IngestionMode = "LogAnalytics", DisableIpMasking = false,
      publicNetworkAccessForIngestion = "Enabled", publicNetworkAccessForQuery = "Enabled", Ver = "v2" } })
end

function security.action_group(ctx, name)
  return ctx:add("Microsoft.Insights/actionGroups", { name }, { location = "Global", properties = {
    groupShortName = name:sub(1, 12), enabled = true, smsReceivers = json.array {}, webhookReceivers = { {
      name = "pager", useCommonAlertSchema = true, useAadAuth = false,
      serviceUri = "https://events.pager.example/integration/" .. ctx.random.hex(32) .. "/enqueue" } },
    emailReceivers = { { name = "on-call", emailAddress = "on-call@contoso.example", status = "Enabled",
      useCommonAlertSchema = true } } } })
end

return security
