--- One drift as text: a heading, what policies say, the changes in columns, and what stands beside them.
local compact = require("azdrift.report.compact")
local model = require("azdrift.report.model")
local telling = require("azdrift.report.telling")
local terminal = require("azdrift.cli.terminal")

local block = {}

local safe = terminal.safe

local Block = {}
Block.__index = Block

--- write(text); screen: an azdrift.cli.terminal; show: set of "effects", "ignored".
function block.new(write, screen, show)
  return setmetatable({ write = write, terminal = screen, show = show, signs = screen.signs }, Block)
end

local function plural(count, one, many)
  return ("%d %s"):format(count, count == 1 and one or many or one .. "s")
end

block.plural = plural

-- "2026-11-22T10:00:05Z" -> "2026-11-22 10:00 UTC"; anything else as it is.
local function moment(timestamp)
  local day, time = timestamp:match("^(%d%d%d%d%-%d%d%-%d%d)T(%d%d:%d%d)[%d:.]*Z$")
  return day and ("%s %s UTC"):format(day, time) or safe(timestamp)
end

block.moment = moment

function Block:line(...) self.write(table.concat({ ... }) .. "\n") end

function Block:paint(style, content) return self.terminal:paint(style, content) end

function Block:block_line(content)
  self:line(self:paint("dim", self.signs.bar), " ", content)
end

function Block:wrapped(content, indent, style)
  local room = math.max(30, self.terminal.width - 4 - #indent)
  for _, line in ipairs(terminal.wrap(content, room)) do
    self:block_line(indent .. (style and self:paint(style, line) or line))
  end
end

function Block:drift_heading(drift)
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

function Block:verdicts(drift)
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
function Block:change_values(change, room)
  local old, new = model.values(change)
  if change.op == "add" then return self:paint("new", "added " .. compact.show(new, room - 6, self.terminal)) end
  if change.op == "remove" then return self:paint("old", "removed " .. compact.show(old, room - 8, self.terminal)) end
  if old == nil or new == nil then return "moved" end
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
local function value_column(changes, settings, width)
  local column, limit = 0, width * 3 // 5
  for index, change in model.each(changes) do
    local columns = terminal.columns(safe(change.property or ""))
    if columns <= limit and #settings[index] == 0 then column = math.max(column, columns) end
  end
  return column
end

-- Lines about what came or went: a whole resource always has one, a list element where it has settings.
function Block:settings(change, width)
  local old, new = model.values(change)
  local is_whole = (change.property or "") == ""
  if not is_whole and change.op ~= "add" and change.op ~= "remove" then return {} end
  local subject = new == nil and old or new
  local lines = telling.lines(subject, width - (is_whole and 2 or 6), self.terminal)
  if is_whole and #lines == 0 then lines = { compact.show(subject, width - 2, self.terminal) } end
  return lines
end

function Block:changes(changes, style)
  local width = self.terminal.width - 4
  local settings = {}
  for index, change in model.each(changes) do settings[index] = self:settings(change, width) end
  local column = value_column(changes, settings, width)
  for index, change in model.each(changes) do
    local property = safe(change.property or "")
    if property == "" then
      -- A whole resource: the heading has said that it came or went.
      for _, line in ipairs(settings[index]) do self:block_line("  " .. self:paint("dim", line)) end
    elseif #settings[index] > 0 then
      self:block_line(("  %s:  %s"):format(self:paint(style, property),
        self:paint(change.op == "add" and "new" or "old", change.op == "add" and "added" or "removed")))
      for _, line in ipairs(settings[index]) do self:block_line("      " .. self:paint("dim", line)) end
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

-- "open again: resolved after 2026-11-20 10:00 UTC, first seen 2026-11-18 08:00 UTC, 2 times before"; nil where it was not.
local function reopened(drift)
  local earlier = model.field(drift, "earlier")
  local count = model.count(earlier)
  if drift.reopened ~= true or count == 0 then return nil end
  local last, seen = earlier[count], model.field(earlier[count], "last_seen")
  local at = seen and model.field(seen, "at")
  return ("open again: %s%s, first seen %s%s"):format(safe(last.ended), at and " after " .. moment(at) or "",
    moment(earlier[1].first_seen.at), count > 1 and (", %d times before"):format(count) or "")
end

-- "acknowledged by eve until 2026-12-01 00:00 UTC: planned"
function Block:said_line(drift)
  local said = model.field(drift, "said")
  if not said then return end
  local ends, why = model.field(said, "until"), model.field(said, "why")
  self:wrapped(("%s by %s%s%s"):format(model.status(drift), safe(said.who), ends and " until " .. moment(ends) or "",
    why and why ~= "" and ": " .. safe(why) or ""), "", "dim")
end

function Block:actor_line(drift, report)
  local parts = {}
  local actor, first_seen = model.field(drift, "actor"), model.field(drift, "first_seen")
  if actor then
    local confidence = model.field(actor, "confidence")
    parts[#parts + 1] = ("by %s%s"):format(safe(actor.name or actor.id or "?"),
      confidence and confidence ~= "exact" and (" (%s)"):format(safe(confidence)) or "")
  end
  if first_seen then
    local is_new = drift.is_new == true or (first_seen.seq ~= nil and first_seen.seq == model.field(report, "to"))
    local at, again = model.field(first_seen, "at"), reopened(drift)
    if again then parts[#parts + 1] = again end
    if not (again and is_new) then
      parts[#parts + 1] = is_new and "new in this snapshot" or ("open since %s"):format(
        at and moment(at) or tostring(first_seen.seq))
    end
    parts[#parts + 1] = model.field(drift, "fingerprint")
  end
  if #parts > 0 then self:block_line(self:paint("dim", table.concat(parts, (" %s "):format(self.signs.dot)))) end
end

function Block:beside(drift)
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

function Block:fix(drift)
  local strongest = model.strongest(drift)
  local fix = strongest and model.field(strongest, "fix")
  if fix then self:block_line(self:paint("good", "fix: ") .. safe(fix)) end
  local refs = {}
  for _, reference in model.each(strongest and strongest.refs) do refs[#refs + 1] = safe(reference) end
  if #refs > 0 then self:block_line(self:paint("dim", "refs: " .. table.concat(refs, ", "))) end
end

function Block:drift(drift, report)
  self:drift_heading(drift)
  self:verdicts(drift)
  self:changes(drift.changes, "path")
  self:actor_line(drift, report)
  self:said_line(drift)
  self:fix(drift)
  self:beside(drift)
  self:line()
end

return block
