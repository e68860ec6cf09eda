--- What tells most about a whole resource, or list element, that came or went: its settings. Names and ids around them, empty values
--- and what Azure writes for itself are left out; plain values stand before lists and objects.
local compact = require("azdrift.report.compact")
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local telling = {}

local MAX_LINES = 3
local MAX_VALUE_COLUMNS = 48

local ENVELOPE = { id = true, name = true, type = true, etag = true, systemData = true, properties = true }
local OBSERVED = { provisioningState = true, resourceGuid = true }

local function is_empty(v)
  local kind = value.kind(v)
  if kind == "null" or kind == "absent" or v == "" then return true end
  return (kind == "array" and #v == 0) or (kind == "object" and #value.keys(v) == 0)
end

local function is_plain(v)
  local kind = value.kind(v)
  return (kind ~= "array" and kind ~= "object") or value.redacted(v) ~= nil
end

local function add_members(rows, object, left_out)
  for _, key in ipairs(value.keys(object)) do
    local member = value.member(object, key)
    if not left_out[key] and not is_empty(member) then rows[#rows + 1] = { key = key, value = member } end
  end
end

-- The settings of an object, in the order in which they are shown.
local function settings_of(object)
  local rows, plain, others = {}, {}, {}
  local properties = value.member(object, "properties")
  if properties ~= nil and value.kind(properties) == "object" then add_members(rows, properties, OBSERVED) end
  add_members(rows, object, ENVELOPE)
  for _, row in ipairs(rows) do table.insert(is_plain(row.value) and plain or others, row) end
  return table.move(others, 1, #others, #plain + 1, plain)
end

-- A reference ({ id = ... } and nothing else) is named by what it leads to.
local function shown(v, screen)
  if value.kind(v) == "object" and #value.keys(v) == 1 and type(value.member(v, "id")) == "string" then
    return compact.show(model.resource(value.member(v, "id")).name, MAX_VALUE_COLUMNS, screen)
  end
  return compact.show(v, MAX_VALUE_COLUMNS, screen)
end

--- Lines of at most width columns, no more than three of them; an empty list where v is no object or says nothing.
function telling.lines(v, width, screen)
  if v == nil or value.kind(v) ~= "object" or value.redacted(v) then return {} end
  local dot = (" %s "):format(screen.signs.dot)
  local lines, line = {}, ""
  local rows = settings_of(v)
  for index, row in ipairs(rows) do
    local key = terminal.safe(row.key)
    local part = screen:cut(("%s: %s"):format(key, shown(row.value, screen)), width)
    local more = #dot + #"99 more"
    local joined = line == "" and part or line .. dot .. part
    local room = #lines == MAX_LINES - 1 and index < #rows and width - more or width
    if line ~= "" and terminal.columns(joined) > room then
      if #lines == MAX_LINES - 1 then
        lines[MAX_LINES] = ("%s%s%d more"):format(line, dot, #rows - index + 1)
        return lines
      end
      lines[#lines + 1], line = line, part
    else
      line = joined
    end
  end
  if line ~= "" then lines[#lines + 1] = line end
  return lines
end

return telling
