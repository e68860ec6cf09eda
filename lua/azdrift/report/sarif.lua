--- SARIF 2.1.0, as GitHub code scanning and the SARIF viewers read it. A policy is a rule; a drift that no policy
--- speaks of has the rule of its kind ("azdrift/changed"). What was not read is a notification, never silence.
local gaps = require("azdrift.report.gaps")
local model = require("azdrift.report.model")
local value = require("azdrift.report.value")

local sarif = {}

local LEVELS = { critical = "error", high = "error", medium = "warning", low = "note", info = "note" }
-- GitHub sorts by this number: over 9.0 critical, 7.0 high, 4.0 medium.
local SCORES = { critical = "9.5", high = "8.0", medium = "5.5", low = "3.0", info = "1.0" }

local Sarif = {}
Sarif.__index = Sarif

function sarif.new(write, options)
  return setmetatable({ write = write, version = options.version, rules = value.array(), rule_index = {}, count = 0,
    notifications = value.array(), complete = true }, Sarif)
end

-- The rule's place in tool.driver.rules, from 0. The worst severity it spoke with is the rule's own.
function Sarif:rule(id, severity, description)
  local index = self.rule_index[id]
  if not index then
    index = #self.rules
    self.rule_index[id] = index
    self.rules[index + 1] = { id = id, name = id, shortDescription = { text = description },
      defaultConfiguration = { level = LEVELS[severity] or "warning" },
      properties = { tags = value.array({ "drift" }), ["security-severity"] = SCORES[severity] or "5.5" } }
  else
    local rule = self.rules[index + 1]
    local score = SCORES[severity] or "5.5"
    if tonumber(score) > tonumber(rule.properties["security-severity"]) then
      rule.properties["security-severity"] = score
      rule.defaultConfiguration.level = LEVELS[severity] or "warning"
    end
  end
  return index
end

-- A URI reference: everything but what RFC 3986 leaves alone is percent-encoded.
local function uri(id)
  local relative = id:gsub("^/+", "")
  return relative == "" and "azure" or (relative:gsub("[^%w%-%._~/!$&'()*+,;=@]",
    function(c) return ("%%%02X"):format(c:byte()) end))
end

local function message_of(drift, verdict, resource)
  local properties = {}
  for _, change in model.each(drift.changes) do
    if (change.property or "") ~= "" and #properties < 5 then properties[#properties + 1] = change.property end
  end
  local said = verdict and model.field(verdict, "message") or ("%s was %s"):format(resource.name, drift.kind)
  if #properties > 0 then said = ("%s (%s)"):format(said, table.concat(properties, ", ")) end
  local fix = verdict and model.field(verdict, "fix")
  return fix and ("%s\nFix: %s"):format(said, fix) or said
end

local function location(drift, resource)
  return { physicalLocation = { artifactLocation = { uri = uri(drift.resource_id or "") }, region = { startLine = 1 } },
    logicalLocations = value.array({ { name = resource.name, fullyQualifiedName = drift.resource_id or "",
      kind = "resource" } }) }
end

local function suppressions(drift)
  local status = model.status(drift)
  if status == "open" or status == "acknowledged" then return nil end
  return value.array({ { kind = "external", status = "accepted", justification = status } })
end

function Sarif:result(drift)
  local verdict, resource = model.strongest(drift), model.resource(drift.resource_id or "")
  local severity = model.field(drift, "severity")
  local id = verdict and model.field(verdict, "policy") or "azdrift/" .. drift.kind
  local description = verdict and ("Policy %s"):format(id) or ("A resource was %s and no policy speaks of it"):format(
    drift.kind)
  local changes = value.array()
  for _, change in model.each(drift.changes) do
    local old, new = model.values(change)
    changes[#changes + 1] = { op = change.op, property = change.property or "", old_value = old, new_value = new }
  end
  local fingerprint = model.field(drift, "fingerprint")
  return { ruleId = id, ruleIndex = self:rule(id, severity, description), level = LEVELS[severity] or "warning",
    message = { text = message_of(drift, verdict, resource) }, locations = value.array({ location(drift, resource) }),
    partialFingerprints = fingerprint and { ["azdriftFingerprint/v1"] = fingerprint } or nil,
      suppressions = suppressions(drift),
    properties = { kind = drift.kind, severity = severity, resource_type = drift.resource_type, changes = changes } }
end

function Sarif:notify(level, id, said)
  self.notifications[#self.notifications + 1] = { level = level, descriptor = { id = id }, message = { text = said } }
end

local HEAD = '{"$schema":"https://json.schemastore.org/sarif-2.1.0.json","version":"2.1.0","runs":[{"results":['

-- Results are written as they come; rules and notifications, known only at the end, follow them: members have no order.
function Sarif:open()
  if not self.is_open then self.write(HEAD) end
  self.is_open = true
end

function Sarif:report(report)
  self:open()
  for drift in model.sorted(report) do
    self.write((self.count > 0 and ",\n" or "\n") .. value.encode(self:result(drift)))
    self.count = self.count + 1
  end
  for _, gap in ipairs(gaps.list(report)) do
    self:notify("warning", "azdrift/coverage", ("%s: %s"):format(gap.type or gap.id or "?", gaps.answer(gap)))
  end
  for _, problem in ipairs(model.problems(report)) do
    self:notify("error", ("azdrift/%s-failed"):format(problem.what), ("%s%s"):format(
      problem.name and problem.name .. ": " or "", model.problem_text(problem)))
  end
  if report.complete ~= true then self.complete = false end
end

function Sarif:finish()
  self:open()
  local driver = { name = "azdrift", version = self.version, semanticVersion = self.version,
    rules = self.rules }
  local invocation = { executionSuccessful = self.complete, toolExecutionNotifications = self.notifications }
  self.write(("\n],\"tool\":{\"driver\":%s},\"invocations\":[%s],\"columnKind\":\"utf16CodeUnits\"}]}\n"):format(
    value.encode(driver), value.encode(invocation)))
end

return sarif
