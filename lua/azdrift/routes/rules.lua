--- The rules and policies that judge, and their exchange.
local reply = require("azdrift.service.reply")

return {
  { "GET /v1/bundle", summary = "Which rules and policies judge now", role = "reader", replies = { [200] = "Their stamp" },
    handle = function(_, service) return reply.json(200, { stamp = service.rules:stamp(), generation = service.rules.generation }) end },
  { "POST /v1/reload", summary = "Read rules, policies and the certificate anew", role = "admin",
    about = "They are built aside and proved first; what does not pass changes nothing.",
    replies = { [200] = "What judges from now on", [422] = "They were refused: file, line and why" }, handle = function(request, service)
      local outcome, message = service:reload(request.access)
      if outcome == "refused" then return reply.problem(422, "bundle-refused", message) end
      return reply.json(200, { outcome = outcome, stamp = service.rules:stamp(), generation = service.rules.generation })
    end },
}
