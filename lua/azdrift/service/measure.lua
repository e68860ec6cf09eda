--- Numbers of the service itself, copied into the registry now and then, and before it is written out.
local metrics = require("azdrift.metrics")
local system = require("azdrift.system")
local task = require("azdrift.task")

local measure = {}

local gauges, counters, known = {}, {}, {}

local function gauge(name, help)
  gauges[name] = metrics.gauge(name, help)
end

local COUNTERS = {
  { "accepted", "azdrift_connections_accepted_total", "Connections that were let in." },
  { "turned_away", "azdrift_connections_turned_away_total", "Connections beyond the limit of their address." },
  { "evicted", "azdrift_connections_evicted_total", "Idle connections that went because the house was full." },
  { "handshakes_failed", "azdrift_tls_handshakes_failed_total", "TLS handshakes that failed." },
  { "handshake_timeouts", "azdrift_tls_handshake_timeouts_total", "TLS handshakes that took too long." },
  { "head_timeouts", "azdrift_http_head_timeouts_total", "Requests whose head took too long." },
  { "body_timeouts", "azdrift_http_body_timeouts_total", "Requests whose body took too long." },
  { "write_timeouts", "azdrift_http_write_timeouts_total", "Replies that their client did not take." },
  { "refused", "azdrift_http_malformed_total", "Requests that the parser refused." },
  { "gone", "azdrift_http_clients_gone_total", "Clients that left before their reply." },
  { "accept_pauses", "azdrift_accept_pauses_total", "Times that no descriptor was left for a connection." },
  { "bytes_in", "azdrift_http_received_bytes_total", "Bytes received." },
  { "bytes_out", "azdrift_http_sent_bytes_total", "Bytes sent." },
}
for _, row in ipairs(COUNTERS) do counters[row[1]] = metrics.counter(row[2], row[3]) end
gauge("azdrift_connections", "Connections that are open.")
gauge("azdrift_uptime_seconds", "Since this process began to serve.")
gauge("azdrift_loop_longest_lag_seconds", "The most by which a timer was late, since the start.")
gauge("azdrift_loop_longest_callback_seconds", "The longest that one callback kept the loop, since the start.")
gauge("azdrift_lua_memory_bytes", "Memory of the workflow scripts.")
gauge("azdrift_process_resident_memory_bytes", "Resident memory.")
gauge("azdrift_process_open_fds", "Open descriptors.")
gauge("azdrift_certificate_expiry_timestamp_seconds", "When the certificate ends; 0 without TLS.")
local build = metrics.gauge("azdrift_build_info", "1; the version, and the bundle that judges.", { "version", "bundle" })

local PAGE_BYTES = 4096

-- /proc tells it without a library; elsewhere it stays 0.
local function process_numbers()
  local handle = io.open("/proc/self/statm", "r")
  if handle then
    local resident = handle:read("a"):match("^%d+ (%d+)")
    handle:close()
    gauges.azdrift_process_resident_memory_bytes:set((tonumber(resident) or 0) * PAGE_BYTES)
  end
end

--- Of a running service.
function measure.service(service)
  local stats, loop = service.listener:stats(), system.loop_stats()
  for name, counter in pairs(counters) do
    counter:add(stats[name] - (known[name] or 0))
    known[name] = stats[name]
  end
  gauges.azdrift_connections:set(stats.connections)
  gauges.azdrift_uptime_seconds:set((task.now_ms() - service.started_ms) / 1000)
  gauges.azdrift_loop_longest_lag_seconds:set(loop.longest_lag_ms / 1000)
  gauges.azdrift_loop_longest_callback_seconds:set(loop.longest_cpu_ms / 1000)
  gauges.azdrift_lua_memory_bytes:set(collectgarbage("count") * 1024)
  gauges.azdrift_certificate_expiry_timestamp_seconds:set((service.listener:certificate_ends_ms() or 0) / 1000)
  gauges.azdrift_process_open_fds:set(system.open_descriptors())
  local stamp = service.rules:stamp()
  if known.stamp and known.stamp ~= stamp then build:set(0, system.version, known.stamp) end
  known.stamp = stamp
  build:set(1, system.version, stamp)
  process_numbers()
end

return measure
