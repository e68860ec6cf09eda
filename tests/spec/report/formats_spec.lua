-- Each format against a file that a person has read. What else a consumer insists on is checked by rule, below.
package.path = "tests/spec/report/?.lua;" .. package.path
local fixture = require("fixture")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local GOLDEN = { text = "report.txt", json = "report.jsonl", markdown = "report.md", sarif = "report.sarif",
  junit = "report.xml", csv = "report.csv", jsonpatch = "report.jsonpatch" }

describe("a report", function()
  for format, name in pairs(GOLDEN) do
    it("as " .. format .. " is the one in golden/" .. name, function()
      fixture.check_golden(name, fixture.render(format, { fixture.report(), fixture.quiet_report() }))
    end)
  end

  it("as text on an ASCII terminal, with effects, is the one in golden/ascii.txt", function()
    fixture.check_golden("ascii.txt", fixture.render("text", { fixture.report() },
      { terminal = terminal.plain(72), show = { effects = true } }))
  end)

  it("has no line wider than the terminal but for ids and what stands beside them", function()
    for line in fixture.render("text", { fixture.report() }, { next_steps = false }):gmatch("[^\n]+") do
      local is_heading = line:find("^●") ~= nil or line:find("^ */") ~= nil or line:find("snapshot", 1, true) ~= nil
      assert.is_true(is_heading or terminal.columns(line) <= 100, line)
    end
  end)
end)

-- Every control character there is, C1 ones and those that turn the direction of writing too, in every text of a drift that comes from
-- outside.
local function nasty_report()
  local controls = {}
  for code = 0, 159 do
    if code < 32 or code > 126 then controls[#controls + 1] = utf8.char(code) end
  end
  local nasty = "a" .. table.concat(controls) .. utf8.char(0x202E, 0x2028, 0x2029) .. "z"
  local report = fixture.quiet_report()
  report.has_drift = true
  report.drifts = { { kind = "changed", severity = "high", resource_type = "Microsoft.Web/" .. nasty, fingerprint = "0123456789abcdef",
    resource_id = "/subscriptions/s/resourceGroups/" .. nasty .. "/providers/Microsoft.Web/sites/" .. nasty,
    verdicts = { { policy = nasty, severity = "high", message = nasty, fix = nasty, changes = { 0 } } },
    changes = { { op = "replace", property = "tags." .. nasty, pointer = "/tags/" .. nasty, old_value = nasty, new_value = { [nasty] = nasty } } },
    actor = { kind = "user", name = nasty } } }
  report.errors = { { policy = nasty, at = nasty, error = nasty } }
  return report
end

local IS_JSON = { json = true, sarif = true, jsonpatch = true }

describe("control characters in what Azure sends", function()
  for _, format in ipairs({ "text", "json", "markdown", "sarif", "junit", "csv", "jsonpatch" }) do
    it("do not reach the reader of " .. format, function()
      local shown = fixture.render(format, { nasty_report() })
      assert.is_truthy(utf8.len(shown))
      for position, code in utf8.codes(shown) do
        local is_line_end = code == 10 or (code == 13 and format == "csv")
        -- JSON carries C1 characters as they are: they are text to programs, and the values are exact.
        local is_control = code < 32 or code == 127 or (not IS_JSON[format] and code > 126 and code < 160)
        assert.is_true(is_line_end or not is_control, ("U+%04X at %d"):format(code, position))
      end
    end)
  end

  it("break neither lines nor cells nor elements", function()
    local csv = fixture.render("csv", { nasty_report() })
    assert.equal(2, select(2, csv:gsub("\r\n", "")))
    assert.equal(0, select(2, csv:gsub("\r\n", ""):gsub("[\r\n]", "")))
    local junit = fixture.render("junit", { nasty_report() })
    assert.equal(1, select(2, junit:gsub("<failure ", "")))
    local markdown = fixture.render("markdown", { nasty_report() })
    assert.equal(1, select(2, markdown:gsub("\n| replace |[^\n]*|\n", "")))
  end)
end)

describe("text", function()
  it("never says no drift where something was not read", function()
    local report = fixture.quiet_report()
    report.complete = false
    local text = fixture.render("text", { report })
    assert.is_nil(text:find("No drift.", 1, true))
    assert.is_truthy(text:find("No drift in what was read", 1, true))
  end)

  it("says of a first snapshot what it is good for", function()
    local report = fixture.quiet_report()
    report.first = { types = 12 }
    local text = fixture.render("text", { report })
    assert.is_truthy(text:find("First snapshot: it becomes the baseline of 12 types. There is nothing to compare with yet.", 1, true))
    assert.is_nil(text:find("No drift", 1, true))
    assert.is_nil(text:find("baseline →", 1, true))
  end)

  it("lets no text of Azure's reach the terminal as a control", function()
    for _, format in ipairs({ "text", "markdown", "csv", "junit", "json", "sarif" }) do
      assert.is_nil(fixture.render(format, { fixture.report() }):find("\27"), format)
    end
  end)

  it("shows the worst thousand of a scope and counts the others", function()
    local report, drifts = fixture.quiet_report(), {}
    for number = 1, 1003 do
      drifts[number] = { kind = "changed", severity = number == 1003 and "high" or "low", resource_type = "Microsoft.Web/sites",
        resource_id = ("/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/site%04d"):format(number),
        changes = { { op = "replace", property = "kind", pointer = "/kind", old_value = "a", new_value = "b" } } }
    end
    report.drifts, report.has_drift = drifts, true
    local text = fixture.render("text", { report })
    assert.is_truthy(text:find("and 3 more drifts, none worse than these: --format csv or json has all of them.", 1, true))
    assert.is_truthy(text:find("site1003", 1, true))
    assert.is_truthy(text:find("site0999", 1, true))
    assert.is_nil(text:find("site1000", 1, true))
    assert.is_truthy(text:find("(seen 1002 times)", 1, true))
  end)

  it("has colour only where the terminal has it", function()
    local colourful = terminal.new({ env = function() return nil end, is_terminal = true, columns = 100 })
    assert.is_truthy(fixture.render("text", { fixture.report() }, { terminal = colourful }):find("\27[1;97;41mCRITICAL",
      1, true))
    local refused = terminal.new({ env = function(name) return name == "NO_COLOR" and "1" or nil end,
      is_terminal = true, columns = 100 })
    assert.is_nil(fixture.render("text", { fixture.report() }, { terminal = refused }):find("\27", 1, true))
  end)

  it("offers a rule for the least severe noise, and none for what a policy calls high", function()
    local report = fixture.report()
    local text = fixture.render("text", { report })
    assert.is_truthy(text:find('{ ignore = "tags.owner"', 1, true))
    report.drifts = { report.drifts[3], report.drifts[4] }
    assert.is_nil(fixture.render("text", { report }):find("ignore =", 1, true))
  end)

  it("sums up several scopes", function()
    local text = fixture.render("text", { fixture.report(), fixture.report() })
    assert.is_truthy(text:find("In all 2 scopes: 6 drifts (2 critical, 2 high, 2 low)", 1, true))
  end)
end)

describe("sarif", function()
  it("says what was not read, and what is muted", function()
    local text = fixture.render("sarif", { fixture.report() })
    assert.is_truthy(text:find('"suppressions":[{"justification":"muted","kind":"external","status":"accepted"}]', 1, true))
    assert.is_truthy(text:find('"executionSuccessful":false', 1, true))
    assert.is_truthy(text:find("Microsoft.KeyVault/vaults: forbidden (403 AuthorizationFailed)", 1, true))
  end)

  it("without any report is still a whole log", function()
    local text = fixture.render("sarif", {})
    assert.is_truthy(text:find('"results":[\n]', 1, true))
    assert.is_truthy(text:find('"rules":[]', 1, true))
  end)
end)

describe("junit", function()
  local function counts(text, tag)
    local count = 0
    for _ in text:gmatch("<" .. tag .. "[ >]") do count = count + 1 end
    return count
  end

  it("counts what it lists, in each suite and in all", function()
    local text = fixture.render("junit", { fixture.report(), fixture.quiet_report() })
    local tests, failures, errors,
      skipped = text:match('<testsuites name="azdrift" tests="(%d+)" failures="(%d+)" errors="(%d+)" skipped="(%d+)"')
    assert.equals(counts(text, "testcase"), tonumber(tests))
    assert.equals(counts(text, "failure"), tonumber(failures))
    assert.equals(counts(text, "error"), tonumber(errors))
    assert.equals(counts(text, "skipped"), tonumber(skipped))
    assert.equals(2, counts(text, "testsuite"))
  end)

  it("passes what is below --fail-on and says it all the same", function()
    local text = fixture.render("junit", { fixture.report() }, { fail_on = "critical" })
    assert.equals(1, counts(text, "failure"))
    assert.is_truthy(text:find("<system-out>", 1, true))
  end)

  it("has at least one test, for no test at all reads as nothing ran", function()
    assert.equals(1, counts(fixture.render("junit", { fixture.quiet_report() }), "testcase"))
  end)
end)

describe("csv", function()
  it("has one row a change with as many cells as the header", function()
    local rows, cells, in_quotes = 0, 1, false
    local widths = {}
    for character in fixture.render("csv", { fixture.report() }):gmatch(".") do
      if character == '"' then in_quotes = not in_quotes end
      if character == "," and not in_quotes then cells = cells + 1 end
      if character == "\n" and not in_quotes then
        rows, widths[cells], cells = rows + 1, true, 1
      end
    end
    assert.equals(1 + 10, rows)
    assert.same({ [19] = true }, widths)
  end)

  it("gives a spreadsheet no formula to run", function()
    local report = fixture.report()
    report.drifts[1].verdicts = { { policy = "p", severity = "low", message = "=HYPERLINK(1)" } }
    local text = fixture.render("csv", { report })
    assert.is_nil(text:find(",=HYPERLINK", 1, true))
    assert.is_truthy(text:find("'=HYPERLINK", 1, true))
  end)
end)

describe("jsonpatch", function()
  it("of one document is one bare patch", function()
    local report = { has_drift = true, complete = true, drifts = { { kind = "changed", changes = {
      { op = "replace", property = "a", pointer = "/a", old_value = 1, new_value = value.null },
      { op = "remove", property = "b", pointer = "/b/0", old_value = 1 },
      { op = "add", property = "c", pointer = "/c~1d", new_value = { 1 } } } } } }
    local expected = { '[{"op":"replace","path":"/a","value":null},', ' {"op":"remove","path":"/b/0"},',
      ' {"op":"add","path":"/c~1d","value":[1]}]', "" }
    assert.equals(table.concat(expected, "\n"), fixture.render("jsonpatch", { report }, { bare = true }))
    assert.equals("[]\n", fixture.render("jsonpatch", { { drifts = {} } }, { bare = true }))
  end)
end)

-- Inside the engine the same report comes as a document; there is one answer to a report, however it is held.
local has_json, json = pcall(require, "azdrift.json")

describe("a report that is a document", function()
  local function document(report) return assert(json.parse(value.encode(report))) end

  for format, name in pairs(GOLDEN) do
    local test = has_json and it or pending
    test("as " .. format .. " is the one in golden/" .. name, function()
      fixture.check_golden(name, fixture.render(format, { document(fixture.report()), document(fixture.quiet_report()) }))
    end)
  end

  local test = has_json and it or pending
  test("keeps every digit and every null", function()
    local text = '{"complete":true,"has_drift":true,"drifts":[{"kind":"changed","changes":[{"op":"replace","pointer":"/a",'
      .. '"property":"a","old_value":12345678901234567890123,"new_value":0.1000000000000000055511151231257827},'
      .. '{"op":"replace","pointer":"/b","property":"b","old_value":null,"new_value":[null,1.50,{"b":null,"a":{}}]}]}]}'
    local patch = fixture.render("jsonpatch", { json.parse(text) }, { bare = true })
    assert.equals('[{"op":"replace","path":"/a","value":0.1000000000000000055511151231257827},\n '
      .. '{"op":"replace","path":"/b","value":[null,1.50,{"b":null,"a":{}}]}]\n', patch)
    local shown = fixture.render("text", { json.parse(text) }, { next_steps = false })
    assert.is_truthy(shown:find("12345678901234567890123 → 0.1000000000000000055511151231257827", 1, true), shown)
    assert.is_truthy(shown:find("null → [null, 1.50, { b: null, a: {} }]", 1, true), shown)
  end)
end)
