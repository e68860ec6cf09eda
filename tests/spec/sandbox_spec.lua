-- The sandbox Azure keeps ARM's protocol: what the collector is tested against must not be kinder than Azure.
package.path = "examples/sandbox-azure/?.lua;" .. package.path
local http = require("azdrift.http")
local json = require("azdrift.json")
local sandbox = require("sandbox.sandbox")
local server = require("azdrift.server")

local VAULTS <const> = "Microsoft.KeyVault/vaults"

describe("the sandbox Azure", function()
  local listener, client, origin, azure, token, subscription

  local function open(options)
    local settings = { seed = 7, resources = 120, subscriptions = 1, page = 10, latency_ms = 0, secret = "s3cret",
      token_lifetime_s = 3599 }
    for name, value in pairs(options or {}) do settings[name] = value end
    azure = sandbox.new(settings)
    listener = assert(server.listen({ address = "127.0.0.1:0", on_request = function(request) return azure:handle(request) end }))
    origin = "http://127.0.0.1:" .. listener:port()
    client = assert(http.client({ allow = { { method = "*", origin = origin } } }))
  end

  local function ask_token(secret, scope)
    return assert(client.request({ method = "POST", url = origin .. "/any-tenant/oauth2/v2.0/token",
      headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
      body = "grant_type=client_credentials&client_id=app&client_secret=" .. secret .. "&scope=" .. (scope or "x%2F.default") }))
  end

  -- GET (or another method) with the reader's token: reply and its body as tables.
  local function arm(path, options)
    options = options or {}
    local url = path:find("^http://") and path or origin .. path
    local reply = assert(client.request({ method = options.method or "GET", url = url, body = options.body,
      token = options.token or token, token_origin = origin }))
    return reply, reply.body ~= "" and json.decode(reply.body, { max_bytes = 16 << 20 }) or nil
  end

  local function control(wishes)
    local reply = assert(client.request({ method = "POST", url = origin .. "/_control", body = json.encode(wishes) }))
    return reply.status, json.decode(reply.body)
  end

  -- All items of a list, page by page.
  local function all(path)
    local items, pages, link = {}, 0, path
    while link do
      local reply, page = arm(link)
      assert.equal(200, reply.status, reply.body)
      pages = pages + 1
      for _, item in ipairs(page.value) do items[#items + 1] = item end
      link = page.nextLink
    end
    return items, pages
  end

  local function typed(type_name, version) return subscription .. "/providers/" .. type_name .. "?api-version=" .. version end

  before_each(function()
    open()
    token = json.decode(ask_token("s3cret").body).access_token
    local _, page = arm("/subscriptions?api-version=2022-12-01")
    subscription = page.value[1].id
  end)

  after_each(function()
    client.close()
    listener:close()
  end)

  it("tells where it is without a token", function()
    local reply = assert(client.request({ url = origin .. "/metadata/endpoints?api-version=2019-05-01" }))
    local cloud = json.decode(reply.body)[1]
    assert.equal(origin .. "/", cloud.resourceManager)
    assert.equal(origin .. "/", cloud.authentication.loginEndpoint)
  end)

  it("gives a token for the right secret only", function()
    local right = json.decode(ask_token("s3cret").body)
    assert.equal("Bearer", right.token_type)
    assert.equal(3599, right.expires_in)
    local reply = ask_token("wrong")
    assert.equal(401, reply.status)
    local problem = json.decode(reply.body)
    assert.equal("invalid_client", problem.error)
    assert.same({ 7000215 }, problem.error_codes)
    assert.truthy(problem.error_description:find("^AADSTS7000215"))
    assert.equal("invalid_scope", json.decode(ask_token("s3cret", "x").body).error)
  end)

  it("asks for a token that lives", function()
    local path = "/subscriptions?api-version=2022-12-01"
    local reply = assert(client.request({ url = origin .. path }))
    assert.equal(401, reply.status)
    assert.truthy(reply.headers["www-authenticate"])
    assert.equal(200, (arm(path)).status)
    control({ expire_tokens = true })
    local expired, body = arm(path)
    assert.equal(401, expired.status)
    assert.equal("ExpiredAuthenticationToken", body.error.code)
  end)

  it("asks for an api-version that the type speaks, and names those", function()
    local reply, body = arm(subscription .. "/providers/" .. VAULTS)
    assert.equal(400, reply.status)
    assert.equal("MissingApiVersionParameter", body.error.code)
    reply, body = arm(typed(VAULTS, "2001-01-01"))
    assert.equal(400, reply.status)
    assert.equal("NoRegisteredProviderFound", body.error.code)
    local supported = body.error.message:match("supported api%-versions are '([^']+)'")
    assert.equal(200, (arm(typed(VAULTS, supported:match("^[^,]+")))).status)
    reply, body = arm("/subscriptions?api-version=soon")
    assert.equal(400, reply.status)
    assert.equal("InvalidApiVersionParameter", body.error.code)
  end)

  it("knows at least 25 types, each with versions that its resources answer to", function()
    local providers = all(subscription .. "/providers?api-version=2021-04-01")
    local types = 0
    for _, provider in ipairs(providers) do
      assert.equal("Registered", provider.registrationState)
      for _, declared in ipairs(provider.resourceTypes) do
        types = types + 1
        assert.is_true(#declared.apiVersions > 0)
      end
    end
    local stored = {}
    for _, entry in pairs(azure.world.entries) do
      stored[entry.type.name] = true
      local reply = arm(entry.id .. "?api-version=" .. entry.type.versions[1])
      assert.equal(200, reply.status, entry.id)
      assert.equal(entry.body, reply.body)
    end
    local n = 0
    for _ in pairs(stored) do n = n + 1 end
    assert.is_true(types >= 25 and n >= 25, n .. " types stored")
  end)

  it("holds exactly as many resources as asked for, the same for the same seed", function()
    listener:close()
    client.close()
    local function bodies(seed)
      open({ seed = seed, resources = 333, subscriptions = 3 })
      local texts, groups = {}, 0
      for _, entry in ipairs(azure.world:sorted()) do
        texts[#texts + 1] = entry.body
        if entry.type.key == "microsoft.resources/resourcegroups" then groups = groups + 1 end
      end
      listener:close()
      client.close()
      return table.concat(texts, "\n"), #texts - groups
    end
    local first, count = bodies(11)
    assert.equal(333, count)
    assert.is_true(first == (bodies(11)))
    assert.is_false(first == (bodies(12)))
    open()
  end)

  it("lists all resources in pages, without their properties and without proxies", function()
    local items, pages = all(subscription .. "/resources?api-version=2021-04-01&$top=7")
    assert.is_true(pages > 3)
    local seen, shouted = {}, 0
    for _, item in ipairs(items) do
      assert.is_nil(seen[item.id:lower()])
      seen[item.id:lower()] = true
      assert.is_nil(item.properties)
      assert.is_nil(item.type:lower():find("firewallrules", 1, true))
      assert.is_nil(item.type:lower():find("/locks", 1, true))
      if item.id:find("/resourceGroups/RG-", 1, true) then shouted = shouted + 1 end
    end
    assert.is_true(shouted > 0) -- Compute writes groups in capitals here
    local _, expanded = arm(subscription .. "/resources?api-version=2021-04-01&$top=1&$expand=createdTime,changedTime")
    assert.truthy(expanded.value[1].createdTime)
    local reply, body = arm(subscription .. "/resources?api-version=2021-04-01&$top=1001")
    assert.equal(400, reply.status)
    assert.equal("InvalidTopInQueryString", body.error.code)
    assert.equal(400, (arm(subscription .. "/resources?api-version=2021-04-01&$skiptoken=1.2")).status)
  end)

  it("lists a type with whole bodies, by subscription and by group", function()
    local vaults = all(typed(VAULTS, "2023-07-01"))
    assert.is_true(#vaults > 1)
    for _, vault in ipairs(vaults) do assert.truthy(vault.properties.vaultUri) end
    local group = vaults[1].id:match("^(.-)/providers/")
    local in_group = all(group .. "/providers/" .. VAULTS .. "?api-version=2023-07-01")
    assert.is_true(#in_group >= 1 and #in_group < #vaults)
    local reply, body = arm(subscription .. "/resourceGroups/nowhere/providers/" .. VAULTS .. "?api-version=2023-07-01")
    assert.equal(404, reply.status)
    assert.equal("ResourceGroupNotFound", body.error.code)
  end)

  it("answers an id in any case, and says what is missing when there is none", function()
    local vault = all(typed(VAULTS, "2023-07-01"))[1]
    local _, same = arm(vault.id:upper():gsub("/SUBSCRIPTIONS", "/subscriptions") .. "?api-version=2023-07-01")
    assert.same(vault, same)
    local reply, body = arm(vault.id .. "x?api-version=2023-07-01")
    assert.equal(404, reply.status)
    assert.equal("ResourceNotFound", body.error.code)
    _, body = arm(typed("Microsoft.Nothing/things", "2023-07-01"))
    assert.equal("InvalidResourceNamespace", body.error.code)
    _, body = arm(typed("Microsoft.KeyVault/things", "2023-07-01"))
    assert.equal("InvalidResourceType", body.error.code)
    _, body = arm("/subscriptions/00000000-0000-0000-0000-000000000000/resources?api-version=2021-04-01")
    assert.equal("SubscriptionNotFound", body.error.code)
  end)

  it("has children where ARM has them", function()
    local vnet = all(typed("Microsoft.Network/virtualNetworks", "2024-05-01"))[1]
    assert.is_true(#vnet.properties.subnets >= 3)
    local subnets = all(vnet.id .. "/subnets?api-version=2024-05-01")
    assert.same(vnet.properties.subnets, subnets)
    local _, one = arm(subnets[1].id .. "?api-version=2024-05-01")
    assert.same(subnets[1], one)
    local account = all(typed("Microsoft.Storage/storageAccounts", "2024-01-01"))[1]
    assert.equal(1, #all(account.id .. "/blobServices?api-version=2024-01-01"))
    assert.is_true(#all(account.id .. "/blobServices/default/containers?api-version=2024-01-01") >= 1)
    local sql = all(typed("Microsoft.Sql/servers", "2023-08-01"))[1]
    assert.equal(2, #all(sql.id .. "/firewallRules?api-version=2023-08-01"))
    assert.equal(404, (arm(sql.id .. "x/firewallRules?api-version=2023-08-01")).status)
    assert.is_true(#all(typed("Microsoft.Authorization/locks", "2020-05-01")) >= 2)
    local nsg = all(typed("Microsoft.Network/networkSecurityGroups", "2024-05-01"))[1]
    assert.equal(1, #all(nsg.id .. "/providers/microsoft.insights/diagnosticSettings?api-version=2021-05-01-preview"))
    local disk = all(typed("Microsoft.Compute/disks", "2024-03-02"))[1]
    local reply = arm(disk.id .. "/providers/microsoft.insights/diagnosticSettings?api-version=2021-05-01-preview")
    assert.equal(400, reply.status)
  end)

  it("shows inherited role assignments unless told not to", function()
    local path = typed("Microsoft.Authorization/roleAssignments", "2022-04-01")
    local own, inherited = 0, 0
    for _, assignment in ipairs(all(path)) do
      if assignment.id:find(subscription, 1, true) == 1 then own = own + 1 else inherited = inherited + 1 end
    end
    assert.is_true(own >= 3)
    assert.equal(1, inherited)
    assert.equal(2, #all(path .. "&$filter=atScope()"))
  end)

  it("throttles with and without Retry-After", function()
    local path = "/subscriptions?api-version=2022-12-01"
    control({ throttle = { size = 2, per_second = 0.001 } })
    local first = arm(path)
    assert.equal("1", first.headers["x-ms-ratelimit-remaining-subscription-reads"])
    arm(path)
    local refused = arm(path)
    assert.equal(429, refused.status)
    assert.truthy(tonumber(refused.headers["retry-after"]) >= 1)
    control({ throttle = { size = 0, per_second = 0.001, silent = true } })
    refused = arm(path)
    assert.equal(429, refused.status)
    assert.is_nil(refused.headers["retry-after"])
    control({ throttle = false })
    assert.equal(200, (arm(path)).status)
  end)

  it("forbids a type everywhere", function()
    local vault = all(typed(VAULTS, "2023-07-01"))[1]
    control({ faults = { { type = VAULTS, status = 403 } } })
    for _, path in ipairs({ typed(VAULTS, "2023-07-01"), vault.id .. "?api-version=2023-07-01" }) do
      local reply, body = arm(path)
      assert.equal(403, reply.status)
      assert.equal("AuthorizationFailed", body.error.code)
      assert.truthy(body.error.message:find("Microsoft.KeyVault/vaults/read", 1, true))
    end
    for _, item in ipairs(all(subscription .. "/resources?api-version=2021-04-01")) do
      assert.is_false(item.type == VAULTS)
    end
    control({ faults = {} })
    assert.equal(200, (arm(vault.id .. "?api-version=2023-07-01")).status)
  end)

  it("fails at a rate, so often, and by kind", function()
    control({ faults = { { type = VAULTS, status = 500, times = 2 } } })
    local statuses = {}
    for i = 1, 3 do statuses[i] = arm(typed(VAULTS, "2023-07-01")).status end
    assert.same({ 500, 500, 200 }, statuses)
    control({ faults = { { kind = "list", status = 503, rate = 0.5, retry_after = 1 } } })
    local failed = 0
    for _ = 1, 100 do
      local reply = arm(typed(VAULTS, "2023-07-01"))
      if reply.status == 503 then
        failed = failed + 1
        assert.equal("1", reply.headers["retry-after"])
      end
    end
    assert.is_true(failed > 20 and failed < 80)
    assert.equal(200, (arm("/subscriptions?api-version=2022-12-01")).status)
    assert.equal(400, (control({ faults = { { staus = 500 } } })))
    assert.equal(400, (control({ fautls = {} })))
  end)

  it("cuts, resets and delays answers", function()
    local function get()
      return client.request({ url = origin .. typed(VAULTS, "2023-07-01"), token = token, token_origin = origin })
    end
    control({ faults = { { type = VAULTS, cut_after_bytes = 100 } } })
    local reply, _, _, reason = get()
    assert.is_nil(reply)
    assert.equal("cut", reason)
    control({ faults = { { type = VAULTS, reset = true } } })
    reply, _, _, reason = get()
    assert.is_nil(reply)
    assert.equal("reset", reason)
    control({ faults = { { type = VAULTS, delay_ms = 60 } } })
    assert.is_true(get().duration_ms >= 60)
    control({ faults = {}, latency_ms = 40 })
    assert.is_true(get().duration_ms >= 40)
  end)

  it("links to another host, in a loop, or to an empty page first", function()
    local path = subscription .. "/resources?api-version=2021-04-01"
    control({ faults = { { kind = "resources", next_link = "other-host" } } })
    local _, page = arm(path)
    assert.truthy(page.nextLink:find("^http://management%.evil%.example/"))
    control({ faults = { { kind = "resources", next_link = "loop" } } })
    _, page = arm(path)
    local _, again = arm(page.nextLink)
    assert.same(page.value, again.value)
    assert.equal(page.nextLink, again.nextLink)
    control({ faults = {} })
    local plain = #all(path)
    control({ faults = { { kind = "resources", next_link = "empty" } } })
    _, page = arm(path)
    assert.equal(0, #page.value)
    assert.equal(plain, #all(path))
  end)

  it("loses a subscription", function()
    control({ gone = { subscription:match("[^/]+$") } })
    local reply, body = arm(typed(VAULTS, "2023-07-01"))
    assert.equal(404, reply.status)
    assert.equal("SubscriptionNotFound", body.error.code)
    assert.equal(0, #all("/subscriptions?api-version=2022-12-01"))
  end)

  it("hides a resource from lists that a GET still shows", function()
    local vault = all(typed(VAULTS, "2023-07-01"))[1]
    control({ hide = { vault.id } })
    for _, path in ipairs({ typed(VAULTS, "2023-07-01"), subscription .. "/resources?api-version=2021-04-01" }) do
      for _, item in ipairs(all(path)) do assert.is_false(item.id == vault.id) end
    end
    assert.equal(200, (arm(vault.id .. "?api-version=2023-07-01")).status)
  end)

  it("lets its owner write, and a reader not", function()
    local vault = all(typed(VAULTS, "2023-07-01"))[2]
    local path = vault.id .. "?api-version=2023-07-01"
    local patch = '{"tags":{"env":null,"new":"1"},"properties":{"publicNetworkAccess":"Disabled","networkAcls":{"ipRules":[]}}}'
    local reply = arm(path, { method = "PATCH", body = patch })
    assert.equal(403, reply.status)
    reply = arm(path, { method = "PATCH", body = patch, token = "owner" })
    assert.equal(200, reply.status)
    local _, changed = arm(path)
    assert.equal("Disabled", changed.properties.publicNetworkAccess)
    assert.is_nil(changed.tags.env)
    assert.equal("1", changed.tags.new)
    assert.equal(0, #changed.properties.networkAcls.ipRules)
    assert.equal("Deny", changed.properties.networkAcls.defaultAction)
    assert.equal(200, (arm(path, { method = "DELETE", token = "owner" })).status)
    assert.equal(404, (arm(path)).status)
    assert.equal(204, (arm(path, { method = "DELETE", token = "owner" })).status)
    assert.equal(201, (arm(path, { method = "PUT", token = "owner", body = '{"location":"westeurope","properties":{}}' })).status)
    assert.equal(200, (arm(path)).status)
    local nowhere = subscription .. "/resourceGroups/nowhere/providers/Microsoft.KeyVault/vaults/x?api-version=2023-07-01"
    assert.equal(404, (arm(nowhere, { method = "PUT", token = "owner", body = "{}" })).status)
  end)

  it("keeps what is locked", function()
    local lock = all(typed("Microsoft.Authorization/locks", "2020-05-01"))[1]
    local locked = lock.id:match("^(.*)/providers/Microsoft.Authorization/locks/")
    local version = azure.world:get(locked).type.versions[1]
    local reply, body = arm(locked .. "?api-version=" .. version, { method = "DELETE", token = "owner" })
    assert.equal(409, reply.status)
    assert.equal("ScopeLocked", body.error.code)
    assert.equal(200, (arm(lock.id .. "?api-version=2020-05-01", { method = "DELETE", token = "owner" })).status)
    assert.equal(200, (arm(locked .. "?api-version=" .. version, { method = "DELETE", token = "owner" })).status)
  end)

  it("writes down what was asked of it", function()
    control({ clear_log = true })
    arm(typed(VAULTS, "2023-07-01"))
    arm(typed(VAULTS, "2023-07-01"), { method = "DELETE" })
    ask_token("wrong")
    local log = json.decode(assert(client.request({ url = origin .. "/_log" })).body)
    assert.same({ GET = 1, DELETE = 1, POST = 1 }, log.methods)
    assert.equal(1, log.operations["GET list " .. VAULTS])
    assert.equal(1, log.operations["DELETE list " .. VAULTS])
    assert.equal(1, log.operations["POST token"])
    assert.equal(1, log.statuses["401"])
  end)

  it("is noisy by itself, and only where noise is known", function()
    local before = {}
    for key, entry in pairs(azure.world.entries) do before[key] = entry.body end
    local _, answer = control({ tick = true })
    assert.is_true(answer.tick > 10)
    local changed, n = 0, 0
    for key, entry in pairs(azure.world.entries) do
      n = n + 1
      if entry.body ~= before[key] then changed = changed + 1 end
      before[key] = nil
    end
    assert.is_nil(next(before)) -- nothing was removed
    assert.is_true(changed > 10 and changed < n)
  end)

  it("lives a believable day", function()
    local _, answer = control({ day = true })
    local by_what = {}
    for _, event in ipairs(answer.day) do by_what[#by_what + 1] = event.kind end
    assert.same({ "changed", "changed", "removed", "removed", "added", "recreated", "changed", "forbidden" }, by_what)
    local nsg, account, lock, vault, rule, _, vnet = table.unpack(answer.day)
    local _, body = arm(nsg.id .. "?api-version=2024-05-01")
    local open_to = {}
    for _, r in ipairs(body.properties.securityRules) do
      local p = r.properties
      if p.access == "Allow" and p.destinationPortRange == "22" then open_to[p.sourceAddressPrefix] = p.priority end
    end
    assert.is_true(open_to["0.0.0.0/1"] < 200 and open_to["128.0.0.0/1"] < 200)
    _, body = arm(account.id .. "?api-version=2024-01-01")
    assert.is_nil(body.properties.allowSharedKeyAccess)
    assert.equal(404, (arm(lock.id .. "?api-version=2020-05-01")).status)
    assert.equal(404, (arm(vault.id .. "?api-version=2023-07-01")).status)
    _, body = arm(rule.id .. "?api-version=2023-08-01")
    assert.equal("255.255.255.255", body.properties.endIpAddress)
    _, body = arm(vnet.id .. "?api-version=2024-05-01")
    assert.same({ "10.0.0.5", "10.0.0.4" }, { table.unpack(body.properties.dhcpOptions.dnsServers) })
    assert.equal("migration", body.properties.subnets[#body.properties.subnets].name)
    assert.equal(403, (arm(typed("Microsoft.ContainerRegistry/registries", "2023-07-01"))).status)
  end)
end)
