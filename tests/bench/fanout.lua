-- bench_fanout's run: every GET in a task of its own, bounded by the client's connections.
local http = require("azdrift.http")
local task = require("azdrift.task")

local port, count = ...
local url = "http://127.0.0.1:" .. port .. "/item"
local items = {}
for i = 1, tonumber(count) do items[i] = url .. i end
task.each(items, 64, function(item)
  local reply = assert(http.request({ url = item, deadline_ms = 60000 }))
  assert(reply.status == 200)
end)
