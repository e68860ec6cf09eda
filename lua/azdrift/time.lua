--- Instants as text: RFC 3339 in UTC, milliseconds where they are not zero.

local time = {}

--- @param wall_ms integer milliseconds since 1970
function time.format(wall_ms)
  local text = os.date("!%Y-%m-%dT%H:%M:%S", wall_ms // 1000)
  local milliseconds = wall_ms % 1000
  return milliseconds == 0 and text .. "Z" or string.format("%s.%03dZ", text, milliseconds)
end

--- Days from 1970-01-01 to a date of the Gregorian calendar.
function time.days_since_1970(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = year // 400
  local year_of_era = year - era * 400
  local day_of_year = (153 * (month + (month > 2 and -3 or 9)) + 2) // 5 + day - 1
  return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
end

return time
