--- Snapshots: the moments at which a scope was read.
local json = require("azdrift.json")
local page = require("azdrift.service.page")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local scopes = require("azdrift.service.scopes")
local stream = require("azdrift.service.stream")
local time = require("azdrift.time")

local COVERAGE_LIMITS = { max_bytes = 64 * 1024 * 1024 }

local function document(snapshot)
  return { id = snapshot.id, scope = snapshot.scope, seq = snapshot.seq, timestamp = time.format(snapshot.timestamp_ms),
    status = snapshot.status, resources = snapshot.resources, added = snapshot.added, changed = snapshot.changed,
    removed = snapshot.removed, chain = snapshot.chain }
end

local function must(value, message, code)
  if value == nil then error({ message = message, code = code }, 0) end
  return value
end

-- A snapshot's counts speak of its whole scope: who sees only part of that is shown none.
local function whole(request, list)
  local seen = {}
  for _, scope in ipairs(list) do
    if request.access:sees(scope) then seen[#seen + 1] = scope end
  end
  return seen
end

-- Newest first, over all scopes; the cursor is the seq before which the page of the one scope begins.
local function list(request, service)
  local query = request.query
  local seen = whole(request, scopes.visible(request, service, query.scope))
  if query.cursor and not query.scope then
    return page.none("/query/cursor goes with the scope it came with")
  end
  local rows = {}
  local before, message = page.read(query.cursor)
  if query.cursor and not before then return page.none(message) end
  for _, scope in ipairs(seen) do
    local found = must(service.store:snapshots({ scope = scope, limit = query.limit + 1, before_seq = before and before.seq }))
    table.move(found, 1, #found, #rows + 1, rows)
  end
  table.sort(rows, function(a, b)
    if a.timestamp_ms ~= b.timestamp_ms then return a.timestamp_ms > b.timestamp_ms end
    return a.id > b.id
  end)
  local items = json.array({})
  for index = 1, math.min(#rows, query.limit) do items[index] = document(rows[index]) end
  local last = rows[query.limit]
  return page.reply("/v1/snapshots", query, items, query.scope and #rows > query.limit and { seq = last.seq } or nil)
end

local function find(request, service)
  local snapshot = must(service.store:snapshot({ id = request.params.id }))
  if not request.access:sees(snapshot.scope) then error({ message = "there is no such snapshot", code = "not_found" }, 0) end
  return snapshot
end

local ID = { id = schema.uuid() }

return {
  { "GET /v1/snapshots", summary = "Snapshots, newest first", role = "reader",
    about = "Over several scopes only the newest are listed; with a scope its older ones are on the next pages.",
    query = { scope = schema.scope(), limit = schema.integer(1, 1000, 100), cursor = page.cursor() },
    replies = { [200] = "A page of them" }, handle = list },
  { "GET /v1/snapshots/{id}", summary = "One snapshot, with what could not be read", role = "reader", path = ID,
    replies = { [200] = "The snapshot" }, handle = function(request, service)
      local snapshot = find(request, service)
      local shown = document(snapshot)
      shown.coverage = json.decode(snapshot.coverage, COVERAGE_LIMITS)
      return reply.json(200, shown)
    end },
  { "GET /v1/snapshots/{id}/resources", summary = "Every resource of one snapshot", role = "reader", path = ID,
    about = "In the published shape; as long as the estate is large.", replies = { [200] = "The snapshot" },
    handle = function(request, service)
      local snapshot = find(request, service)
      local cursor = must(service.store:versions({ scope = snapshot.scope, seq = snapshot.seq, bodies = true }))
      return reply.stream(stream.snapshot(snapshot, time.format(snapshot.timestamp_ms), nil, cursor, function() return true end))
    end },
}
