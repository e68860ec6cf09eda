--- Moments as people name them, for every option that takes one: a time ("2026-11-22", "2026-11-22T10:00Z"), how long ago
--- ("3h", "3h ago"), a snapshot's id, or its number in a scope (seq). Which snapshot that is: azdrift.moments.
local duration = require("azdrift.duration")
local failure = require("azdrift.cli.failure")
local time = require("azdrift.time")

local moment = {}

local MONTH_DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_leap(year) return year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0) end

local function is_date(year, month, day)
  if year < 1970 or month < 1 or month > 12 or day < 1 then return false end
  return day <= MONTH_DAYS[month] + ((month == 2 and is_leap(year)) and 1 or 0)
end

-- Milliseconds of a time with a zone, UTC where none is said; nil where the text is no time.
local function parse_time(text)
  local year, month, day, rest = text:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)(.*)$")
  if not year then return nil end
  year, month, day = math.tointeger(year), math.tointeger(month), math.tointeger(day)
  if not is_date(year, month, day) then return nil end
  local seconds = time.days_since_1970(year, month, day) * 86400
  if rest == "" then return seconds * 1000 end
  local hour, minute, tail = rest:match("^[T ](%d%d):(%d%d)(.*)$")
  if not hour or tonumber(hour) > 23 or tonumber(minute) > 59 then return nil end
  seconds = seconds + math.tointeger(hour) * 3600 + math.tointeger(minute) * 60
  local whole, fraction, zone = tail:match("^:(%d%d)(%.?%d*)(.*)$")
  local ms = 0
  if whole then
    if tonumber(whole) > 59 or fraction == "." then return nil end
    seconds, tail = seconds + math.tointeger(whole), zone
    -- A snapshot's own timestamp names it: its milliseconds count.
    ms = math.tointeger(tonumber((fraction:sub(2) .. "000"):sub(1, 3)))
  end
  if tail == "" or tail == "Z" or tail == "z" then return seconds * 1000 + ms end
  local sign, hours, minutes = tail:match("^([+-])(%d%d):?(%d%d)$")
  if not sign or tonumber(hours) > 14 or tonumber(minutes) > 59 then return nil end
  local offset = math.tointeger(hours) * 3600 + math.tointeger(minutes) * 60
  return (seconds + (sign == "+" and -offset or offset)) * 1000 + ms
end

moment.parse_time = parse_time

--- { at_ms = }, { seq = } or { id = }; or nil and a sentence. now_ms is what "3h" counts back from.
function moment.parse(text, now_ms)
  local id = text:lower():match("^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x+$")
  if id and #id == 36 then return { id = id } end
  local seq = text:match("^%d+$") and math.tointeger(tonumber(text))
  if seq and seq > 0 then return { seq = seq } end
  local at_ms = parse_time(text)
  if at_ms then return { at_ms = at_ms } end
  local seconds = text ~= "" and duration.parse((text:gsub("%s+ago$", "")))
  if seconds then return { at_ms = now_ms - math.floor(seconds * 1000) } end
  return nil, ('"%s" is no moment; write a time (2026-11-22, 2026-11-22T10:00Z), how long ago (3h, "7d ago"), a '
    .. 'snapshot\'s id, '
    .. "or its number in a scope (with --scope)"):format(text)
end

--- What an option that names a moment holds; nil where it was not given. Raises a sentence that begins with the option.
--- values: the parsed options; name: the option's field; label: how it is called where it is no option.
function moment.of(context, values, name, label)
  local text, now_ms = values[name], context.host.now_ms()
  if not text then return nil end
  label = label or "--" .. name
  local found, message = moment.parse(text, now_ms)
  if not found then failure.raise("%s: %s", label, message) end
  if found.seq and not values.scope then
    failure.raise("%s %s is a snapshot's number, and each scope counts its own: say which with --scope", label, text)
  end
  if found.at_ms and found.at_ms > now_ms then
    failure.raise("%s: %s is in the future; now is %s", label, text, moment.iso(now_ms))
  end
  found.text = ("%s %s"):format(label, text)
  return found
end

--- A time to come, for --until: a time, or in how long ("30d", "in 30d"). Milliseconds, or nil and a sentence.
function moment.parse_end(text, now_ms)
  local at_ms = parse_time(text)
  local seconds = not at_ms and text ~= "" and duration.parse((text:gsub("^in%s+", "")))
  if seconds then at_ms = now_ms + math.floor(seconds * 1000) end
  if not at_ms then
    return nil, ('"%s" is no time to come; write a time (2026-12-24, 2026-12-24T18:00Z) or in how long (30d)'):format(text)
  end
  if at_ms <= now_ms then return nil, ("%s is over; now is %s"):format(text, moment.iso(now_ms)) end
  return at_ms
end

--- "2026-11-22 10:00:05" (UTC) of milliseconds.
function moment.format(ms) return os.date("!%Y-%m-%d %H:%M:%S", ms // 1000) end

--- "2026-11-22T10:00:05Z" of milliseconds; with three digits more where they are not zero.
function moment.iso(ms)
  local text = os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000)
  return ms % 1000 == 0 and text .. "Z" or ("%s.%03dZ"):format(text, ms % 1000)
end

return moment
