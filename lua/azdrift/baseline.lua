--- What drift is measured against: for each type the first snapshot that read it in full, until somebody sets another.

local json = require("azdrift.json")
local model = require("azdrift.report.model")
local read_types = require("azdrift.read_types")

local baseline = {}

-- The baseline of the generic list of resources itself: what it did not show then was not there.
local COVERAGE_LIMITS = { max_bytes = 64 * 1024 * 1024 }
local INVENTORY <const> = "microsoft.resources/resources"
local WHY <const> = "the first snapshot that read the type in full"

local function set(store, scope, types, seq)
  if #types == 0 then return true end
  return store:baseline_set({ scope = scope, types = types, seq = seq, only_missing = true, who = "azdrift", why = WHY })
end

-- Types that have resources for the first time: those that the inventory shows now, and did not when its own baseline was set. They
-- were absent then, and are measured against that: else the first public address of a subscription would be nobody's drift.
local function begun_since(store, scope, coverage)
  local baselines, problem, code = store:baselines(scope)
  if not baselines then return nil, problem, code end
  local has_baseline, began = {}, nil
  for _, entry in ipairs(baselines) do
    has_baseline[entry.type] = true
    if entry.type == INVENTORY then began = entry.seq end
  end
  if not began or not coverage.shown then return {} end
  local first
  first, problem, code = store:snapshot({ scope = scope, seq = began })
  if not first then return nil, problem, code end
  local asked_then, document, begun = {}, json.decode(first.coverage), {}
  for _, line in ipairs(document and document.types or {}) do asked_then[line.type] = true end
  for _, name in ipairs(coverage:ok_types()) do
    if coverage.shown[name] and not has_baseline[name] and not asked_then[name] then begun[#begun + 1] = name end
  end
  return begun, began
end

--- Gives a baseline to the types that have none and that this snapshot read in full.
-- @param coverage the run's own, not the published document
-- @param is_everything the run chose no types: its inventory says what is absent
-- @return true, or nil, sentence, code
function baseline.begin(store, scope, snapshot, coverage, is_everything)
  local begun, began, code = begun_since(store, scope, coverage)
  if not begun then return nil, began, code end
  local done, problem
  done, problem, code = set(store, scope, begun, began)
  if not done then return nil, problem, code end
  local types = coverage:ok_types()
  if coverage.shown and is_everything then types[#types + 1] = INVENTORY end
  return set(store, scope, types, snapshot.seq)
end

--- The scope that a resource belongs to: the one its own id names.
function baseline.scope_of(id)
  local resource = model.resource(id)
  if resource.subscription then return "/subscriptions/" .. string.lower(resource.subscription) end
  return string.match(string.lower(id), "^/providers/microsoft%.management/managementgroups/[^/]+") or "/"
end

local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- All types a scope's baseline can be of: those that have one, and those that the snapshot shows.
local function all_types(store, scope, snapshot, coverage)
  local names, seen = {}, {}
  local function add(name)
    if not seen[string.lower(name)] then names[#names + 1] = name end
    seen[string.lower(name)] = true
  end
  for _, entry in ipairs(must(store:baselines(scope))) do add(entry.type) end
  for _, entry in ipairs(must(store:types(scope, snapshot.seq))) do add(entry.type) end
  for _, line in ipairs(coverage and coverage.types or {}) do
    if line.outcome == "ok" then add(line.type) end
  end
  return names
end

--- Measures types against a snapshot from now on; those it did not read in full keep what they have.
-- @param types array, or nil: all of the scope
-- @param said { who, why }
-- @return { types = those that were set, left_out = those that keep theirs }; raises { message, code }
function baseline.set(store, scope, snapshot, types, said)
  local coverage = json.decode(snapshot.coverage, COVERAGE_LIMITS)
  local is_read, chosen, left_out = read_types.in_full(coverage), {}, {}
  for _, name in ipairs(types or all_types(store, scope, snapshot, coverage)) do
    table.insert(is_read(name) and chosen or left_out, name)
  end
  if #chosen > 0 then
    must(store:baseline_set({ scope = scope, types = chosen, seq = snapshot.seq, who = said.who, why = said.why }))
  end
  return { types = chosen, left_out = left_out }
end

return baseline
