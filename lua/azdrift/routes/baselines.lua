--- What drift is measured against, per type of a scope. POST /initialize sets it anew.
local json = require("azdrift.json")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")
local scopes = require("azdrift.service.scopes")
local time = require("azdrift.time")

return {
  { "GET /v1/baselines", summary = "The baseline of each type of a scope", role = "reader",
    query = { scope = schema.required(schema.scope()) },
    replies = { [200] = "All of them" }, handle = function(request, service)
      local scope = scopes.asked(request, request.query.scope)
      local list, message, code = service.store:baselines(scope)
      if not list then return reply.failure(message, code) end
      local items = json.array({})
      for i, entry in ipairs(list) do
        items[i] = { type = entry.type, seq = entry.seq, set = time.format(entry.set_ms), who = entry.who, why = entry.why }
      end
      return reply.json(200, { scope = scope, items = items })
    end },
}
