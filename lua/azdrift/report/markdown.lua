--- Markdown for an issue, a pull request or a chat: a table of what drifted, details below it.
local gaps = require("azdrift.report.gaps")
local compact = require("azdrift.report.compact")
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")

local markdown = {}

local SIGNS = terminal.plain(nil, true)
local VALUE_COLUMNS = 80

-- Text that came from outside stands as text: no markup, no mention of people, no table cell broken.
local function plain(content)
  local shown = terminal.safe(content):gsub("[\\`*_{}%[%]<>#|~]", "\\%0")
  return (shown:gsub("@", "@\u{200B}"))
end

-- Code spans: the fence is longer than any run of backticks inside.
local function code(content)
  local shown, longest = terminal.safe(content):gsub("|", "\\|"), 0
  for run in shown:gmatch("`+") do longest = math.max(longest, #run) end
  local fence = ("`"):rep(longest + 1)
  local gap = (shown:find("^`") or shown:find("`$") or shown == "") and " " or ""
  return fence .. gap .. shown .. gap .. fence
end

local Markdown = {}
Markdown.__index = Markdown

function markdown.new(write, options)
  return setmetatable({ write = write, show = options.show or {}, title = options.title or "two files",
    scopes = 0 }, Markdown)
end

function Markdown:line(content) self.write((content or "") .. "\n") end

local function value_text(v) return code(compact.show(v, VALUE_COLUMNS, SIGNS)) end

function Markdown:changes(changes)
  self:line("| | property | old | new |")
  self:line("|---|---|---|---|")
  for _, change in model.each(changes) do
    local old, new = model.values(change)
    self:line(("| %s | %s | %s | %s |"):format(change.op, (change.property or "") == "" and "*the resource*"
      or code(change.property), old == nil and "" or value_text(old), new == nil and "" or value_text(new)))
  end
end

function Markdown:drift(drift)
  local resource, severity = model.resource(drift.resource_id or ""), model.field(drift, "severity")
  self:line(("### %s%s: %s %s"):format(severity and severity:upper() .. " " or "", drift.kind, plain(resource.name),
    resource.group and ("(%s)"):format(plain(resource.group)) or ""))
  self:line()
  for _, verdict in model.each(drift.verdicts) do
    self:line(("- **%s**: %s (%s)"):format(verdict.severity, plain(verdict.message or ""), code(verdict.policy or "?")))
    local fix = model.field(verdict, "fix")
    if fix then self:line("  - fix: " .. code(fix)) end
  end
  local actor = model.field(drift, "actor")
  if actor then self:line("- by " .. plain(actor.name or actor.id or "?")) end
  self:line(("- %s %s"):format(code(model.short_type(drift.resource_type or "?")), code(drift.resource_id or "?")))
  self:line()
  self:changes(drift.changes)
  if model.count(drift.effects) > 0 then
    self:line()
    if self.show.effects then
      self:line("Observed beside it:")
      self:line()
      self:changes(drift.effects)
    else
      self:line(("Observed beside it, not shown: %d."):format(model.count(drift.effects)))
    end
  end
  self:line()
end

function Markdown:gaps(report)
  local found = gaps.list(report)
  if #found == 0 then return end
  self:line("### Not everything was read")
  self:line()
  self:line("| what | answer | hint |")
  self:line("|---|---|---|")
  for _, gap in ipairs(found) do
    self:line(("| %s | %s | %s |"):format(code(gap.type or gap.id or "?"), plain(gaps.answer(gap)),
      plain(model.field(gap, "hint") or "")))
  end
  self:line()
end

function Markdown:gone(report)
  if model.count(report.gone) == 0 then return end
  self:line("### Gone since the last report")
  self:line()
  for _, drift in model.each(report.gone) do
    local first_seen = model.field(drift, "first_seen")
    self:line(("- %s %s %s%s"):format(drift.kind, code(model.short_type(drift.resource_type or "?")), code(drift.resource_id or "?"),
      first_seen and first_seen.at and ", open since " .. first_seen.at or ""))
  end
  self:line()
end

function Markdown:errors(report)
  for _, problem in ipairs(model.problems(report)) do
    self:line(("- **%s failed**: %s%s"):format(problem.what, problem.name and code(problem.name) .. ": " or "",
      plain(model.problem_text(problem))))
  end
end

local SINGULAR = { effects = "effect", notes = "note" }

local function counts(report)
  local summary, parts = model.field(report, "summary") or {}, {}
  local by_severity = model.field(summary, "by_severity") or {}
  for index = #model.SEVERITIES, 1, -1 do
    local severity = model.SEVERITIES[index]
    if (by_severity[severity] or 0) > 0 then parts[#parts + 1] = ("%d %s"):format(by_severity[severity], severity) end
  end
  for _, name in ipairs({ "reopened", "effects", "notes", "ignored", "expected", "muted", "resolved", "not_compared" }) do
    local count = model.field(summary, name) or 0
    if count > 0 then parts[#parts + 1] = ("%d %s"):format(count,
      count == 1 and SINGULAR[name] or (name:gsub("_", " "))) end
  end
  return table.concat(parts, ", ")
end

function Markdown:report(report)
  self.scopes = self.scopes + 1
  if self.scopes > 1 then self:line() end
  self:line("## Drift in " .. code(model.field(report, "scope") or self.title))
  self:line()
  local loud = model.loud(report)
  local said = counts(report)
  local short_of = ""
  if report.complete ~= true then
    local only_judged = #gaps.list(report) == 0 and #model.problems(report) > 0
    short_of = only_judged and ". Not everything was judged." or ". Not everything was read."
  end
  self:line(("**%s**%s%s"):format(loud == 1 and "1 drift" or loud .. " drifts", said ~= "" and ": " .. said or "",
    short_of))
  self:line()
  for drift in model.sorted(report, model.is_loud) do self:drift(drift) end
  self:gone(report)
  self:gaps(report)
  self:errors(report)
end

-- Nothing is left to say; every format has this call.
function Markdown.finish() end

return markdown
