--- What to do next: a rule to paste for the noisiest of the least severe drift, and commands that go on from here.
local model = require("azdrift.report.model")
local terminal = require("azdrift.cli.terminal")

local hints = {}

-- A report of a whole estate has few distinct paths; beyond this many the first seen are enough to choose from.
local MAX_PLACES = 4096

local function count_places(advice, drift)
  local rank = model.rank(drift.severity)
  -- Nobody is offered to silence what a policy calls high or critical, or what no policy has judged, nor a resource that
  -- came or went.
  if rank == 0 or rank >= model.rank("high") or drift.kind ~= "changed" then return end
  -- A file may hold a body that does not say what it is: no rule can be written for that.
  if (drift.resource_type or "") == "" then return end
  for _, change in model.each(drift.changes) do
    local path = model.rule_path(change.property or "")
    local key = ("%s %s"):format((drift.resource_type or ""):lower(), path:lower())
    local place = advice.by_key[key]
    if place then
      place.count, place.rank = place.count + 1, math.max(place.rank, rank)
    elseif path ~= "" and #advice.places < MAX_PLACES then
      place = { type = drift.resource_type, path = path, property = change.property, count = 1, rank = rank,
        position = #advice.places + 1 }
      advice.by_key[key] = place
      advice.places[place.position] = place
    end
  end
end

--- Adds one loud drift to what was gathered so far (nil at first).
function hints.collect(advice, drift)
  advice = advice or { places = {}, by_key = {}, effects = 0 }
  local rank = model.rank(drift.severity)
  if not advice.worst or rank > advice.worst.rank then advice.worst = { rank = rank, resource_id = model.field(drift, "resource_id") } end
  advice.effects = advice.effects + model.count(drift.effects)
  count_places(advice, drift)
  return advice
end

local function noisiest(places)
  local best
  for _, place in ipairs(places) do
    if not best or place.rank < best.rank or (place.rank == best.rank
      and place.count > best.count) then best = place end
  end
  return best
end

hints.noisiest = noisiest

local function lua_string(content)
  return '"' .. content:gsub('[%c"\\]', function(c) return ("\\%03d"):format(c:byte()) end) .. '"'
end

--- The rule that would silence a place, as lines to paste into a file of rules/.
function hints.rule(place)
  return {
    ("rules { type = %s, owner = \"you\","):format(lua_string(place.type)),
    ("  { ignore = %s, why = \"say why nobody needs to see it\" },"):format(lua_string(place.path)),
    "}",
  }
end

local function shell(word)
  if word:find("^[%w%-_./:@=,+]+$") then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

hints.shell = shell

--- Lines { text, style } to print below the reports. options.history = false: the resources are in no store.
function hints.lines(advice, show, options)
  local lines = {}
  local function say(text, style) lines[#lines + 1] = { text = text, style = style } end
  local place = advice and noisiest(advice.places)
  if place then
    say("")
    local seen = place.count > 1 and (" (seen %d times)"):format(place.count) or ""
    say(("If %s%s is noise, paste this into rules/local.lua:"):format(terminal.safe(place.path), seen))
    for _, line in ipairs(hints.rule(place)) do say("    " .. terminal.safe(line)) end
  end
  if not (advice and advice.worst) then return lines end
  say("")
  say("Next:")
  if options.history ~= false and advice.worst.resource_id then
    say("    azdrift history " .. terminal.safe(shell(advice.worst.resource_id)))
  end
  if place then
    say(("    azdrift rules explain %s %s"):format(terminal.safe(shell(place.type)), terminal.safe(shell(place.path))))
  end
  local again = options.command or "azdrift drift"
  -- Only two files that were judged by rules alone have drift without a severity.
  if advice.worst.rank == 0 then say(("    %s --policies    (how bad it is)"):format(again)) end
  if advice.effects > 0 and not show.effects then say(("    %s --show effects,ignored"):format(again)) end
  say(("    %s --format markdown    (also: json, sarif, junit, csv, jsonpatch)"):format(again))
  return lines
end

return hints
