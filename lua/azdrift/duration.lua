--- Durations as people write them: "90s", "3h", "1h30m", "30d", "2y". In seconds, whole.
local duration = {}

local SECONDS = { s = 1, m = 60, h = 3600, d = 86400, w = 7 * 86400, y = 365 * 86400 }
local LIMIT = 1000 * SECONDS.y

--- Seconds, or nil and a sentence that says what a duration looks like.
function duration.parse(text)
  local total, rest = 0, text
  while rest ~= "" do
    local digits, unit, tail = rest:match("^(%d+)([smhdwy])(.*)$")
    if not digits or #digits > 12 then
      return nil, ('"%s" is no duration; write a number and a unit: 90s, 15m, 3h, 30d, 2w, 2y'):format(text)
    end
    total, rest = total + math.tointeger(digits) * SECONDS[unit], tail
    if total > LIMIT then return nil, ('"%s" is longer than a thousand years'):format(text) end
  end
  if text == "" then return nil, "an empty text is no duration; write 90s, 15m, 3h, 30d, 2w or 2y" end
  return total
end

local UNITS = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } }

--- The shortest of the common spellings: 10800 -> "3h", 5400 -> "1h30m", 0 -> "0s".
function duration.format(seconds)
  local parts = {}
  for _, unit in ipairs(UNITS) do
    local count = seconds // unit[2]
    if count > 0 then
      parts[#parts + 1] = ("%d%s"):format(count, unit[1])
      seconds = seconds - count * unit[2]
    end
  end
  return #parts > 0 and table.concat(parts) or "0s"
end

return duration
