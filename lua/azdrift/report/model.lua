--- What all formatters of a drift report need: order, names, the strongest verdict, what is open.
local value = require("azdrift.report.value")

local model = {}

model.SEVERITIES = { "info", "low", "medium", "high", "critical" }
local RANK = { info = 1, low = 2, medium = 3, high = 4, critical = 5 }

--- 0 for no severity, else 1 (info) to 5 (critical).
function model.rank(severity) return RANK[value.present(severity) or ""] or 0 end

--- A field that may be absent or JSON null.
local function field(object, name)
  if object == nil then return nil end
  return value.present(object[name])
end
model.field = field

-- Lists that are not in memory (azdrift.spooled) go by their own iterators.
local function is_spooled(list) return type(list) == "table" and type(list.sorted) == "function" end

--- The elements of a list that may be absent. What is handed out of a list that is not in memory lives for one step.
function model.each(list)
  list = value.present(list)
  if list == nil then return function() end end
  if is_spooled(list) then return list:each() end
  return ipairs(list)
end

function model.count(list)
  list = value.present(list)
  return list and #list or 0
end

--- "Microsoft.Network/virtualNetworks" -> "Network/virtualNetworks"; other names stay.
function model.short_type(resource_type)
  if resource_type:sub(1, 10):lower() == "microsoft." then return resource_type:sub(11) end
  return resource_type
end

-- The pairs of type and name behind a provider's namespace: type "Ns/a/b", name "x/y", and where the next part begins.
local function provider_part(parts, at)
  local types, names = { parts[at] }, {}
  at = at + 1
  while at <= #parts and parts[at]:lower() ~= "providers" do
    types[#types + 1], names[#names + 1] = parts[at], parts[at + 1]
    at = at + 2
  end
  return table.concat(types, "/"), table.concat(names, "/"), at
end

--- Splits an ARM id: { name, type, group, subscription, on }; `on` is the name of what an extension resource stands on.
function model.resource(id)
  local parts = {}
  for part in id:gmatch("[^/]+") do parts[#parts + 1] = part end
  local found, at, owner = { name = id }, 1, nil
  while at < #parts do
    local word = parts[at]:lower()
    if word == "providers" then
      found.on = owner
      found.type, owner, at = provider_part(parts, at + 1)
      found.name = owner ~= "" and owner or found.name
    else
      if word == "subscriptions" then found.subscription, found.type = parts[at + 1],
        "Microsoft.Resources/subscriptions" end
      if word == "resourcegroups" then found.group, found.type = parts[at + 1], "Microsoft.Resources/resourceGroups" end
      found.name, at = parts[at + 1], at + 2
    end
  end
  return found
end

--- "open" unless the drift says otherwise: a comparison of two files knows no life of a drift.
function model.status(drift) return field(drift, "status") or "open" end

--- Neither accepted nor resolved.
function model.is_open(drift)
  local status = model.status(drift)
  return status ~= "accepted" and status ~= "resolved"
end

--- Shown in full: open and not muted. The others are counted.
function model.is_loud(drift)
  return model.is_open(drift) and model.status(drift) ~= "muted"
end

--- The verdict that gave the drift its severity, or nil.
function model.strongest(drift)
  local best
  for _, verdict in model.each(drift.verdicts) do
    if not best or model.rank(verdict.severity) > model.rank(best.severity) then best = verdict end
  end
  return best
end

--- Old and new value of a change, exact; the absent side is nil, JSON null is value.null.
function model.values(change)
  local old, new
  if change.op ~= "add" then
    old = value.member(change, "old_value")
    if old == nil then old = value.null end
  end
  if change.op ~= "remove" then
    new = value.member(change, "new_value")
    if new == nil then new = value.null end
  end
  return old, new
end

--- A note in words: what it says itself, else that only an order changed.
function model.note_text(note)
  if type(note) == "string" then return note end
  local old, new = field(note, "old_value"), field(note, "new_value")
  local said = field(note, "note")
  if said and type(old) == "string" and type(new) == "string" and old ~= "" and new ~= "" then
    return ("%s (%s, then %s)"):format(said, old, new)
  end
  return said or ("the order of %s changed"):format(field(note, "property") or "?")
end

--- What scripts of this project failed with: { what = "policy" or "rule", name, at, text, count }, each once: what fails at one
--- resource fails at hundreds alike.
function model.problems(report)
  local problems, by_key = {}, {}
  for _, entry in model.each(report.errors) do
    local of_rule = entry.policy == "rules"
    local problem = { what = of_rule and "rule" or "policy", name = not of_rule and entry.policy or nil,
      at = field(entry, "at"), text = entry.error, count = 1 }
    local key = ("%s\0%s\0%s"):format(entry.policy, problem.at or "", problem.text)
    if by_key[key] then
      by_key[key].count = by_key[key].count + 1
    else
      by_key[key] = problem
      problems[#problems + 1] = problem
    end
  end
  return problems
end

--- "policies/p.lua:5: attempt to compare nil with number (at 12 resources)"
function model.problem_text(problem)
  local where = problem.at and problem.at ~= "" and problem.at .. ": " or ""
  return ("%s%s%s"):format(where, problem.text, problem.count > 1 and (" (at %d resources)"):format(problem.count) or "")
end

local KINDS = { removed = 1, recreated = 2, added = 3, changed = 4, moved = 5, state = 6 }

--- What drifts are sorted by: the worst first, then by kind, type and id.
function model.sort_key(drift)
  local id = drift.resource_id or ""
  return ("%d %d %s %s %s"):format(9 - model.rank(drift.severity), KINDS[drift.kind] or 7,
    (drift.resource_type or ""):lower(), id:lower(), field(drift, "fingerprint") or "")
end

-- Of a list in memory: an iterator like that of azdrift.spooled.
local function sorted_list(list)
  local rows = {}
  for position, drift in model.each(list) do rows[#rows + 1] = { key = model.sort_key(drift), position = position, drift = drift } end
  table.sort(rows, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    return a.position < b.position
  end)
  local place = 0
  return function()
    place = place + 1
    local row = rows[place]
    return row and place, row and row.drift
  end
end

--- Iterator over the drifts that keep(drift) says yes to (all without keep), in the order of model.sort_key. Each lives for one step
--- of the loop: what is needed longer is to be copied out of it.
function model.sorted(report, keep)
  local drifts = value.present(report.drifts)
  local step = is_spooled(drifts) and drifts:sorted() or sorted_list(drifts)
  return function()
    for _, drift in step do
      if not keep or keep(drift) then return drift end
    end
  end
end

--- How many drifts are shown in full, the rank of the worst of them (nil where there is none), and whether one has no severity.
function model.loud(report)
  if math.type(report.loud) then return report.loud, report.worst_loud, false end
  local count, worst, has_unjudged = 0, nil, false
  for _, drift in model.each(report.drifts) do
    if model.is_loud(drift) then
      local rank = model.rank(drift.severity)
      count, worst, has_unjudged = count + 1, math.max(worst or 0, rank), has_unjudged or rank == 0
    end
  end
  return count, worst, has_unjudged
end

--- A path as rules write it: selectors and positions become [].
--- "properties.rules[name=ssh].properties.access" -> "properties.rules[].properties.access"; ['odd.key'] stays.
function model.rule_path(property)
  local out, at = {}, 1
  while at <= #property do
    local open = property:find("[", at, true)
    if not open then break end
    out[#out + 1] = property:sub(at, open - 1)
    local quoted = property:match("^%['[^']*'%]()", open)
    if quoted then
      out[#out + 1] = property:sub(open, quoted - 1)
      at = quoted
    else
      out[#out + 1] = "[]"
      at = (property:find("]", open, true) or #property) + 1
    end
  end
  out[#out + 1] = property:sub(at)
  return table.concat(out)
end

return model
