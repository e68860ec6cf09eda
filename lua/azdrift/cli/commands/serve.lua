local failure = require("azdrift.cli.failure")
local project = require("azdrift.cli.project")

local function run(context, values)
  local settings = context:settings()
  if values.listen then settings.listen = values.listen end
  context.host.set_log_level(values.verbose and "debug" or "info")
  local store <close> = project.store(context)
  local service, message = require("azdrift.service").new({ settings = settings, store = store, collects = not values.no_collect })
  if not service then failure.raise("%s", message) end
  service:run()
  return 0
end

return {
  name = "serve",
  summary = "Collect on a schedule and answer over HTTP",
  usage = "azdrift serve [options]",
  about = {
    "Collects every `collect.every`, looks for drift, and serves both: GET /latest-drift, GET /latest-snapshot, POST /collect, "
      .. "POST /initialize, GET /health, and everything else under /v1 (GET /v1/openapi.json lists it).",
    "Without an API key it listens on this machine only; `azdrift keys create` makes the first. SIGHUP reads rules, policies and the "
      .. "certificate anew; SIGTERM finishes what is in work, and ends.",
  },
  options = {
    { long = "listen", value = "ADDRESS", repeated = true,
      summary = "instead of listen in azdrift.lua: 127.0.0.1:8200, [::]:8200 or unix:/path; can be given again" },
    { long = "no-collect", kind = "flag", summary = "answer only: nothing is collected on a schedule" },
  },
  examples = {
    { "on this machine", "azdrift serve" },
    { "its newest report", "curl -s http://127.0.0.1:8200/latest-drift | jq .summary" },
  },
  run = run,
}
