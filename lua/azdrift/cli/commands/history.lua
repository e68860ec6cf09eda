local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local blocks = require("azdrift.report.block")
local value = require("azdrift.report.value")

local function document(version)
  return ('{"seq":%d,"timestamp":%s,"kind":%s,"changes":%s,"body":%s}'):format(version.seq,
    value.encode(version.timestamp_ms and moment.iso(version.timestamp_ms)), value.quote(version.kind),
      value.encode(version.changes), version.body or "null")
end

-- "snapshot 42 - 2026-11-22 10:00:05 - changed"
local function print_version(context, printer, version)
  local dot = (" %s "):format(context.terminal.signs.dot)
  local at = version.timestamp_ms and moment.format(version.timestamp_ms) .. " UTC" or "pruned"
  context:line(context.terminal:paint("heading", ("snapshot %d"):format(version.seq)), dot, at, dot, version.kind)
  if #version.changes == 0 then context:line(context.terminal.signs.bar,
    "   only what rules call noise (--raw shows it)") end
  printer:changes(version.changes, "path")
  context:line()
end

local function run(context, values)
  if values.resource_id:sub(1, 1) ~= "/" then
    failure.raise('"%s" is no resource id; it begins with /subscriptions/, as reports and `az resource show` print it',
      values.resource_id)
  end
  -- The id says which scope a snapshot's number counts in.
  local at = moment.of(context, { at = values.at, scope = true }, "at")
  local store <close> = project.store(context, { read_only = true })
  local bundle = project.bundle(context, { raw = values.raw })
  local printer = blocks.new(context.write, context.terminal, {})
  local count = 0
  local detector = require("azdrift.detect").detector({ raw = values.raw, bundle = bundle })
  local versions = failure.check(require("azdrift.history").versions(store,
    { id = values.resource_id, limit = values.limit or 20, detector = detector, at = at }))
  for version in versions do
    count = count + 1
    if values.format == "json" then
      context:line(document(version))
    else
      print_version(context, printer, version)
    end
  end
  if count == 0 and at then
    failure.raise("%s: %s was not there yet at %s", store:name(), values.resource_id, values.at)
  end
  if count == 0 then
    failure.raise("%s: nothing is known of %s; `azdrift export` lists what is", store:name(), values.resource_id)
  end
  return 0
end

return {
  name = "history",
  summary = "Show the versions of one resource and what changed between them",
  usage = "azdrift history [options] RESOURCE_ID",
  about = { "Newest first. A change that rules call noise is left out; --raw shows it." },
  arguments = { { name = "RESOURCE_ID", summary = "the ARM id, upper or lower case" } },
  options = {
    { long = "limit", value = "COUNT", kind = "integer", min = 1, max = 100000,
      summary = "at most so many versions (default 20)" },
    { long = "at", value = "MOMENT",
      summary = "as it was at a time, so long ago, at a snapshot's id or number, and before; default: now" },
    { long = "raw", kind = "flag", summary = "every difference, also what rules ignore" },
    options.LIST_FORMAT, options.JSON,
  },
  examples = {
    { "one resource", "azdrift history /subscriptions/.../providers/Microsoft.Network/networkSecurityGroups/nsg-web" },
    { "its body a week ago", "azdrift history --at 7d --limit 1 --json \"$ID\" | jq .body" },
    { "its bodies, for jq", "azdrift history --json \"$ID\" | jq .body" },
  },
  run = run,
}
