--- What drift is measured against: for each type the first snapshot that read it in full, until somebody sets another.

local json = require("azdrift.json")

local baseline = {}

-- The baseline of the generic list of resources itself: what it did not show then was not there.
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

return baseline
