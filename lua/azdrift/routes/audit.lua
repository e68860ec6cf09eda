--- Who changed what, and what was refused.
local audit = require("azdrift.audit")
local json = require("azdrift.json")
local page = require("azdrift.service.page")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")

-- The log speaks of everything: a narrowed key, whatever its role, does not read it.
local function refuse_narrow(request)
  if request.access.is_narrow then error({ message = "there is no such thing", code = "not_found" }, 0) end
end

return {
  { "GET /v1/audit", summary = "The audit log, newest first", role = "admin",
    query = { limit = schema.integer(1, 1000, 100), cursor = page.cursor() }, replies = { [200] = "A page of it" },
    handle = function(request, service)
      refuse_narrow(request)
      local place, wrong = page.read(request.query.cursor)
      if request.query.cursor and not place then return page.none(wrong) end
      local entries, message, code = audit.list(service.store, place and place.seq, request.query.limit)
      if not entries then return reply.failure(message, code) end
      local last = entries[request.query.limit]
      return page.reply("/v1/audit", request.query, entries, last and last.seq > 1 and { seq = last.seq } or nil)
    end },
  { "GET /v1/audit/verify", summary = "Follow the chain of the audit log", role = "admin", deadline_ms = 600000,
    replies = { [200] = "How many entries, the head, and what does not hold" }, handle = function(request, service)
      refuse_narrow(request)
      local result, message, code = audit.verify(service.store)
      if not result then return reply.failure(message, code) end
      return reply.json(200, { entries = result.entries, head = result.head, findings = json.array(result.findings),
        verified = #result.findings == 0 })
    end },
}
