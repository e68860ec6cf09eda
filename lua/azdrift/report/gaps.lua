--- What a report's coverage leaves open: types and resources that were asked for and not read in full.
local model = require("azdrift.report.model")

local gaps = {}

-- A type without a list is no gap: there is nothing to read, whoever asks.
local function is_gap(entry) return entry.outcome ~= "ok" and entry.outcome ~= "unsupported" end

--- What was asked for and not read in full: coverage entries of types and of single resources, in their order.
function gaps.list(report)
  local found = {}
  local coverage = model.field(report, "coverage")
  for _, list in ipairs({ "types", "resources" }) do
    for _, entry in model.each(coverage and coverage[list]) do
      if is_gap(entry) then found[#found + 1] = entry end
    end
  end
  return found
end

--- The answer to one of the entries in words: "forbidden (403 AuthorizationFailed)".
function gaps.answer(entry)
  local said = {}
  for _, name in ipairs({ "status", "code" }) do
    local word = model.field(entry, name)
    if word ~= nil then said[#said + 1] = tostring(word) end
  end
  local outcome = (tostring(entry.outcome):gsub("_", " "))
  return #said > 0 and ("%s (%s)"):format(outcome, table.concat(said, " ")) or outcome
end

--- Gaps with one answer and one way out together: { answer, hint, since, kept, names }. A missing role is one line and
--- not one for each of the three hundred types behind it.
function gaps.groups(report)
  local groups, by_key = {}, {}
  for _, gap in ipairs(gaps.list(report)) do
    local answer, hint, since = gaps.answer(gap), model.field(gap, "hint"), model.field(gap, "since")
    local key = table.concat({ answer, hint or "", tostring(since) }, "\n")
    local group = by_key[key]
    if not group then
      group = { answer = answer, hint = hint, since = since, kept = 0, names = {} }
      by_key[key] = group
      groups[#groups + 1] = group
    end
    group.kept = group.kept + (model.field(gap, "kept") or 0)
    group.names[#group.names + 1] = gap.type and model.short_type(model.field(gap, "name") or gap.type) or gap.id or "?"
  end
  return groups
end

return gaps
