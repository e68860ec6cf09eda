-- Tokens: how they are asked for, kept, refreshed and dropped, and what is said where there is none.
local fake = require("azure.fake")
local json = require("azdrift.json")
local task = require("azdrift.task")

local CLOUD = { arm = "https://arm.example.com", login = "https://login.example.com" }
local POLICY = { tries = 3, base_ms = 1, cap_ms = 2 }

local function load(fakes)
  return select(4, fake.load(fakes, "azdrift.azure.entra", "azdrift.azure.managed_identity", "azdrift.azure.az_cli", "azdrift.azure.credentials"))
end

local function secret_with(answer, options)
  local http = fake.http(answer)
  local given = { tenant = "tenant-1", client_id = "client-1", client_secret = "s&c=r t", retry = POLICY }
  for name, value in pairs(options or {}) do given[name] = value end
  return assert(load({ ["azdrift.http"] = http }).new(CLOUD, given)), http
end

local function token(value, expires_in) return { 200, { access_token = value, expires_in = expires_in or 3600 } } end

local function refused(code, description)
  return { 401, { error = "invalid_client", error_description = description, error_codes = { code } } }
end

describe("a client secret", function()
  it("asks the tenant's login endpoint for the cloud's audience", function()
    local credential, http = secret_with(fake.sequence({ token("t1") }))
    assert.equal("t1", credential:token())
    assert.equal("https://login.example.com/tenant-1/oauth2/v2.0/token", http.asked[1].url)
    assert.equal("POST", http.asked[1].method)
    assert.equal("client_id=client-1&scope=https%3A%2F%2Farm.example.com%2F.default&grant_type=client_credentials&client_secret=s%26c%3Dr%20t",
      http.asked[1].body)
  end)

  it("keeps a token until five minutes before its end", function()
    local credential, http = secret_with(fake.sequence({ token("t1"), token("t2") }))
    assert.equal("t1", credential:token())
    assert.equal("t1", credential:token())
    assert.equal(1, #http.asked)
    credential.expires_at = task.now() + 299
    assert.equal("t2", credential:token())
    assert.equal(2, #http.asked)
  end)

  it("goes on with the old token until its end where no new one is to be had", function()
    local credential, http = secret_with(function(_, number)
      if number == 1 then return 200, { access_token = "t1", expires_in = 3600 } end
      return 401, { error = "invalid_client" }
    end)
    assert.equal("t1", credential:token())
    credential.expires_at = task.now() + 299
    assert.equal("t1", credential:token())
    assert.equal("t1", credential:token())
    assert.equal(2, #http.asked) -- asked in vain once, and not again for a while
    credential.expires_at = task.now() - 1
    assert.is_nil((credential:token()))
    assert.equal(2, #http.asked)
  end)

  -- Each of ten thousand requests asked again for a token that was refused.
  it("that was refused is asked again only after a while", function()
    local credential, http = secret_with(function() return 401, { error = "invalid_client" } end)
    local _, first = credential:token()
    assert.equal(first, select(2, credential:token()))
    assert.equal(1, #http.asked)
    credential.failed_ms = credential.failed_ms - 30000
    credential:token()
    assert.equal(2, #http.asked)
  end)

  it("does not drop one new token after another", function()
    local credential, http = secret_with(function(_, number) return 200, { access_token = "t" .. number, expires_in = 3600 } end)
    assert.is_true(credential:drop(credential:token()))
    assert.is_false(credential:drop(credential:token()))
    assert.equal("t2", credential:token())
    assert.equal(2, #http.asked)
    assert.is_true(credential:drop("t1")) -- another run has replaced it: that one is worth a try
  end)

  it("that goes to a host with a certificate nobody trusts says so at once", function()
    local credential, http = secret_with(function() return nil, "POST login.example.com: self-signed certificate", "io", "untrusted" end)
    local _, problem = credential:token()
    assert.truthy(problem:find("collect.ca_file", 1, true))
    assert.equal(1, #http.asked)
  end)

  it("drops a token that was refused, and not the one that came after it", function()
    local credential, http = secret_with(fake.sequence({ token("t1"), token("t2") }))
    credential:drop(credential:token())
    assert.equal("t2", credential:token())
    credential:drop("t1") -- a request that was under way with the old one
    assert.equal("t2", credential:token())
    assert.equal(2, #http.asked)
  end)

  it("is asked once by however many runs come at a time", function()
    local credential, http = secret_with(function() task.sleep_ms(5) return 200, { access_token = "t1", expires_in = 3600 } end)
    local tokens = task.each({ 1, 2, 3, 4, 5, 6 }, 6, function() return (credential:token()) end)
    assert.same({ "t1", "t1", "t1", "t1", "t1", "t1" }, tokens)
    assert.equal(1, #http.asked)
  end)

  it("tells all who wait of the one failure", function()
    local credential, http = secret_with(function() task.sleep_ms(5) return 401, { error = "invalid_client" } end)
    local problems = task.each({ 1, 2, 3 }, 3, function() return (select(2, credential:token())) end)
    assert.same({ problems[1], problems[1], problems[1] }, problems)
    assert.equal(1, #http.asked)
  end)

  it("is asked again by those who wait when the run that asked is cancelled", function()
    local credential = secret_with(function(_, number)
      task.sleep_ms(number == 1 and 60000 or 1)
      return 200, { access_token = "t" .. number, expires_in = 3600 }
    end)
    local first = task.spawn(function() return credential:token() end)
    task.sleep_ms(1)
    local waiting = task.spawn(function() return credential:token() end)
    task.sleep_ms(1)
    first:cancel("no longer wanted")
    assert.equal("t2", waiting:join(5000))
    assert.has_error(function() first:join() end, "cancelled: no longer wanted")
  end)

  it("lets one who waits be cancelled alone", function()
    local credential = secret_with(function() task.sleep_ms(20) return 200, { access_token = "t1", expires_in = 3600 } end)
    local asking = task.spawn(function() return credential:token() end)
    task.sleep_ms(1)
    local waiting = task.spawn(function() return credential:token() end)
    task.sleep_ms(1)
    waiting:cancel("enough")
    assert.has_error(function() waiting:join() end, "cancelled: enough")
    assert.equal("t1", asking:join())
  end)

  it("that is wrong says what to mend", function()
    local function said(code)
      local value, problem = secret_with(fake.sequence({ refused(code, "AADSTS: it said no.\r\nTrace ID: 1") })):token()
      assert.is_nil(value)
      return problem
    end
    assert.equal("token for tenant tenant-1: AADSTS: it said no.; the client secret is wrong: set AZURE_CLIENT_SECRET to the secret's value " ..
      "(not its id)", said(7000215))
    assert.truthy(said(7000222):find("expired: make a new one", 1, true))
    assert.truthy(said(700016):find("AZURE_CLIENT_ID", 1, true))
    assert.truthy(said(90002):find("the setting cloud", 1, true))
    assert.equal("token for tenant tenant-1: AADSTS: it said no.", said(1))
  end)

  it("does not tell the secret in what it says", function()
    for _, answer in ipairs({ { 500 }, refused(7000215, "no"), { 200, "<html>" }, { 400, '{"error":{"x":1}}' } }) do
      local _, problem = secret_with(function() return answer[1], answer[2] end):token()
      assert.is_nil(problem:find("s&c", 1, true))
      assert.equal("token for tenant tenant-1: ", problem:sub(1, 27))
    end
  end)

  it("is asked again when the endpoint is busy, and given up when it stays so", function()
    local credential, http = secret_with(fake.sequence({ { 503 }, function() return nil, "timed out", "timeout" end, token("t1") }))
    assert.equal("t1", credential:token())
    assert.equal(3, #http.asked)
    credential, http = secret_with(function() return 503 end)
    assert.equal("token for tenant tenant-1: the login endpoint answered 503", select(2, credential:token()))
    assert.equal(3, #http.asked)
  end)

  it("needs its three parts", function()
    local credentials = load({})
    for missing, name in pairs({ tenant = "AZURE_TENANT_ID", client_id = "AZURE_CLIENT_ID", client_secret = "AZURE_CLIENT_SECRET" }) do
      local options = { tenant = "t", client_id = "c", client_secret = "s" }
      for _, value in ipairs({ false, "" }) do
        options[missing] = value or nil
        local credential, problem = credentials.new(CLOUD, options)
        assert.is_nil(credential)
        assert.truthy(problem:find("credential: " .. name .. " is not set, or empty", 1, true))
      end
    end
  end)
end)

describe("workload identity", function()
  local function token_file(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    return path
  end

  local function workload_with(answer, path)
    local http = fake.http(answer)
    return assert(load({ ["azdrift.http"] = http }).new(CLOUD, { kind = "workload", tenant = "tenant-1", client_id = "client-1", token_file = path,
      retry = POLICY })), http
  end

  it("proves itself by the federated token, which is read anew each time", function()
    local path = token_file("eyJ.first.x\n")
    local credential, http = workload_with(fake.sequence({ token("t1"), token("t2") }), path)
    assert.equal("t1", credential:token())
    assert.equal("https://login.example.com/tenant-1/oauth2/v2.0/token", http.asked[1].url)
    assert.equal("client_id=client-1&scope=https%3A%2F%2Farm.example.com%2F.default&grant_type=client_credentials" ..
      "&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=eyJ.first.x", http.asked[1].body)
    os.rename(token_file("eyJ.second.x"), path)
    credential:drop("t1")
    assert.equal("t2", credential:token())
    assert.truthy(http.asked[2].body:find("client_assertion=eyJ.second.x", 1, true))
    os.remove(path)
  end)

  it("says what to mend, and does not show the token", function()
    local path = token_file("eyJ.secret.x")
    local function said(code, description) return select(2, workload_with(fake.sequence({ refused(code, description or "AADSTS: no.") }), path):token()) end
    for _, code in ipairs({ 70021, 700213, 7002138 }) do
      assert.truthy(said(code):find("compare its issuer, subject and audience", 1, true))
    end
    assert.truthy(said(50012):find("AZURE_FEDERATED_TOKEN_FILE", 1, true))
    assert.equal("token for tenant tenant-1: bad (the token of token_file)", said(1, "bad eyJ.secret.x"))
    os.remove(path)
    local credential, http = workload_with(fake.sequence({}), path)
    local _, problem = credential:token()
    assert.truthy(problem:find(path, 1, true))
    assert.truthy(problem:find("AZURE_FEDERATED_TOKEN_FILE", 1, true))
    assert.equal(0, #http.asked)
    os.remove(path)
    assert.truthy(select(2, load({}).new(CLOUD, { kind = "workload", tenant = "t", client_id = "c" })):find("AZURE_FEDERATED_TOKEN_FILE is not set", 1, true))
  end)
end)

describe("a managed identity", function()
  local IMDS <const> = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Farm.example.com%2F"

  local function identity_with(answer, variables, client_id)
    local http = fake.http(answer)
    local names = { "azdrift.azure.entra", "azdrift.azure.managed_identity", "azdrift.azure.az_cli", "azdrift.azure.credentials" }
    local _, managed, _, credentials = fake.load({ ["azdrift.http"] = http }, table.unpack(names))
    managed.WAITS_MS, managed.GONE_WAITS_MS = { 1, 1, 1, 1 }, { 1, 1, 1 }
    return assert(credentials.new(CLOUD, { kind = "managed_identity", client_id = client_id,
      env = function(name) return (variables or {})[name] end })), http
  end

  local function issued(value, more)
    local body = { access_token = value, expires_on = tostring(task.now() + 3600), token_type = "Bearer" }
    for name, field in pairs(more or {}) do body[name] = field end
    return { 200, body }
  end

  it("is asked of the machine's own address, and cannot be mistaken for another request", function()
    local credential, http = identity_with(fake.sequence({ issued("t1") }))
    assert.equal("t1", credential:token())
    assert.equal("t1", credential:token())
    assert.equal(1, #http.asked)
    assert.equal(IMDS, http.asked[1].url)
    assert.same({ metadata = "true" }, http.asked[1].headers)
    assert.equal("GET", http.asked[1].method)
    assert.is_nil(http.asked[1].token)
    credential, http = identity_with(fake.sequence({ issued("t2") }), nil, "client 1")
    assert.equal("t2", credential:token())
    assert.equal(IMDS .. "&client_id=client%201", http.asked[1].url)
    credential, http = identity_with(fake.sequence({ issued("t3") }), { AZURE_POD_IDENTITY_AUTHORITY_HOST = "http://127.0.0.1:40342/" })
    assert.equal("t3", credential:token())
    assert.equal("http://127.0.0.1:40342/metadata", http.asked[1].url:sub(1, 31))
  end)

  it("of an app is asked where App Service says, with its header", function()
    local credential, http = identity_with(fake.sequence({ issued("t1") }),
      { IDENTITY_ENDPOINT = "http://127.0.0.1:41000/msi/token", IDENTITY_HEADER = "h3ader" }, "client-1")
    assert.equal("t1", credential:token())
    assert.equal("http://127.0.0.1:41000/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Farm.example.com%2F&client_id=client-1", http.asked[1].url)
    assert.same({ ["x-identity-header"] = "h3ader" }, http.asked[1].headers)
  end)

  it("that is busy or being updated is asked again, for as long as Azure advises", function()
    local credential, http = identity_with(fake.sequence({ { 404 }, { 429 }, { 503 }, issued("t1") }))
    assert.equal("t1", credential:token())
    assert.equal(4, #http.asked)
    credential, http = identity_with(fake.sequence({ { 410 }, { 410 }, issued("t1") }))
    assert.equal("t1", credential:token())
    assert.equal(3, #http.asked)
    credential, http = identity_with(function() return 500 end)
    assert.is_nil((credential:token()))
    assert.equal(5, #http.asked)
  end)

  it("is renewed at half its life where that is long, or when it says", function()
    local credential = identity_with(fake.sequence({ issued("t1", { expires_on = tostring(task.now() + 86400) }) }))
    credential:token()
    assert.is_true(math.abs(credential.renew_at - (task.now() + 43200)) <= 2)
    credential = identity_with(fake.sequence({ issued("t1", { refresh_in = "1000" }), issued("t2") }))
    credential:token()
    assert.is_true(math.abs(credential.renew_at - (task.now() + 1000)) <= 2)
    credential.renew_at = task.now() - 1
    assert.equal("t2", credential:token())
  end)

  it("that is none says what to do", function()
    local function said(...) return select(2, identity_with(...):token()) end
    local nobody = { 400, { error = "invalid_request", error_description = "Identity not found" } }
    assert.equal("managed identity: Identity not found; is an identity assigned to this machine? a user-assigned one is named by AZURE_CLIENT_ID",
      said(fake.sequence({ nobody })))
    assert.equal("managed identity: Identity not found; is the identity of AZURE_CLIENT_ID assigned to this machine?",
      said(fake.sequence({ nobody }), nil, "client-1"))
    assert.truthy(said(function() return nil, "GET 169.254.169.254: timed out", "timeout" end):find("this machine has none, or is not in Azure", 1, true))
    assert.truthy(said(fake.sequence({ { 200, "<html>" } })):find("holds no access_token and expires_on", 1, true))
    assert.truthy(said(fake.sequence({}), { IDENTITY_ENDPOINT = "http://127.0.0.1:1/" }):find("IDENTITY_HEADER is not", 1, true))
    assert.truthy(said(fake.sequence({}), { IDENTITY_ENDPOINT = "http://x", IMDS_ENDPOINT = "http://y" }):find("Azure Arc", 1, true))
  end)
end)

describe("the az command line", function()
  local function cli(result, problem, tenant)
    local process = { ran = {} }
    function process.run(arguments)
      process.ran[#process.ran + 1] = arguments
      return result, problem
    end
    return load({ ["azdrift.process"] = process }).new(CLOUD, { kind = "cli", tenant = tenant }), process
  end

  local function printed(value) return { status = 0, stdout = json.encode(value), stderr = "" } end

  it("is asked for the cloud's audience, and in the tenant where one is set", function()
    local credential, process = cli(printed({ accessToken = "t1", expires_on = task.now() + 3600 }), nil, "contoso.onmicrosoft.com")
    assert.equal("t1", credential:token())
    assert.equal("t1", credential:token())
    assert.same({ { "az", "account", "get-access-token", "--output", "json", "--scope", "https://arm.example.com/.default", "--tenant",
      "contoso.onmicrosoft.com" } }, process.ran)
  end)

  it("is handed no tenant that is none", function()
    for _, tenant in ipairs({ "--debug x", "a b", "a;b", "" }) do
      local credential, process = cli(printed({}), nil, tenant)
      assert.truthy(select(2, credential:token()):find("neither a GUID nor a domain", 1, true))
      assert.equal(0, #process.ran)
    end
    -- it would be read as an option
    local credential, process = cli(printed({}), nil, "--debug")
    assert.is_nil((credential:token()))
    assert.equal(0, #process.ran)
  end)

  it("that is not there, not signed in or says nothing useful is told with the remedy", function()
    local function said(...) return select(2, cli(...):token()) end
    assert.equal("az: no such program; install the Azure CLI, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
      said(nil, "az: no such program"))
    assert.equal("az account get-access-token: ERROR: Please run 'az login'; run: az login",
      said({ status = 1, stdout = "", stderr = "ERROR: Please run 'az login'\nmore" }))
    assert.equal("az account get-access-token: failed; run: az login", said({ status = 1, stdout = "", stderr = "" }))
    for _, text in ipairs({ "no JSON", "5", "[]", '{"accessToken":5}' }) do
      assert.truthy(said({ status = 0, stdout = text, stderr = "" }):find("holds no accessToken", 1, true))
    end
  end)
end)
