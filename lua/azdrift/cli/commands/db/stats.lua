local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local size = require("azdrift.cli.size")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

local function print_json(context, store, total, by_scope)
  local document = { store = store:name(), scopes = by_scope }
  for name, count in pairs(total) do
    if name ~= "scopes" then document[name] = count end
  end
  context:line(value.encode(document))
end

local function print_text(context, store, total, by_scope)
  context:line(("%s: schema %d, %s on disk"):format(terminal.safe(store:name()), total.schema_version, size.text(total.disk_bytes)))
  context:line(("%d scopes, %d snapshots, %d versions (%d open) in %s, %d dictionaries, %d reports, %d drifts"):format(
    total.scopes, total.snapshots, total.versions, total.open_versions, size.text(total.body_bytes), total.dictionaries,
    total.reports, total.drifts))
  if #by_scope == 0 then return end
  local rows = { { "scope", "snapshots", "oldest (UTC)", "newest (UTC)", "resources", "versions", "bodies" } }
  for _, stats in ipairs(by_scope) do
    rows[#rows + 1] = { terminal.safe(stats.scope), tostring(stats.snapshots), stats.first_ms and moment.format(stats.first_ms) or "",
      stats.last_ms and moment.format(stats.last_ms) or "", tostring(stats.open_versions), tostring(stats.versions),
      size.text(stats.body_bytes) }
  end
  context:line()
  for index, line in ipairs(terminal.table(rows, { [2] = true, [5] = true, [6] = true, [7] = true })) do
    context:line(index == 1 and context.terminal:paint("dim", line) or line)
  end
end

local function run(context, values)
  local store <close> = project.store(context, { read_only = true })
  local total, by_scope = failure.check(store:stats()), {}
  for index, scope in ipairs(failure.check(store:scopes())) do
    by_scope[index] = failure.check(store:scope_stats(scope))
    by_scope[index].scope = scope
  end
  local print = values.format == "json" and print_json or print_text
  print(context, store, total, by_scope)
  return 0
end

return {
  name = "stats",
  summary = "Say how much is stored, in all and per scope",
  usage = "azdrift db stats [options]",
  options = { options.LIST_FORMAT, options.JSON },
  examples = { { "bytes per scope", "azdrift db stats --json | jq '.scopes[] | [.scope, .body_bytes]'" } },
  run = run,
}
