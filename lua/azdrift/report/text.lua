--- The report for a person at a terminal: grouped by scope, the worst first, noise counted and not shown.
local compact = require("azdrift.report.compact")
local hints = require("azdrift.report.hints")
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")

local text = {}

local safe = terminal.safe

local Text = {}
Text.__index = Text

--- write(text): where it goes. options.terminal; options.show: set of "effects", "ignored"; options.next_steps = false
--- leaves out what to do next.
function text.new(write, options)
  return setmetatable({ write = write, terminal = options.terminal, show = options.show or {}, options = options,
    signs = options.terminal.signs, scopes = 0, totals = {}, worst = nil, incomplete = 0 }, Text)
end

function Text:line(...) self.write(table.concat({ ... }) .. "\n") end

function Text:paint(style, content) return self.terminal:paint(style, content) end

local function plural(count, one, many)
  return ("%d %s"):format(count, count == 1 and one or many or one .. "s")
end

-- "2026-11-22T10:00:05Z" -> "2026-11-22 10:00 UTC"; anything else as it is.
local function moment(timestamp)
  local day, time = timestamp:match("^(%d%d%d%d%-%d%d%-%d%d)T(%d%d:%d%d)[%d:.]*Z$")
  return day and ("%s %s UTC"):format(day, time) or safe(timestamp)
end

function Text:scope_heading(report)
  local title = model.field(report, "title") or model.field(report, "scope") or "drift"
  local facts = {}
  local from, to = model.field(report, "from"), model.field(report, "to")
  if from and to then facts[#facts + 1] = ("snapshot %s %s %s"):format(tostring(from), self.signs.arrow,
    tostring(to)) end
  local timestamp = model.field(report, "timestamp")
  if timestamp then facts[#facts + 1] = moment(timestamp) end
  if self.scopes > 1 then self:line() end
  self:line(self:paint("heading", safe(title)), #facts > 0 and "   " or "",
    self:paint("dim", table.concat(facts, (" %s "):format(self.signs.dot))))
  self:line(self:paint("dim", self.signs.rule:rep(math.min(self.terminal.width, 100))))
end

function Text:block_line(content)
  self:line(self:paint("dim", self.signs.bar), " ", content)
end

function Text:wrapped(content, indent, style)
  local room = math.max(30, self.terminal.width - 4 - #indent)
  for _, line in ipairs(terminal.wrap(content, room)) do
    self:block_line(indent .. (style and self:paint(style, line) or line))
  end
end

function Text:drift_heading(drift)
  local severity = model.field(drift, "severity")
  local resource = model.resource(drift.resource_id or "")
  local where = {}
  if resource.on then where[#where + 1] = "on " .. resource.on end
  if resource.group and resource.group ~= resource.name then where[#where + 1] = "in " .. resource.group end
  local status = model.status(drift)
  self:line(self:paint(severity or "dim", self.signs.bullet), " ",
    severity and self:paint(severity, severity:upper()) .. "  " or "", drift.kind, "  ",
    self:paint("dim", safe(model.short_type(drift.resource_type or "?"))), "  ",
    self:paint("name", safe(resource.name)), #where > 0 and "  " .. safe(table.concat(where, ", ")) or "",
    status ~= "open" and self:paint("dim", "  [" .. status .. "]") or "")
end

function Text:verdicts(drift)
  local strongest = model.strongest(drift)
  if not strongest then return end
  self:wrapped(("%s  [%s]"):format(safe(strongest.message or ""), safe(strongest.policy or "?")), "", "heading")
  for _, verdict in model.each(drift.verdicts) do
    if verdict ~= strongest then
      self:wrapped(("also %s: %s  [%s]"):format(verdict.severity, safe(verdict.message or ""),
        safe(verdict.policy or "?")), "")
    end
  end
end

-- "Deny -> Allow", "added X", "removed X", each in the columns that are left.
function Text:change_values(change, room)
  local old, new = model.values(change)
  if change.op == "add" then return self:paint("new", "added " .. compact.show(new, room - 6, self.terminal)) end
  if change.op == "remove" then return self:paint("old", "removed " .. compact.show(old, room - 8, self.terminal)) end
  if change.op == "move" then return "moved" end
  local arrow = (" %s "):format(self.signs.arrow)
  local each = room - terminal.columns(arrow)
  local left = compact.show(old, each, self.terminal)
  local right = compact.show(new, each, self.terminal)
  local spare = each - terminal.columns(left) - terminal.columns(right)
  if spare < 0 then
    -- The shorter one keeps its length, the longer one takes what is left; two long ones take half each.
    local half = each // 2
    local left_room = math.max(half, each - terminal.columns(right))
    left = compact.show(old, left_room, self.terminal)
    right = compact.show(new, each - terminal.columns(left), self.terminal)
  end
  return self:paint("old", left) .. self:paint("dim", arrow) .. self:paint("new", right)
end

local function fits(change, room)
  local old, new = model.values(change)
  local both = old ~= nil and new ~= nil
  local each = both and (room - 4) // 2 or room - 8
  return (old == nil or compact.fits(old, each)) and (new == nil or compact.fits(new, each))
end

-- The column where values begin: past the longest path that is no longer than three fifths of the line.
local function value_column(changes, width)
  local column, limit = 0, width * 3 // 5
  for _, change in model.each(changes) do
    local columns = terminal.columns(safe(change.property or ""))
    if columns <= limit then column = math.max(column, columns) end
  end
  return column
end

function Text:changes(changes, style)
  local width = self.terminal.width - 4
  local column = value_column(changes, width)
  for _, change in model.each(changes) do
    local property = safe(change.property or "")
    if property == "" then
      -- A whole resource: the heading has said that it came or went.
      local old, new = model.values(change)
      self:block_line("  " .. self:paint("dim", compact.show(new == nil and old or new, width - 2, self.terminal)))
    elseif terminal.columns(property) > column or not fits(change, width - column - 5) then
      -- A line of its own has more room than what is left beside the path.
      self:block_line("  " .. self:paint(style, property) .. ":")
      self:block_line("      " .. self:change_values(change, width - 6))
    else
      self:block_line(("  %s:%s  %s"):format(self:paint(style, property),
        (" "):rep(column - terminal.columns(property)), self:change_values(change, width - column - 5)))
    end
  end
end

function Text:actor_line(drift, report)
  local parts = {}
  local actor, first_seen = model.field(drift, "actor"), model.field(drift, "first_seen")
  if actor then
    local confidence = model.field(actor, "confidence")
    parts[#parts + 1] = ("by %s%s"):format(safe(actor.name or actor.id or "?"),
      confidence and confidence ~= "exact" and (" (%s)"):format(safe(confidence)) or "")
  end
  if first_seen then
    local is_new = first_seen.seq ~= nil and first_seen.seq == model.field(report, "to")
    local at = model.field(first_seen, "at")
    parts[#parts + 1] = is_new and "new in this snapshot" or ("open since %s"):format(
      at and moment(at) or tostring(first_seen.seq))
  end
  if #parts > 0 then self:block_line(self:paint("dim", table.concat(parts, (" %s "):format(self.signs.dot)))) end
end

function Text:beside(drift)
  local effects = model.count(drift.effects)
  if effects > 0 and self.show.effects then
    self:block_line(self:paint("dim", "effects:"))
    self:changes(drift.effects, "dim")
  elseif effects > 0 then
    self:block_line(self:paint("dim", ("%s beside it (--show effects)"):format(plural(effects, "effect"))))
  end
  for _, note in model.each(drift.notes) do
    self:wrapped("note: " .. safe(model.note_text(note)), "", "dim")
  end
  if self.show.ignored and model.count(drift.ignored) > 0 then
    self:block_line(self:paint("dim", "ignored by rules:"))
    self:changes(drift.ignored, "dim")
  end
end

function Text:fix(drift)
  local strongest = model.strongest(drift)
  local fix = strongest and model.field(strongest, "fix")
  if fix then self:block_line(self:paint("good", "fix: ") .. safe(fix)) end
  local refs = {}
  for _, reference in model.each(strongest and strongest.refs) do refs[#refs + 1] = safe(reference) end
  if #refs > 0 then self:block_line(self:paint("dim", "refs: " .. table.concat(refs, ", "))) end
end

function Text:drift(drift, report)
  self:drift_heading(drift)
  self:verdicts(drift)
  self:changes(drift.changes, "path")
  self:actor_line(drift, report)
  self:fix(drift)
  self:beside(drift)
  self:line()
end

local MAX_GAP_NAMES = 5

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
  local groups = model.gap_groups(report)
  if #groups == 0 then return end
  self:line(self:paint("medium", "Not everything was read:"))
  for _, group in ipairs(groups) do self:gap(group) end
  self:line()
end

function Text:errors(report)
  for _, problem in model.each(report.errors) do
    local where = model.field(problem, "at")
    self:line(self:paint("high", "Policy failed: "), safe(problem.policy or "?"),
      where and (" (%s)"):format(safe(where)) or "", ": ", safe(problem.error or "?"))
  end
end

local COUNTS = { { "effects", "effect" }, { "notes", "note" }, { "ignored", "ignored by rules", "ignored by rules" },
  { "expected", "expected", "expected" }, { "muted", "muted", "muted" }, { "resolved", "resolved", "resolved" },
  { "not_compared", "not compared", "not compared" } }

-- "3 drifts (1 high, 2 low) - 7 effects - 112 ignored by rules"
function Text:summary_line(summary)
  local severities = {}
  local by_severity = model.field(summary, "by_severity") or {}
  for index = #model.SEVERITIES, 1, -1 do
    local severity = model.SEVERITIES[index]
    local count = by_severity[severity] or 0
    if count > 0 then severities[#severities + 1] = self:paint(severity, ("%d %s"):format(count, severity)) end
  end
  local drifts = model.field(summary, "drifts") or 0
  local parts = { self:paint("heading", plural(drifts, "drift")) }
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
  for _, name in ipairs({ "drifts", "effects", "notes", "ignored", "expected", "muted", "resolved", "not_compared" }) do
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
  if report.complete == true then
    self:line(self:paint("good", self.signs.check .. " No drift."))
  else
    self:line(self:paint("medium", "No drift in what was read."))
  end
end

--- One report, one scope.
function Text:report(report)
  self.scopes = self.scopes + 1
  self:scope_heading(report)
  local loud = model.sorted(report, model.is_loud)
  for _, drift in ipairs(loud) do self:drift(drift, report) end
  if #loud == 0 then self:nothing(report) end
  self:gaps(report)
  self:errors(report)
  local summary = model.field(report, "summary") or { drifts = #loud }
  self:line(self:summary_line(summary))
  add_up(self.totals, summary)
  if report.complete ~= true then self.incomplete = self.incomplete + 1 end
  self.advice = hints.collect(self.advice, report, loud)
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
