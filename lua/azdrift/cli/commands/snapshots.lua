local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local moments = require("azdrift.moments")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local function document(snapshot)
  return value.encode({ _id = snapshot.id, scope = snapshot.scope, seq = snapshot.seq,
    timestamp = moment.iso(snapshot.timestamp_ms),
    status = snapshot.status, resources = snapshot.resources, added = snapshot.added, changed = snapshot.changed,
    removed = snapshot.removed })
end

local function print_table(context, snapshots)
  local rows = { { "scope", "seq", "taken (UTC)", "status", "resources", "new", "changed", "removed", "id" } }
  for _, snapshot in ipairs(snapshots) do
    rows[#rows + 1] = { terminal.safe(snapshot.scope), tostring(snapshot.seq), moment.format(snapshot.timestamp_ms),
      snapshot.status,
      tostring(snapshot.resources), tostring(snapshot.added), tostring(snapshot.changed), tostring(snapshot.removed),
        snapshot.id }
  end
  for index, line in ipairs(terminal.table(rows, { [2] = true, [5] = true, [6] = true, [7] = true, [8] = true })) do
    context:line(index == 1 and context.terminal:paint("dim", line) or line)
  end
end

-- The snapshot of each scope that stood at a moment. One whose scope none was there yet is left out, unless there is no other.
local function standing_at(store, scope, at)
  local found, why = {}, nil
  for _, each in ipairs(scope and { scope } or failure.check(store:scopes())) do
    local snapshot, reason = moments.find(store, each, at)
    found[#found + 1] = snapshot
    why = why or reason
  end
  if #found == 0 and why then failure.raise("%s: %s", at.text, why) end
  return found
end

local function run(context, values)
  local store <close> = project.store(context, { read_only = true })
  local scope, at = scopes.parse(values.scope), moment.of(context, values, "at")
  local snapshots = at and standing_at(store, scope, at)
    or failure.check(store:snapshots({ scope = scope, limit = values.limit or 50 }))
  if values.format == "json" then
    for _, snapshot in ipairs(snapshots) do context:line(document(snapshot)) end
  elseif #snapshots == 0 then
    context:line(("no snapshot%s yet; `azdrift collect` takes one"):format(scope and " of " .. scope or ""))
  else
    print_table(context, snapshots)
  end
  return 0
end

return {
  name = "snapshots",
  summary = "List the snapshots, newest first",
  usage = "azdrift snapshots [options]",
  options = {
    options.SCOPE,
    { long = "limit", value = "COUNT", kind = "integer", min = 1, max = 10000,
      summary = "at most so many (default 50)" },
    { long = "at", value = "MOMENT", summary = "the one of each scope that stood at a time, so long ago, of an id or a number" },
    options.LIST_FORMAT, options.JSON,
  },
  examples = {
    { "the newest ones", "azdrift snapshots" },
    { "what stood yesterday", "azdrift snapshots --at '24h ago'" },
    { "the id of the newest of one subscription",
      "azdrift snapshots --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061 --limit 1 --json | jq -r ._id" },
  },
  run = run,
}
