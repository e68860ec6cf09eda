--- The command line: finds the command, reads its options, runs it, answers the exit code.
local args = require("azdrift.cli.args")
local contexts = require("azdrift.cli.context")
local failure = require("azdrift.cli.failure")
local help = require("azdrift.cli.help")
local options = require("azdrift.cli.options")
local suggest = require("azdrift.suggest")
local terminal = require("azdrift.cli.terminal")

local main = {}

-- In the order in which help shows them. Each is azdrift.cli.commands.<name>.
main.NAMES = { "init", "collect", "drift", "baseline", "reports", "diff", "snapshots", "history", "export", "rules", "policies", "db",
  "verify", "serve", "keys", "audit", "lua", "completion", "help", "version" }

-- Gives a declaration (and those below it) its full title: "azdrift rules explain".
local function complete(command, parent)
  command.title = ("%s %s"):format(parent, command.name)
  for _, sub in ipairs(command.commands or {}) do complete(sub, command.title) end
  return command
end

--- The declaration of one command.
function main.load(name) return complete(require("azdrift.cli.commands." .. name), "azdrift") end

--- All declarations, in order: for help, completion and the reference page.
function main.commands()
  local commands = {}
  for index, name in ipairs(main.NAMES) do commands[index] = main.load(name) end
  return commands
end

local function names_of(commands)
  local names = {}
  for index, command in ipairs(commands) do names[index] = command.name end
  return names
end

-- Options that may stand before the command, or alone: "azdrift --config x drift", "azdrift --version".
local LEADING = { name = "azdrift", title = "azdrift", usage = "azdrift COMMAND [options]", summary = "", examples = {},
  options = { { long = "version", kind = "flag", summary = "the version" } },
  arguments = { { name = "COMMAND", optional = true } } }

local function takes_value(word)
  for _, option in ipairs(options.COMMON) do
    if option.kind ~= "flag" and (word == "--" .. option.long
      or (option.short and word == "-" .. option.short)) then return true end
  end
  return false
end

-- Where the command's name stands in words; behind the last one where there is none.
local function command_at(words)
  local at = 1
  while at <= #words and words[at]:sub(1, 1) == "-" do
    at = at + (takes_value(words[at]) and 2 or 1)
  end
  return at
end

local function slice(words, first, last) return table.move(words, first, last, 1, {}) end

local function parse_or_fail(declaration, words, first)
  local values, message = args.parse(declaration, words, first, options.COMMON)
  if not values then failure.raise("%s", message) end
  return values
end

local function find_command(name)
  for _, known in ipairs(main.NAMES) do
    if known == name then return main.load(name) end
  end
  failure.raise('unknown command "%s"%s', name, suggest.nearest(name, main.NAMES) and suggest.clause(name, main.NAMES)
    or "; `azdrift help` lists what there is")
end

-- "rules explain": the declaration below the first one that the next word names.
local function find_sub(command, words, at)
  if not command.commands then return command, at end
  local name = words[at]
  if name == nil or name:sub(1, 1) == "-" then return command, at end
  for _, sub in ipairs(command.commands) do
    if sub.name == name then return sub, at + 1 end
  end
  failure.raise('unknown command "%s %s"%s', command.title, name, suggest.clause(name, names_of(command.commands)))
end

local function merge(leading, values)
  for name, value in pairs(leading) do
    if values[name] == nil and name ~= "command" then values[name] = value end
  end
  return values
end

-- What a command wrote before it failed is not lost: the rest of a batch, the scopes that could be read.
local function run_and_flush(command, context, values)
  local ok, result = pcall(command.run, context, values)
  context.terminal:clear_progress()
  if ok then
    context.out:flush()
    return result
  end
  pcall(context.out.flush, context.out)
  error(result, 0)
end

local function run_command(host, words, leading, at)
  local command, first = find_sub(find_command(words[at]), words, at + 1)
  local values = merge(leading, parse_or_fail(command, words, first))
  local context = contexts.new(host, values)
  if values.help then
    help.command(context, command, context.write)
    context.out:flush()
    return 0
  end
  if not command.run then
    failure.raise("%s needs one of: %s; `%s --help` says more", command.title,
      table.concat(names_of(command.commands), ", "), command.title)
  end
  return run_and_flush(command, context, values)
end

local function dispatch(host, words)
  local at = command_at(words)
  local leading = parse_or_fail(LEADING, slice(words, 1, at - 1), 1)
  if leading.version then return run_command(host, { "version" }, {}, 1) end
  if words[at] then return run_command(host, words, leading, at) end
  if not leading.help then failure.raise("no command given; begin with `azdrift help`") end
  leading.help = nil
  return run_command(host, { "help" }, leading, 1)
end

--- Runs one command line. Answers the exit code; a failure is one line on standard error.
function main.run(host, words)
  local ok, result = pcall(dispatch, host, words)
  if ok then return result end
  -- What the engine raises to end a run (a signal, os.exit) is its own business.
  if type(result) == "string" and result:find("^cancelled:") then error(result, 0) end
  if failure.is(result) then
    host.write_error(("azdrift: %s\n"):format(terminal.safe(result.message)))
  else
    host.write_error(("azdrift: internal error, please report it: %s\n"):format(terminal.safe(tostring(result))))
  end
  return 1
end

--- What the engine calls. A command says what it does by its output; the log is for services, and for what goes wrong.
function main.main(arg)
  require("azdrift.log").set_level("warn")
  return main.run(require("azdrift.cli.host").new(require("azdrift.system"), require("azdrift.log")), arg)
end

return main
