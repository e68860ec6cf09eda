--- Values as people read them on one line: short, safe, and never ambiguous.
---   Deny    the text "Deny"        "true"  a text that reads like something else keeps its quotes
---   443     the number             { name: ssh, properties: {..6} }   what does not fit is folded to a count
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local compact = {}

local function reads_like_json(text)
  return text == "" or text == "true" or text == "false" or text == "null" or tonumber(text) ~= nil
    or text:find("^[%[{\"'(]") ~= nil or text:find("^%s") ~= nil or text:find("%s$") ~= nil
end

local function text_of(text)
  local shown = terminal.safe(text)
  if shown ~= text then return '"' .. shown .. '"' end
  return reads_like_json(text) and value.quote(text) or text
end

-- Inside a list or object a comma or brace would be read as structure.
local function inner_text(text)
  local shown = text_of(text)
  if shown == text and text:find("[,:{}%[%]]") then return value.quote(text) end
  return shown
end

local render

local function folded(kind, v)
  if kind == "array" then return #v == 0 and "[]" or ("[..%d]"):format(#v) end
  local count = #value.keys(v)
  return count == 0 and "{}" or ("{..%d}"):format(count)
end

local function render_list(v, depth)
  local parts = {}
  for index = 1, #v do parts[index] = render(value.member(v, index), depth - 1, inner_text) end
  return #parts == 0 and "[]" or "[" .. table.concat(parts, ", ") .. "]"
end

-- What tells elements apart stands first, for the end may be cut.
local function naming_first(keys)
  local first, rest = {}, {}
  for _, key in ipairs(keys) do table.insert((key == "name" or key == "id") and first or rest, key) end
  return table.move(rest, 1, #rest, #first + 1, first)
end

local function render_object(v, depth)
  local parts = {}
  for _, key in ipairs(naming_first(value.keys(v))) do
    parts[#parts + 1] = inner_text(key) .. ": " .. render(value.member(v, key), depth - 1, inner_text)
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

function render(v, depth, show_text)
  local kind = value.kind(v)
  if kind == "string" then return show_text(v) end
  local digest = value.redacted(v)
  if digest then return "(redacted " .. terminal.safe(digest) .. ")" end
  if kind == "array" or kind == "object" then
    if depth <= 0 then return folded(kind, v) end
    return kind == "array" and render_list(v, depth) or render_object(v, depth)
  end
  if kind == "absent" then return "(none)" end
  return value.encode(v)
end

-- A value whose full form is this much longer than the line is not even written out to be measured.
local MAX_ELEMENTS = 64

local function is_large(v)
  local kind = value.kind(v)
  if kind == "array" then return #v > MAX_ELEMENTS end
  return kind == "object" and #value.keys(v) > MAX_ELEMENTS
end

--- Whether v stands in width columns without a fold or a cut.
function compact.fits(v, width)
  return not is_large(v) and terminal.columns(render(v, 4, text_of)) <= width
end

--- v in at most width columns: in full where it fits, else its inner levels folded to counts, else cut.
--- A fold that would leave most of the line empty gives way to the fuller form, cut: its beginning says more.
function compact.show(v, width, sign)
  local fuller
  for depth = is_large(v) and 0 or 4, 0, -1 do
    local shown = render(v, depth, text_of)
    local columns = terminal.columns(shown)
    if columns <= width then
      if fuller and columns < width // 2 then return sign:cut(fuller, width) end
      return shown
    end
    fuller = shown
  end
  return sign:cut(fuller, width)
end

return compact
