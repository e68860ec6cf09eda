--- docs/configuration.md, made from settings.lua.
local config = require("azdrift.config")
local duration = require("azdrift.duration")
local settings = require("azdrift.settings")

local page = {}

local function shown_default(row)
  local default = row.default
  if default == nil then return row.required and "required" or "" end
  if type(default) ~= "table" then return ("`%s`"):format(tostring(default)) end
  local words = {}
  for index, word in ipairs(default) do words[index] = ('"%s"'):format(word) end
  return #words > 0 and ("`{ %s }`"):format(table.concat(words, ", ")) or ""
end

local function kind_text(row)
  if row[2] == "choice" then return table.concat(row.choices, ", ") end
  if row.min and row[2] == "duration" then
    return ("duration, %s to %s"):format(duration.format(row.min), duration.format(row.max))
  end
  if row.min then return ("%s, %s to %s"):format(row[2], row.min, row.max) end
  return row[2] == "records" and "list of tables" or row[2]
end

local function describe_row(write, name, row, environment)
  write(("| `%s` | %s | %s | %s | %s |\n"):format(name, kind_text(row), shown_default(row), environment, row[3]))
end

--- The whole page.
function page.write(write)
  write("# Settings\n\nMade from `lua/azdrift/settings.lua` by `tools/make-docs`; do not edit.\n\n"
    .. "A project is a folder with an `azdrift.lua` (`azdrift init` makes one). It is looked for in this order: "
    .. "`--config FILE`,\n"
    .. "`$AZDRIFT_CONFIG`, `./azdrift.lua`, `" .. config.SYSTEM_FILE
      .. "`. It returns a table; `env(NAME, default)` and `file(PATH)` are\n"
    .. "the only functions it can call. A value is taken from a flag, else from the environment, else from the file, "
    .. "else the default.\n"
    .. "Durations are texts: `90s`, `15m`, `3h`, `30d`, `2w`, `2y`, or `1h30m`.\n\n"
    .. "| setting | kind | default | environment | meaning |\n|---|---|---|---|---|\n")
  for _, row in ipairs(settings.ROWS) do
    local names = {}
    for _, name in ipairs({ settings.environment_name(row) or false, row.env_file or false }) do
      if name then names[#names + 1] = ("`%s`"):format(name) end
    end
    describe_row(write, row[1], row, table.concat(names, ", "))
    for _, field in ipairs(row.fields or {}) do
      describe_row(write, ("%s[].%s"):format(row[1], field[1]), field,
        field.env and ("`%s` (without accounts)"):format(field.env) or "")
    end
  end
  write("\nNever printed, in no message and no log: ")
  local secrets = {}
  for _, row in ipairs(settings.ROWS) do
    if row.secret then secrets[#secrets + 1] = ("`%s`"):format(row[1]) end
    for _, field in ipairs(row.fields or {}) do
      if field.secret then secrets[#secrets + 1] = ("`%s[].%s`"):format(row[1], field[1]) end
    end
  end
  write(table.concat(secrets, ", ") .. ".\n")
end

return page
