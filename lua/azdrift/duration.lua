--- Durations as people write them: "90s", "3h", "1h30m", "30d", "2y", "800ms". In seconds: whole ones are integers.
local duration = {}

local SECOND_MS <const> = 1000
local DAY_MS <const> = 86400 * SECOND_MS
local UNIT_MS = { ms = 1, s = SECOND_MS, m = 60 * SECOND_MS, h = 3600 * SECOND_MS, d = DAY_MS, w = 7 * DAY_MS, y = 365 * DAY_MS }
local LIMIT_MS = 1000 * UNIT_MS.y

--- Seconds, or nil and a sentence that says what a duration looks like.
function duration.parse(text)
  local total, rest = 0, text
  while rest ~= "" do
    local digits, unit, tail = rest:match("^(%d+)(%a+)(.*)$")
    if not digits or #digits > 12 or not UNIT_MS[unit] then
      return nil, ('"%s" is no duration; write a number and a unit: 90s, 15m, 3h, 30d, 2w, 2y'):format(text)
    end
    total, rest = total + math.tointeger(digits) * UNIT_MS[unit], tail
    if total > LIMIT_MS then return nil, ('"%s" is longer than a thousand years'):format(text) end
  end
  if text == "" then return nil, "an empty text is no duration; write 90s, 15m, 3h, 30d, 2w or 2y" end
  return total % SECOND_MS == 0 and total // SECOND_MS or total / SECOND_MS
end

local UNITS = { { "d", DAY_MS }, { "h", UNIT_MS.h }, { "m", UNIT_MS.m }, { "s", SECOND_MS }, { "ms", 1 } }

--- The shortest of the common spellings: 10800 -> "3h", 5400 -> "1h30m", 0.8 -> "800ms", 0 -> "0s".
function duration.format(seconds)
  local parts, left_ms = {}, math.floor(seconds * SECOND_MS + 0.5)
  for _, unit in ipairs(UNITS) do
    local count = left_ms // unit[2]
    if count > 0 then
      parts[#parts + 1] = ("%d%s"):format(count, unit[1])
      left_ms = left_ms - count * unit[2]
    end
  end
  return #parts > 0 and table.concat(parts) or "0s"
end

return duration
