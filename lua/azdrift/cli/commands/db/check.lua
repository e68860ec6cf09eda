local failure = require("azdrift.cli.failure")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local function run(context, values)
  local store <close> = project.store(context, { read_only = true })
  context.terminal:progress("checking " .. store:name())
  local check = failure.check(store:check({ scope = scopes.parse(values.scope), bodies = not values.no_bodies }))
  context.terminal:clear_progress()
  if values.format == "json" then
    context:line(value.encode({ store = store:name(), snapshots = check.snapshots, versions = check.versions,
      bodies = check.bodies, findings = check.findings, first = check.first }))
  else
    local verdict = check.findings == 0 and "sound" or check.findings == 1 and "1 fault" or ("%d faults"):format(check.findings)
    context:line(("%s: %d snapshots, %d versions, %d bodies: %s"):format(terminal.safe(store:name()), check.snapshots,
      check.versions, check.bodies, verdict))
  end
  if check.findings == 0 then return 0 end
  context:warn("%s", check.first)
  return 1
end

return {
  name = "check",
  summary = "Check that everything stored is there and is what was stored",
  usage = "azdrift db check [options]",
  about = {
    "Looks at tables and indexes, at every snapshot's count and hashes, at the intervals of versions, and at every body by its "
      .. "hash. Names the first fault and what to do; exit code 1 where there is one.",
  },
  options = {
    options.SCOPE,
    { long = "no-bodies", kind = "flag", summary = "leave the bodies out: much faster" },
    options.LIST_FORMAT, options.JSON,
  },
  examples = { { "every night, after the backup", "azdrift db check --quiet" } },
  run = run,
}
