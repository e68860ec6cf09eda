--- Help and reference pages, made from the declarations of the commands.
local options = require("azdrift.cli.options")
local terminal = require("azdrift.cli.terminal")

local help = {}

local MARGIN = 26

help.EXIT_CODES = {
  { "0", "no drift, and everything asked for was read" },
  { "1", "an error: one line on standard error names the input and what to do" },
  { "2", "drift at or above --fail-on" },
  { "3", "no drift found, but not everything was read (--allow-incomplete makes it 0)" },
  { "130, 143", "stopped by SIGINT or SIGTERM" },
}

-- Only what compares answers with 2 and 3.
local COMPARES = { collect = true, diff = true, drift = true }

function help.option_title(option)
  local title = option.short and ("-%s, --%s"):format(option.short, option.long) or ("    --%s"):format(option.long)
  if option.kind ~= "flag" then title = ("%s %s"):format(title, option.value or "VALUE") end
  return title
end

local function indented_rows(rows, width, write)
  for _, row in ipairs(rows) do
    local lines = terminal.wrap(row[2], math.max(30, width - MARGIN))
    if terminal.columns(row[1]) + 4 > MARGIN then
      write("  " .. row[1] .. "\n")
    else
      write("  " .. terminal.pad(row[1], MARGIN - 2) .. table.remove(lines, 1) .. "\n")
    end
    for _, line in ipairs(lines) do write((" "):rep(MARGIN) .. line .. "\n") end
  end
end

local function option_rows(list)
  local rows = {}
  for _, option in ipairs(list) do rows[#rows + 1] = { help.option_title(option), option.summary } end
  return rows
end

local function heading(context, text) return context.terminal:paint("heading", text) .. "\n" end

local function paragraphs(command, width, write)
  for _, paragraph in ipairs(command.about or {}) do
    write("\n")
    for _, line in ipairs(terminal.wrap(paragraph, math.min(width, 100))) do write(line .. "\n") end
  end
end

--- `azdrift COMMAND --help`.
function help.command(context, command, write)
  local width = math.min(context.terminal.width, 110)
  write(("%s: %s\n"):format(command.title, command.summary))
  paragraphs(command, width, write)
  write("\n" .. heading(context, "Usage"))
  write("  " .. command.usage .. "\n")
  if command.arguments and #command.arguments > 0 then
    local rows = {}
    for _, argument in ipairs(command.arguments) do rows[#rows + 1] = { argument.name, argument.summary } end
    write("\n" .. heading(context, "Arguments"))
    indented_rows(rows, width, write)
  end
  if command.commands then
    local rows = {}
    for _, sub in ipairs(command.commands) do rows[#rows + 1] = { sub.name, sub.summary } end
    write("\n" .. heading(context, "Commands"))
    indented_rows(rows, width, write)
  end
  if command.options and #command.options > 0 then
    write("\n" .. heading(context, "Options"))
    indented_rows(option_rows(command.options), width, write)
  end
  write("\n" .. heading(context, "Options of every command"))
  indented_rows(option_rows(options.COMMON), width, write)
  if COMPARES[command.name] then
    write("\n" .. heading(context, "Exit codes"))
    indented_rows(help.EXIT_CODES, width, write)
  end
  write("\n" .. heading(context, "Examples"))
  for _, example in ipairs(command.examples) do
    write("  " .. context.terminal:paint("dim", "# " .. example[1]) .. "\n")
    write("  " .. example[2] .. "\n")
  end
end

--- `azdrift help`: what there is, and where to begin.
function help.overview(context, commands, write)
  local rows = {}
  for _, command in ipairs(commands) do rows[#rows + 1] = { command.name, command.summary } end
  write("azdrift watches the configuration of Azure resources and says what changed and how much it matters.\n\n")
  write(heading(context, "Usage"))
  write("  azdrift COMMAND [options]\n\n")
  write(heading(context, "Commands"))
  indented_rows(rows, math.min(context.terminal.width, 110), write)
  write("\n" .. heading(context, "Begin with"))
  write("  azdrift init my-azure && cd my-azure      # a project with comments to read\n")
  write("  azdrift collect                           # read Azure; the first run is the baseline\n")
  write("  azdrift drift                             # what has changed since\n")
  write("  azdrift diff old.json new.json            # without Azure: compare two files\n\n")
  write("`azdrift COMMAND --help` shows options and examples; docs/cli.md has all of it on one page.\n")
end

local function escape_cell(text) return (text:gsub("|", "\\|")) end

local function markdown_options(list, write)
  write("| option | meaning |\n|---|---|\n")
  for _, option in ipairs(list) do
    write(("| `%s` | %s |\n"):format(help.option_title(option):gsub("^%s+", ""), escape_cell(option.summary)))
  end
  write("\n")
end

local function markdown_command(command, level, write)
  write(("%s %s\n\n%s.\n\n    %s\n\n"):format(("#"):rep(level), command.title, command.summary, command.usage))
  for _, paragraph in ipairs(command.about or {}) do write(paragraph .. "\n\n") end
  if command.arguments and #command.arguments > 0 then
    write("| argument | meaning |\n|---|---|\n")
    for _, argument in ipairs(command.arguments) do
      write(("| `%s` | %s |\n"):format(argument.name, escape_cell(argument.summary)))
    end
    write("\n")
  end
  if command.options and #command.options > 0 then markdown_options(command.options, write) end
  for _, example in ipairs(command.examples) do write(("    # %s\n    %s\n"):format(example[1], example[2])) end
  write("\n")
  for _, sub in ipairs(command.commands or {}) do markdown_command(sub, level + 1, write) end
end

--- docs/cli.md, whole.
function help.markdown(commands, write)
  write("# The command line\n\nMade from the declarations in `lua/azdrift/cli/commands/` by `tools/make-docs`; do "
    .. "not edit.\n\n")
  write("## Options of every command\n\n")
  markdown_options(options.COMMON, write)
  write("## Exit codes\n\n| code | meaning |\n|---|---|\n")
  for _, row in ipairs(help.EXIT_CODES) do write(("| %s | %s |\n"):format(row[1], escape_cell(row[2]))) end
  write("\nSeveral scopes answer with one code: 1, else 2, else 3, else 0.\n\n")
  for _, command in ipairs(commands) do markdown_command(command, 2, write) end
end

return help
