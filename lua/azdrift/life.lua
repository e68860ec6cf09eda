--- The life of a drift: open, acknowledged, muted, accepted, resolved by itself. Pure.
-- A life follows its fingerprint (scope, resource, kind, paths). A report never ends a life that a person set, but for a mute or an
-- acknowledgement whose time is over; what is not found any more is resolved; what comes back is open again, with its earlier times.

local life = {}

local COUNTS = { open = true, acknowledged = true }
local SEVERITY_RANK = { none = 0, info = 1, low = 2, medium = 3, high = 4, critical = 5 }
local EARLIER_MAX <const> = 20 -- times that are remembered, the newest

life.EARLIER_MAX = EARLIER_MAX

local function is_over(known, now_ms) return known.until_ms and known.until_ms > 0 and known.until_ms <= now_ms end

-- The times a drift was open before, with the one that ended as known says.
local function remember(known)
  local earlier = table.move(known.earlier or {}, 1, #(known.earlier or {}), 1, {})
  earlier[#earlier + 1] = { ended = known.status, first_seen_seq = known.first_seen_seq, first_seen_ms = known.first_seen_ms,
    last_seen_seq = known.last_seen_seq, last_seen_ms = known.last_seen_ms, who = known.who, why = known.why }
  while #earlier > EARLIER_MAX do table.remove(earlier, 1) end
  return earlier
end

--- What a found drift's life is from now on.
-- @param known its life so far, or nil: { status, first_seen_seq, first_seen_ms, last_seen_seq, last_seen_ms, until_ms, who, why,
--   earlier = { { ended, ... }, ... } or nil }
-- @param moment { seq, at_ms = of the snapshot, now_ms = when it is told }
function life.next(known, moment)
  if not known then
    return { status = "open", first_seen_seq = moment.seq, first_seen_ms = moment.at_ms, is_new = true, is_reopened = false }
  end
  if known.status == "resolved" then
    return { status = "open", first_seen_seq = moment.seq, first_seen_ms = moment.at_ms, is_new = true, is_reopened = true,
      earlier = remember(known) }
  end
  local state = { status = known.status, first_seen_seq = known.first_seen_seq, first_seen_ms = known.first_seen_ms, is_new = false,
    is_reopened = false, earlier = known.earlier }
  local is_timed = known.status == "muted" or known.status == "acknowledged"
  if known.status == "accepted" then
    -- Accepted and yet found: something else is there now, or the time of it is over. Whose word it was is remembered.
    state.status, state.is_reopened, state.earlier = "open", true, remember(known)
  elseif is_timed and is_over(known, moment.now_ms) then
    state.status = "open"
  else
    state.until_ms, state.who, state.why = known.until_ms, known.who, known.why
  end
  return state
end

--- Whether a drift makes has_drift true: open or acknowledged, and above info.
function life.counts(status, severity) return COUNTS[status] == true and SEVERITY_RANK[severity] > SEVERITY_RANK.info end

--- Lives that nothing was found of: they are resolved.
-- @param lives array of { fingerprint, status }
-- @param found set of fingerprints
-- @return array of those lives
function life.resolved(lives, found)
  local resolved = {}
  for _, known in ipairs(lives) do
    if known.status ~= "resolved" and not found[known.fingerprint] then resolved[#resolved + 1] = known end
  end
  return resolved
end

--- Whether properties are a real part of others: a drift that some places of were settled has another fingerprint, and goes on.
-- @param properties, of arrays of text
function life.is_rest(properties, of)
  local there = {}
  for _, property in ipairs(of) do there[property] = true end
  for _, property in ipairs(properties) do
    if not there[property] then return false end
  end
  return #properties > 0 and #properties < #of
end

return life
