--- Checks values against the rows of settings.lua. A failure names file, line and setting, and what was meant.
local duration = require("azdrift.duration")
local failure = require("azdrift.cli.failure")
local settings = require("azdrift.settings")
local suggest = require("azdrift.suggest")

-- Where a name stands in the source, so that a message can say the line; 0 where it does not.
local function line_of(source, name)
  local number = 0
  for line in (source .. "\n"):gmatch("(.-)\n") do
    number = number + 1
    local code = line:gsub("%-%-.*$", "")
    if code:find("%f[%w_]" .. name:gsub("%W", "%%%0") .. "%f[^%w_]") then return number end
  end
  return 0
end

local Checker = {}
Checker.__index = Checker

function Checker:fail(name, format, ...)
  local line = name and self.source and line_of(self.source, name) or 0
  local where = line > 0 and ("%s:%d"):format(self.name, line) or self.name
  failure.raise("%s: %s", where, format:format(...))
end

local function type_name(v)
  local kind = type(v)
  return kind == "string" and "text" or kind == "nil" and "nothing" or kind
end

local check = {}

function check.text(self, row, path, v)
  if type(v) ~= "string" or v == "" then self:fail(row.key, "%s must be a text that is not empty, not %s", path,
    type_name(v)) end
  return v
end

function check.integer(self, row, path, v)
  local number = math.type(v) == "float" and math.tointeger(v) or v
  if math.type(number) ~= "integer" or number < row.min or number > row.max then
    self:fail(row.key, "%s must be a whole number from %d to %d", path, row.min, row.max)
  end
  return number
end

function check.boolean(self, row, path, v)
  if type(v) ~= "boolean" then self:fail(row.key, "%s must be true or false, not %s", path, type_name(v)) end
  return v
end

function check.number(self, row, path, v)
  if type(v) ~= "number" or not (v >= row.min and v <= row.max) then
    self:fail(row.key, "%s must be a number from %s to %s", path, row.min, row.max)
  end
  return v
end

function check.boolean(self, row, path, v)
  if type(v) ~= "boolean" then self:fail(row.key, "%s must be true or false, not %s", path,
    type(v) == "string" and ('"%s"'):format(v) or type_name(v)) end
  return v
end

function check.duration(self, row, path, v)
  if type(v) ~= "string" then self:fail(row.key, '%s must be a duration in quotes, as "3h", not a %s', path,
    type_name(v)) end
  local seconds, message = duration.parse(v)
  if not seconds then self:fail(row.key, "%s: %s", path, message) end
  if row.min and seconds < row.min or row.max and seconds > row.max then
    self:fail(row.key, "%s must be from %s to %s, not %s", path, duration.format(row.min), duration.format(row.max), v)
  end
  return seconds
end

function check.choice(self, row, path, v)
  for _, choice in ipairs(row.choices) do
    if choice == v then return v end
  end
  local said = type(v) == "string" and ('"%s"'):format(v) or type_name(v)
  local clause = type(v) == "string" and suggest.clause(v, row.choices) or ""
  self:fail(row.key, "%s: %s is not one of %s%s", path, said, table.concat(row.choices, ", "), clause)
end

function check.list(self, row, path, v)
  if type(v) ~= "table" then self:fail(row.key, '%s must be a list, as { "%s" }', path, tostring(v)) end
  local list = {}
  for key, element in pairs(v) do
    if math.type(key) ~= "integer" or key < 1 or key > #v then self:fail(row.key, "%s must be a list without names",
      path) end
    local element_row = { key = row.key, choices = row.choices }
    list[key] = check[row.choices and "choice" or "text"](self, element_row, ("%s[%d]"):format(path, key), element)
  end
  return list
end

function check.map(self, row, path, v)
  if type(v) ~= "table" then self:fail(row.key, "%s must be a table", path) end
  return v
end

-- A row as its check sees it: with the name to look for in the source.
local function keyed(row, key) return setmetatable({ key = key }, { __index = row }) end

local function default_of(self, row)
  if row.default == nil then return nil end
  return check[row[2]](self, keyed(row, row[1]), row[1], row.default)
end

local function field_names(fields)
  local names = {}
  for _, field in ipairs(fields) do names[#names + 1] = field[1] end
  return names
end

local function check_record(self, row, path, record)
  if type(record) ~= "table" then self:fail(row.key, "%s must be a table, as { %s = ... }", path, row.fields[1][1]) end
  local known, result = {}, {}
  for _, field in ipairs(row.fields) do known[field[1]] = field end
  for name in pairs(record) do
    if not known[name] then
      self:fail(tostring(name), 'unknown setting "%s" in %s%s', tostring(name), path,
        suggest.clause(tostring(name), field_names(row.fields)))
    end
  end
  for _, field in ipairs(row.fields) do
    local name, given = field[1], record[field[1]]
    if given ~= nil then
      result[name] = check[field[2]](self, keyed(field, name), ("%s.%s"):format(path, name), given)
    elseif field.required then
      self:fail(row.key, "%s needs %s: %s", path, name, field[3])
    else
      result[name] = default_of(self, field)
    end
  end
  return result
end

function check.records(self, row, path, v)
  if type(v) ~= "table" then self:fail(row.key, "%s must be a list of tables", path) end
  local records = {}
  for key in pairs(v) do
    if math.type(key) ~= "integer" or key < 1 or key > #v then
      self:fail(row.key, "%s must be a list of tables: %s = { { ... } }", path, path)
    end
  end
  for index, record in ipairs(v) do records[index] = check_record(self, row, ("%s[%d]"):format(path, index), record) end
  return records
end

-- Sections ("store") with the names in them, and settings without a section.
local function known_names()
  local sections, single = {}, {}
  for _, row in ipairs(settings.ROWS) do
    local section, name = row[1]:match("^([^.]+)%.(.+)$")
    if section then
      sections[section] = sections[section] or {}
      table.insert(sections[section], name)
    else
      single[row[1]] = true
    end
  end
  return sections, single
end

local function check_names(self, file)
  local sections, single = known_names()
  local top = {}
  for name in pairs(sections) do top[#top + 1] = name end
  for name in pairs(single) do top[#top + 1] = name end
  for name, given in pairs(file) do
    if sections[name] then
      if type(given) ~= "table" then self:fail(name, "%s must be a table: %s = { ... }", name, name) end
      for inner in pairs(given) do
        local is_known = false
        for _, known in ipairs(sections[name]) do is_known = is_known or known == inner end
        if not is_known then
          self:fail(tostring(inner), 'unknown setting "%s" in %s%s', tostring(inner), name,
            suggest.clause(tostring(inner), sections[name]))
        end
      end
    elseif not single[name] then
      self:fail(tostring(name), 'unknown setting "%s"%s', tostring(name), suggest.clause(tostring(name), top))
    end
  end
end

--- A checker of values that stand in the file (or variable) name; source is its text, for line numbers.
function Checker.new(name, source) return setmetatable({ name = name, source = source }, Checker) end

--- v, checked and in its final form, or raises.
function Checker:value(row, v) return check[row[2]](self, keyed(row, row[1]:match("[^.]+$")), row[1], v) end

Checker.default = default_of
Checker.names = check_names

return Checker
