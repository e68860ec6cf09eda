--- The versions of one resource, newest first, each with what changed since the one before.
local baseline = require("azdrift.baseline")
local json = require("azdrift.json")
local model = require("azdrift.report.model")
local moments = require("azdrift.moments")

local history = {}

-- Bodies as documents; a tombstone has none.
local function changes_between(detector, version, older)
  local before, after = older and older.body, version.body
  if before and after then
    local result, message, code = detector:pair({ before = before, after = after, before_view = older.view,
      before_api_version = older.api_version, after_view = version.view, after_api_version = version.api_version })
    if not result then error({ message = message, code = code }, 0) end
    local drift = json.parse(result.drifts)[1]
    return "changed", drift and drift.changes or {}
  end
  if after then return "added", { { op = "add", property = "", pointer = "", new_value = json.parse(after) } } end
  return "removed", { { op = "remove", property = "", pointer = "", old_value = before and json.parse(before) } }
end

local function timestamp_of(store, scope, seq)
  local snapshot = store:snapshot({ scope = scope, seq = seq })
  -- Retention may have taken the snapshot while the version it opened still stands.
  return snapshot and snapshot.timestamp_ms
end

--- An iterator over { seq, timestamp_ms (nil where the snapshot is pruned), kind, changes, body }.
--- query: id, limit, detector, at = moment or nil: versions that were there then, the one in force first. nil and a sentence where
--- the id names no type, or its scope has no snapshot at the moment.
function history.versions(store, query)
  local resource = model.resource(query.id)
  if not resource.type then return nil, ("%s: no resource id: it names no type"):format(query.id) end
  local scope, last = baseline.scope_of(query.id), nil
  if query.at then
    local snapshot, why = moments.find(store, scope, query.at)
    if not snapshot then return nil, ("%s: %s"):format(query.at.text, why) end
    last = snapshot.seq
  end
  local cursor, message = store:history({ scope = scope, type = resource.type, id = query.id, bodies = true })
  if not cursor then return nil, message end
  local version, left = cursor(), query.limit
  while version and last and version.from_seq > last do version = cursor() end
  return function()
    if not version or left == 0 then
      cursor:close()
      return nil
    end
    local older = cursor()
    local kind, changes = changes_between(query.detector, version, older)
    local row = { seq = version.from_seq, timestamp_ms = timestamp_of(store, scope, version.from_seq), kind = kind,
      changes = changes, body = version.body }
    version, left = older, left - 1
    return row
  end
end

return history
