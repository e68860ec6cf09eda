--- Which types a published snapshot knows all there was of.

local read_types = {}

-- What the generic list of resources, and the providers' own, say of every type that has no line of its own.
local UMBRELLAS = { "microsoft.resources/resources", "microsoft.resources/providers" }

--- A function that says whether a snapshot knew of a type all there was, by its published coverage.
function read_types.in_full(coverage)
  local outcomes = {}
  for _, line in ipairs(coverage and coverage.types or {}) do outcomes[line.type] = line.outcome end
  local has_seen_all = coverage ~= nil
  for _, name in ipairs(UMBRELLAS) do has_seen_all = has_seen_all and (outcomes[name] or "ok") == "ok" end
  return function(type_name)
    local outcome = outcomes[string.lower(type_name)]
    if outcome then return outcome == "ok" or outcome == "unsupported" end
    return has_seen_all
  end
end

return read_types
