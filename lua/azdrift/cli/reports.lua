--- Prints drift reports in the format that was asked for, and keeps the exit code of all of them together.
local exit_code = require("azdrift.report.exit_code")
local formats = require("azdrift.report")

local reports = {}

local Printer = {}
Printer.__index = Printer

--- extra: title (of a report without a scope), bare, history, command; see azdrift.report.
function reports.new(context, values, extra)
  local settings = context:settings()
  local fail_on = values.fail_on or settings.severity.fail_on
  local writer = formats.new(values.format or "text", context.write,
    { terminal = context.terminal, version = context.version,
    show = values.show, fail_on = fail_on, title = extra.title, bare = extra.bare, history = extra.history,
    command = extra.command, next_steps = not values.quiet })
  return setmetatable({ context = context, writer = writer, exit = 0, count = 0,
    judge = { fail_on = fail_on, allow_incomplete = values.allow_incomplete } }, Printer)
end

function Printer:report(report)
  self.context.terminal:clear_progress()
  self.count = self.count + 1
  self.exit = exit_code.worse(self.exit, exit_code.of(report, self.judge))
  self.writer:report(report)
end

--- The exit code.
function Printer:finish()
  self.writer:finish()
  return self.exit
end

return reports
