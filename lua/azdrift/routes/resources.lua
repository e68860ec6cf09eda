--- Resources, and what became of them.
local detect = require("azdrift.detect")
local history = require("azdrift.history")
local json = require("azdrift.json")
local model = require("azdrift.report.model")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local scopes = require("azdrift.service.scopes")
local stream = require("azdrift.service.stream")
local time = require("azdrift.time")
local value = require("azdrift.report.value")

local function must(found, message, code)
  if found == nil then error({ message = message, code = code }, 0) end
  return found
end

-- The resources of a scope's newest snapshot, without their bodies.
local function list(request, service)
  local scope = scopes.asked(request, request.query.scope)
  local snapshot = must(service.store:snapshot({ scope = scope }))
  local keep, wanted = scopes.filter(request, scope), request.query.type and request.query.type:lower()
  local cursor = must(service.store:versions({ scope = scope, seq = snapshot.seq }))
  local head = json.encode({ snapshot_id = snapshot.id, scope = scope, seq = snapshot.seq, timestamp = time.format(snapshot.timestamp_ms) })
  return reply.stream(stream.object_with_list(head, "items", function()
    local row = cursor()
    while row and (not keep(row.id) or (wanted and row.type:lower() ~= wanted)) do row = cursor() end
    return row and json.encode({ id = row.id, type = row.type, hash = row.hash, since = row.from_seq, view = row.view,
      api_version = row.api_version })
  end, function() cursor:close() end))
end

-- A query parameter and no part of the path: an ARM id is full of slashes.
local function resource_id(request)
  local id = request.query.id
  if id:sub(1, 1) ~= "/" or not model.resource(id).type then
    error({ message = "/query/id is no ARM id of a resource", code = "not_found" }, 0)
  end
  if not request.access:sees(id) then error({ message = "nothing is known of this resource", code = "not_found" }, 0) end
  return id
end

local function versions(request, service)
  local id = resource_id(request)
  local detector = detect.detector({ bundle = service.rules.current })
  local next_version = must(history.versions(service.store, { id = id, limit = request.query.limit, detector = detector }))
  local first = next_version()
  if not first then error({ message = "nothing is known of this resource", code = "not_found" }, 0) end
  local row = first
  return reply.stream(stream.object_with_list(json.encode({ id = id }), "versions", function()
    if not row then return nil end
    local taken = value.encode(row.timestamp_ms and time.format(row.timestamp_ms))
    local text = ('{"seq":%d,"timestamp":%s,"kind":%s,"changes":%s,"body":%s}'):format(row.seq, taken, value.quote(row.kind),
      value.encode(row.changes), row.body or "null")
    row = next_version()
    return text
  end))
end

return {
  { "GET /v1/resources", summary = "The resources of a scope's newest snapshot", role = "reader",
    query = { scope = schema.required(schema.scope()), type = schema.text(3, 200) }, replies = { [200] = "All of them, without bodies" },
    handle = list },
  { "GET /v1/resources/history", summary = "The versions of one resource, newest first", role = "reader",
    about = "Each with what changed since the one before; what rules call noise is left out.",
    query = { id = schema.required(schema.text(2, 1024)), limit = schema.integer(1, 1000, 20) }, replies = { [200] = "Its versions" },
    handle = versions },
}
