--- What every command is given: where to write, what the terminal can do, the settings, the project's rules and
--- policies.
local config = require("azdrift.config")
local output = require("azdrift.cli.output")
local terminal = require("azdrift.cli.terminal")

local context = {}

local Context = {}
Context.__index = Context

--- values: the parsed options of the command.
function context.new(host, values)
  -- A command speaks through its output and its one line of error; the log is for those who ask, and for services.
  host.set_log_level(values.verbose and "info" or "error")
  local out = output.new(host.write_out, "standard output")
  return setmetatable({ host = host, values = values, out = out, version = host.version,
    write = function(text) out:write(text) end,
    terminal = terminal.new({ env = host.env, is_terminal = host.is_terminal(1),
      error_is_terminal = host.is_terminal(2),
      columns = host.columns(1), error_columns = host.columns(2), no_color = values.no_color, quiet = values.quiet,
        write_error = host.write_error }) }, Context)
end

function Context:line(...) self.out:line(...) end

--- The settings; loaded when first asked for, so that `--help` needs no project.
function Context:settings()
  if not self.loaded then
    self.loaded = config.load(self.host, self.values.config, { ["severity.fail_on"] = self.values.fail_on })
    self:say("settings: %s", self.loaded.file or "no azdrift.lua, defaults and environment only")
  end
  return self.loaded
end

--- A line on standard error, with --verbose only.
function Context:say(format, ...)
  if not self.values.verbose then return end
  self.terminal:clear_progress()
  self.host.write_error(("azdrift: %s\n"):format(format:format(...)))
end

--- A line on standard error that the person should see whatever else is printed.
function Context:warn(format, ...)
  self.terminal:clear_progress()
  self.host.write_error(("azdrift: %s\n"):format(terminal.safe(format:format(...))))
end

return context
