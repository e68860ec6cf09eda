-- An Azure to try things on: azdrift lua examples/sandbox-azure/main.lua [--port 0] [--resources 300] [--seed 7] ...
-- Prints one line with its URL when it listens, and serves until it is told to stop. README.md says what it can do.
local here = arg[0]:match("^(.*)/[^/]*$") or "."
package.path = here .. "/?.lua;" .. package.path

local log = require("azdrift.log")
local sandbox = require("sandbox.sandbox")
local server = require("azdrift.server")

log.set_level("warn") -- that a page took its time is of no interest here

local options = { port = 0, resources = 300, seed = 7, subscriptions = 1, page = 100, latency_ms = 0, secret = "s3cret",
  token_lifetime_s = 3599 }
local NAMES = { ["--port"] = "port", ["--resources"] = "resources", ["--seed"] = "seed", ["--subscriptions"] = "subscriptions",
  ["--page"] = "page", ["--latency-ms"] = "latency_ms", ["--secret"] = "secret", ["--token-lifetime-s"] = "token_lifetime_s" }

local function usage(problem)
  io.stderr:write("sandbox-azure: ", problem, "\nusage: azdrift lua examples/sandbox-azure/main.lua [--port 0] [--resources 300] "
    .. "[--seed 7]\n    [--subscriptions 1] [--page 100] [--latency-ms 0] [--secret s3cret] [--token-lifetime-s 3599]\n")
  os.exit(1)
end

for i = 1, #arg, 2 do
  local name, value = NAMES[arg[i]], arg[i + 1]
  if not name or not value then usage("unknown or incomplete: " .. arg[i]) end
  if name ~= "secret" then
    value = math.tointeger(tonumber(value) or "")
    if not value or value < 0 then usage(arg[i] .. " wants a whole number") end
  end
  options[name] = value
end
if options.subscriptions < 1 or options.page < 1 then usage("--subscriptions and --page are at least 1") end

local azure = sandbox.new(options)
local listener <close> = assert(server.listen { address = "127.0.0.1:" .. options.port, connections_per_address = 1000,
  request_ms = 600000, body_bytes = 4 * 1024 * 1024, on_request = function(request) return azure:handle(request) end })
io.stdout:write(string.format("sandbox Azure: http://127.0.0.1:%d (%d resources, tenant %s)\n", listener:port(),
  azure.world.count, azure.world.tenant))
io.stdout:flush()
listener:wait()
