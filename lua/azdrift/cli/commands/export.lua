local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local types = require("azdrift.cli.types")
local value = require("azdrift.report.value")

local function text_or_null(text) return text ~= "" and text or value.null end

-- The versions of some types in the shape of store:export, which writes all of them without coming through here. They
-- come grouped by type and are written as they are read: an estate does not have to fit into memory.
local function write_types(context, store, snapshot, wanted)
  local head = { _id = snapshot.id, timestamp = moment.iso(snapshot.timestamp_ms),
    subscription_id = text_or_null(snapshot.subscription_id), resource_group = text_or_null(snapshot.resource_group) }
  -- The head's own closing brace makes room for the resources.
  context.write(value.encode(head):sub(1, -2) .. ',"resources":{')
  local count, type_count = 0, 0
  for _, name in ipairs(wanted) do
    local in_type = 0
    local cursor = failure.check(store:versions({ scope = snapshot.scope, seq = snapshot.seq, type = name,
      bodies = true }))
    for version in cursor do
      local before = in_type > 0 and "," or (type_count > 0 and "," or "") .. value.quote(version.type) .. ":{"
      if in_type == 0 then type_count = type_count + 1 end
      context.write(before .. value.quote(version.id) .. ":" .. version.body)
      in_type = in_type + 1
    end
    if in_type > 0 then context.write("}") end
    count = count + in_type
  end
  context.write("}}\n")
  return count
end

-- Answers how many resources were written, or nil and why not.
local function write_scope(context, store, query, wanted)
  if not wanted then
    -- The store writes past us: what we have comes first.
    context.out:flush()
    return store:export(query)
  end
  local snapshot, message, code = store:snapshot(query)
  if not snapshot then return nil, message, code end
  return write_types(context, store, snapshot, wanted)
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
  types.check(context, store, values.type)
  at = at or {}
  -- A snapshot's id says its scope.
  local list = (scope or at.id) and { scope or false } or failure.check(store:scopes())
  local written = 0
  for _, each in ipairs(list) do
    local count, message, code = write_scope(context, store,
      { scope = each or nil, seq = at.seq, id = at.id, at_ms = at.at_ms }, values.type)
    if count then
      context:say("%s: %d resources", each or at.id, count)
      written = written + 1
    elseif code ~= "not_found" or #list == 1 then
      failure.raise("%s", message)
    end
  end
  if written == 0 then
    if not values.at then failure.raise("%s: no snapshot yet; `azdrift collect` takes one", store:name()) end
    failure.raise("%s: no snapshot at %s; `azdrift snapshots` lists what there is", store:name(), values.at)
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
