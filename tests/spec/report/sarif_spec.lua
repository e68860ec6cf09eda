-- The parts of the SARIF 2.1.0 schema that our logs use, by hand: each object's members with their kinds ("!"
-- required), for the schema allows no others. Source: oasis-tcs/sarif-spec, Schemata/sarif-schema-2.1.0.json.
package.path = "tests/spec/report/?.lua;" .. package.path
local fixture = require("fixture")
local has_json, json = pcall(require, "azdrift.json")

local LEVEL = { error = true, warning = true, note = true, none = true }

local SCHEMA = {
  log = { ["$schema"] = "string", version = "string!", runs = { "run", "!" } },
  run = { tool = "tool!", results = { "result" }, invocations = { "invocation" }, columnKind = "string" },
  tool = { driver = "driver!" },
  driver = { name = "string!", version = "string", semanticVersion = "string", rules = { "rule" } },
  rule = { id = "string!", name = "string", shortDescription = "text", defaultConfiguration = "configuration",
    properties = "bag" },
  configuration = { level = LEVEL },
  text = { text = "string!" },
  result = { ruleId = "string", ruleIndex = "integer", level = LEVEL, message = "text!", locations = { "location" },
    partialFingerprints = "bag", suppressions = { "suppression" }, properties = "bag" },
  location = { physicalLocation = "physical", logicalLocations = { "logical" } },
  physical = { artifactLocation = "artifact!", region = "region" },
  artifact = { uri = "string" },
  region = { startLine = "integer" },
  logical = { name = "string", fullyQualifiedName = "string", kind = "string" },
  suppression = { kind = { inSource = true, external = true, required = true },
    status = { accepted = true, underReview = true, rejected = true }, justification = "string" },
  invocation = { executionSuccessful = "boolean!", toolExecutionNotifications = { "notification" } },
  notification = { level = LEVEL, descriptor = "descriptor", message = "text!" },
  descriptor = { id = "string" },
}

local function kind_of(v) return math.type(v) == "integer" and "integer" or json.kind(v) or type(v) end

local check

local function check_member(rule, v, path)
  if type(rule) == "string" then
    rule = rule:gsub("!$", "")
    if rule == "bag" then return assert(kind_of(v) == "object", path) end
    if SCHEMA[rule] then return check(rule, v, path) end
    return assert(kind_of(v) == rule, ("%s is %s, not %s"):format(path, kind_of(v), rule))
  end
  if not rule[1] then return assert(rule[v], ("%s: %s is no value for it"):format(path, tostring(v))) end
  assert(kind_of(v) == "array", path)
  for index, element in ipairs(v) do check(rule[1], element, ("%s[%d]"):format(path, index)) end
end

function check(name, object, path)
  assert(kind_of(object) == "object", path)
  for member, v in pairs(object) do
    local rule = SCHEMA[name][member]
    assert(rule, ("%s.%s is no member of a %s"):format(path, member, name))
    check_member(rule, v, ("%s.%s"):format(path, member))
  end
  for member, rule in pairs(SCHEMA[name]) do
    local is_required = (type(rule) == "string" and rule:find("!$")) or (type(rule) == "table" and rule[2] == "!")
    assert(not is_required or object[member] ~= nil, ("%s.%s is missing"):format(path, member))
  end
end

describe("a SARIF log", function()
  local test = has_json and it or pending

  test("keeps the schema's rules, with drift, without, and of no report", function()
    for _, reports in ipairs({ { fixture.report(), fixture.quiet_report() }, { fixture.quiet_report() }, {} }) do
      local log = assert(json.parse(fixture.render("sarif", reports)))
      check("log", log, "log")
      assert.equals("2.1.0", log.version)
      local run = log.runs[1]
      for _, result in ipairs(run.results) do
        local rule = run.tool.driver.rules[result.ruleIndex + 1]
        assert.equals(result.ruleId, rule.id)
        -- A relative reference of RFC 3986: no space, no control, no character outside ASCII.
        assert.is_truthy(result.locations[1].physicalLocation.artifactLocation.uri:find("^[%w%-._~/%%!$&'()*+,;=@]+$"))
        assert.equals(1, result.locations[1].physicalLocation.region.startLine)
      end
    end
  end)

  test("gives a rule the worst severity it spoke with", function()
    local report = fixture.report()
    local function verdict(severity) return { { policy = "p", severity = severity, message = "m" } } end
    for index, severity in ipairs({ "low", "high", "medium", "low" }) do
      report.drifts[index].verdicts, report.drifts[index].severity = verdict(severity), severity
    end
    local rules = json.parse(fixture.render("sarif", { report })).runs[1].tool.driver.rules
    assert.equals(1, #rules)
    assert.equals("8.0", rules[1].properties["security-severity"])
    assert.equals("error", rules[1].defaultConfiguration.level)
  end)
end)
