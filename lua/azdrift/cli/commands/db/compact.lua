local failure = require("azdrift.cli.failure")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local retention = require("azdrift.retention")
local scopes = require("azdrift.cli.scopes")
local size = require("azdrift.cli.size")
local system = require("azdrift.system")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local LEASE_MS = 60000

-- What dead runs left goes with the lease: whoever gets it clears up first. Nil where the scope is being collected, which does it too.
local function sweep(store, scope)
  local lease, message, code = store:acquire(scope, system.owner(), LEASE_MS)
  if lease then return failure.check(lease:release()) end
  if code ~= "busy" then failure.raise("%s", message) end
  return nil
end

local function thin(context, store, scope, tiers)
  local result = retention.run(store, scope, tiers, { progress = function(versions)
    context.terminal:progress(("%s: %d versions deleted"):format(scope, versions))
  end })
  context.terminal:clear_progress()
  return result
end

local function print_result(context, values, scope, result)
  if values.format == "json" then
    context:line(value.encode({ scope = scope, snapshots = result.snapshots, versions = result.versions,
      body_bytes = result.body_bytes, dry_run = values.dry_run or false }))
  elseif values.dry_run then
    context:line(("%s: %d snapshots and %d versions (%s) would go"):format(terminal.safe(scope), result.snapshots, result.versions,
      size.text(result.body_bytes)))
  else
    context:line(("%s: %d snapshots thinned out, %d versions deleted%s"):format(terminal.safe(scope), result.snapshots, result.versions,
      result.swept and "" or "; is being collected, which sweeps what dead runs left"))
  end
end

local function run(context, values)
  local tiers = context:settings().retention
  local store <close> = project.store(context, { read_only = values.dry_run, existing = true })
  local wanted = scopes.parse(values.scope)
  for _, scope in ipairs(wanted and { wanted } or failure.check(store:scopes())) do
    local result
    if values.dry_run then
      result = retention.preview(store, scope, tiers)
    else
      local swept = sweep(store, scope)
      result = thin(context, store, scope, tiers)
      result.swept = swept
    end
    print_result(context, values, scope, result)
  end
  return 0
end

return {
  name = "compact",
  summary = "Thin out old snapshots by the retention of azdrift.lua, and sweep what dead runs left",
  usage = "azdrift db compact [options]",
  about = {
    "Every collection does a bounded part of this; here it is done to the end, beside running collections. A version goes when no "
      .. "snapshot that is kept shows it; baselines and the newest snapshot always stay, and so do the fields of every snapshot: "
      .. "`azdrift verify` goes through them. The space is used again; docs/operations.md says how to give it back to the disk.",
  },
  options = {
    options.SCOPE,
    { long = "dry-run", kind = "flag", summary = "say what would go, and change nothing" },
    options.LIST_FORMAT, options.JSON,
  },
  examples = {
    { "what would go", "azdrift db compact --dry-run" },
    { "after the tiers in azdrift.lua were changed", "azdrift db compact" },
  },
  run = run,
}
