--- A person's word about drift: who says it, why, and until when. Options that `drift ack` and `baseline accept` share.
local failure = require("azdrift.cli.failure")
local moment = require("azdrift.cli.moment")

local word = {}

local LENGTH_MAX <const> = 2000

word.WHY = { long = "why", value = "TEXT", summary = "the reason, for whoever reads it next year (required)" }
word.WHO = { long = "who", value = "NAME", summary = "whose word it is (default: $AZDRIFT_WHO, else the login name)" }
word.UNTIL = { long = "until", value = "TIME",
  summary = "when it ends: a time (2026-12-24), or in how long (30d); without it, it holds for good" }

local function login(env)
  for _, name in ipairs({ "AZDRIFT_WHO", "SUDO_USER", "USER", "LOGNAME" }) do
    local value = env(name)
    if value and value ~= "" then return value end
  end
  failure.raise("who says so? give --who NAME, or set $AZDRIFT_WHO")
end

local function short(option, text)
  if #text > LENGTH_MAX then failure.raise("--%s: %d bytes; at most %d", option, #text, LENGTH_MAX) end
  if not utf8.len(text) then failure.raise("--%s: the text is not UTF-8", option) end
  return text
end

--- { who, why, until_ms or nil } of the options. Raises where --why is missing, or the time is over.
function word.of(context, values)
  if not values.why then failure.raise("--why is missing: say in a few words why, for whoever reads it next year") end
  local until_ms
  if values["until"] then
    local message
    until_ms, message = moment.parse_end(values["until"], context.host.now_ms())
    if not until_ms then failure.raise("--until: %s", message) end
  end
  return { who = short("who", values.who or login(context.host.env)), why = short("why", values.why), until_ms = until_ms }
end

--- "by eve until 2026-12-24 00:00:00 UTC: planned"
function word.told(who, why, until_ms)
  return ("by %s%s%s"):format(who or "?", until_ms and (" until %s UTC"):format(moment.format(until_ms)) or "",
    why and why ~= "" and ": " .. why or "")
end

return word
