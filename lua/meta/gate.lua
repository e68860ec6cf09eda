---@meta azdrift.gate
-- Who may do what, decided before a script hears of a request: routes, keys, roles, rates. For server.listen { gate = ... }.

---@class azdrift.gate.module
local M = {}

---@class azdrift.gate.limits  requests of one key; 0: no limit
---@field reads_per_second? integer    default 100
---@field read_burst? integer          default 200
---@field writes_per_second? integer   default 5
---@field write_burst? integer         default 20
---@field failures_per_minute? integer wrong keys of one address, default 10; a right one is always let through

---@param limits? azdrift.gate.limits
---@return azdrift.gate
function M.new(limits) end

--- A fresh API key. Its text is shown to its holder once; the hash is all that anybody keeps.
---@return string text  azd_<id>_<secret and check>
---@return string id    8 characters, no secret
---@return string hash  SHA-256 of the text, hex
function M.make_key() end

---@class azdrift.gate
local gate = {}

---@class azdrift.gate.route
---@field method string           "GET"; HEAD and OPTIONS come with it
---@field path string             "/v1/drifts/{id}"
---@field role "none"|"reader"|"operator"|"admin"  none: for everybody
---@field body_bytes? integer     beyond: 413; default: the listener's
---@field deadline_ms? integer    of its handler; default: the listener's request_ms

---@param route azdrift.gate.route
---@return integer? index  from 1 up: request.route
---@return string? message
---@return string? code
function gate:add(route) end

--- What somebody without a key may do on this machine (loopback), as long as there is no key at all. Begins as "none".
---@param role "none"|"reader"|"operator"|"admin"
function gate:set_anonymous(role) end

--- These and no others are taken from now on.
---@param keys { id: string, hash: string, role: string, expires_ms?: integer }[]
---@return integer? count
---@return string? message
---@return string? code
function gate:set_keys(keys) end

--- From now on bearer tokens that are no API keys are taken, too: RS256, of this tenant, from one of these issuers, for one of these
--- audiences; of their app roles reader, operator and admin count. None is taken before set_token_keys.
---@param options { tenant: string, issuers: string[], audiences: string[] }  at most 4 each
---@return true? done
---@return string? message
---@return string? code
function gate:take_tokens(options) end

--- The tenant's key set (JWKS). One that is refused changes nothing.
---@param json string
---@return true? done
---@return string? message
---@return string? code
function gate:set_token_keys(json) end

--- Whether a token named a key that is not known, since the last call.
---@return boolean
function gate:missed_token_key() end

--- When each key was last taken, in milliseconds since 1970, by its id.
---@return table<string, integer>
function gate:used() end

--- Requests that were refused since the last call: 401, 403, 429; alike ones once.
---@return { status: integer, remote: string, path: string, count: integer, key?: string }[]
function gate:take_refusals() end

return M
