--- One row a change (RFC 4180), for spreadsheets and for joins with other lists. Values stand as JSON text.
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local csv = {}

local COLUMNS = { "scope", "timestamp", "severity", "status", "kind", "resource_type", "resource_id", "group", "name",
  "op", "property", "pointer", "old_value", "new_value", "policy", "message", "actor", "first_seen", "fingerprint" }

-- A spreadsheet runs a cell that begins like a formula; the apostrophe makes it text there. Numbers are left alone.
local function defuse(text)
  if text:find("^[=+@\t\r]") or (text:find("^%-") and not tonumber(text)) then return "'" .. text end
  return text
end

-- A control character would break a row in most readers, or reach a terminal: it stands as its escape.
local function cell(content)
  local text = defuse(terminal.safe(content))
  if text:find('[",\r\n]') or text:find("^%s") or text:find("%s$") then return '"' .. text:gsub('"', '""') .. '"' end
  return text
end

local Csv = {}
Csv.__index = Csv

function csv.new(write) return setmetatable({ write = write, has_header = false }, Csv) end

function Csv:row(cells)
  for index, content in ipairs(cells) do cells[index] = cell(content) end
  self.write(table.concat(cells, ",") .. "\r\n")
end

function Csv:header()
  if self.has_header then return end
  self.has_header = true
  self:row(table.move(COLUMNS, 1, #COLUMNS, 1, {}))
end

local function text_of(object, name)
  local content = model.field(object, name)
  return content == nil and "" or tostring(content)
end

local function side(v) return v == nil and "" or value.encode(v) end

function Csv:drift(drift, report)
  local resource = model.resource(drift.resource_id or "")
  local verdict, actor, first = model.strongest(drift), model.field(drift, "actor"), model.field(drift, "first_seen")
  for _, change in model.each(drift.changes) do
    local old, new = model.values(change)
    self:row({ text_of(report, "scope"), text_of(report, "timestamp"), text_of(drift, "severity"), model.status(drift),
      drift.kind,
      text_of(drift, "resource_type"), text_of(drift, "resource_id"), resource.group or "", resource.name, change.op,
      text_of(change, "property"), text_of(change, "pointer"), side(old), side(new), text_of(verdict, "policy"),
      text_of(verdict, "message"), text_of(actor, "name"), text_of(first, "at"), text_of(drift, "fingerprint") })
  end
end

function Csv:report(report)
  self:header()
  for drift in model.sorted(report) do self:drift(drift, report) end
end

-- A file without rows still says its columns.
function Csv:finish() self:header() end

return csv
