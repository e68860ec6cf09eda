--- Numbers for Prometheus.
local measure = require("azdrift.service.measure")
local metrics = require("azdrift.metrics")
local reply = require("azdrift.service.reply")

return {
  { "GET /v1/metrics", summary = "Metrics in Prometheus' text format", role = "reader", replies = { [200] = "text/plain; version=0.0.4" },
    handle = function(request, service)
      if request.access.is_narrow then return reply.problem(404, "not-found", "metrics speak of every scope") end
      measure.service(service)
      return reply.text("text/plain; version=0.0.4; charset=utf-8", metrics.text())
    end },
}
