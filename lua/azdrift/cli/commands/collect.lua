local exit_code = require("azdrift.report.exit_code")
local failure = require("azdrift.cli.failure")
local http = require("azdrift.http")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local reports = require("azdrift.cli.reports")
local scopes = require("azdrift.cli.scopes")
local system = require("azdrift.system")
local task = require("azdrift.task")

-- "snapshot 42 of /subscriptions/...: 120 resources, 3 new, 1 changed, 0 removed; not read in full"
local function summary_line(summary)
  local counts = ("%d resources, %d new, %d changed, %d removed"):format(summary.resources, summary.added,
    summary.changed, summary.removed)
  return ("snapshot %d of %s: %s%s"):format(summary.seq, summary.scope, counts,
    summary.complete and "" or "; not read in full")
end

-- One scope is done: its snapshot is said, its report printed. Answers its part of the exit code.
local function tell(context, values, printer, summary)
  if summary.error then
    context:warn("%s: %s", summary.scope, summary.error)
    return 1
  end
  local is_text = (values.format or "text") == "text"
  context.terminal:clear_progress()
  if is_text and not values.quiet then context:line(summary_line(summary)) end
  if summary.report then
    if is_text and not values.quiet then context:line() end
    printer:report(summary.report)
    return 0
  end
  return (summary.complete or values.allow_incomplete) and 0 or 3
end

-- For --verbose: what the run cost until its last scope was told, and how well the loop kept up.
local function tell_cost(context, took_ms)
  local sent, loop = http.stats().sent, system.loop_stats()
  context:say("collected in %.2f s with %d requests; %d loop callbacks, the longest took %.2f ms of CPU (%s), %d over 5 ms",
    took_ms / 1000, sent, loop.callbacks, loop.longest_cpu_ms, loop.longest_name, loop.slow_callbacks)
end

local function run(context, values)
  local wanted = {}
  for _, scope in ipairs(values.scope or {}) do wanted[#wanted + 1] = scopes.parse(scope) end
  local store <close> = project.store(context)
  local bundle = project.bundle(context, { policies = true })
  local printer = reports.new(context, values, { command = "azdrift drift" })
  local exit, count, told_ms = 0, 0, nil
  local query = { scopes = #wanted > 0 and wanted or nil, types = values.type, account = values.account,
    view = values.view,
    detect = not values.no_detect, store = store, bundle = bundle, config = context:settings(),
    progress = function(text) context.terminal:progress(text) end }
  query.tell = function(summary)
    count = count + 1
    exit = exit_code.worse(exit, tell(context, values, printer, summary))
    told_ms = task.clock_ms()
  end
  local collect = require("azdrift.collect")
  task.sleep_ms(0) -- compiling the modules ends here: what it cost is not the collection's
  system.restart_loop_stats()
  local began_ms = task.clock_ms()
  local done, message = collect.run(context, query)
  tell_cost(context, (told_ms or task.clock_ms()) - began_ms)
  if not done then failure.raise("%s", message) end
  if count == 0 then
    failure.raise("no subscription to read: the account sees none%s", values.scope and " of those asked for" or "")
  end
  return exit_code.worse(exit, printer:finish())
end

return {
  name = "collect",
  summary = "Read Azure into a new snapshot, and show what drifted",
  usage = "azdrift collect [options]",
  about = {
    "Reads every subscription that the accounts of azdrift.lua see (without any: who `az login` says). It only ever "
      .. "reads. What is read "
      .. "in full for the first time is the baseline of its type. What could not be read is said, and never taken "
      .. "for removed.",
  },
  options = {
    { long = "scope", short = "s", value = "SCOPE", repeated = true,
      summary = options.SCOPE.summary .. "; can be given again" },
    options.TYPE,
    { long = "account", value = "NAME", summary = "only this account of azdrift.lua" },
    { long = "view", value = "VIEW", kind = "choice", choices = { "auto", "get" },
      summary = "auto (default): types are read by their lists where those show whole bodies; get: each resource by its id" },
    { long = "no-detect", kind = "flag", summary = "store the snapshot and look for no drift" },
    options.SHOW, options.FORMAT, options.JSON, options.FAIL_ON, options.ALLOW_INCOMPLETE,
  },
  examples = {
    { "everything the accounts see", "azdrift collect" },
    { "one subscription, quietly, for cron",
      "azdrift collect --quiet --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061 --fail-on high" },
    { "only network security groups", "azdrift collect --type Microsoft.Network/networkSecurityGroups" },
  },
  run = run,
}
