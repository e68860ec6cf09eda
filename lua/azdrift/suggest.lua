--- "Did you mean ...?": the nearest of a list of known names.
local suggest = {}

-- Optimal string alignment: a swap of two neighbours is one edit, for that is how people mistype.
local function distance(a, b)
  local before, last = {}, {}
  for column = 0, #b do last[column] = column end
  for row = 1, #a do
    local current = { [0] = row }
    for column = 1, #b do
      local same = a:byte(row) == b:byte(column)
      local best = math.min(last[column] + 1, current[column - 1] + 1, last[column - 1] + (same and 0 or 1))
      if row > 1 and column > 1 and a:byte(row) == b:byte(column - 1) and a:byte(row - 1) == b:byte(column) then
        best = math.min(best, before[column - 2] + 1)
      end
      current[column] = best
    end
    before, last = last, current
  end
  return last[#b]
end

suggest.distance = distance

--- The candidate nearest to word, or nil where nothing is near enough to be what was meant.
--- Case does not count. Ties go to the first by alphabet, so the answer is the same every time.
function suggest.nearest(word, candidates)
  local wanted = word:lower()
  if #wanted == 0 or #wanted > 64 then return nil end
  local limit = math.max(1, #wanted // 3)
  local best, best_distance
  for _, candidate in ipairs(candidates) do
    local name = candidate:lower()
    local d = distance(wanted, name)
    -- The beginning of a name is as good as a typing error: "--allow" for "--allow-incomplete".
    if #wanted >= 3 and name:sub(1, #wanted) == wanted then d = math.min(d, 1) end
    if d <= limit and (not best or d < best_distance or (d == best_distance and candidate < best)) then
      best, best_distance = candidate, d
    end
  end
  return best
end

--- '; did you mean "x"?' or an empty text, to be put behind a sentence.
function suggest.clause(word, candidates)
  local best = suggest.nearest(word, candidates)
  return best and ('; did you mean "%s"?'):format(best) or ""
end

return suggest
