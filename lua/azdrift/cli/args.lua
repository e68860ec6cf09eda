--- The command line of one command, read by its declaration.
---
--- A declaration names its `options` and `arguments`:
---   { long = "fail-on", short = "f", value = "SEVERITY", kind = "choice", choices = {...}, summary = "..." }
---   kind: "flag" (no value), "text" (the default), "integer" (min, max), "duration", "choice", "choices" (a,b,c)
---   repeated = true: a list of what was given; sets = { "format", "json" }: short for another option
---   { name = "OLD", optional = true, repeated = true } for what stands without a dash
--- The result: long names with "-" as "_", arguments under their name in lower case.
local duration = require("azdrift.duration")
local suggest = require("azdrift.suggest")

local args = {}

local function field_of(option) return (option.long:gsub("-", "_")) end

local function quoted_list(words) return table.concat(words, ", ") end

local convert = {}

function convert.text(_, text)
  if text == "" then return nil, "an empty value says nothing" end
  if text:find("%z") then return nil, "a value cannot hold a zero byte" end
  return text
end

function convert.integer(option, text)
  local number = text:match("^[+-]?%d+$") and math.tointeger(tonumber(text))
  local low, high = option.min or math.mininteger, option.max or math.maxinteger
  if not number then return nil, ('"%s" is not a whole number'):format(text) end
  if number < low or number > high then return nil, ("%s is not between %d and %d"):format(text, low, high) end
  return number
end

function convert.duration(_, text) return duration.parse(text) end

function convert.choice(option, text)
  for _, choice in ipairs(option.choices) do
    if choice == text:lower() then return choice end
  end
  return nil, ('"%s" is not one of %s%s'):format(text, quoted_list(option.choices),
    suggest.clause(text, option.choices))
end

function convert.choices(option, text)
  local chosen = {}
  for word in (text .. ","):gmatch("([^,]*),") do
    local choice, message = convert.choice(option, word)
    if not choice then return nil, message end
    chosen[choice] = true
  end
  return chosen
end

local function store(option, values, text)
  local value, message = convert[option.kind or "text"](option, text)
  if value == nil then return ("--%s: %s"):format(option.long, message) end
  local field = field_of(option)
  if option.kind == "choices" then
    values[field] = values[field] or {}
    for choice in pairs(value) do values[field][choice] = true end
  elseif option.repeated then
    values[field] = values[field] or {}
    table.insert(values[field], value)
  else
    values[field] = value
  end
end

local function known_options(declaration, common)
  local by_name, names = {}, {}
  for _, list in ipairs({ declaration.options or {}, common or {} }) do
    for _, option in ipairs(list) do
      by_name["--" .. option.long] = option
      names[#names + 1] = "--" .. option.long
      if option.short then by_name["-" .. option.short] = option end
    end
  end
  return by_name, names
end

-- "--name=value", "--name", "-n", "-nVALUE", "-qv" as option name, value that was glued on, and the rest of a bunch.
local function split_word(word, by_name)
  local name, value = word:match("^(%-%-[^=]+)=(.*)$")
  if name then return name, value end
  if word:sub(1, 2) == "--" then return word end
  name = word:sub(1, 2)
  if #word == 2 then return name end
  local option = by_name[name]
  if option and option.kind == "flag" then return name, nil, "-" .. word:sub(3) end
  return name, (word:sub(3):gsub("^=", "", 1))
end

local function needs_value(name, option)
  local shape = option.choices and quoted_list(option.choices) or option.value or "a value"
  return ("%s needs a value: %s"):format(name, shape)
end

local Parser = {}
Parser.__index = Parser

function Parser:unknown(name)
  local near = suggest.nearest(name, self.names)
  if near then return ("unknown option %s; did you mean %s?"):format(name, near) end
  return ("unknown option %s; `%s --help` lists what there is"):format(name, self.title)
end

-- One word that begins with a dash. Answers a message on failure.
function Parser:option(word)
  local name, value, rest = split_word(word, self.by_name)
  local option = self.by_name[name]
  if not option then return self:unknown(name) end
  if option.kind == "flag" then
    if value then return ("%s takes no value, but got \"%s\""):format(name, value) end
    self.values[field_of(option)] = true
    if option.sets then self.values[option.sets[1]] = option.sets[2] end
  else
    if value == nil then
      value = self.words[self.at + 1]
      local is_number = option.kind == "integer" and value and value:match("^%-%d")
      if value == nil or (value:match("^%-.") and not is_number) then return needs_value(name, option) end
      self.at = self.at + 1
    end
    local message = store(option, self.values, value)
    if message then return message end
  end
  if rest then return self:option(rest) end
end

function Parser:positional(word)
  local argument = self.arguments[self.filled + 1]
  if not argument then
    local last = self.arguments[self.filled]
    if last and last.repeated then
      table.insert(self.values[last.name:lower()], word)
      return
    end
    return ('unexpected "%s"; usage: %s'):format(word, self.usage)
  end
  if word == "" then return ("%s is an empty text; usage: %s"):format(argument.name, self.usage) end
  self.filled = self.filled + 1
  self.values[argument.name:lower()] = argument.repeated and { word } or word
end

function Parser:missing()
  local argument = self.arguments[self.filled + 1]
  if argument and not argument.optional then
    return ("%s is missing; usage: %s"):format(argument.name, self.usage)
  end
end

--- Reads words[first...]. common: options that every command takes.
--- Answers the values, or nil and one line that names the input and says what to do.
function args.parse(declaration, words, first, common)
  local by_name, names = known_options(declaration, common)
  local parser = setmetatable({ by_name = by_name, names = names, values = {}, words = words, at = first or 1,
    filled = 0, arguments = declaration.arguments or {}, usage = declaration.usage, title = declaration.title }, Parser)
  local only_arguments = false
  while parser.at <= #words do
    local word = words[parser.at]
    local message
    if only_arguments or word == "-" or word:sub(1, 1) ~= "-" then
      message = parser:positional(word)
    elseif word == "--" then
      only_arguments = true
    else
      message = parser:option(word)
    end
    if message then return nil, message end
    parser.at = parser.at + 1
  end
  -- Somebody who asks for help is not told off for a missing argument.
  local message = not parser.values.help and parser:missing()
  if message then return nil, message end
  return parser.values
end

return args
