local args = require("azdrift.cli.args")

local DECLARATION = {
  title = "azdrift drift", usage = "azdrift drift [options] [OLD] [NEW...]",
  options = {
    { long = "format", short = "f", value = "FORMAT", kind = "choice", choices = { "text", "json", "sarif" } },
    { long = "json", kind = "flag", sets = { "format", "json" } },
    { long = "fail-on", value = "SEVERITY", kind = "choice", choices = { "low", "high" } },
    { long = "show", value = "WHAT", kind = "choices", choices = { "effects", "ignored" } },
    { long = "limit", value = "N", kind = "integer", min = 1, max = 100 },
    { long = "offset", value = "N", kind = "integer" },
    { long = "every", value = "TIME", kind = "duration" },
    { long = "type", value = "TYPE", repeated = true },
  },
  arguments = { { name = "OLD", optional = true }, { name = "NEW", optional = true, repeated = true } },
}
local COMMON = { { long = "quiet", short = "q", kind = "flag" }, { long = "verbose", short = "v", kind = "flag" },
  { long = "help", short = "h", kind = "flag" } }

local function parse(...) return args.parse(DECLARATION, { ... }, 1, COMMON) end

local function refused(expected, ...)
  local values, message = parse(...)
  assert.is_nil(values)
  assert.equals(expected, message)
  assert.is_nil(message:find("\n"))
end

describe("the command line of a command", function()
  it("reads options in every familiar spelling", function()
    for _, words in ipairs({ { "--format", "json" }, { "--format=json" }, { "-f", "json" }, { "-fjson" }, { "-f=json" },
      { "--json" }, { "--format", "JSON" } }) do
      assert.equals("json", parse(table.unpack(words)).format)
    end
    assert.same({ quiet = true, verbose = true }, parse("-qv"))
    assert.same({ quiet = true, format = "json" }, parse("-qf", "json"))
    assert.equals(-3, parse("--offset", "-3").offset)
    assert.equals(10800, parse("--every", "3h").every)
  end)

  it("takes the last of two, and all of what can be given again", function()
    assert.equals("text", parse("--format", "json", "--format", "text").format)
    assert.same({ "a", "b" }, parse("--type", "a", "--type=b").type)
    assert.same({ effects = true, ignored = true }, parse("--show", "effects", "--show", "ignored").show)
    assert.same({ effects = true, ignored = true }, parse("--show=effects,ignored").show)
  end)

  it("lets arguments stand between options, and takes everything behind -- as it is", function()
    assert.same({ old = "a", new = { "b", "c" }, quiet = true }, parse("a", "-q", "b", "c"))
    assert.same({ old = "--format" }, parse("--", "--format"))
    assert.same({ old = "-" }, parse("-"))
  end)

  it("refuses what it does not know, with the nearest name", function()
    refused("unknown option --failon; did you mean --fail-on?", "--failon", "high")
    refused("unknown option --fail; did you mean --fail-on?", "--fail", "high")
    refused("unknown option --zzzzzz; `azdrift drift --help` lists what there is", "--zzzzzz")
    refused("unknown option -x; `azdrift drift --help` lists what there is", "-x")
    refused('--format: "jsno" is not one of text, json, sarif; did you mean "json"?', "--format", "jsno")
    refused('--show: "x" is not one of effects, ignored', "--show", "effects,x")
  end)

  it("refuses values that are missing, surplus or wrong", function()
    refused("--format needs a value: text, json, sarif", "--format")
    refused("--format needs a value: text, json, sarif", "--format", "--quiet")
    refused('--quiet takes no value, but got "1"', "--quiet=1")
    refused('--limit: "1x" is not a whole number', "--limit", "1x")
    refused("--limit: 101 is not between 1 and 100", "--limit", "101")
    refused('--limit: "99999999999999999999" is not a whole number', "--limit", "99999999999999999999")
    refused('--every: "soon" is no duration; write a number and a unit: 90s, 15m, 3h, 30d, 2w, 2y', "--every", "soon")
    refused("--type: an empty value says nothing", "--type=")
  end)

  it("refuses missing and surplus arguments, but not beside --help", function()
    local declaration = { title = "azdrift diff", usage = "azdrift diff OLD NEW",
      arguments = { { name = "OLD" }, { name = "NEW" } } }
    local _, missing = args.parse(declaration, { "a" }, 1, COMMON)
    assert.equals("NEW is missing; usage: azdrift diff OLD NEW", missing)
    local _, surplus = args.parse(declaration, { "a", "b", "c" }, 1, COMMON)
    assert.equals('unexpected "c"; usage: azdrift diff OLD NEW', surplus)
    assert.is_true(args.parse(declaration, { "--help" }, 1, COMMON).help)
  end)
end)
