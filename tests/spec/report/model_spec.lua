local gaps = require("azdrift.report.gaps")
local exit_code = require("azdrift.report.exit_code")
local hints = require("azdrift.report.hints")
local model = require("azdrift.report.model")
local value = require("azdrift.report.value")

local function report(fields)
  local drifts = {}
  for index, severity in ipairs(fields.severities or {}) do
    drifts[index] = { kind = "changed", severity = severity ~= "" and severity or nil, status = fields.status,
      changes = {} }
  end
  return { has_drift = fields.has_drift, complete = fields.complete ~= false, drifts = drifts }
end

describe("the exit code", function()
  local function code(fields, options) return exit_code.of(report(fields), options or { fail_on = "low" }) end

  it("is 0 only where nothing drifted and everything was read", function()
    assert.equals(0, code({ has_drift = false }))
    assert.equals(3, code({ has_drift = false, complete = false }))
    assert.equals(0, code({ has_drift = false, complete = false }, { fail_on = "low", allow_incomplete = true }))
  end)

  it("is 3 for a report that does not say whether it is complete", function()
    assert.equals(3, exit_code.of({ has_drift = false, drifts = {} }, { fail_on = "low" }))
  end)

  it("is 2 for drift at or above --fail-on, and drift goes before what was not read", function()
    assert.equals(2, code({ has_drift = true, severities = { "low" }, complete = false }))
    assert.equals(2, code({ has_drift = true, severities = { "low", "high" } }, { fail_on = "high" }))
    assert.equals(0, code({ has_drift = true, severities = { "low", "medium" } }, { fail_on = "high" }))
    assert.equals(3, code({ has_drift = true, severities = { "medium" }, complete = false }, { fail_on = "high" }))
  end)

  it("is 2 for drift without a severity, whatever --fail-on says", function()
    assert.equals(2, code({ has_drift = true, severities = { "" } }, { fail_on = "critical" }))
    assert.equals(2, code({ has_drift = true, severities = {} }, { fail_on = "critical" }))
  end)

  it("does not count what is muted, accepted or resolved", function()
    for _, status in ipairs({ "muted", "accepted", "resolved" }) do
      assert.equals(0, code({ has_drift = false, severities = { "high" }, status = status }))
    end
    assert.equals(2, code({ has_drift = true, severities = { "high" }, status = "acknowledged" }))
  end)

  it("of several scopes is 1, else 2, else 3, else 0", function()
    assert.equals(1, exit_code.worse(2, 1))
    assert.equals(2, exit_code.worse(3, 2))
    assert.equals(3, exit_code.worse(0, 3))
    assert.equals(0, exit_code.worse(0, 0))
  end)
end)

describe("a resource id", function()
  local GROUP = "/subscriptions/s1/resourceGroups/rg"

  it("is split into name, group and what an extension stands on", function()
    assert.same({ name = "vnet/a", type = "Microsoft.Network/virtualNetworks/subnets", group = "rg",
      subscription = "s1" }, model.resource(GROUP .. "/providers/Microsoft.Network/virtualNetworks/vnet/subnets/a"))
    assert.same({ name = "keep", type = "Microsoft.Authorization/locks", on = "kv", group = "rg", subscription = "s1" },
      model.resource(GROUP .. "/providers/Microsoft.KeyVault/vaults/kv/providers/Microsoft.Authorization/locks/keep"))
    assert.same({ name = "rg", type = "Microsoft.Resources/resourceGroups", group = "rg", subscription = "s1" },
      model.resource(GROUP))
    assert.same({ name = "s1", type = "Microsoft.Resources/subscriptions", subscription = "s1" },
      model.resource("/subscriptions/s1"))
    assert.same({ name = "mg", type = "Microsoft.Management/managementGroups" },
      model.resource("/providers/Microsoft.Management/managementGroups/mg"))
  end)

  it("that is none is its own name", function()
    for _, id in ipairs({ "", "/", "x", "/subscriptions", "/providers", "/providers/", "/a/providers/b/c" }) do
      assert.equals("string", type(model.resource(id).name), id)
    end
  end)
end)

describe("paths as rules write them", function()
  it("have no names of elements", function()
    assert.equals("properties.rules[].properties.access", model.rule_path(
      "properties.rules[name=ssh].properties.access"))
    assert.equals("a[][].b", model.rule_path("a[0][12].b"))
    assert.equals("tags['a.b'].c[]", model.rule_path("tags['a.b'].c[id=/x/y]"))
    assert.equals("a[]", model.rule_path("a[broken"))
    assert.equals("", model.rule_path(""))
  end)
end)

describe("drifts", function()
  it("stand the worst first and always in the same order", function()
    local drifts = {}
    for index, severity in ipairs({ "low", "critical", "medium", "low" }) do
      drifts[index] = { kind = "changed", severity = severity, resource_id = "/r" .. index, resource_type = "t",
        changes = {} }
    end
    drifts[5] = { kind = "removed", severity = "low", resource_id = "/z", resource_type = "t", changes = {} }
    local order = {}
    for drift in model.sorted({ drifts = drifts }) do order[#order + 1] = drift.resource_id end
    assert.same({ "/r2", "/r3", "/z", "/r1", "/r4" }, order)
  end)

  it("tell null from absent", function()
    local old, new = model.values({ op = "replace", old_value = value.null, new_value = 1 })
    assert.equals("null", value.kind(old))
    assert.equals(1, new)
    old, new = model.values({ op = "add", new_value = value.null })
    assert.equals("absent", value.kind(old))
    assert.equals("null", value.kind(new))
    old, new = model.values({ op = "remove", old_value = false })
    assert.equals(false, old)
    assert.is_nil(new)
  end)
end)

describe("advice", function()
  it("is quoted for the shell and for Lua", function()
    assert.equals("a/b-c.d", hints.shell("a/b-c.d"))
    assert.equals("'a b'\\''c; rm'", hints.shell("a b'c; rm"))
    assert.equals("''", hints.shell(""))
    local rule = table.concat(hints.rule({ type = 'a"b', path = "tags['x\\y']" }), "\n")
    local seen
    assert(load(rule, "rule", "t", { rules = function(block) seen = block end }))()
    assert.equals('a"b', seen.type)
    assert.equals("tags['x\\y']", seen[1].ignore)
  end)

  it("names the least severe place that is seen most", function()
    local advice
    for _, row in ipairs({ { "high", "a" }, { "medium", "b" }, { "medium", "b" }, { "low", "c[x=1].d" }, { "low", "e" },
      { "low", "c[x=2].d" } }) do
      advice = hints.collect(advice, { kind = "changed", severity = row[1], resource_type = "T",
        resource_id = "/i", changes = { { property = row[2] } } })
    end
    assert.equals("c[].d", hints.noisiest(advice.places).path)
    assert.equals(2, hints.noisiest(advice.places).count)
  end)
end)

describe("what was not read", function()
  local function types(count, fields)
    local list = {}
    for index = 1, count do
      list[index] = { type = ("Microsoft.X/t%d"):format(index), kept = 1 }
      for name, v in pairs(fields) do list[index][name] = v end
    end
    return { coverage = { types = list } }
  end

  it("is one line for one missing role, however many types are behind it", function()
    local groups = gaps.groups(types(300, { outcome = "forbidden", status = 403, hint = "needs Reader" }))
    assert.equals(1, #groups)
    assert.equals(300, #groups[1].names)
    assert.equals(300, groups[1].kept)
    assert.equals("forbidden (403)", groups[1].answer)
  end)

  it("is nothing where a type has no list", function()
    assert.same({}, gaps.list(types(3, { outcome = "unsupported" })))
  end)
end)

describe("what scripts failed with", function()
  it("is told once, with how often; a rule's condition is no policy", function()
    local raised = { policy = "p", at = "policies/p.lua:5", error = "attempt to compare nil with number" }
    local problems = model.problems({ errors = { raised, raised, { policy = "rules", at = "rules/r.lua:2", error = "no" } } })
    assert.equals(2, #problems)
    assert.equals("policy", problems[1].what)
    assert.equals("policies/p.lua:5: attempt to compare nil with number (at 2 resources)", model.problem_text(problems[1]))
    assert.equals("rule", problems[2].what)
    assert.is_nil(problems[2].name)
    assert.equals("rules/r.lua:2: no", model.problem_text(problems[2]))
  end)
end)
