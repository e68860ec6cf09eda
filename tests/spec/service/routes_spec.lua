local access = require("azdrift.service.access")
local gates = require("azdrift.gate")
local json = require("azdrift.json")
local openapi = require("azdrift.service.openapi")
local page = require("azdrift.service.page")
local router = require("azdrift.service.router")
local schema = require("azdrift.service.schema")
local stream = require("azdrift.service.stream")

describe("the service's routes", function()
  it("check values as they describe them", function()
    local function takes(of, given, wanted)
      local got = of.check(given)
      assert.equal(wanted, got, tostring(given))
    end
    takes(schema.integer(1, 10), "7", 7)
    for _, bad in ipairs({ "0", "11", "7.0", "0x7", "7 ", "", "seven", "1e1", "99999999999999999999" }) do takes(schema.integer(1, 10), bad) end
    takes(schema.text(1, 3), "äöü", "äöü")
    for _, bad in ipairs({ "", "four", "\xff" }) do takes(schema.text(1, 3), bad) end
    takes(schema.boolean(), "true", true)
    takes(schema.choice({ "a", "b" }), "b", "b")
    takes(schema.choice({ "a", "b" }), "c")
    takes(schema.uuid(), "01A2067F-ADA4-70A3-9BF6-659519F262C6", "01a2067f-ada4-70a3-9bf6-659519f262c6")
    takes(schema.uuid(), "01a2067f")
    takes(schema.scope(), "/Subscriptions/AB", "/subscriptions/ab")
    takes(schema.scope(), "/subscriptions/a/resourceGroups/b")
    takes(schema.arm_id(), "/Subscriptions/A/", "/subscriptions/a")
    for _, bad in ipairs({ "", "/", "subscriptions/a", "/a b", "/\n" }) do takes(schema.arm_id(), bad) end
    local list = schema.list(schema.choice({ "a" }), 2)
    assert.same({ "a", "a" }, list.check(json.decode('["a","a"]')))
    assert.same({}, list.check(json.decode("[]")))
    -- {} once passed for an empty list, and made a key that was narrowed to nothing: one for everything.
    for _, bad in ipairs({ '["b"]', '["a","a","a"]', '{"x":1}', "{}", '"a"' }) do assert.is_nil((list.check(json.decode(bad)))) end
  end)

  it("say everything that is wrong at once, unknown names too", function()
    local errors = {}
    local values = schema.check({ limit = schema.integer(1, 10, 5), name = schema.required(schema.text(1, 5)) }, { limti = "1" }, "/query/", errors)
    assert.equal(5, values.limit)
    assert.same({ { pointer = "/query/limti", detail = "is not known here" }, { pointer = "/query/name", detail = "is missing" } }, errors)
  end)

  it("show a narrowed key what lies below its prefixes, by whole segments", function()
    local narrow = access.new({ kind = "key", key = "x" }, { "/subscriptions/a/resourcegroups/one", "/subscriptions/b" })
    assert.is_true(narrow:sees("/subscriptions/A/resourceGroups/One/providers/x"))
    assert.is_true(narrow:sees("/subscriptions/a/resourcegroups/one"))
    assert.is_false(narrow:sees("/subscriptions/a/resourcegroups/onerous"))
    assert.is_false(narrow:sees("/subscriptions/a"))
    assert.is_true(narrow:sees_part_of("/subscriptions/a"))
    assert.is_true(narrow:sees("/subscriptions/b/resourcegroups/any"))
    assert.is_false(narrow:sees_part_of("/subscriptions/c"))
    assert.is_true(access.new({ kind = "peer" }, {}):sees("/anything"))
    assert.is_true(access.new({ kind = "key", key = "x" }, { "/" }):sees("/subscriptions/c"))
  end)

  it("read cursors of their own only", function()
    local first = page.reply("/v1/x", { limit = 1 }, { 1 }, { seq = 7 })
    local cursor = first.body:match('"next":"(%x+)"')
    assert.same({ seq = 7 }, page.read(cursor))
    assert.equal(('</v1/x?cursor=%s&limit=1>; rel="next"'):format(cursor), first.headers.Link)
    for _, bad in ipairs({ "x", "7b", "abc", "3131" }) do
      local none, message = page.read(bad)
      assert.is_nil(none)
      assert.is_string(message)
    end
    assert.is_nil((page.read(nil)))
  end)

  it("stream an object with a list, and an empty one", function()
    local function all(count)
      local left, text = count, {}
      local finished = false
      for piece in stream.object_with_list('{"a":1}', "items", function()
        left = left - 1
        return left >= 0 and ("x"):rep(1000) or nil
      end, function() finished = true end) do text[#text + 1] = piece end
      assert.is_true(finished)
      return table.concat(text), #text
    end
    assert.equal('{"a":1,"items":[]}\n', (all(0)))
    local text, pieces = all(100)
    assert.equal(100, select(2, text:gsub(("x"):rep(1000), "")))
    assert.is_true(pieces > 1)
  end)

  -- The declarations are the matrix: each route that is declared for a role refuses every lesser one.
  it("are declared whole, described, and told apart", function()
    local service = { scopes_of = function() return {} end }
    local names = { "health", "published", "snapshots", "resources", "drifts", "baselines", "jobs", "keys", "audit", "rules", "metrics", "openapi" }
    local _, rows = router.build(gates.new(), names, service)
    local document, ids = openapi.document(rows), {}
    for _, row in ipairs(rows) do
      local operation = document.paths[row.template][row.method:lower()]
      assert.is_nil(ids[operation.operationId], operation.operationId)
      ids[operation.operationId] = true
      assert.equal(row.role, operation["x-role"])
      assert.is_true(row.role ~= "none" or row.template:find("health") ~= nil or row.template:find("openapi") ~= nil, row.template)
      if row.method ~= "GET" then assert.is_true(row.role == "operator" or row.role == "admin", row.template) end
    end
  end)

  it("whose declaration is wrong do not start", function()
    package.loaded["azdrift.routes.spec_wrong"] = { { "GET /v1/wrong/{id}", summary = "x", role = "reader", replies = {}, handle = print } }
    assert.has_error(function() router.build(gates.new(), { "spec_wrong" }, {}) end)
    package.loaded["azdrift.routes.spec_wrong"] = { { "GET /v1/wrong", summary = "x", role = "reader", replies = {}, handle = print, qeury = {} } }
    assert.has_error(function() router.build(gates.new(), { "spec_wrong" }, {}) end)
    package.loaded["azdrift.routes.spec_wrong"] = nil
  end)
end)
