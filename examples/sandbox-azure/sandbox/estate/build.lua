-- An estate of exactly so many resources (groups not counted): a platform group a subscription, then applications of four
-- kinds until there is no room for one more, then disks. The same options give the same estate.
local context = require("sandbox.estate.context")
local compute = require("sandbox.estate.compute")
local data = require("sandbox.estate.data")
local network = require("sandbox.estate.network")
local random = require("sandbox.random")
local security = require("sandbox.estate.security")
local storage = require("sandbox.estate.storage")
local types = require("sandbox.types")
local web = require("sandbox.estate.web")
local world = require("sandbox.world")

local build = {}

local DENY_BY_HAND = { "deny-ssh-from-internet", 200, "Deny", "Inbound", "Internet", "22" }

local function platform(ctx)
  local workspace = security.workspace(ctx, "log-platform")
  local nsg = network.security_group(ctx, "nsg-hub", {
    DENY_BY_HAND, { "https-in", 300, "Allow", "Inbound", "Internet", { "443", "8443" } },
    { "bastion-ssh", 400, "Allow", "Inbound", "10.0.250.0/26", "22" } })
  local routes = network.route_table(ctx, "rt-hub", "10.0.254.4")
  local vnet = network.virtual_network(ctx, "vnet-hub", { "10.0.0.0/16", "10.1.0.0/16" }, { "10.0.0.4", "10.0.0.5" }, {
    { name = "servers", prefix = "10.0.1.0/24", nsg = nsg, routes = routes },
    { name = "data", prefix = "10.0.4.0/24", nsg = nsg, endpoints = { { service = "Microsoft.Storage",
      provisioningState = "Succeeded", locations = { "westeurope", "northeurope" } } } },
    { name = "apps", prefix = "10.0.5.0/24", nsg = nsg } })
  local account = storage.account(ctx, "stplatform" .. ctx.short, { subnet = vnet .. "/subnets/data",
    containers = { "tfstate", "logs" } })
  network.private_dns_zone(ctx, "privatelink.blob.core.windows.net", vnet)
  network.private_endpoint(ctx, "pe-platform", vnet .. "/subnets/data", account, "blob", "blob.core.windows.net")
  network.watcher(ctx, nsg, account, workspace)
  network.nat_gateway(ctx, "nat-hub", network.public_ip(ctx, "pip-nat", "nat-" .. ctx.short))
  local vault = security.vault(ctx, "kv-platform-" .. ctx.short)
  security.lock(ctx, vault, "do-not-delete", "CanNotDelete")
  security.lock(ctx, account, "state-of-terraform", "CanNotDelete")
  security.diagnostics(ctx, vault, workspace, { "AuditEvent", "AzurePolicyEvaluationDetails" })
  security.diagnostics(ctx, nsg, workspace, { "NetworkSecurityGroupEvent", "NetworkSecurityGroupRuleCounter" })
  security.identity(ctx, "id-deploy")
  security.action_group(ctx, "ag-on-call")
  security.assignment(ctx, ctx.subscription.id, security.roles.reader)
  security.assignment(ctx, ctx.subscription.id, security.roles.contributor, "Group")
  security.policy(ctx, ctx.subscription.id, "require-tags", "Require an owner tag", "871b6d14-10aa-478d-b590-94f262ecfa99")
  security.policy(ctx, ctx.subscription.id, "allowed-places", "Allowed locations", "e56962a6-4747-49cd-b67b-bf8b01975c4c")
  ctx.shared.vnet, ctx.shared.nsg, ctx.shared.workspace = vnet, nsg, workspace
end

local function servers(ctx, n)
  local public_ip = network.public_ip(ctx, "pip-front", string.format("front-%s-%d", ctx.short, n))
  network.load_balancer(ctx, "lb-front", public_ip)
  local nsg = network.security_group(ctx, "nsg-servers", { DENY_BY_HAND,
    { "https-in", 300, "Allow", "Inbound", "*", "443" } })
  local set = compute.availability_set(ctx, "avail-servers")
  for i = 1, 2 do
    compute.machine(ctx, string.format("vm-%03d-%d", n, i),
      { subnet = ctx.shared.vnet .. "/subnets/servers", nsg = nsg, set = set })
  end
  compute.extension(ctx, string.format("vm-%03d-1", n), "CustomScript", "Microsoft.Azure.Extensions", {
    fileUris = { "https://stplatform.blob.core.windows.net/logs/setup.sh" },
    commandToExecute = "sh setup.sh --token " .. ctx.random.hex(32) })
  security.assignment(ctx, ctx.group_id, security.roles.contributor)
end

local function website(ctx, n)
  local plan = web.plan(ctx, "asp-web")
  web.site(ctx, string.format("app-%s-%03d", ctx.short, n), plan, ctx.shared.vnet .. "/subnets/apps")
  security.insights(ctx, "appi-web", ctx.shared.workspace)
  security.vault(ctx, string.format("kv-%s-%03d", ctx.short, n))
  data.redis(ctx, string.format("redis-%s-%03d", ctx.short, n))
  security.identity(ctx, "id-web")
end

local function store(ctx, n)
  local server = data.sql_server(ctx, string.format("sql-%s-%03d", ctx.short, n), { "orders", "customers" })
  security.diagnostics(ctx, server .. "/databases/orders", ctx.shared.workspace, { "SQLInsights", "Errors" })
  data.cosmos(ctx, string.format("cosmos-%s-%03d", ctx.short, n))
  storage.account(ctx, string.format("stdata%s%03d", ctx.short, n), { containers = { "raw", "curated" } })
  data.service_bus(ctx, string.format("sb-%s-%03d", ctx.short, n))
  data.event_hub(ctx, string.format("evh-%s-%03d", ctx.short, n))
  security.lock(ctx, server, "keep", "CanNotDelete")
end

local function kubernetes(ctx, n)
  web.cluster(ctx, string.format("aks-%s-%03d", ctx.short, n), ctx.shared.vnet .. "/subnets/apps")
  web.registry(ctx, string.format("acr%s%03d", ctx.short, n))
  web.container_group(ctx, "worker")
  security.identity(ctx, "id-aks")
  security.assignment(ctx, ctx.group_id, security.roles.reader)
end

local APPLICATIONS = {
  { kind = "servers", add = servers, most = 14 }, { kind = "web", add = website, most = 7 },
  { kind = "data", add = store, most = 18 }, { kind = "aks", add = kubernetes, most = 5 },
}

local function subscription_of(numbers, n, tenant)
  local id = numbers.guid()
  return { id = "/subscriptions/" .. id, subscriptionId = id, tenantId = tenant, state = "Enabled",
    displayName = string.format("Sandbox %d", n), authorizationSource = "RoleBased",
    subscriptionPolicies = { locationPlacementId = "Public_2014-09-01", quotaId = "EnterpriseAgreement_2014-09-01",
      spendingLimit = "Off" }, tags = { env = n == 1 and "prod" or "test" } }
end

-- options: seed, resources, subscriptions.
function build.estate(options)
  local numbers = random.new(options.seed)
  local estate = world.new()
  estate.tenant = numbers.guid()
  local share = math.ceil(options.resources / options.subscriptions)
  local built = 0
  for s = 1, options.subscriptions do
    local subscription = subscription_of(numbers, s, estate.tenant)
    estate:add_subscription(subscription)
    local shared, short, groups = {}, numbers.hex(6), 0
    local limit = math.min(share, options.resources - built)
    local begun = estate.count
    local function group(name, kind, n)
      local tags = { env = subscription.tags.env, app = kind, owner = numbers.pick { "team-a", "team-b", "Team C" },
        ["cost-center"] = tostring(4700 + (n or 0)) }
      local ctx = context.new(estate, numbers, subscription, name, "westeurope", tags, estate.tenant)
      ctx.shared, ctx.short, ctx.location_name = shared, short, types.LOCATIONS.westeurope
      groups = groups + 1
      return ctx
    end
    local function made() return estate.count - begun - groups end
    local ctx = group("rg-platform", "platform")
    platform(ctx)
    local n = 0
    while true do
      local application = APPLICATIONS[n % #APPLICATIONS + 1]
      if made() + application.most > limit then break end
      n = n + 1
      ctx = group(string.format("rg-%s-%03d", application.kind, n), application.kind, n)
      application.add(ctx, n)
    end
    local spare = 0
    while made() < limit do
      spare = spare + 1
      compute.disk(ctx, string.format("disk-spare-%04d", spare), 64)
    end
    built = built + made()
  end
  estate.random = numbers
  return estate
end

return build
