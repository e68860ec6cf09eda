local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local moments = require("azdrift.moments")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local types = require("azdrift.cli.types")

-- Each type once, however often it was asked for.
local function once(names)
  local list, seen = {}, {}
  for _, name in ipairs(names or {}) do
    if not seen[name:lower()] then list[#list + 1] = name end
    seen[name:lower()] = true
  end
  return #list > 0 and list or nil
end

-- The snapshots to write, one a scope; a scope that has none at the moment is left out, unless there is no other.
local function chosen(store, scope, at)
  -- A snapshot's id says its scope.
  if at and at.id and not scope then
    local snapshot = store:snapshot({ id = at.id })
    scope = snapshot and snapshot.scope
    if not scope then failure.raise("%s: %s has no such snapshot; `azdrift snapshots` lists what there is", at.text, store:name()) end
  end
  local list, why = {}, nil
  for _, each in ipairs(scope and { scope } or failure.check(store:scopes())) do
    local snapshot, reason = moments.find(store, each, at)
    list[#list + 1] = snapshot
    why = why or reason
  end
  if #list > 0 then return list end
  if at and why then failure.raise("%s: %s; `azdrift snapshots` lists what there is", at.text, why) end
  failure.raise("%s: no snapshot%s yet; `azdrift collect` takes one", store:name(), scope and " of " .. scope or "")
end

local function run(context, values)
  local at, scope = moment.of(context, values, "at"), scopes.parse(values.scope)
  local store <close> = project.store(context, { read_only = true })
  types.check(context, store, values.type)
  for _, snapshot in ipairs(chosen(store, scope, at)) do
    -- The store writes past us: what we have comes first.
    context.out:flush()
    local count = failure.check(store:export({ scope = snapshot.scope, seq = snapshot.seq, types = once(values.type) }))
    context:say("%s: %d resources", snapshot.scope, count)
  end
  return 0
end

return {
  name = "export",
  summary = "Print snapshots as JSON, one scope a line",
  usage = "azdrift export [options]",
  about = { "Prints {\"_id\", \"timestamp\", \"subscription_id\", \"resource_group\", "
    .. "\"resources\": {TYPE: {ID: BODY}}}. `azdrift diff` reads it "
    .. "back. Secrets are not in it: they were replaced by digests before they were stored." },
  options = {
    options.SCOPE, options.TYPE,
    { long = "at", value = "MOMENT",
      summary = "a time, how long ago, a snapshot's id, or its number (with --scope); default: the newest" },
  },
  examples = {
    { "everything, as it was seen last", "azdrift export > estate.jsonl" },
    { "one subscription a week ago, to compare with later",
      "azdrift export --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061 --at 7d > old.json" },
    { "the storage accounts", "azdrift export --type Microsoft.Storage/storageAccounts | jq '.resources'" },
  },
  run = run,
}
