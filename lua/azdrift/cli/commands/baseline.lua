--- `azdrift baseline`: what drift is measured against, and who moved it.
local acceptance = require("azdrift.acceptance")
local baseline = require("azdrift.baseline")
local failure = require("azdrift.cli.failure")
local json = require("azdrift.json")
local lives = require("azdrift.lives")
local model = require("azdrift.report.model")
local moment = require("azdrift.cli.moment")
local moments = require("azdrift.moments")
local options = require("azdrift.cli.options")
local project = require("azdrift.cli.project")
local scopes = require("azdrift.cli.scopes")
local terminal = require("azdrift.cli.terminal")
local types = require("azdrift.cli.types")
local value = require("azdrift.report.value")
local word = require("azdrift.cli.word")

local EVIDENCE_LIMITS = { max_bytes = 1024 * 1024 }
local VALUE_MAX <const> = 2048 -- bytes of an old or new value that is kept as evidence

-- The scope that is meant: the one of --scope, of --resource, or the only one there is.
local function one_scope(store, values)
  local scope = scopes.parse(values.scope)
  if scope then return scope end
  local resource = values.resource and values.resource[1]
  if resource then return baseline.scope_of(resource) end
  local list = failure.check(store:scopes())
  if #list == 1 then return list[1] end
  if #list == 0 then failure.raise("%s: no snapshot yet; `azdrift collect` takes one", store:name()) end
  failure.raise("--scope is missing: %s has %d scopes, and each has a baseline of its own (%s%s)", store:name(), #list, list[1],
    #list > 1 and ", ..." or "")
end

local function resource_of(id)
  local resource = id:sub(1, 1) == "/" and model.resource(id) or {}
  if not resource.type then
    failure.raise('--resource: "%s" is no resource id; it begins with /subscriptions/, as reports and `az resource show` print it', id)
  end
  return resource
end

-- ---- show ----

local function shown_acceptance(record, base, now_ms)
  local states, evidence = {}, record.evidence and json.decode(record.evidence, EVIDENCE_LIMITS) or value.array({})
  for i, state in ipairs(record.states) do
    states[i] = { seq = state.seq, part = state.has_body or nil, ["until"] = state.until_ms and moment.iso(state.until_ms) or nil }
  end
  for _, entry in ipairs(evidence) do entry.token = nil end
  return { resource_type = record.type, resource_id = record.id, holds = acceptance.holds(record, base, now_ms),
    at = moment.iso(record.set_ms), who = record.who or value.null, why = record.why or value.null, states = value.array(states),
    evidence = evidence }
end

-- The published baseline of a scope.
local function shown(store, scope, values, now_ms)
  local wanted, by_type, list, accepted = {}, {}, {}, {}
  for _, name in ipairs(values.type or {}) do wanted[name:lower()] = true end
  for _, id in ipairs(values.resource or {}) do wanted[resource_of(id).type:lower()] = true end
  for _, entry in ipairs(failure.check(store:baselines(scope))) do
    by_type[entry.type:lower()] = entry
    if not next(wanted) or wanted[entry.type:lower()] then
      local snapshot = store:snapshot({ scope = scope, seq = entry.seq })
      list[#list + 1] = { type = entry.type, seq = entry.seq, timestamp = snapshot and moment.iso(snapshot.timestamp_ms) or value.null,
        snapshot_id = snapshot and snapshot.id or value.null, set = moment.iso(entry.set_ms), who = entry.who or value.null,
        why = entry.why or value.null }
    end
  end
  local ids = {}
  for _, id in ipairs(values.resource or {}) do ids[id:lower()] = true end
  for _, record in ipairs(failure.check(store:accepted(scope))) do
    local is_wanted = not next(wanted) or wanted[record.type:lower()]
    if next(ids) then is_wanted = ids[record.id:lower()] end
    if is_wanted then accepted[#accepted + 1] = shown_acceptance(record, by_type[record.type:lower()], now_ms) end
  end
  return { scope = scope, types = value.array(list), accepted = value.array(accepted) }
end

local function shown_value(change, name)
  return change[name] == nil and "nothing" or value.encode(change[name])
end

local function print_evidence(context, entry)
  local part = entry.part and "part" or "whole"
  context:line(("      %s  %s  snapshot %d  %s"):format(terminal.safe(entry.at), part, entry.seq,
    terminal.safe(word.told(entry.who, entry.why, nil) .. (entry["until"] and " (until " .. entry["until"] .. ")" or ""))))
  for _, change in ipairs(entry.changes or {}) do
    local property = change.property == "" and (entry.kind or "whole resource") or change.property
    local line = change.property == "" and property
      or ("%s: %s %s %s"):format(property, shown_value(change, "old_value"), context.terminal.signs.arrow, shown_value(change, "new_value"))
    context:line("        " .. context.terminal:cut(terminal.safe(line), math.max(60, context.terminal.width - 8)))
  end
end

local function print_shown(context, document)
  context:line(context.terminal:paint("heading", terminal.safe(document.scope)))
  if #document.types == 0 then context:line("  no baseline; `azdrift collect` makes one of each type it reads in full") end
  local rows = {}
  for _, entry in ipairs(document.types) do
    rows[#rows + 1] = { "  " .. terminal.safe(entry.type), ("snapshot %d"):format(entry.seq),
      value.present(entry.timestamp) or "pruned", terminal.safe(("by %s: %s"):format(value.present(entry.who) or "?",
        value.present(entry.why) or "")) }
  end
  for _, line in ipairs(terminal.table(rows)) do context:line(line) end
  for index, entry in ipairs(document.accepted) do
    if index == 1 then context:line("  accepted:") end
    local over = entry.holds and "" or "  [over: measured against its type's baseline again]"
    context:line(("    %s%s"):format(terminal.safe(entry.resource_id), over))
    for _, evidence in ipairs(entry.evidence) do print_evidence(context, evidence) end
  end
end

local function show(context, values)
  local store <close> = project.store(context, { read_only = true })
  types.check(context, store, values.type)
  local wanted = (values.scope or values.resource) and one_scope(store, values)
  for _, scope in ipairs(wanted and { wanted } or failure.check(store:scopes())) do
    local document = shown(store, scope, values, context.host.now_ms())
    if values.format == "json" then context:line(value.encode(document)) else print_shown(context, document) end
  end
  return 0
end

-- ---- set ----

local function set_resources(context, store, scope, snapshot, values, said)
  for _, id in ipairs(values.resource) do
    acceptance.put(store, { scope = scope, type = resource_of(id).type, id = id, seq = snapshot.seq, properties = {}, who = said.who,
      why = said.why, until_ms = said.until_ms, now_ms = context.host.now_ms(), changes = {} })
    context:line(("%s: measured against snapshot %d (%s)"):format(terminal.safe(id), snapshot.seq, moment.iso(snapshot.timestamp_ms)))
  end
end

local function set(context, values)
  local said = word.of(context, values)
  if said.until_ms and not values.resource then
    failure.raise("--until goes with --resource: a type's baseline holds until it is set again")
  end
  if values.resource and values.type then failure.raise("--type and --resource: give one or the other") end
  local store <close> = project.store(context)
  types.check(context, store, values.type)
  local scope = one_scope(store, values)
  local at = moment.of(context, { moment = values.moment, scope = true }, "moment", "MOMENT")
  local snapshot, why = moments.find(store, scope, at)
  if not snapshot then failure.raise("%s: %s; `azdrift snapshots` lists what there is", values.moment or store:name(), why) end
  if values.resource then
    set_resources(context, store, scope, snapshot, values, said)
    return 0
  end
  local result = baseline.set(store, scope, snapshot, values.type, said)
  for _, name in ipairs(result.left_out) do
    context:warn("%s was not read in full at snapshot %d: its baseline stays as it is", name, snapshot.seq)
  end
  if values.type and #result.left_out > 0 then return 1 end
  if values.format == "json" then
    context:line(value.encode({ scope = scope, seq = snapshot.seq, types = value.array(result.types),
      left_out = value.array(result.left_out) }))
  else
    context:line(("%s: %d types are measured against snapshot %d (%s)"):format(scope, #result.types, snapshot.seq,
      moment.iso(snapshot.timestamp_ms)))
  end
  return 0
end

-- ---- accept ----

-- A change as it is kept: values that are long are left out.
local function evidence_change(change)
  local kept = { op = change.op, property = change.property }
  for _, name in ipairs({ "old_value", "new_value" }) do
    local v = value.member(change, name)
    local text = v ~= nil and change.property ~= "" and value.encode(v) or nil
    if text and #text <= VALUE_MAX then kept[name] = json.decode("[" .. text .. "]")[1] end
  end
  return kept
end

local function lies_at(property, place)
  if property == place then return true end
  local next_character = property:sub(#place + 1, #place + 1)
  return property:sub(1, #place) == place and (next_character == "." or next_character == "[")
end

-- The changes of the drift that are accepted: all, or those at the paths of --path. Raises for a path that has none.
local function accepted_changes(drift, paths)
  local chosen, properties = {}, {}
  local used = {}
  for _, change in model.each(drift.changes) do
    properties[#properties + 1] = change.property
    local is_chosen = paths == nil
    for _, path in ipairs(paths or {}) do
      if lies_at(change.property, path) then is_chosen, used[path] = true, true end
    end
    if is_chosen then chosen[#chosen + 1] = evidence_change(change) end
  end
  for _, path in ipairs(paths or {}) do
    if not used[path] then
      failure.raise('--path: this drift has no change at "%s"; it has: %s', path, table.concat(properties, ", "))
    end
  end
  if paths and #chosen == #properties then paths = nil end
  return chosen, paths, properties
end

local function accept(context, values)
  local said = word.of(context, values)
  local store <close> = project.store(context)
  local scope, row = lives.find(store, values.id, scopes.parse(values.scope))
  if not scope then failure.raise("%s", row) end
  if row.status == "resolved" then
    failure.raise("drift %s is resolved: its old value is back, and there is nothing to accept", row.fingerprint)
  end
  if not row.document then
    failure.raise("drift %s: the report that showed it is pruned; `azdrift collect` looks again", row.fingerprint)
  end
  local drift = failure.check(json.parse(row.document))
  local changes, paths, properties = accepted_changes(drift, values.path)
  local bundle = project.bundle(context, { policies = true })
  local detector = require("azdrift.detectors").new({ bundle = bundle, shape = require("azdrift.azure.shape"), scope = scope,
    now_ms = context.host.now_ms(), against_baseline = true })
  local result = acceptance.put(store, { scope = scope, type = row.type, id = row.resource_id, seq = row.last_seen_seq, kind = row.kind,
    properties = paths or properties, part = paths ~= nil or nil, until_ms = said.until_ms, who = said.who, why = said.why,
    changes = changes, detector = detector, now_ms = context.host.now_ms() })
  if not paths then
    failure.check(store:drift_set({ scope = scope, fingerprint = row.fingerprint, status = "accepted", who = said.who, why = said.why,
      until_ms = said.until_ms }))
  end
  if values.format == "json" then
    context:line(value.encode({ scope = scope, fingerprint = row.fingerprint, resource_id = row.resource_id, seq = row.last_seen_seq,
      accepted = value.array(changes), left = result.left, who = said.who, why = said.why,
      ["until"] = said.until_ms and moment.iso(said.until_ms) or value.null }))
    return 0
  end
  context:line(("accepted %s of %s at snapshot %d, %s"):format(paths and "a part" or "drift " .. row.fingerprint,
    terminal.safe(row.resource_id), row.last_seen_seq, terminal.safe(word.told(said.who, said.why, said.until_ms))))
  print_evidence(context, { at = moment.iso(context.host.now_ms()), part = paths ~= nil, seq = row.last_seen_seq, who = said.who,
    why = said.why, changes = changes, kind = row.kind })
  if paths and result.left > 0 then context:line(("%d changes of it stay open; `azdrift drift` shows them"):format(result.left)) end
  return 0
end

-- ---- clear ----

local function clear(context, values)
  if not (values.type or values.resource or values.all) then
    failure.raise("say what to clear: --resource ID (what was accepted of it), --type TYPE, or --all of the scope")
  end
  local store <close> = project.store(context)
  types.check(context, store, values.type)
  local scope = one_scope(store, values)
  for _, id in ipairs(values.resource or {}) do
    failure.check(store:unaccept(scope, resource_of(id).type, id))
    context:line(("%s: measured against its type's baseline again"):format(terminal.safe(id)))
  end
  for _, name in ipairs(values.type or {}) do
    failure.check(store:baseline_clear(scope, name))
    context:line(("%s: no baseline; the next run that reads it in full makes one"):format(terminal.safe(name)))
  end
  if values.all then
    failure.check(store:baseline_clear(scope))
    context:line(("%s: no baseline; the next run makes one of each type it reads in full"):format(terminal.safe(scope)))
  end
  return 0
end

local RESOURCE = { long = "resource", value = "ID", repeated = true, summary = "only this resource, by its ARM id; can be given again" }
local EXAMPLE_ID <const> = "9c1185a5c5e9fc54"

return {
  name = "baseline",
  summary = "Show, set and move what drift is measured against",
  usage = "azdrift baseline show|set|accept|clear [options]",
  about = {
    "A type's baseline is the first snapshot that read it in full, until somebody sets another. A drift that is meant is accepted: the "
      .. "baseline of that resource moves to what it is now, in whole or at one path, for good or until a time. What ran out speaks again, "
      .. "and a later change of what was accepted is drift.",
  },
  examples = { { "what it is, and what was accepted", "azdrift baseline show" },
    { "a drift that is meant", ("azdrift baseline accept %s --why 'CHG-12'"):format(EXAMPLE_ID) } },
  commands = {
    {
      name = "show", summary = "What the baseline is, and what was accepted: what, when, by whom, why, until when",
      usage = "azdrift baseline show [options]",
      options = { options.SCOPE, options.TYPE, RESOURCE, options.LIST_FORMAT, options.JSON },
      examples = { { "of everything", "azdrift baseline show" },
        { "who accepted what, for an audit", "azdrift baseline show --json | jq -c '.accepted[] | {resource_id, who, why, states}'" } },
      run = show,
    },
    {
      name = "set", summary = "Measure a scope, some types or a resource against a snapshot",
      usage = "azdrift baseline set [options] [MOMENT] --why TEXT",
      about = { "What was accepted for resources of the types is part of the new baseline, or gone. A type that was not read in full at "
        .. "the moment keeps its baseline, and it is said." },
      arguments = { { name = "MOMENT", optional = true,
        summary = "a time, how long ago, a snapshot's id or its number; default: the newest snapshot" } },
      options = { word.WHY, word.WHO, options.SCOPE, options.TYPE, RESOURCE, word.UNTIL, options.LIST_FORMAT, options.JSON },
      examples = { { "everything as it is now", "azdrift baseline set --why 'reviewed with the platform team'" },
        { "one type as it was before the release",
          "azdrift baseline set 2026-11-20T08:00Z --type Microsoft.Web/sites --why 'release 41 is rolled back'" },
        { "one resource, for a while", "azdrift baseline set --resource \"$ID\" --until 14d --why 'load test'" } },
      run = set,
    },
    {
      name = "accept", summary = "Accept a drift, or one path of it",
      usage = "azdrift baseline accept [options] ID --why TEXT",
      arguments = { { name = "ID", summary = "the drift's fingerprint, as reports show it (six digits of it are enough), or its _id" } },
      options = { word.WHY,
        { long = "path", value = "PROPERTY", repeated = true,
          summary = "only the changes at this property and below it, as the report names it; can be given again" },
        word.UNTIL, word.WHO, options.SCOPE, options.LIST_FORMAT, options.JSON },
      examples = { { "it is meant", ("azdrift baseline accept %s --why 'CHG-12: opened for the partner'"):format(EXAMPLE_ID) },
        { "one property of it, until the migration is over",
          ("azdrift baseline accept %s --path properties.minimumTlsVersion --until 2027-01-31 --why 'old clients'"):format(EXAMPLE_ID) } },
      run = accept,
    },
    {
      name = "clear", summary = "Forget what was accepted of a resource, the baseline of a type, or all of a scope",
      usage = "azdrift baseline clear [options]",
      options = { options.SCOPE, options.TYPE, RESOURCE,
        { long = "all", kind = "flag", summary = "the whole baseline of the scope" } },
      examples = { { "measure a resource against its type's baseline again", "azdrift baseline clear --resource \"$ID\"" },
        { "begin anew with the next collection", "azdrift baseline clear --all --scope 5a1f0b52-7a4e-4a53-9a0e-1c2d3e4f5061" } },
      run = clear,
    },
  },
}
