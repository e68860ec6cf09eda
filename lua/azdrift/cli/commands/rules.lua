local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local schema = require("azdrift.cli.schema")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local function place_of(rule) return rule.line > 0 and ("%s:%d"):format(rule.file, rule.line) or rule.file end

local function rule_text(rule) return ("%s %s"):format(rule.verb, rule.path) end

local function is_same(a, b)
  return a.file == b.file and a.line == b.line and a.verb == b.verb and a.path == b.path and a.layer == b.layer
end

-- Rules that answer one question; only one of each group speaks at a place.
local QUESTION = { ignore = "compare", observe = "compare", compare = "compare", key = "order", set = "order",
  list = "order" }

-- The rule that always speaks in place of this one, at this one's own path; nil where it is heard. A shipped rule that one of
-- yours overrides is no finding: that is what yours is for.
local function beaten_by(bundle, rule)
  if not QUESTION[rule.verb] or rule.conditional or rule.between ~= "" or rule.type == "*" then return nil end
  local explained = bundle:explain(rule.type, rule.path)
  local winner
  for _, other in ipairs(explained or {}) do
    if other.won and not other.conditional and other.between == "" and QUESTION[other.verb] == QUESTION[rule.verb] then
      if is_same(other, rule) or (other.layer ~= rule.layer and other.layer == "user") then return nil end
      winner = winner or other
    end
  end
  return winner
end

-- The user's rules, as schema.unknown_types wants them: each type of a file once, where it is named first.
local function types_named(rules)
  local entries, seen = {}, {}
  for _, rule in ipairs(rules) do
    local key = table.concat({ rule.file, rule.type }, "\0")
    if rule.layer == "user" and not seen[key] then
      seen[key] = true
      entries[#entries + 1] = { file = rule.file, line = rule.line, types = { rule.type } }
    end
  end
  return entries
end

-- Types and paths that the catalogue does not know. A path that is only near to none may be one that Azure sends and does not
-- document, which is what many a rule is about: it is told, and no finding.
local function unknown(context, bundle)
  local findings = schema.unknown_types(context, types_named(bundle:rules()))
  for _, found in ipairs(schema.unknown_paths(context, bundle, false)) do findings[#findings + 1] = found end
  return findings
end

local function findings_of(bundle, now_ms)
  local findings, count = {}, 0
  for _, rule in ipairs(bundle:rules()) do
    count = count + 1
    local winner = rule.till_ms == 0 and beaten_by(bundle, rule)
    if rule.till_ms ~= 0 and rule.till_ms <= now_ms then
      findings[#findings + 1] = { rule = rule, kind = "expired",
        text = ("was in force till %s and is off"):format(moment.format(rule.till_ms - 1):sub(1, 10)) }
    elseif winner then
      findings[#findings + 1] = { rule = rule, kind = "dead",
        text = ("never speaks: %s (%s) does"):format(place_of(winner), rule_text(winner)) }
    end
  end
  return findings, count
end

local function tell_finding(context, values, finding)
  local rule = finding.rule or finding
  if values.format == "json" then
    context:line(value.encode({ file = rule.file, line = rule.line, verb = rule.verb, path = rule.path,
      type = rule.type, owner = rule.owner, finding = finding.kind, text = finding.text }))
  elseif finding.rule then
    context:line(terminal.safe(("%s: %s of %s %s (owner %s)"):format(place_of(rule), rule_text(rule), rule.type,
      finding.text, rule.owner)))
  else
    context:line(terminal.safe(("%s: %s"):format(place_of(rule), finding.text)))
  end
end

local function check(context, values)
  -- Loading is most of the check: what does not compile, is unknown or ties raises here with file and line.
  local bundle = project.bundle(context, {})
  local findings, count = findings_of(bundle, context.host.now_ms())
  local grave = #findings
  for _, finding in ipairs(unknown(context, bundle)) do
    findings[#findings + 1] = finding
    grave = grave + (finding.is_guess and 0 or 1)
  end
  for _, finding in ipairs(findings) do tell_finding(context, values, finding) end
  if values.format ~= "json" then
    local verdict = grave == 0 and "all in force" or ("%d to look at"):format(grave)
    context:line(("%d rules: %s"):format(count, verdict))
  end
  return grave == 0 and 0 or 1
end

-- What the rules of a verb answer. Of the first two questions one rule's answer holds; in the others all add up.
local ASKS = { compare = "Is it compared?", order = "How are its elements matched?", same = "What counts as equal?",
  redact = "Is it a secret?" }
local LAYERS = { schema = 1, shipped = 2, user = 3 }

local function question_of(rule)
  return QUESTION[rule.verb] or (rule.verb == "redact" and "redact" or "same")
end

-- The rule whose answer holds in place of this one, and by what it is stronger; nil for one that speaks.
local function stronger(explained, rule)
  if rule.won then return nil end
  for _, other in ipairs(explained) do
    if other.won and not other.conditional and other.between == "" and question_of(other) == question_of(rule) then
      local by = LAYERS[other.layer] > LAYERS[rule.layer] and "a higher layer"
        or other.path:lower() ~= rule.path:lower() and "a nearer or longer path" or "the type is named"
      return other, by
    end
  end
end

local function print_explained(context, explained)
  local signs, asked = context.terminal.signs, nil
  if question_of(explained[1]) ~= "compare" then
    context:line(context.terminal:paint("heading", ASKS.compare), " yes: no rule takes it out")
  end
  for _, rule in ipairs(explained) do
    local question = question_of(rule)
    if question ~= asked then context:line(context.terminal:paint("heading", ASKS[question])) end
    asked = question
    local line = terminal.safe(("%s  [%s, %s] %s%s%s"):format(rule_text(rule), rule.layer, rule.type, place_of(rule),
      rule.conditional and ", when its condition holds" or "",
      rule.between ~= "" and (", where %s differ"):format(rule.between) or ""))
    context:line(context.terminal:paint(rule.won and "good" or "dim", (rule.won and signs.check or " ") .. " " .. line))
    if rule.why ~= "" then context:line("    ", context.terminal:paint("dim", terminal.safe(rule.why))) end
    local winner, by = stronger(explained, rule)
    if winner then
      context:line("    ", terminal.safe(("does not speak: %s (%s) does, by %s"):format(place_of(winner), rule_text(winner), by)))
    end
  end
end

local function explain(context, values)
  local bundle = project.bundle(context, {})
  local explained, message = bundle:explain(values.type, values.path)
  if not explained then failure.raise("%s", message) end
  if values.format == "json" then
    for _, rule in ipairs(explained) do
      local winner = stronger(explained, rule)
      rule.asks, rule.beaten_by = question_of(rule), winner and place_of(winner)
      context:line(value.encode(rule))
    end
    return 0
  end
  if #explained == 0 then
    context:line(("no rule speaks at %s of %s: it is compared, lists by id, name or as multisets"):format(
      terminal.safe(values.path), terminal.safe(values.type)))
    return 0
  end
  print_explained(context, explained)
  return 0
end

return {
  name = "rules",
  summary = "Check the rules, or explain which one speaks at a path",
  usage = "azdrift rules check   |   azdrift rules explain TYPE PATH",
  examples = {
    { "are all rules sound and in force", "azdrift rules check" },
    { "why is this not shown", "azdrift rules explain Microsoft.Network/virtualNetworks properties.subnets" },
  },
  commands = {
    {
      name = "check",
      summary = "Load all rules and name those that have expired, never speak, or speak of what does not exist",
      usage = "azdrift rules check [options]",
      about = { "Names rules that have expired, that another one always beats, and, of your own rules, resource types that nobody "
          .. "knows and paths that no api-version of the type has.",
        "Exit code 1 where a file does not load or a rule is named; 0 where all are in force. A path that is near to none that "
          .. "is known is named too and leaves the exit code alone: Azure sends properties that it does not document." },
      options = { options.LIST_FORMAT, options.JSON },
      examples = { { "in a pipeline", "azdrift rules check --quiet" } },
      run = check,
    },
    {
      name = "explain",
      summary = "Print the rule that speaks at a path, and the ones it beat",
      usage = "azdrift rules explain [options] TYPE PATH",
      about = { "Question by question: is it compared (ignore, observe, compare), how are its elements matched (key, set, list), what "
        .. "counts as equal (fold, same), is it a secret (redact). In the first two one rule speaks; of each other one is said who "
        .. "speaks instead, and why." },
      arguments = {
        { name = "TYPE", summary = "a resource type: Microsoft.Network/virtualNetworks" },
        { name = "PATH", summary = "a path as reports and rules write it: properties.subnets[].id" },
      },
      options = { options.LIST_FORMAT, options.JSON },
      examples = {
        { "who says that tags count", "azdrift rules explain Microsoft.Web/sites tags.owner" },
        { "of one element", "azdrift rules explain Microsoft.Network/networkSecurityGroups "
          .. "'properties.securityRules[name=ssh].etag'" },
      },
      run = explain,
    },
  },
}
