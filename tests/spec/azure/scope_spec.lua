-- One scope read through a pretended Azure: what is asked, what it says of the types, what counts as gone. The real ARM client and
-- coverage; HTTP, catalogue and collector are fakes.
local fake = require("azure.fake")

local SCOPE <const> = "/subscriptions/1"
local ORIGIN <const> = "https://arm.example.com"
local A, B, CHILD <const> = "Test.A/things", "Test.B/boxes", "Test.A/things/parts"

local ROWS = {
  { A, lists = { subscription = true } },
  { B }, -- by GET only
  { CHILD, parent = A, lists = { parent = true }, flags = { core = true } },
  { "Test.A/things/settings", parent = A, names = { "default" }, flags = { core = true } },
}

local function id_of(type_name, ...)
  local namespace, rest = type_name:match("^([^/]+)/(.+)$")
  local id, names, i = SCOPE .. "/resourceGroups/rg/providers/" .. namespace, { ... }, 0
  for segment in rest:gmatch("[^/]+") do
    i = i + 1
    id = id .. "/" .. segment .. "/" .. names[i]
  end
  return id
end

local function error_answer(status, code, message) return { status, { error = { code = code, message = message or code } } } end

local function list(ids, next_link)
  local value = {}
  for i, id in ipairs(ids) do value[i] = { id = id } end
  return { 200, { value = require("azdrift.json").array(value), nextLink = next_link } }
end

local function providers(...)
  local value = {}
  for i, name in ipairs({ ... }) do
    local namespace, rest = name:match("^([^/]+)/(.+)$")
    value[i] = { namespace = namespace, resourceTypes = { { resourceType = rest, apiVersions = { "2024-01-01" } } } }
  end
  return { 200, { value = value } }
end

local ALL = { A, B, CHILD, "Test.A/things/settings" }

--- Reads the scope. answers: by path below the scope (or a whole id), an answer or a function; what is not there is 404.
local function read(given)
  local answers = given.answers
  local http = fake.http(function(options)
    local path = options.url:sub(#ORIGIN + 1):gsub("%?.*$", "")
    local answer = answers[path] or answers[path:sub(#SCOPE + 1)]
    if path == SCOPE .. "/providers" and not answer then answer = providers(table.unpack(given.offered or ALL)) end
    if path == SCOPE .. "/resources" and not answer then answer = list(given.inventory or {}) end
    if type(answer) == "function" then answer = answer(options) end
    answer = answer or error_answer(404, "ResourceNotFound")
    return answer[1], answer[2], answer[3]
  end)
  local Arm, _, scope = fake.load({ ["azdrift.http"] = http, ["azdrift.azure.scope_types"] = given.scope_types or {} }, "azdrift.azure.arm",
    "azdrift.azure.reader", "azdrift.azure.scope")
  local arm = Arm.new({ cloud = { arm = ORIGIN }, credential = fake.credential(), retry = { tries = 2, base_ms = 1, cap_ms = 1 } })
  local collector = fake.collector(given.open)
  local missed = {}
  for _, id in ipairs(given.missed_before or {}) do missed[id:lower()] = true end
  local context = { arm = arm, catalog = fake.catalog(ROWS), collector = collector }
  local coverage, gone, still = scope.read(context, { scope = SCOPE, connections = 4, offers = scope.offers(context, SCOPE, given.types),
    types = given.types, view = given.view, progress = fake.PROGRESS, open_types = given.open_types or {}, missed_before = missed })
  local asked = {}
  for _, options in ipairs(http.asked) do asked[#asked + 1] = options.url:sub(#ORIGIN + 1):gsub("%?.*$", "") end
  return { coverage = coverage, document = coverage:document(), gone = gone, still = still, seen = collector.seen, kept = collector.kept,
    asked = asked }
end

local function outcome(result, type_name)
  local line = result.coverage.lines[type_name:lower()]
  return line and line.outcome
end

local function was_asked(result, path)
  for _, asked in ipairs(result.asked) do
    if asked == path then return true end
  end
  return false
end

local a1, a2 = id_of(A, "one"), id_of(A, "two")
local b1, b2 = id_of(B, "one"), id_of(B, "two")
local part = id_of(CHILD, "one", "p")
local LIST_A <const> = "/providers/Test.A/things"

describe("a scope", function()
  it("is read by lists, by id and below its parents", function()
    local result = read({ inventory = { a1, b1 }, answers = { [LIST_A] = list({ a1 }), [b1] = { 200, { id = b1 } }, [a1 .. "/parts"] = list({ part }),
      [a1 .. "/settings/default"] = { 200, { id = a1 .. "/settings/default" } } } })
    assert.is_true(result.document.complete)
    assert.equal("list", result.seen[a1:lower()])
    assert.equal("get", result.seen[b1:lower()])
    assert.equal("list", result.seen[part:lower()])
    assert.equal("get", result.seen[(a1 .. "/settings/default"):lower()])
    for _, name in ipairs(ALL) do assert.equal("ok", outcome(result, name)) end
  end)

  -- The eleven pages of a subscription of 10,000 were listed before the first resource was asked for.
  it("asks for resources while the generic list still has pages", function()
    local http_order = {}
    local second = ORIGIN .. SCOPE .. "/resources?page=2"
    local function noted(name, answer)
      return function()
        http_order[#http_order + 1] = name
        return answer
      end
    end
    local result = read({ answers = { ["/resources"] = function(options)
      if options.url ~= second then return noted("page 1", list({ b1 }, second))() end
      require("azdrift.task").sleep_ms(5)
      return noted("page 2", list({ b2 }))()
    end, [b1] = noted("b1", { 200, { id = b1 } }), [b2] = noted("b2", { 200, { id = b2 } }) } })
    assert.same({ "page 1", "b1", "page 2", "b2" }, http_order)
    assert.equal("ok", outcome(result, B))
    assert.equal(2, result.coverage:line(B).read)
  end)

  it("whose generic list breaks off is partly read, and nothing is gone", function()
    local second = ORIGIN .. SCOPE .. "/resources?page=2"
    local result = read({ open = { b1, b2 }, open_types = { B }, answers = { [b1] = { 200, { id = b1 } }, ["/resources"] = function(options)
      if options.url == second then return { 500 } end
      return list({ b1 }, second)
    end } })
    assert.equal("partial", outcome(result, B))
    assert.truthy(result.coverage:line(B).message:find("broke off", 1, true))
    assert.same({}, result.gone)
    assert.equal(1, result.coverage:line(B).kept)
    assert.is_false(result.document.complete)
  end)

  it("reads ids that a later page shows of a type whose list was refused", function()
    local second = ORIGIN .. SCOPE .. "/resources?page=2"
    local result = read({ answers = { ["/resources"] = function(options)
      if options.url ~= second then return list({ a1 }, second) end
      require("azdrift.task").sleep_ms(5)
      return list({ a2 })
    end, [LIST_A] = error_answer(405, "NotAllowed"), [a1] = { 200, { id = a1 } }, [a2] = { 200, { id = a2 } }, [a1 .. "/parts"] = list({}),
      [a2 .. "/parts"] = list({}) } })
    assert.equal("ok", outcome(result, A))
    assert.equal("get", result.seen[a2:lower()])
  end)

  it("reads the types that were chosen, and only those", function()
    local result = read({ inventory = { a1, b1 }, types = { B:lower() }, answers = { [b1] = { 200, { id = b1 } } }, open = { a2 }, open_types = { A } })
    assert.is_true(result.document.complete)
    assert.is_false(was_asked(result, SCOPE .. LIST_A))
    assert.is_nil(outcome(result, A))
  end)

  it("steps back to a version that the provider names", function()
    local versions = {}
    local result = read({ inventory = { a1 }, answers = { [a1 .. "/parts"] = list({}), [LIST_A] = function(options)
      versions[#versions + 1] = options.url:match("api%-version=([^&]+)")
      if #versions == 1 then
        return error_answer(400, "NoRegisteredProviderFound", "The supported api-versions are '2019-01-01, 2020-05-01-preview, 2020-02-02'.")
      end
      return list({ a1 })
    end } })
    assert.same({ "2024-01-01", "2020-02-02" }, versions)
    assert.equal("ok", outcome(result, A))
  end)

  it("asks each resource where a provider does not list", function()
    local result = read({ inventory = { a1, a2 }, answers = { [LIST_A] = error_answer(405, "NotAllowed"), [a1] = { 200, { id = a1 } },
      [a2] = { 200, { id = a2 } }, [a1 .. "/parts"] = list({}), [a2 .. "/parts"] = list({}) } })
    assert.equal("ok", outcome(result, A))
    assert.equal("get", result.seen[a2:lower()])
    -- the outcome is "ok": the 405 of the list says nothing any more
    local line = result.coverage.lines[A:lower()]
    assert.is_nil(line.status)
    assert.is_nil(line.code)
    assert.equal("get", line.view)
  end)
end)

describe("a type", function()
  local function of_list(answer, more)
    local answers = { [LIST_A] = answer }
    for path, other in pairs(more or {}) do answers[path] = other end
    return read({ inventory = { a1 }, open = { a1, a2 }, open_types = { A }, answers = answers })
  end

  it("that may not be read keeps what it has, and is said", function()
    local result = of_list(error_answer(403, "AuthorizationFailed"))
    assert.equal("forbidden", outcome(result, A))
    assert.is_false(result.document.complete)
    assert.same({}, result.gone)
    assert.equal(2, result.coverage:line(A).kept)
    assert.is_false(was_asked(result, a2))
    assert.equal("needs Reader on " .. SCOPE, result.coverage:line(A).hint)
  end)

  it("that fails, is throttled or breaks off on its second page is not complete, and nothing of it is gone", function()
    local cases = { error = { 500 }, throttled = { 429, nil, { ["retry-after"] = "600" } }, partial = list({ a1 }, "https://evil.example.com/") }
    for expected, answer in pairs(cases) do
      local result = of_list(answer, { [a1 .. "/parts"] = list({}) })
      assert.equal(expected, outcome(result, A))
      assert.same({}, result.gone)
      assert.is_false(result.document.complete)
    end
  end)

  it("whose page is no JSON is not complete", function()
    local result = of_list({ 200, "<html>" })
    assert.equal("error", outcome(result, A))
    assert.same({}, result.gone)
  end)

  it("whose list holds items without an id is not complete", function()
    local page = { value = require("azdrift.json").array({ { id = id_of(A, "one") }, { name = "nobody" } }) }
    local result = read({ answers = { ["/providers/" .. A] = { 200, page } }, inventory = { id_of(A, "one") } })
    assert.equal("NamelessItems", result.coverage:line(A).code)
    assert.is_false(result.document.complete)
  end)

  it("of which one resource may not be read is partly read, whichever answer came first", function()
    for _, forbidden in ipairs({ b1, b2 }) do
      local other = forbidden == b1 and b2 or b1
      local result = read({ inventory = { b1, b2 }, open = { id_of(B, "three") }, open_types = { B },
        answers = { [forbidden] = error_answer(403, "AuthorizationFailed"), [other] = { 200, { id = other } } } })
      assert.equal("partial", outcome(result, B))
      assert.equal(forbidden, result.document.resources[1].id)
      assert.equal(403, result.document.resources[1].status)
      assert.same({}, result.gone)
    end
  end)

  it("of which nothing may be read is forbidden", function()
    local no = error_answer(403, "AuthorizationFailed")
    assert.equal("forbidden", outcome(read({ inventory = { b1, b2 }, answers = { [b1] = no, [b2] = no } }), B))
  end)

  -- A resource that goes between the inventory and its GET made its type incomplete, or raised where it was the only one.
  it("whose resources went between two questions is complete", function()
    local result = read({ inventory = { b1 }, answers = {} })
    assert.equal("ok", outcome(result, B))
    assert.is_true(result.document.complete)
  end)

  -- The 404 of one parent's list made the children of all others "unsupported": never compared, and complete all the same.
  it("below a parent that went meanwhile is complete", function()
    local result = read({ inventory = { a1, a2 }, answers = { [LIST_A] = list({ a1, a2 }), [a1 .. "/parts"] = list({ part }),
      [a2 .. "/parts"] = error_answer(404, "ParentResourceNotFound") } })
    assert.equal("ok", outcome(result, CHILD))
    assert.is_true(result.document.complete)
    assert.equal("list", result.seen[part:lower()])
  end)

  -- An account that knows no such children made those of all others "partial": nothing of the type was compared any more.
  it("that one parent does not offer is read below the others", function()
    for _, first in ipairs({ a1, a2 }) do
      local other = first == a1 and a2 or a1
      local result = read({ inventory = { a1, a2 }, answers = { [LIST_A] = list({ a1, a2 }), [first .. "/parts"] = error_answer(405, "NotAllowed"),
        [other .. "/parts"] = list({ id_of(CHILD, other:match("[^/]+$"), "p") }) } })
      assert.equal("ok", outcome(result, CHILD))
      assert.equal(1, result.coverage:line(CHILD).without)
      assert.is_nil(result.coverage:line(CHILD).status)
      assert.is_true(result.document.complete)
    end
  end)

  it("that no parent offers is unsupported, and what is known of it stays", function()
    local result = read({ inventory = { a1, a2 }, open = { part }, open_types = { CHILD }, answers = { [LIST_A] = list({ a1, a2 }),
      [a1 .. "/parts"] = error_answer(405, "NotAllowed"), [a2 .. "/parts"] = error_answer(405, "NotAllowed") } })
    assert.equal("unsupported", outcome(result, CHILD))
    assert.equal(405, result.coverage:line(CHILD).status)
    assert.equal(1, result.coverage:line(CHILD).kept)
    assert.same({}, result.gone)
  end)

  it("that one parent does not offer and another fails to tell is not read in full", function()
    local result = read({ inventory = { a1, a2 }, answers = { [LIST_A] = list({ a1, a2 }), [a1 .. "/parts"] = error_answer(405, "NotAllowed"),
      [a2 .. "/parts"] = { 500 } } })
    assert.equal("error", outcome(result, CHILD))
    assert.is_false(result.document.complete)
  end)

  it("below a subscription that is lost is not", function()
    local result = read({ inventory = { a1 }, open = { part }, open_types = { CHILD }, answers = { [LIST_A] = list({ a1 }),
      [a1 .. "/parts"] = error_answer(404, "SubscriptionNotFound") } })
    assert.equal("error", outcome(result, CHILD))
    assert.same({}, result.gone)
  end)
end)

describe("what a complete list does not show", function()
  local function settle(answer, more)
    local given = { inventory = { a1 }, open = { a1, a2 }, open_types = { A }, answers = { [LIST_A] = list({ a1 }), [a1 .. "/parts"] = list({}), [a2] = answer } }
    for name, value in pairs(more or {}) do given[name] = value end
    return read(given)
  end

  it("is gone where ARM says so", function()
    local result = settle(error_answer(404, "ResourceNotFound"))
    assert.same({ { id = a2, type = A } }, result.gone)
    assert.is_true(result.document.complete)
    assert.is_false(was_asked(result, a1)) -- the list showed it
  end)

  it("stays where it answers, with its new state", function()
    local result = settle({ 200, { id = a2 } })
    assert.same({}, result.gone)
    assert.equal("get", result.seen[a2:lower()])
    assert.equal(1, result.coverage:line(A).kept)
  end)

  it("stays and is said where the answer is anything else", function()
    local answers = { error_answer(403, "AuthorizationFailed"), { 500 }, error_answer(404, "SubscriptionNotFound"), error_answer(404, "InvalidResourceType"),
      { 302 }, { 200, "<html>" } }
    for i, answer in ipairs(answers) do
      local result = settle(answer)
      assert.same({}, result.gone)
      if i ~= 4 then
        assert.is_false(result.document.complete)
        assert.equal(a2, result.document.resources[1].id)
      end
    end
  end)

  it("and cannot be asked for is gone when the second list misses it too", function()
    local result = settle(error_answer(405, "NotAllowed"))
    assert.same({}, result.gone)
    assert.same({ a2 }, result.still)
    result = settle(error_answer(405, "NotAllowed"), { missed_before = { a2:upper() } })
    assert.same({ { id = a2, type = A } }, result.gone)
    assert.same({}, result.still)
  end)

  it("is asked for when no resource of the type is left", function()
    local result = read({ open = { b1 }, open_types = { B }, answers = {} })
    assert.same({ { id = b1, type = B } }, result.gone)
    result = read({ open = { part }, open_types = { A, CHILD }, answers = { [LIST_A] = list({}) } })
    assert.same({ { id = part, type = CHILD } }, result.gone)
  end)

  it("is not asked for where nobody knows whether it would have been shown", function()
    local result = read({ open = { b1, part }, open_types = { B, CHILD }, answers = { ["/resources"] = { 500 }, [LIST_A] = { 500 } } })
    assert.same({}, result.gone)
    assert.is_false(was_asked(result, b1))
    assert.equal("not_asked", outcome(result, B))
    assert.equal(1, result.coverage:line(B).kept)
    assert.equal("error", outcome(result, "Microsoft.Resources/resources"))
  end)

  -- A type that neither the providers nor the catalogue know (any more) has no api-version to ask with: it raised.
  it("of a type that nobody knows is kept and said", function()
    local id = id_of("Gone.Provider/things", "x")
    local result = read({ open = { id }, open_types = { "Gone.Provider/things" }, answers = {} })
    assert.same({}, result.gone)
    assert.same({}, result.still)
    assert.is_true(result.kept[1])
    assert.equal("NoApiVersion", result.document.resources[1].code)
    assert.is_false(result.document.complete)
  end)
end)

describe("a subscription", function()
  it("is not begun for a type that nobody knows", function()
    local ok, problem = pcall(read, { types = { "Test.A/thingz" }, answers = {} })
    assert.is_false(ok)
    assert.equal("invalid", problem.code)
    assert.truthy(problem.message:find('nobody knows the resource type "Test.A/thingz"', 1, true))
  end)

  it("that is lost keeps everything, and says what to check", function()
    local result = read({ open = { a1, b1 }, open_types = { A, B }, answers = { ["/providers"] = error_answer(404, "SubscriptionNotFound") } })
    assert.same({}, result.gone)
    assert.is_false(result.document.complete)
    for _, name in ipairs({ A, B }) do
      assert.equal("error", outcome(result, name))
      assert.equal(1, result.coverage:line(name).kept)
    end
    assert.truthy(result.coverage:line(A).hint:find("gone or no longer visible", 1, true))
    assert.equal(1, #result.asked)
  end)

  it("has types at itself, which its lists show", function()
    local lock = SCOPE .. "/providers/Test.L/locks/l"
    local result = read({ offered = { "Test.L/locks" }, scope_types = { { type = "Test.L/locks", query = { "$filter=x" } }, { type = "Test.M/none" } },
      answers = { ["/providers/Test.L/locks"] = list({ lock }) } })
    assert.equal("list", result.seen[lock:lower()])
    assert.equal("ok", outcome(result, "Test.L/locks"))
    assert.is_nil(outcome(result, "Test.M/none")) -- not offered: not asked for
  end)
end)
