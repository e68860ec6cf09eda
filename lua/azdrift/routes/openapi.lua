--- The description of this API, made from the declarations that drive it.
local openapi = require("azdrift.service.openapi")
local reply = require("azdrift.service.reply")

return {
  { "GET /v1/openapi.json", summary = "This API, as OpenAPI 3.1", role = "none", replies = { [200] = "The description" },
    handle = function(_, service) return reply.json(200, openapi.document(service.routes)) end },
}
