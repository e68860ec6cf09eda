local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local value = require("azdrift.report.value")

-- {"_id":..., "timestamp":..., ..., "resources":{"type":{"id":{body}}}} on one line, written as it is read: an estate
-- does not have to fit into memory. Versions come grouped by type.
local function write_snapshot(context, store, snapshot, wanted)
  local head = { _id = snapshot.id, timestamp = snapshot.timestamp, subscription_id = snapshot.subscription_id,
    resource_group = snapshot.resource_group, scope = snapshot.scope, seq = snapshot.seq }
  -- The head's own closing brace makes room for the resources.
  context.write(value.encode(head):sub(1, -2) .. ',"resources":{')
  local type_now, count = nil, 0
  for version in store:versions({ scope = snapshot.scope, seq = snapshot.seq, bodies = true }) do
    local lower = version.type:lower()
    if not wanted or wanted[lower] then
      if lower ~= type_now then
        context.write((type_now and "}," or "") .. value.quote(version.type) .. ":{")
        type_now = lower
      else
        context.write(",")
      end
      context.write(value.quote(version.id) .. ":" .. version.body)
      count = count + 1
    end
  end
  context.write((type_now and "}" or "") .. "}}\n")
  return count
end

local function snapshot_of(store, scope, at)
  local query = at and { scope = scope, seq = at.seq, id = at.id, at_ms = at.at_ms } or { scope = scope }
  return store:snapshot(query)
end

local function wanted_types(values)
  if not values.type then return nil end
  local wanted = {}
  for _, name in ipairs(values.type) do wanted[name:lower()] = true end
  return wanted
end

local function at_of(context, values)
  if not values.at then return nil end
  local at, message = moment.parse(values.at, context.host.now_ms())
  if not at then failure.raise("--at: %s", message) end
  if at.seq and not values.scope then
    failure.raise("--at %s is a snapshot's number, and each scope counts its own: say which with --scope", values.at)
  end
  return at
end

local function run(context, values)
  local at, scope = at_of(context, values), scopes.parse(values.scope)
  local store <close> = project.store(context, { read_only = true })
  local list = (scope or (at and at.id)) and { scope or "" } or failure.check(store:scopes())
  local written = 0
  for _, each in ipairs(list) do
    local snapshot, message = snapshot_of(store, each ~= "" and each or nil, at)
    if snapshot then
      local count = write_snapshot(context, store, snapshot, wanted_types(values))
      context:say("%s: %d resources of snapshot %d", snapshot.scope, count, snapshot.seq)
      written = written + 1
    elseif scope or (at and at.id) then
      failure.raise("%s", message)
    end
  end
  if written == 0 then
    failure.raise("%s: no snapshot%s; `azdrift snapshots` lists what there is", store:name(),
      values.at and " at " .. values.at or " yet")
  end
  return 0
end

return {
  name = "export",
  summary = "Print snapshots as JSON, one scope a line",
  usage = "azdrift export [options]",
  about = { "Prints {\"_id\", \"timestamp\", \"subscription_id\", \"resource_group\", \"scope\", \"seq\", "
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
