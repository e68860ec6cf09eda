local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local reports = require("azdrift.cli.reports")
local exit_code = require("azdrift.report.exit_code")
local scopes = require("azdrift.cli.scopes")
local types = require("azdrift.cli.types")

-- --from or --to as a moment, or nil where it was not given.
local function moment_of(context, values, name)
  if not values[name] then return nil end
  local found, message = moment.parse(values[name], context.host.now_ms())
  if not found then failure.raise("--%s: %s", name, message) end
  if found.seq and not values.scope then
    failure.raise("--%s %s is a snapshot's number, and each scope counts its own: say which with --scope", name,
      values[name])
  end
  if name == "from" and found.at_ms and found.at_ms > context.host.now_ms() then
    failure.raise("--from: %s is in the future", values[name])
  end
  return found
end

-- "--from 7d --to 2026-11-22", as it was given.
local function asked(values)
  local words = {}
  for _, name in ipairs({ "from", "to" }) do
    if values[name] then words[#words + 1] = ("--%s %s"):format(name, values[name]) end
  end
  return table.concat(words, " ")
end

-- An empty store has no drift to speak of, and saying "no drift" would be a lie.
local function refuse_nothing(store, values, scope)
  local of_scope = scope and " of " .. scope or ""
  if #failure.check(store:snapshots({ scope = scope, limit = 1 })) == 0 then
    failure.raise("%s: no snapshot%s yet; `azdrift collect` takes one", store:name(), of_scope)
  end
  failure.raise("%s: no snapshot%s at %s; `azdrift snapshots` lists what there is", store:name(), of_scope, asked(values))
end

local function run(context, values)
  local from, to = moment_of(context, values, "from"), moment_of(context, values, "to")
  local scope = scopes.parse(values.scope)
  local store <close> = project.store(context, { read_only = true })
  types.check(context, store, values.type)
  local bundle = project.bundle(context, { policies = true })
  local printer = reports.new(context, values, { command = "azdrift drift" })
  local missed = {}
  local query = { scope = scope, from = from, to = to, types = values.type, show = values.show, bundle = bundle,
    config = context:settings(), missed = function(name) missed[#missed + 1] = name end }
  for report in require("azdrift.detect").drift(store, query) do printer:report(report) end
  if printer.count == 0 then refuse_nothing(store, values, scope) end
  local exit = printer:finish()
  -- Some scopes have the moments that were asked for, and these have not: they were not compared.
  for _, name in ipairs(missed) do context:warn("%s: no snapshot at %s; not compared", name, asked(values)) end
  return (#missed == 0 or values.allow_incomplete) and exit or exit_code.worse(exit, 3)
end

return {
  name = "drift",
  summary = "Show what changed since the baseline, or between two moments",
  usage = "azdrift drift [options]",
  about = {
    "Compares the baseline of each type with the newest snapshot. --from and --to compare two moments instead: a "
      .. "time (2026-11-22, "
      .. "2026-11-22T10:00Z), how long ago (3h, 7d), a snapshot's id, or its number in the scope (with --scope).",
  },
  options = {
    options.SCOPE, options.TYPE,
    { long = "from", value = "MOMENT", summary = "the earlier moment, instead of the baseline" },
    { long = "to", value = "MOMENT", summary = "the later moment, instead of the newest snapshot" },
    options.SHOW, options.FORMAT, options.JSON, options.FAIL_ON, options.ALLOW_INCOMPLETE,
  },
  examples = {
    { "what is open now", "azdrift drift" },
    { "since yesterday, in one subscription", "azdrift drift --from 24h --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061" },
    { "only what somebody must look at, for a pipeline", "azdrift drift --fail-on high --format junit > drift.xml" },
    { "for GitHub code scanning", "azdrift drift --format sarif > drift.sarif" },
    { "with all that rules and schemas leave out", "azdrift drift --show effects,ignored" },
  },
  run = run,
}
