--- Drifts and their lives: what is open, since when, and what people said of it.
local json = require("azdrift.json")
local life = require("azdrift.life")
local model = require("azdrift.report.model")
local page = require("azdrift.service.page")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local scopes = require("azdrift.service.scopes")
local task = require("azdrift.task")
local time = require("azdrift.time")

local STATUSES = { "open", "acknowledged", "muted", "accepted", "resolved" }
local SECOND_MS = 1000

local function must(value, message, code)
  if value == nil then error({ message = message, code = code }, 0) end
  return value
end

local function instant(ms) return ms and ms > 0 and time.format(ms) or nil end

-- The life, and the drift as its last report showed it.
local function document(row)
  local shown = { fingerprint = row.fingerprint, status = row.status, severity = row.severity, kind = row.kind, resource_type = row.type,
    resource_id = row.resource_id, first_seen = { seq = row.first_seen_seq, at = instant(row.first_seen_ms) },
    last_seen = { seq = row.last_seen_seq, at = instant(row.last_seen_ms) }, counts = life.counts(row.status, row.severity or "info"),
    who = row.who, why = row.why, ["until"] = instant(row.until_ms) }
  local text = json.encode(shown)
  return text:sub(1, -2) .. ',"drift":' .. (row.document or "null") .. "}"
end

-- Walks the lives of the visible scopes in order, from behind the cursor's place on, and takes what may be seen and was asked for.
local function list(request, service)
  local query = request.query
  local place, message = page.read(query.cursor)
  if query.cursor and not place then return page.none(message) end
  local least = query.severity and model.rank(query.severity) or 0
  local items, last = {}, nil
  for _, scope in ipairs(scopes.visible(request, service, query.scope)) do
    local is_behind = not place or scope > place.scope
    if is_behind or scope == place.scope then
      local cursor <close> = must(service.store:drifts({ scope = scope, statuses = query.status and { query.status } or nil }))
      for row in cursor.next, cursor do
        if is_behind and request.access:sees(row.resource_id) and model.rank(row.severity) >= least then
          if #items == query.limit then
            return page.reply("/v1/drifts", query, items, last)
          end
          items[#items + 1] = json.parse(document(row))
          last = { scope = scope, fingerprint = row.fingerprint }
        end
        if not is_behind and row.fingerprint == place.fingerprint then is_behind = true end
      end
    end
  end
  return page.reply("/v1/drifts", query, items)
end

local function find(request, service)
  for _, scope in ipairs(scopes.visible(request, service)) do
    local row, message, code = service.store:drift(scope, request.params.fingerprint)
    if not row and code ~= "not_found" then error({ message = message, code = code }, 0) end
    if row and request.access:sees(row.resource_id) then return row, scope end
  end
  error({ message = "there is no such drift", code = "not_found" }, 0)
end

-- A person's word about a drift: its life goes on under it until it is over, or the drift is gone.
local function set_status(status)
  return function(request, service)
    local row, scope = find(request, service)
    if row.status == "resolved" or row.status == "accepted" then
      return reply.problem(409, "conflict", ("the drift is %s already"):format(row.status))
    end
    local body = request.body
    local until_ms = body.hours and task.now_ms() + body.hours * 3600 * SECOND_MS or nil
    must(service.store:drift_set({ scope = scope, fingerprint = row.fingerprint, status = status, who = request.access:name(),
      why = body.why, until_ms = until_ms }))
    service:audit(request.access, "drift-" .. status, row.fingerprint, { why = body.why, resource_id = row.resource_id })
    local now = must(service.store:drift(scope, row.fingerprint))
    return { status = 200, type = "application/json", body = document(now) .. "\n" }
  end
end

local ID = { fingerprint = schema.text(8, 64) }
local WORD = { why = schema.required(schema.text(1, 500)), hours = schema.integer(1, 8760) }

return {
  { "GET /v1/drifts", summary = "Drifts, oldest first", role = "reader",
    about = "Without a status those that are open, acknowledged or muted.",
    query = { scope = schema.scope(), status = schema.choice(STATUSES), severity = schema.choice(model.SEVERITIES),
      limit = schema.integer(1, 1000, 100), cursor = page.cursor() },
    replies = { [200] = "A page of them" }, handle = list },
  { "GET /v1/drifts/{fingerprint}", summary = "One drift and its life", role = "reader", path = ID,
    replies = { [200] = "The drift" },
    handle = function(request, service)
      return { status = 200, type = "application/json", body = document((find(request, service))) .. "\n" }
    end },
  { "POST /v1/drifts/{fingerprint}/acknowledge", summary = "Say that somebody looks after it", role = "operator",
    path = ID, body = WORD, about = "It goes on to count; after `hours` it is open again.", replies = { [200] = "The drift" },
    handle = set_status("acknowledged") },
  { "POST /v1/drifts/{fingerprint}/mute", summary = "Take a drift out of has_drift", role = "operator", path = ID, body = WORD,
    about = "Until it is gone, or for `hours`.", replies = { [200] = "The drift" }, handle = set_status("muted") },
}
