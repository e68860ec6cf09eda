--- `azdrift drift ack|mute|reopen|list`: what people say of single drifts, and what stands of it.
local failure = require("azdrift.cli.failure")
local lives = require("azdrift.lives")
local model = require("azdrift.report.model")
local moment = require("azdrift.cli.moment")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")
local word = require("azdrift.cli.word")

local ID = { name = "ID", summary = "the drift's fingerprint, as reports show it (six digits of it are enough), or its _id" }
local STATUSES = { "open", "acknowledged", "muted", "accepted", "resolved" }

local function at(ms) return value.present(ms) and moment.iso(ms) or nil end

-- One life as people's programs read it.
local function document(scope, row)
  return value.encode({ fingerprint = row.fingerprint, _id = row.id, scope = scope, status = row.status, kind = row.kind,
    severity = row.severity, resource_type = row.type, resource_id = row.resource_id,
    first_seen = { seq = row.first_seen_seq, at = at(row.first_seen_ms) },
    last_seen = { seq = row.last_seen_seq, at = at(row.last_seen_ms) },
    who = row.who or value.null, why = row.why or value.null, ["until"] = at(row.until_ms) or value.null })
end

local function print_row(context, scope, row)
  local resource = model.resource(row.resource_id)
  context:line(("%s  %s  %s  %s  %s  since %s UTC (snapshot %d)"):format(context.terminal:paint("name", row.fingerprint),
    row.status, context.terminal:paint(row.severity or "dim", row.severity or "-"), row.kind,
    terminal.safe(("%s %s"):format(model.short_type(row.type), resource.name)), moment.format(row.first_seen_ms), row.first_seen_seq))
  context:line(("    %s"):format(terminal.safe(row.resource_id ~= "" and row.resource_id or scope)))
  if row.who then context:line("    " .. terminal.safe(("%s %s"):format(row.status, word.told(row.who, row.why, row.until_ms)))) end
end

local function print_one(context, values, scope, row)
  if values.format == "json" then context:line(document(scope, row)) else print_row(context, scope, row) end
end

local function list(context, values)
  local store <close> = project.store(context, { read_only = true })
  local wanted, statuses, count = scopes.parse(values.scope), nil, 0
  if values.status then
    statuses = {}
    for _, status in ipairs(STATUSES) do
      if values.status[status] then statuses[#statuses + 1] = status end
    end
  end
  for _, scope in ipairs(wanted and { wanted } or failure.check(store:scopes())) do
    local cursor <close> = failure.check(store:drifts({ scope = scope, statuses = statuses }))
    for row in cursor.next, cursor do
      count = count + 1
      print_one(context, values, scope, row)
    end
  end
  if count == 0 and values.format ~= "json" then
    context:line(("no drift that is %s"):format(statuses and table.concat(statuses, " or ") or "open, acknowledged or muted"))
  end
  return 0
end

-- Sets the status of the named drift; refuse(row) answers a sentence where that makes no sense.
local function say(context, values, status, said, refuse)
  local store <close> = project.store(context)
  local scope, row = lives.find(store, values.id, scopes.parse(values.scope))
  if not scope then failure.raise("%s", row) end
  local problem = refuse(row)
  if problem then failure.raise("drift %s %s", row.fingerprint, problem) end
  failure.check(store:drift_set({ scope = scope, fingerprint = row.fingerprint, status = status, who = said.who, why = said.why,
    until_ms = said.until_ms }))
  print_one(context, values, scope, failure.check(store:drift(scope, row.fingerprint)))
  return 0
end

local function gone(row)
  if row.status == "resolved" then return "is resolved: its old value is back, and there is nothing to say about it" end
  if row.status == "accepted" then return "is accepted; `azdrift baseline clear --resource` takes that back" end
end

local function speak(status)
  return function(context, values) return say(context, values, status, word.of(context, values), gone) end
end

local function reopen(context, values)
  local said = values.why and word.of(context, values) or { who = "", why = "" }
  return say(context, values, "open", said, function(row)
    if row.status == "open" then return "is open" end
    return gone(row)
  end)
end

local EXAMPLE_ID <const> = "9c1185a5c5e9fc54"

return {
  {
    name = "ack", summary = "Say that a drift is known: it stays open, and counts, with your word beside it",
    usage = "azdrift drift ack [options] ID --why TEXT", arguments = { ID },
    options = { word.WHY, word.UNTIL, word.WHO, options.SCOPE, options.LIST_FORMAT, options.JSON },
    examples = { { "known, until the change window",
      ("azdrift drift ack %s --why 'fixed on Friday, CHG-12' --until 2026-12-04"):format(EXAMPLE_ID) } },
    run = speak("acknowledged"),
  },
  {
    name = "mute", summary = "Leave a drift out of reports and exit codes; it is counted",
    usage = "azdrift drift mute [options] ID --why TEXT", arguments = { ID },
    options = { word.WHY, word.UNTIL, word.WHO, options.SCOPE, options.LIST_FORMAT, options.JSON },
    examples = { { "for two weeks", ("azdrift drift mute %s --why 'migration is under way' --until 14d"):format(EXAMPLE_ID) } },
    run = speak("muted"),
  },
  {
    name = "reopen", summary = "Take back an acknowledgement or a mute",
    usage = "azdrift drift reopen [options] ID", arguments = { ID },
    options = { word.WHY, word.WHO, options.SCOPE, options.LIST_FORMAT, options.JSON },
    examples = { { "it counts again", ("azdrift drift reopen %s"):format(EXAMPLE_ID) } },
    run = reopen,
  },
  {
    name = "list", summary = "List drifts with their ids, and what was said of them",
    usage = "azdrift drift list [options]",
    options = { options.SCOPE,
      { long = "status", value = "STATUS", kind = "choices", choices = STATUSES,
        summary = "only these: open, acknowledged, muted (default: these three), accepted, resolved" },
      options.LIST_FORMAT, options.JSON },
    examples = { { "what goes on", "azdrift drift list" },
      { "what was accepted, and by whom", "azdrift drift list --status accepted --json | jq -r '[.fingerprint, .who, .why] | @tsv'" } },
    run = list,
  },
}
