---@meta azdrift.http
-- Requests to other hosts. No redirect is followed; error statuses are replies. Failures are nil, a sentence, a code and a reason.

---@class azdrift.http
local http = {}

---@class azdrift.http.rule  what a client may send: everything that is given must fit
---@field method string       "GET"; "*" is any
---@field origin? string      "https://management.azure.com"
---@field path? string        "*" stands for one segment, "**" at the end for any rest

---@class azdrift.http.options
---@field allow? azdrift.http.rule[]    default: GET, HEAD, and POST to token endpoints
---@field connections? integer          requests under way at once, default 32; the others wait
---@field connect_timeout_ms? integer   default 10000
---@field proxy? string                 "http://host:port"; the environment is not asked
---@field no_proxy? string              "host,.domain"
---@field ca_file? string               PEM file; default: the system's

---@class azdrift.http.request
---@field url string
---@field method? string           default "GET"
---@field headers? table<string, string>
---@field body? string
---@field deadline_ms? integer     its time in the queue included; default 60000
---@field max_body_bytes? integer  as sent, and as text; default 64 MiB
---@field max_header_bytes? integer  default 64 KiB
---@field gzip? boolean            false: the reply is asked for uncompressed
---@field token? string            sent as "Authorization: Bearer", to token_origin and nowhere else
---@field token_origin? string     "https://management.azure.com"

---@class azdrift.http.reply
---@field status integer
---@field headers table<string, string>  names in lower case, repeated ones joined by ", "
---@field body string          as text: waits while it is inflated; raises where it cannot be
---@field body_bytes integer   as sent
---@field duration_ms integer
---@field is_reused boolean    over a connection that had served before
local reply = {}

--- The body as text, up to a bound.
---@param max_bytes? integer  default: the request's max_body_bytes
---@return string? text
---@return string? message
---@return "limit"|"parse"|"unsupported"|"timeout"|nil code
function reply:text(max_bytes) end

---@class azdrift.http.client
---@field request fun(request: azdrift.http.request): azdrift.http.reply?, string?, string?, string?
---@field stats fun(): table<string, integer>
---@field close fun()

--- A client with connections and rules of its own.
---@param options? azdrift.http.options
---@return azdrift.http.client? client
---@return string? message
---@return string? code
function http.client(options) end

--- How http.request goes out from now on; what it may send stays as it is.
---@param options azdrift.http.options  without allow
---@return true? done
---@return string? message
---@return string? code
function http.configure(options) end

--- One request by the common client, which can read and ask for tokens, and cannot write.
---@param request azdrift.http.request
---@return azdrift.http.reply? reply
---@return string? message
---@return "timeout"|"io"|"limit"|"denied"|"parse"|"busy"|"invalid"|nil code
---@return "resolve"|"connect"|"tls"|"untrusted"|"timeout"|"reset"|"cut"|"limit"|"protocol"|nil reason
function http.request(request) end

--- Counters of the common client: sent, replied, failed, aborted, denied, reused, connected, active, queued.
---@return table<string, integer>
function http.stats() end

return http
