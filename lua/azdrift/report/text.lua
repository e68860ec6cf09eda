--- The report for a person at a terminal: grouped by scope, the worst first, noise counted and not shown.
local blocks = require("azdrift.report.block")
local gaps = require("azdrift.report.gaps")
local hints = require("azdrift.report.hints")
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")

local text = {}

local moment, plural, safe = blocks.moment, blocks.plural, terminal.safe

-- Of types with one trouble in common; the others are counted.
local MAX_GAP_NAMES = 5
-- Of drifts that are gone; the others are counted.
local MAX_GONE = 20
-- Nobody reads more at a terminal: of a scope the worst are shown, the others counted.
local MAX_DRIFTS = 1000
text.MAX_DRIFTS = MAX_DRIFTS

local Text = {}
Text.__index = Text

--- write(text): where it goes. options.terminal; options.show: set of "effects", "ignored"; options.next_steps = false
--- leaves out what to do next.
function text.new(write, options)
  local show = options.show or {}
  return setmetatable({ write = write, terminal = options.terminal, show = show, options = options,
    block = blocks.new(write, options.terminal, show),
    signs = options.terminal.signs, scopes = 0, totals = {}, worst = nil, incomplete = 0 }, Text)
end

function Text:line(...) self.write(table.concat({ ... }) .. "\n") end

function Text:paint(style, content) return self.terminal:paint(style, content) end

function Text:scope_heading(report)
  local title = model.field(report, "scope") or self.options.title or "drift"
  local facts = {}
  local from, to = model.field(report, "from"), model.field(report, "to")
  if to and model.field(report, "first") then
    facts[#facts + 1] = "snapshot " .. tostring(to)
  elseif to then
    local before = from and ("snapshot %s"):format(tostring(from)) or "baseline"
    facts[#facts + 1] = ("%s %s %s"):format(before, self.signs.arrow,
      from and tostring(to) or "snapshot " .. tostring(to))
  end
  local timestamp = model.field(report, "timestamp")
  if timestamp then facts[#facts + 1] = moment(timestamp) end
  if self.scopes > 1 then self:line() end
  self:line(self:paint("heading", safe(title)), #facts > 0 and "   " or "",
    self:paint("dim", table.concat(facts, (" %s "):format(self.signs.dot))))
  self:line(self:paint("dim", self.signs.rule:rep(math.min(self.terminal.width, 100))))
end

-- Resources where only observed state moved, or only what rules ignore: no drift, shown where it was asked for.
function Text:quiet(report)
  if not (self.show.effects or self.show.ignored) then return end
  for _, drift in model.each(report.quiet) do
    local has_something = (self.show.effects and model.count(drift.effects) > 0)
      or (self.show.ignored and model.count(drift.ignored) > 0)
    if has_something then
      local resource = model.resource(drift.resource_id or "")
      local where = resource.group and "  in " .. safe(resource.group) or ""
      self:line(self:paint("dim", ("%s no drift  %s  %s%s"):format(self.signs.bullet,
        safe(model.short_type(drift.resource_type or "?")), safe(resource.name), where)))
      self.block:beside(drift)
      self:line()
    end
  end
end

function Text:gap(group)
  local names = table.move(group.names, 1, math.min(#group.names, MAX_GAP_NAMES), 1, {})
  local line = ("%s: %s"):format(safe(table.concat(names, ", ")), safe(group.answer))
  if #group.names > #names then
    line = ("%s and %d more: %s"):format(safe(table.concat(names, ", ")), #group.names - #names, safe(group.answer))
  end
  if group.since then line = ("%s since snapshot %s"):format(line, tostring(group.since)) end
  if group.kept > 0 then line = ("%s; %s kept as last seen"):format(line, plural(group.kept, "resource")) end
  for index, part in ipairs(terminal.wrap(line, self.terminal.width - 4)) do
    self:line(index == 1 and "  " or "    ", part)
  end
  if group.hint then self:line("    ", self:paint("dim", safe(group.hint))) end
end

function Text:gaps(report)
  local groups = gaps.groups(report)
  if #groups == 0 then return end
  self:line(self:paint("medium", "Not everything was read:"))
  for _, group in ipairs(groups) do self:gap(group) end
  self:line()
end

function Text:errors(report)
  for _, problem in ipairs(model.problems(report)) do
    local title = ("%s failed: "):format(problem.what == "rule" and "Rule" or "Policy " .. safe(problem.name))
    self:line(self:paint("high", title), safe(model.problem_text(problem)))
  end
end

-- What the last report told and this one does not find any more.
function Text:gone(report)
  local count = 0
  for _, drift in model.each(report.gone) do
    count = count + 1
    if count == 1 then self:line(self:paint("good", "Gone since the last report:")) end
    if count > MAX_GONE then break end
    local first_seen = model.field(drift, "first_seen")
    self:line(("  %s %s  %s  %s%s"):format(self.signs.check, drift.kind, safe(model.short_type(drift.resource_type or "?")),
      safe(model.resource(drift.resource_id or "").name),
      first_seen and first_seen.at and self:paint("dim", "  was open since " .. moment(first_seen.at)) or ""))
  end
  if count > MAX_GONE then self:line(("  and %d more"):format(model.count(report.gone) - MAX_GONE)) end
  if count > 0 then self:line() end
end

local COUNTS = { { "new", "new", "new" }, { "reopened", "open again", "open again" }, { "effects", "effect" }, { "notes", "note" },
  { "ignored", "ignored by rules", "ignored by rules" },
  { "expected", "expected", "expected" }, { "muted", "muted", "muted" }, { "resolved", "resolved", "resolved" },
  { "not_compared", "not compared", "not compared" } }

-- "3 drifts (1 high, 2 low) - 7 effects - 112 ignored by rules"; without the drifts where it was just said that there are none.
function Text:summary_line(summary, only_beside)
  local severities = {}
  local by_severity = model.field(summary, "by_severity") or {}
  for index = #model.SEVERITIES, 1, -1 do
    local severity = model.SEVERITIES[index]
    local count = by_severity[severity] or 0
    if count > 0 then severities[#severities + 1] = self:paint(severity, ("%d %s"):format(count, severity)) end
  end
  local drifts = model.field(summary, "drifts") or 0
  local parts = {}
  if not (only_beside and drifts == 0) then parts[1] = self:paint("heading", plural(drifts, "drift")) end
  if #severities > 0 then parts[1] = ("%s (%s)"):format(parts[1], table.concat(severities, ", ")) end
  for _, row in ipairs(COUNTS) do
    local count = model.field(summary, row[1]) or 0
    if count > 0 then parts[#parts + 1] = plural(count, row[2], row[3]) end
  end
  return self:joined(parts)
end

-- Parts with a dot between them, broken into lines where they do not fit on one.
function Text:joined(parts)
  local lines, line, columns = {}, "", 0
  for _, part in ipairs(parts) do
    local width = terminal.columns((part:gsub("\27%[[%d;]*m", "")))
    if line ~= "" and columns + 3 + width > self.terminal.width then
      lines[#lines + 1], line, columns = line, "", 0
    end
    line = line == "" and part or ("%s %s %s"):format(line, self.signs.dot, part)
    columns = columns == 0 and width or columns + 3 + width
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n  ")
end

local function add_up(totals, summary)
  for _, name in ipairs({ "drifts", "new", "reopened", "effects", "notes", "ignored", "expected", "muted", "resolved",
    "not_compared" }) do
    totals[name] = (totals[name] or 0) + (model.field(summary, name) or 0)
  end
  totals.by_severity = totals.by_severity or {}
  local by_severity = model.field(summary, "by_severity") or {}
  for _, severity in ipairs(model.SEVERITIES) do
    totals.by_severity[severity] = (totals.by_severity[severity] or 0) + (by_severity[severity] or 0)
  end
end

-- Never "no drift" where something was not read: then nobody knows.
function Text:nothing(report)
  local first = model.field(report, "first")
  if first then
    self:line(("First snapshot: it becomes the baseline of %s. There is nothing to compare with yet."):format(plural(first.types, "type")))
    self:line(self:paint("dim", "The next collection tells what drifted."))
  elseif report.complete == true then
    self:line(self:paint("good", self.signs.check .. " No drift."))
  else
    self:line(self:paint("medium", "No drift in what was read."))
  end
end

-- How many there are that are loud; all of them count for the advice below.
function Text:drifts(report)
  local count = 0
  for drift in model.sorted(report, model.is_loud) do
    count = count + 1
    if count <= MAX_DRIFTS then self.block:drift(drift, report) end
    self.advice = hints.collect(self.advice, drift)
  end
  if count > MAX_DRIFTS then
    self:line(("%s and %d more drifts, none worse than these: --format csv or json has all of them."):format(self.signs.bullet,
      count - MAX_DRIFTS))
    self:line()
  end
  return count
end

--- One report, one scope.
function Text:report(report)
  self.scopes = self.scopes + 1
  self:scope_heading(report)
  local loud = self:drifts(report)
  self:quiet(report)
  if loud == 0 then self:nothing(report) end
  self:gone(report)
  self:gaps(report)
  self:errors(report)
  local summary = model.field(report, "summary") or { drifts = loud }
  local beside = self:summary_line(summary, loud == 0)
  if beside ~= "" then self:line(beside) end
  add_up(self.totals, summary)
  if report.complete ~= true then self.incomplete = self.incomplete + 1 end
end

function Text:finish()
  if self.scopes == 0 then return end
  if self.scopes > 1 then
    self:line()
    self:line(self:paint("heading", ("In all %d scopes: "):format(self.scopes)), self:summary_line(self.totals))
    if self.incomplete > 0 then self:line(("%s not read in full."):format(plural(self.incomplete, "scope"))) end
  end
  if self.options.next_steps == false then return end
  for _, line in ipairs(hints.lines(self.advice, self.show, self.options)) do
    self:line(line.style and self:paint(line.style, line.text) or line.text)
  end
end

return text
