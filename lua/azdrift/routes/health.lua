--- Whether the service is there, alive, and ready. For everybody: it says nothing of what is inside.
local json = require("azdrift.json")
local reply = require("azdrift.service.reply")
local time = require("azdrift.time")
local task = require("azdrift.task")

local TRY = "azdrift"

return {
  { "GET /health", summary = "Whether the service answers", role = "none", replies = { [200] = "It does" },
    handle = function() return reply.json(200, { status = "healthy", timestamp = time.format(task.now_ms()) }) end },

  { "GET /v1/health/live", summary = "Whether this process is alive", role = "none",
    about = "For a supervisor that restarts what hangs: an answer is a turn of the loop.", replies = { [200] = "It is" },
    handle = function() return reply.json(200, { status = "live" }) end },

  { "GET /v1/health/ready", summary = "Whether requests should be sent here", role = "none",
    about = "For a load balancer: the store answers, and the service is not about to end.",
    replies = { [200] = "They should", [503] = "They should not, and why" },
    handle = function(_, service)
      local reasons = json.array({})
      if service.is_stopping then reasons[#reasons + 1] = "stopping" end
      local _, _, code = service.store:get("schedule", TRY)
      if code and code ~= "not_found" then reasons[#reasons + 1] = "store" end
      return reply.json(#reasons == 0 and 200 or 503, { status = #reasons == 0 and "ready" or "not ready", reasons = reasons })
    end },
}
