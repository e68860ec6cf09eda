local failure = require("azdrift.cli.failure")
local help = require("azdrift.cli.help")
local page = require("azdrift.config.page")
local suggest = require("azdrift.suggest")

-- "azdrift help rules explain": the declaration that the words name.
local function find(commands, words)
  local found
  for _, word in ipairs(words) do
    local names, below = {}, nil
    for _, command in ipairs(commands or {}) do
      names[#names + 1] = command.name
      if command.name == word then below = command end
    end
    if not below then
      local near = suggest.clause(word, names)
      failure.raise('no command "%s"%s', word, near ~= "" and near or "; `azdrift help` lists what there is")
    end
    found, commands = below, below.commands
  end
  return found
end

return {
  name = "help",
  summary = "Explain a command, or the settings of azdrift.lua (help config)",
  usage = "azdrift help [COMMAND...]",
  arguments = { { name = "COMMAND", optional = true, repeated = true,
    summary = "what to explain; config: every setting" } },
  options = {},
  examples = {
    { "what there is", "azdrift help" },
    { "one command", "azdrift help drift" },
    { "every setting with its default and its environment variable", "azdrift help config" },
  },
  run = function(context, values)
    -- main knows the commands, and this is one of them: asked for when it runs, not when it is loaded.
    local commands = require("azdrift.cli.main").commands()
    local words = values.command
    if not words then
      help.overview(context, commands, context.write)
    elseif words[1] == "config" and not words[2] then
      page.plain(context.write, math.min(context.terminal.width, 100))
    else
      help.command(context, find(commands, words), context.write)
    end
    return 0
  end,
}
