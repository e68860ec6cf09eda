-- One GET with its retries, and lists with their pages: what is asked again, what is not, and what is said of it.
local fake = require("azure.fake")

local ORIGIN <const> = "https://arm.example.com"
local POLICY = { tries = 4, base_ms = 1, cap_ms = 2 }

local function arm_with(answer)
  local http, credential = fake.http(answer), fake.credential()
  local Arm = fake.load({ ["azdrift.http"] = http }, "azdrift.azure.arm")
  return Arm.new({ cloud = { arm = ORIGIN }, credential = credential, retry = POLICY }), http, credential
end

local function arm_of(answers) return arm_with(fake.sequence(answers)) end

local function refusal(code, message) return { error = { code = code, message = message } } end

describe("a URL", function()
  it("keeps the path and adds the version", function()
    local arm = arm_of({})
    assert.equal(ORIGIN .. "/subscriptions/1?api-version=2024-01-01&$top=5", arm:url("/subscriptions/1", "2024-01-01", { "$top=5" }))
  end)

  it("writes what a path may not hold in bytes", function()
    local arm = arm_of({})
    assert.equal(ORIGIN .. "/a%20b%3Fc%23d%25e%C3%BC%0A?api-version=1", arm:url("/a b?c#d%e\u{fc}\n", "1"))
  end)
end)

describe("a GET", function()
  it("sends the token to its one origin", function()
    local arm, http = arm_of({ { 200, {} } })
    assert.equal(0, arm:get(ORIGIN .. "/x").retries)
    assert.equal("token-1", http.asked[1].token)
    assert.equal(ORIGIN, http.asked[1].token_origin)
    assert.equal("GET", http.asked[1].method)
  end)

  it("asks for a new token once when it is refused", function()
    local arm, http, credential = arm_of({ { 401 }, { 200, {} } })
    assert.equal(1, arm:get(ORIGIN .. "/x").retries)
    assert.same({ "token-1" }, credential.dropped)
    assert.equal("token-2", http.asked[2].token)
    arm = arm_of({ { 401 }, { 401, refusal("AuthenticationFailed", "no") } })
    local reply, failure = arm:get(ORIGIN .. "/x")
    assert.is_nil(reply)
    assert.same({ outcome = "forbidden", status = 401, code = "AuthenticationFailed", message = "no", retries = 1 }, failure)
  end)

  it("does not ask for one token after another where all are refused", function()
    local arm, http, credential = arm_of({ { 401 } })
    credential.drop = function() return false end
    assert.equal("forbidden", select(2, arm:get(ORIGIN .. "/x")).outcome)
    assert.equal(1, #http.asked)
  end)

  it("is not tried again where the certificate is not trusted, and says which setting names it", function()
    local arm, http = arm_of({ function() return nil, "GET arm.example.com: self-signed certificate", "io", "untrusted" end })
    local failure = select(2, arm:get(ORIGIN .. "/x"))
    assert.equal(1, #http.asked)
    assert.truthy(failure.message:find("self-signed certificate; its certificate is not trusted here", 1, true))
    assert.truthy(failure.message:find("collect.ca_file (AZDRIFT_CA_FILE", 1, true))
  end)

  it("does not answer a challenge that asks for other claims", function()
    local arm, http = arm_of({ { 401, nil, { ["www-authenticate"] = 'Bearer error="insufficient_claims", claims="e30="' } } })
    assert.equal("forbidden", select(2, arm:get(ORIGIN .. "/x")).outcome)
    assert.equal(1, #http.asked)
  end)

  it("is tried again where that may help, and counts it", function()
    local arm, http = arm_of({ { 429, nil, { ["retry-after-ms"] = "1" } }, { 503 }, function() return nil, "timed out", "timeout" end, { 200, {} } })
    assert.equal(3, arm:get(ORIGIN .. "/x").retries)
    assert.equal(4, #http.asked)
  end)

  it("gives up after its tries, or when it is told to come back much later", function()
    local arm, http = arm_with(function() return 429, refusal("TooManyRequests", "slow down") end)
    local _, failure = arm:get(ORIGIN .. "/x")
    assert.same({ outcome = "throttled", status = 429, code = "TooManyRequests", message = "slow down", retries = 3 }, failure)
    assert.equal(4, #http.asked)
    arm, http = arm_with(function() return 429, nil, { ["retry-after"] = "3600" } end)
    assert.equal("throttled", select(2, arm:get(ORIGIN .. "/x")).outcome)
    assert.equal(1, #http.asked)
  end)

  it("is not tried again where nothing would change", function()
    for status, outcome in pairs({ [403] = "forbidden", [404] = "not_found", [405] = "unsupported", [400] = "error", [302] = "error" }) do
      local arm, http = arm_of({ { status, "no JSON" } })
      local _, failure = arm:get(ORIGIN .. "/x")
      assert.equal(outcome, failure.outcome)
      assert.equal(status, failure.status)
      assert.equal(1, #http.asked)
    end
    local arm, http = arm_of({ function() return nil, "not allowed", "denied" end })
    assert.equal("denied", select(2, arm:get(ORIGIN .. "/x")).code)
    assert.equal(1, #http.asked)
  end)

  it("tells lost access and unknown versions from absence", function()
    local function outcome(status, code) return select(2, arm_of({ { status, refusal(code) } }):get(ORIGIN .. "/x")).outcome end
    assert.equal("error", outcome(404, "SubscriptionNotFound"))
    assert.equal("unsupported", outcome(400, "NoRegisteredProviderFound"))
    assert.equal("unsupported", outcome(404, "InvalidResourceType"))
    assert.equal("not_found", outcome(404, "ResourceNotFound"))
  end)

  it("says what a credential that fails says", function()
    local arm, http = arm_of({})
    arm.credential.token = function() return nil, "the client secret has expired" end
    assert.same({ outcome = "error", code = "credential", message = "the client secret has expired", retries = 0 }, select(2, arm:get(ORIGIN .. "/x")))
    assert.equal(0, #http.asked)
  end)
end)

describe("a list", function()
  local function walk(arm)
    local seen = {}
    local ok, failure = arm:pages(ORIGIN .. "/1", function(reply)
      seen[#seen + 1] = reply.body
      return reply.headers.next
    end)
    return ok, failure, seen
  end

  it("is walked to its end, which may be an empty link", function()
    local ok, _, seen = walk(arm_of({ { 200, "a", { next = ORIGIN .. ":443/2" } }, { 200, "b", { next = "" } } }))
    assert.is_true(ok)
    assert.same({ "a", "b" }, seen)
  end)

  it("does not follow a link to another host", function()
    for _, link in ipairs({ "https://evil.example.com/2", "http://arm.example.com/2", "https://arm.example.com@evil.example.com/2", "/2" }) do
      local arm, http = arm_of({ { 200, "a", { next = link } } })
      local ok, failure = walk(arm)
      assert.is_nil(ok)
      assert.equal("ForeignNextLink", failure.code)
      assert.equal("partial", failure.outcome)
      assert.equal(1, failure.read)
      assert.equal(1, #http.asked)
    end
  end)

  it("that goes round in a circle is left", function()
    local arm, http = arm_with(function() return 200, "a", { next = ORIGIN .. "/2" } end)
    local _, failure = walk(arm)
    assert.equal("NextLinkLoop", failure.code)
    assert.equal("partial", failure.outcome)
    assert.equal(2, #http.asked)
  end)

  it("whose links are ever new is given up after a number of pages", function()
    local arm, http = arm_with(function(_, number) return 200, "a", { next = ORIGIN .. "/" .. number + 1 } end)
    arm.pages_max = 7
    local _, failure = walk(arm)
    assert.same({ "EndlessList", "partial", 7 }, { failure.code, failure.outcome, failure.read })
    assert.equal(7, #http.asked)
    assert.truthy(failure.message:find("after 7 pages", 1, true))
  end)

  it("that breaks off is partly read, unless nobody may read it", function()
    assert.equal("partial", select(2, walk(arm_of({ { 200, "a", { next = ORIGIN .. "/2" } }, { 400 } }))).outcome)
    assert.equal("forbidden", select(2, walk(arm_of({ { 200, "a", { next = ORIGIN .. "/2" } }, { 403 } }))).outcome)
    assert.equal("error", select(2, walk(arm_of({ { 400 } }))).outcome)
  end)

  it("that is small is given as items, over all its pages and with a BOM", function()
    local arm = arm_of({ { 200, '\u{feff}{"value":[{"n":1},{"n":2}],"nextLink":"' .. ORIGIN .. '/2"}' }, { 200, '{"value":[{"n":3}],"nextLink":null}' } })
    local items = assert(arm:list_small(ORIGIN .. "/1"))
    assert.equal(3, #items)
    assert.equal(3, items[3].n)
  end)

  it("that is none is a failure, not an empty list", function()
    for _, body in ipairs({ "{}", "[]", "5", '{"value":5}', '{"value":"x"}', "<html>", "" }) do
      local items, failure = arm_of({ { 200, body } }):list_small(ORIGIN .. "/1")
      assert.is_nil(items)
      assert.equal("NotAList", failure.code)
    end
  end)
end)
