--- The life of a drift: open, acknowledged, muted, accepted, resolved by itself. Pure.
-- A life follows its fingerprint (scope, resource, kind, paths). A report never ends a life that a person set, but for a mute or an
-- acknowledgement whose time is over; what is not found any more is resolved; what comes back is open again, first seen anew.

local life = {}

local COUNTS = { open = true, acknowledged = true }
local SEVERITY_RANK = { none = 0, info = 1, low = 2, medium = 3, high = 4, critical = 5 }

local function is_over(known, now_ms) return known.until_ms and known.until_ms > 0 and known.until_ms <= now_ms end

--- What a found drift's life is from now on.
-- @param known its life so far, or nil: { status, first_seen_seq, first_seen_ms, until_ms, who, why }
-- @param moment { seq, now_ms }
function life.next(known, moment)
  if not known or known.status == "resolved" then
    return { status = "open", first_seen_seq = moment.seq, first_seen_ms = moment.now_ms, is_new = true }
  end
  local state = { status = known.status, first_seen_seq = known.first_seen_seq, first_seen_ms = known.first_seen_ms, is_new = false }
  local is_timed = known.status == "muted" or known.status == "acknowledged"
  -- Accepted and yet found: what was accepted is not what is there now. Whose word it was goes with the word.
  if known.status == "accepted" or is_timed and is_over(known, moment.now_ms) then
    state.status = "open"
  else
    state.until_ms, state.who, state.why = known.until_ms, known.who, known.why
  end
  return state
end

--- Whether a drift makes has_drift true: open or acknowledged, and above info.
function life.counts(status, severity) return COUNTS[status] == true and SEVERITY_RANK[severity] > SEVERITY_RANK.info end

--- Fingerprints of lives that nothing was found of: they are resolved.
-- @param lives array of { fingerprint, status }
-- @param found set of fingerprints
function life.resolved(lives, found)
  local resolved = {}
  for _, known in ipairs(lives) do
    if known.status ~= "resolved" and not found[known.fingerprint] then resolved[#resolved + 1] = known.fingerprint end
  end
  return resolved
end

return life
