--- docs/configuration.md, made from settings.lua.
local config = require("azdrift.config")
local duration = require("azdrift.duration")
local settings = require("azdrift.settings")
local terminal = require("azdrift.cli.terminal")

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

local function environment_of(row)
  local names = {}
  for _, name in ipairs({ settings.environment_name(row) or false, row.env_file or false }) do
    if name then names[#names + 1] = name end
  end
  return names
end

local function without_marks(text) return (text:gsub("`", "")) end

-- One setting as a paragraph: its name, what it takes, then what it means.
local function plain_row(write, name, row, names, width)
  local facts, default = { kind_text(row) }, without_marks(shown_default(row))
  if default ~= "" then facts[#facts + 1] = default == "required" and default or "default " .. default end
  for _, variable in ipairs(names) do facts[#facts + 1] = "$" .. variable end
  write(("  %s  (%s)\n"):format(name, table.concat(facts, "; ")))
  for _, line in ipairs(terminal.wrap(without_marks(row[3]), width - 6)) do write("      " .. line .. "\n") end
end

--- The same for a terminal: no tables, no marks.
function page.plain(write, width)
  local about = "A project is a folder with an azdrift.lua (azdrift init makes one). It is looked for in this order: --config FILE, "
    .. "$AZDRIFT_CONFIG, ./azdrift.lua, " .. config.SYSTEM_FILE .. ". It returns a table; env(NAME, default) and file(PATH) are the only "
    .. "functions it can call. A value is taken from a flag, else from the environment, else from the file, else the default. "
    .. "Durations are texts: 90s, 15m, 3h, 30d, 2w, 2y, or 1h30m."
  for _, line in ipairs(terminal.wrap(about, width)) do write(line .. "\n") end
  write("\n")
  for _, row in ipairs(settings.ROWS) do
    plain_row(write, row[1], row, environment_of(row), width)
    for _, field in ipairs(row.fields or {}) do
      plain_row(write, ("%s[].%s"):format(row[1], field[1]), field, { field.env and field.env .. " (without accounts)" }, width)
    end
  end
end

--- The whole page, as docs/configuration.md.
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
    local names = environment_of(row)
    for index, name in ipairs(names) do names[index] = ("`%s`"):format(name) end
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
