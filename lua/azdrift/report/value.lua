--- The one way formatters look at a report.
---
--- A report (docs/reports.md) is read by plain indexing, `#` and ipairs: `report.drifts[1].changes[1].property`. Lua
--- tables and views of azdrift.json both answer that, and mixtures of them too. What must stay exact (old and new
--- values: integers of any size, all digits, null beside absent) is touched through this module only.
local value = {}

-- Outside the engine (lua5.4, busted) there are Lua tables only.
local has_documents, json = pcall(require, "azdrift.json")

--- JSON null inside Lua tables.
value.null = has_documents and json.null or setmetatable({}, { __name = "null" })

local array_mark = { __name = "array" }
-- A number of a document whose digits a float would not keep: { digits }.
local number_mark = { __name = "number" }

--- Marks a Lua table as a JSON array, so that an empty one is written as [].
function value.array(list) return setmetatable(list or {}, array_mark) end

local function table_kind(v)
  local mark = getmetatable(v)
  if mark == number_mark then return "number" end
  -- Every other mark is one for arrays: ours, or json.array's, which does not show itself.
  return (mark ~= nil or v[1] ~= nil) and "array" or "object"
end

--- "absent" (nil), "null", "boolean", "number", "string", "array" or "object".
function value.kind(v)
  local kind = type(v)
  if kind == "nil" then return "absent" end
  if v == value.null then return "null" end
  if kind == "table" then return table_kind(v) end
  if kind == "userdata" then return json.kind(v) end
  if kind == "boolean" or kind == "number" or kind == "string" then return kind end
  error(("a %s is no JSON value"):format(kind), 2)
end

--- The member or element of a container, exact: null is value.null, a number keeps its digits; nil where it is absent.
function value.member(container, key)
  local v = container[key]
  if type(container) ~= "userdata" then return v end
  if v == nil then return json.is_null(container, key) and value.null or nil end
  if math.type(v) == "float" then return setmetatable({ json.raw(container, key) }, number_mark) end
  return v
end

--- v, or nil where v is JSON null: for fields that may be null.
function value.present(v)
  if v == nil or value.kind(v) == "null" then return nil end
  return v
end

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function escape(character)
  return ESCAPES[character] or ("\\u%04x"):format(character:byte())
end

--- A JSON string literal. Text that is not UTF-8 cannot come out of a document; here it is refused loudly.
function value.quote(text)
  assert(utf8.len(text), "text is not UTF-8")
  return '"' .. text:gsub('[%c"\\\127]', escape) .. '"'
end

local function number_text(number)
  if math.type(number) == "integer" then return ("%d"):format(number) end
  assert(number == number and number ~= math.huge and number ~= -math.huge, "JSON has no such number")
  local short = ("%.15g"):format(number)
  return tonumber(short) == number and short or ("%.17g"):format(number)
end

local function sorted_keys(object)
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

--- The names of an object's members in a stable order: that of the text, or of the alphabet.
function value.keys(object)
  if type(object) ~= "userdata" then return sorted_keys(object) end
  local keys = {}
  for key in pairs(object) do keys[#keys + 1] = key end
  return keys
end

local write

local function write_object(object, out)
  out[#out + 1] = "{"
  for index, key in ipairs(sorted_keys(object)) do
    if index > 1 then out[#out + 1] = "," end
    out[#out + 1] = value.quote(key)
    out[#out + 1] = ":"
    write(object[key], out)
  end
  out[#out + 1] = "}"
end

function write(v, out)
  local kind = value.kind(v)
  if kind == "null" or kind == "absent" then
    out[#out + 1] = "null"
  elseif type(v) == "userdata" then
    out[#out + 1] = json.write(v)
  elseif kind == "string" then
    out[#out + 1] = value.quote(v)
  elseif kind == "number" then
    out[#out + 1] = type(v) == "table" and v[1] or number_text(v)
  elseif kind == "array" then
    out[#out + 1] = "["
    for index, element in ipairs(v) do
      if index > 1 then out[#out + 1] = "," end
      write(element, out)
    end
    out[#out + 1] = "]"
  elseif kind == "object" then
    write_object(v, out)
  else
    out[#out + 1] = tostring(v)
  end
end

--- The value as JSON on one line; members of Lua tables sorted by name.
function value.encode(v)
  local out = {}
  write(v, out)
  return table.concat(out)
end

--- The first hex digits of a redacted value's digest, or nil where v is none (engine/json/redact.h).
function value.redacted(v)
  if value.kind(v) ~= "object" then return nil end
  local digest = v["$redacted"]
  return type(digest) == "string" and digest:sub(1, 8) or nil
end

return value
