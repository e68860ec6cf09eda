---@meta azdrift.server
-- An HTTP/1.1 server whose requests are runs: on_request reads as if its calls blocked, and many of them stand side by side.

---@class azdrift.server
local server = {}

---@class azdrift.server.request
---@field method string                   as sent: "GET"
---@field path string                     as sent, "%2F" not decoded (server.decode does); at least "/"
---@field raw_query? string               without "?"; nil when there was none
---@field query table<string, string>     decoded; of a name that comes twice the first counts
---@field host string
---@field headers table<string, string>   names in lower case; fields of one name joined by ", "
---@field body string                     "" without one
---@field remote string                   the client's address, "unix" for a Unix socket
---@field uid? integer                     whose process is at the other end of a Unix socket, as the system vouches
---@field is_local boolean                 by Unix socket or loopback
---@field is_tls boolean
---@field route? integer                  with a gate: which one, as gate:add numbered it; and with it
---@field id? string                      the request's id: the client's X-Request-Id, else a UUID
---@field params? table<string, string>   what stood in the path's braces, decoded
---@field principal? { kind: "nobody"|"anonymous"|"peer"|"key"|"token", role: string, key?: string, subject?: string }

---@class azdrift.server.fault  a reply that breaks on purpose, for tests of clients
---@field cut_after_bytes? integer  the head and so much of the body go out, then the connection ends; nil: nothing goes out
---@field reset? boolean            ends with a reset instead of a close

---@class azdrift.server.options
--- "127.0.0.1:0" (the system chooses the port), "[::1]:8200", "unix:/run/azdrift/api.sock"; or a list of them
---@field address string|string[]
---@field inherit? boolean        also the sockets that a service manager hands over ($LISTEN_FDS)
---@field certificate? string     PEM file, the chain behind it; with key: every TCP address speaks TLS 1.2 and 1.3
---@field key? string             PEM file
---@field only_tls_1_3? boolean
--- One run a request. Gives status, headers (or nil), body (or nil), and a fault (or nothing). When it raises the client gets a
--- 500, when it is cancelled (the client left, request_ms passed) a 503.
--- A body may be a function: it gives a piece a call and nil at the end, may await, and is called when the client has taken what came
--- before; request_ms then counts for each piece. What raises within it cuts the connection, so that the client sees it.
---@field on_request fun(request: azdrift.server.request): integer, table<string, string>?, string|fun(): string?, azdrift.server.fault?
---@field gate? azdrift.gate      who may do what; what it refuses never gets to on_request
---@field connections? integer              default 1024
---@field connections_per_address? integer  default 64
---@field body_bytes? integer               of a request, default 1 MiB, at most 64 MiB; beyond: 413
---@field request_ms? integer               for on_request, default 30000
---@field gzip_bytes? integer               from here on replies are compressed for who takes it, default 1024, 0: never
---@field handshake_ms? integer             of TLS, default 10000
---@field idle_ms? integer                  default 60000
---@field head_ms? integer                  default 10000
---@field body_ms? integer                  default 30000
---@field write_ms? integer                 for each 64 KB of a reply, default 30000
---@field drain_ms? integer                 default 1000

--- A listener serves until it is closed, stopped or collected.
---@class azdrift.server.listener
local listener = {}

--- The TCP port; 0 for a Unix socket, and when closed.
---@return integer
function listener:port() end

--- Waits until the listener is closed or stopped.
function listener:wait() end

--- Lets nobody in any more, finishes what is in work, serves open connections for grace_ms, and waits for the end of it all.
---@param grace_ms? integer  default 2000, at most 60000
function listener:stop(grace_ms) end

--- At once. Also __close and __gc.
function listener:close() end

--- Reads certificate and key anew; standing connections keep theirs. What cannot be read changes nothing.
---@return true? done
---@return string? message
---@return string? code
function listener:renew_certificate() end

--- When the certificate ends, in milliseconds since 1970; nil without TLS.
---@return integer?
function listener:certificate_ends_ms() end

--- Counters: accepted, turned_away, evicted, handshakes_failed, requests, refused, gone, accept_pauses, bytes_in, bytes_out, connections;
--- timeouts, and of these handshake_timeouts, head_timeouts, body_timeouts, write_timeouts.
---@return table<string, integer>
function listener:stats() end

---@param options azdrift.server.options
---@return azdrift.server.listener? listener
---@return string? message
---@return "invalid"|"io"|"limit"|"memory"|nil code
function server.listen(options) end

--- Resolves %xx. What is no right escape stands for itself.
---@param text string
---@return string
function server.decode(text) end

--- "a=1&b=x+y" as a table, decoded: form bodies.
---@param text string
---@return table<string, string>
function server.parse_form(text) end

return server
