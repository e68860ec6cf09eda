-- Which endpoints a cloud has, and to whom a secret may go.
local cloud = require("azdrift.azure.cloud")
local fake = require("azure.fake")

local function discovered(metadata, url)
  local http = fake.http(fake.sequence({ { 200, metadata } }))
  local where, problem = cloud.resolve(url or "https://arm.example.com/", http)
  return where, problem, http
end

local function entry(arm, login) return { name = "Mine", resourceManager = arm, authentication = { loginEndpoint = login } } end

describe("a cloud", function()
  it("is known by name", function()
    assert.equal("https://management.azure.com", cloud.resolve("public").arm)
    assert.equal("https://login.microsoftonline.us", cloud.resolve("usgov").login)
    assert.equal("https://management.chinacloudapi.cn", cloud.resolve("china").arm)
  end)

  it("of another name is refused with the names that are known", function()
    local where, problem = cloud.resolve("pubic")
    assert.is_nil(where)
    assert.equal("cloud: 'pubic' is not known; use public, usgov, china or the URL of an ARM endpoint", problem)
  end)

  it("is discovered from its ARM endpoint", function()
    local where, _, http = discovered({ entry("https://arm.example.com/", "https://login.example.com/adfs/") })
    assert.same({ name = "Mine", arm = "https://arm.example.com", login = "https://login.example.com" }, where)
    assert.equal("https://arm.example.com/metadata/endpoints?api-version=2019-05-01", http.asked[1].url)
    assert.equal("GET", http.asked[1].method)
  end)

  it("may tell of itself alone, as Azure Stack does", function()
    local where = discovered({ authentication = { loginEndpoint = "https://login.example.com" } })
    assert.same({ name = "https://arm.example.com", arm = "https://arm.example.com", login = "https://login.example.com" }, where)
  end)

  it("among many is the one that was asked, whatever their order", function()
    local where = discovered({ entry("https://other.example.com", "https://login.other.example.com"),
      entry("https://ARM.example.com:443", "https://login.example.com") })
    assert.equal("https://login.example.com", where.login)
  end)

  -- The first of the list was taken: its login endpoint would have been handed the secret.
  it("that is not among many is refused", function()
    local where, problem = discovered({ entry("https://other.example.com", "https://login.other.example.com") })
    assert.is_nil(where)
    assert.truthy(problem:find("names no loginEndpoint for https://arm.example.com", 1, true))
  end)

  it("over plain http is for this machine only", function()
    for _, host in ipairs({ "127.0.0.1:8080", "localhost:1", "[::1]:8080", "127.1.2.3" }) do
      local url = "http://" .. host
      assert.equal(url, (assert(discovered({ authentication = { loginEndpoint = url } }, url))).arm)
    end
    -- "127." alone would let these through
    for _, host in ipairs({ "arm.example.com", "127.evil.example.com", "127.0.0.1.evil.example.com", "localhost.evil.example.com" }) do
      local where, problem = cloud.resolve("http://" .. host, {})
      assert.is_nil(where)
      assert.truthy(problem:find("in the clear", 1, true))
    end
    local where, problem = discovered({ authentication = { loginEndpoint = "http://login.example.com" } })
    assert.is_nil(where)
    assert.truthy(problem:find("cloud's loginEndpoint", 1, true))
  end)

  it("whose metadata is not there, or no metadata, is refused in one sentence", function()
    local answers = { { 404, "no" }, { 200, "<html>" }, { 200, "5" }, { 200, "[1,null,\"x\"]" }, { 200, '{"authentication":7}' },
      { 200, '[{"resourceManager":7}]' }, { 200, '{"authentication":{"loginEndpoint":{}}}' } }
    for _, answer in ipairs(answers) do
      local where, problem = cloud.resolve("https://arm.example.com", fake.http(fake.sequence({ answer })))
      assert.is_nil(where)
      assert.equal("cloud: https://arm.example.com/metadata/endpoints", problem:match("^cloud: [^?]+"))
    end
    local down = fake.http(function() return nil, "connection refused", "io" end)
    assert.truthy(select(2, cloud.resolve("https://arm.example.com", down)):find("connection refused", 1, true))
  end)
end)

describe("an origin", function()
  it("is scheme and host, without the scheme's own port", function()
    assert.equal("https://a.b", cloud.origin("https://A.b/c?d"))
    assert.equal("https://a.b", cloud.origin("HTTPS://a.b:443/c"))
    assert.equal("https://a.b:444", cloud.origin("https://a.b:444"))
    assert.equal("http://a.b", cloud.origin("http://a.b:80#x"))
    assert.equal("https://a.b:80", cloud.origin("https://a.b:80"))
  end)

  it("is none of what hides its host", function()
    for _, url in ipairs({ "https://a.b@evil.example.com/", "ftp://a.b", "//a.b", "a.b", "", "https:///x" }) do
      assert.is_nil(cloud.origin(url))
    end
    assert.is_nil(cloud.origin(nil))
    assert.is_nil(cloud.origin({}))
  end)
end)
