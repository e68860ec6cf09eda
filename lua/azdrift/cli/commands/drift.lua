local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local reports = require("azdrift.cli.reports")
local exit_code = require("azdrift.report.exit_code")
local scopes = require("azdrift.cli.scopes")
local types = require("azdrift.cli.types")

-- An empty store has no drift to speak of, and saying "no drift" would be a lie.
local function refuse_nothing(store, scope, missed)
  local one = missed[1]
  if one and one.moment then failure.raise("%s: %s; `azdrift snapshots` lists what there is", one.moment.text, one.why) end
  failure.raise("%s: no snapshot%s yet; `azdrift collect` takes one", store:name(), scope and " of " .. scope or "")
end

local function run(context, values)
  if values.at and (values.from or values.to) then
    failure.raise("--at compares the baseline with a moment; --from and --to compare two: give one or the other")
  end
  local from, to = moment.of(context, values, "from"), moment.of(context, values, values.at and "at" or "to")
  local scope = scopes.parse(values.scope)
  local store <close> = project.store(context, { read_only = true })
  types.check(context, store, values.type)
  local bundle = project.bundle(context, { policies = true })
  local printer = reports.new(context, values, { command = "azdrift drift" })
  local missed = {}
  local query = { scope = scope, from = from, to = to, types = values.type, show = values.show, bundle = bundle,
    config = context:settings(),
    missed = function(_, when, why) missed[#missed + 1] = { moment = when, why = why } end }
  for report in require("azdrift.detect").drift(store, query) do printer:report(report) end
  if printer.count == 0 then refuse_nothing(store, scope, missed) end
  local exit = printer:finish()
  -- Some scopes have the moments that were asked for, and these have not: they were not compared.
  for _, one in ipairs(missed) do
    context:warn("%s; not compared", one.moment and ("%s: %s"):format(one.moment.text, one.why) or one.why)
  end
  return (#missed == 0 or values.allow_incomplete) and exit or exit_code.worse(exit, 3)
end

return {
  name = "drift",
  summary = "Show what changed since the baseline, or between two moments",
  usage = "azdrift drift [options]",
  about = {
    "Compares the baseline of each type with the newest snapshot. --from and --to compare two moments instead: a "
      .. "time (2026-11-22, "
      .. "2026-11-22T10:00Z), how long ago (3h, 7d), a snapshot's id, or its number in the scope (with --scope). --at shows what had "
      .. "drifted from the baseline at a moment.",
    "A drift has a life: it is new, still open, acknowledged (drift ack), muted (drift mute), accepted (baseline accept), or gone "
      .. "when its old value is back. Reports name it by its fingerprint.",
  },
  options = {
    options.SCOPE, options.TYPE,
    { long = "from", value = "MOMENT", summary = "the earlier moment, instead of the baseline" },
    { long = "to", value = "MOMENT", summary = "the later moment, instead of the newest snapshot" },
    { long = "at", value = "MOMENT", summary = "what had drifted from the baseline at this moment" },
    options.SHOW, options.FORMAT, options.JSON, options.FAIL_ON, options.ALLOW_INCOMPLETE,
  },
  examples = {
    { "what is open now", "azdrift drift" },
    { "since yesterday, in one subscription", "azdrift drift --from 24h --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061" },
    { "only what somebody must look at, for a pipeline", "azdrift drift --fail-on high --format junit > drift.xml" },
    { "for GitHub code scanning", "azdrift drift --format sarif > drift.sarif" },
    { "what was open a week ago", "azdrift drift --at '7d ago'" },
    { "with all that rules and schemas leave out", "azdrift drift --show effects,ignored" },
  },
  commands = require("azdrift.cli.drift_words"),
  run = run,
}
