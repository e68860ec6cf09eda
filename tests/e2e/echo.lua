-- Answers any request with what was understood of it: for the conformance cases. azdrift lua tests/e2e/echo.lua [PORT [CERTIFICATE KEY]]
-- Prints its port once it listens.
require("azdrift.log").set_level("warn") -- what complains fails the story; a slow slice under ASan is no complaint
local server = require("azdrift.server")
local task = require("azdrift.task")

local function echo(request)
  if request.path == "/slow" then task.sleep_ms(1000) end
  local query = request.raw_query and "?" .. request.raw_query or ""
  return 200, { ["Content-Type"] = "text/plain" },
    string.format("%s %s%s body=%d<%s>\n", request.method, request.path, query, #request.body, request.body)
end

local listener <close> = assert(server.listen {
  address = "127.0.0.1:" .. (arg[1] or "0"),
  certificate = arg[2],
  key = arg[3],
  connections_per_address = 1000,
  on_request = echo,
})
print(listener:port())
io.stdout:flush()
listener:wait()
