-- What a run read and what it could not: outcomes, what they add up to, and the published form.
local Coverage = require("azdrift.coverage")
local json = require("azdrift.json")

local SCOPE <const> = "/subscriptions/1"

local function failure(outcome, status, code) return { outcome = outcome, status = status, code = code, message = "it said so" } end

local STEPS = {
  read = function(coverage) coverage:read("A/b", 2) end,
  nothing = function(coverage) coverage:read("A/b", 0) end,
  forbidden = function(coverage) coverage:failed("A/b", failure("forbidden", 403, "AuthorizationFailed")) end,
  throttled = function(coverage) coverage:failed("A/b", failure("throttled", 429)) end,
  error = function(coverage) coverage:failed("A/b", failure("error", 500)) end,
  partial = function(coverage) coverage:failed("A/b", failure("partial", 200, "NextLinkLoop")) end,
  unsupported = function(coverage) coverage:failed("A/b", failure("unsupported", 405)) end,
  not_found = function(coverage) coverage:failed("A/b", failure("not_found", 404)) end,
  one_forbidden = function(coverage) coverage:resource("A/b", "/x", failure("forbidden", 403)) end,
  one_error = function(coverage) coverage:resource("A/b", "/x", failure("error", 500)) end,
}

local function after(...)
  local coverage = Coverage.new(SCOPE)
  for _, step in ipairs({ ... }) do STEPS[step](coverage) end
  return coverage, coverage:line("A/b").outcome
end

describe("the outcome of a type", function()
  it("follows from what was read and the worst that failed, in whatever order they came", function()
    local cases = {
      { "ok", "read", "nothing" }, { "ok", "nothing" }, { "forbidden", "forbidden" }, { "throttled", "throttled" }, { "error", "error" },
      { "partial", "partial" }, { "unsupported", "unsupported" }, { "unsupported", "not_found" },
      { "forbidden", "read", "forbidden" }, -- what is in the way is worth more than that a page was read
      { "partial", "read", "throttled" }, { "partial", "read", "error" }, { "partial", "read", "unsupported" },
      { "forbidden", "error", "forbidden" }, { "error", "error", "throttled" }, { "unsupported", "nothing", "unsupported" },
      { "partial", "read", "one_forbidden" }, { "forbidden", "one_forbidden" }, { "partial", "one_error" }, { "partial", "read", "one_error" },
    }
    for _, case in ipairs(cases) do
      local expected, first, second = table.unpack(case)
      assert.equal(expected, (select(2, after(first, second))), table.concat(case, " "))
      if second then assert.equal(expected, (select(2, after(second, first))), table.concat(case, " ") .. ", turned round") end
    end
  end)

  it("is of the type without case", function()
    local coverage = Coverage.new(SCOPE)
    coverage:read("Microsoft.SQL/Servers", 1)
    assert.is_true(coverage:is_ok("microsoft.sql/servers"))
    assert.same({ "microsoft.sql/servers" }, coverage:ok_types())
    assert.is_false(coverage:is_ok("microsoft.sql/other"))
  end)

  it("begins anew when what failed is forgotten", function()
    local coverage = after("unsupported")
    coverage:forget("A/b")
    assert.equal("not_asked", coverage:line("A/b").outcome)
    coverage:read("A/b", 1)
    assert.same({ type = "a/b", outcome = "ok", requests = 0, retries = 0, read = 1, kept = 0 }, coverage:line("A/b"))
  end)

  it("says what to do about it", function()
    local function hint(step, code)
      local coverage = after(step)
      if code then coverage:failed("A/b", failure("error", 404, code)) end
      return coverage:line("A/b").hint
    end
    assert.equal("needs Reader on " .. SCOPE, hint("forbidden"))
    assert.equal("needs Reader on " .. SCOPE, hint("one_forbidden"))
    assert.truthy(hint("throttled"):find("collect.connections", 1, true))
    assert.truthy(hint("partial"):find("paging is broken", 1, true))
    assert.truthy(hint("nothing", "SubscriptionNotFound"):find("subscription is gone", 1, true))
    assert.is_nil(hint("error"))
  end)
end)

describe("a coverage", function()
  it("is complete when everything asked for was read, or cannot be read by anybody", function()
    for _, step in ipairs({ "read", "nothing", "unsupported" }) do assert.is_true(after(step):is_complete()) end
    for _, step in ipairs({ "forbidden", "throttled", "error", "partial", "one_error", "one_forbidden" }) do
      assert.is_false(after("read", step):is_complete(), step)
    end
    local coverage = Coverage.new(SCOPE)
    assert.is_true(coverage:is_complete())
    coverage:line("A/b") -- had open versions, and nobody asked
    assert.is_false(coverage:is_complete())
  end)

  it("lists a thousand resources and counts the others", function()
    local coverage = Coverage.new(SCOPE)
    coverage:read("A/b", 1)
    for i = 1, 1003 do coverage:resource("A/b", "/x/" .. i, failure("error", 500, "Oops")) end
    local document = coverage:document()
    assert.equal(1000, #document.resources)
    assert.same({ id = "/x/1", outcome = "error", status = 500, code = "Oops" }, document.resources[1])
    assert.equal(3, document.more_resources)
    assert.is_nil(after("read"):document().more_resources)
  end)

  it("is published in the order of types", function()
    local coverage = Coverage.new(SCOPE)
    for _, name in ipairs({ "C/c", "A/a", "B/b" }) do coverage:read(name, 1) end
    local names = {}
    for i, line in ipairs(coverage:document().types) do names[i] = line.type end
    assert.same({ "a/a", "b/b", "c/c" }, names)
  end)

  it("has lists even where nothing is in them", function()
    assert.equal('{"complete":true,"resources":[],"types":[]}', json.canonical(json.parse(json.encode(Coverage.new(SCOPE):document()))))
  end)

  it("says since when a type could not be read", function()
    local coverage = after("forbidden")
    coverage:date(7, nil)
    assert.equal(7, coverage:line("A/b").since)
    local later = after("error")
    later:date(8, coverage:document())
    assert.equal(7, later:line("A/b").since)
    local mended = after("read")
    mended:date(9, later:document())
    assert.is_nil(mended:line("A/b").since)
    local again = after("error")
    again:date(10, mended:document())
    assert.equal(10, again:line("A/b").since)
  end)
end)
