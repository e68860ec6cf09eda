return {
  name = "lua",
  summary = "Run a Lua file inside the engine",
  usage = "azdrift lua FILE [ARGUMENT...]",
  about = { "The file may use every module of azdrift and await requests, timers and the store. Its arguments are "
    .. "`...` and `arg`; the "
    .. "integer it returns, or gives to os.exit, is the exit code. lua/meta/ declares the modules for editors." },
  arguments = {
    { name = "FILE", summary = "a Lua 5.4 source file" },
    { name = "ARGUMENT", optional = true, repeated = true, summary = "handed to the file as they are, options too" },
  },
  options = {},
  examples = {
    { "a script of your own", "azdrift lua tools/nightly.lua 7d" },
    { "the sandbox Azure, to try things out", "azdrift lua examples/sandbox-azure/main.lua" },
  },
  -- The engine takes `lua FILE ...` before this program runs (engine/main.c); what arrives here is --help or a mistake.
  run = function()
    require("azdrift.cli.failure").raise("FILE is missing; usage: azdrift lua FILE [ARGUMENT...]")
  end,
}
