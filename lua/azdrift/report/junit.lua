--- JUnit XML, as Jenkins, GitLab and Azure Pipelines read it: a scope is a test suite, a drift a failed test, a type
--- that could not be read a test with an error, a type that was read a test that passed.
local gaps = require("azdrift.report.gaps")
local model = require("azdrift.report.model")
local value = require("azdrift.report.value")

local junit = {}

local ENTITIES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&apos;",
  ["\n"] = "&#10;", ["\t"] = "&#9;", ["\r"] = "&#13;" }

-- XML 1.0 has no place for other controls, not even as references, nor for U+FFFE and U+FFFF; it discourages DEL and the C1 ones.
local function xml(content)
  local clean = content:gsub("[%z\1-\8\11\12\14-\31\127]", "\u{FFFD}"):gsub("\xC2[\x80-\x9F]", "\u{FFFD}")
  clean = clean:gsub("\u{FFFE}", "\u{FFFD}"):gsub("\u{FFFF}", "\u{FFFD}")
  return (clean:gsub("[&<>\"'\n\t\r]", ENTITIES))
end

local Junit = {}
Junit.__index = Junit

--- options.fail_on: drift below it is a test that passed, with what changed as its output.
function junit.new(write, options)
  return setmetatable({ write = write, fail_on = options.fail_on or "low", title = options.title or "drift",
    suites = {}, tests = 0, failures = 0, errors = 0, skipped = 0 }, Junit)
end

local function change_line(change)
  local old, new = model.values(change)
  if change.op == "add" then return ("%s: added %s"):format(change.property or "", value.encode(new)) end
  if change.op == "remove" then return ("%s: removed %s"):format(change.property or "", value.encode(old)) end
  return ("%s: %s -> %s"):format(change.property or "", value.encode(old), value.encode(new))
end

local function body(drift)
  local lines = {}
  for _, change in model.each(drift.changes) do lines[#lines + 1] = change_line(change) end
  local verdict = model.strongest(drift)
  local fix = verdict and model.field(verdict, "fix")
  if fix then lines[#lines + 1] = "fix: " .. fix end
  return table.concat(lines, "\n")
end

local function case(suite, classname, name, content)
  suite.tests = suite.tests + 1
  suite.cases[#suite.cases + 1] = ('    <testcase classname="%s" name="%s" time="0"%s'):format(xml(classname),
    xml(name), content and (">%s</testcase>"):format(content) or "/>")
end

local function drift_case(self, suite, drift)
  local resource = model.resource(drift.resource_id or "")
  local verdict, severity = model.strongest(drift), model.field(drift, "severity")
  local name = ("%s %s %s"):format(resource.group or "", resource.name, drift.kind):gsub("^ ", "")
  local rank = model.rank(severity)
  if not model.is_loud(drift) then
    suite.skipped = suite.skipped + 1
    return case(suite, drift.resource_type or "", name, ('<skipped message="%s"/>'):format(xml(model.status(drift))))
  end
  if rank > 0 and rank < model.rank(self.fail_on) then
    return case(suite, drift.resource_type or "", name, ("<system-out>%s</system-out>"):format(xml(body(drift))))
  end
  suite.failures = suite.failures + 1
  local message = verdict and model.field(verdict, "message") or ("%s was %s"):format(resource.name, drift.kind)
  case(suite, drift.resource_type or "", name, ('<failure type="%s" message="%s">%s</failure>'):format(
    xml(severity or "drift"), xml(message), xml(body(drift))))
end

local function gap_message(entry)
  local hint = model.field(entry, "hint")
  return hint and ("%s: %s"):format(gaps.answer(entry), hint) or gaps.answer(entry)
end

local function coverage_case(suite, entry)
  local name = "read " .. (entry.type or entry.id or "?")
  if entry.outcome == "ok" then return case(suite, "coverage", name) end
  if entry.outcome == "unsupported" then
    suite.skipped = suite.skipped + 1
    return case(suite, "coverage", name, '<skipped message="unsupported"/>')
  end
  suite.errors = suite.errors + 1
  case(suite, "coverage", name, ('<error type="%s" message="%s"/>'):format(xml(entry.outcome), xml(gap_message(entry))))
end

function Junit:report(report)
  local suite = { tests = 0, failures = 0, errors = 0, skipped = 0, cases = {} }
  for drift in model.sorted(report) do drift_case(self, suite, drift) end
  local coverage = model.field(report, "coverage")
  for _, entry in model.each(coverage and coverage.types) do coverage_case(suite, entry) end
  for _, entry in model.each(coverage and coverage.resources) do coverage_case(suite, entry) end
  for _, problem in ipairs(model.problems(report)) do
    suite.errors = suite.errors + 1
    case(suite, "policies", problem.name or "rules", ('<error type="%s" message="%s"/>'):format(problem.what,
      xml(model.problem_text(problem))))
  end
  -- A suite without tests is read as "nothing ran" by some: that we looked is a test by itself.
  if suite.tests == 0 then case(suite, "azdrift", "no drift") end
  local timestamp = model.field(report, "timestamp")
  self.suites[#self.suites + 1] = (
    '  <testsuite name="%s" tests="%d" failures="%d" errors="%d" skipped="%d" time="0"%s>\n%s\n  </testsuite>\n')
    :format(xml(model.field(report, "scope") or self.title), suite.tests, suite.failures,
      suite.errors,
      suite.skipped, timestamp and (' timestamp="%s"'):format(xml((timestamp:gsub("Z$", "")))) or "",
        table.concat(suite.cases, "\n"))
  for _, name in ipairs({ "tests", "failures", "errors", "skipped" }) do self[name] = self[name] + suite[name] end
end

function Junit:finish()
  self.write('<?xml version="1.0" encoding="UTF-8"?>\n')
  self.write(('<testsuites name="azdrift" tests="%d" failures="%d" errors="%d" skipped="%d" time="0">\n'):format(
    self.tests, self.failures, self.errors, self.skipped))
  for _, suite in ipairs(self.suites) do self.write(suite) end
  self.write("</testsuites>\n")
end

return junit
