--- What a handler answers with: a status, headers, and a body or a function that gives it in pieces.
local json = require("azdrift.json")

local reply = {}

local LIMITS = { max_bytes = 64 * 1024 * 1024 }

reply.TITLES = { [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [409] = "Conflict",
  [412] = "Precondition Failed", [415] = "Unsupported Media Type", [422] = "Unprocessable Content", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [503] = "Service Unavailable" }

--- A small value as JSON. headers may be nil.
function reply.json(status, value, headers)
  return { status = status, headers = headers, type = "application/json", body = json.encode(value, LIMITS) .. "\n" }
end

--- Text of a type.
function reply.text(type, body) return { status = 200, type = type, body = body } end

--- next_piece() gives the body a piece a call, and nil at the end; it may await.
function reply.stream(next_piece, type) return { status = 200, type = type or "application/json", body = next_piece } end

--- A refusal (RFC 9457): code is for programs, detail for people; errors: { { pointer, detail } } or nil.
function reply.problem(status, code, detail, errors)
  return { status = status, type = "application/problem+json", is_problem = true,
    value = { type = "about:blank", title = reply.TITLES[status] or "Error", status = status, code = code, detail = detail,
      errors = errors and json.array(errors) or nil } }
end

--- What a store, or another workflow, failed with.
function reply.failure(message, code)
  if code == "not_found" then return reply.problem(404, "not-found", message) end
  if code == "conflict" then return reply.problem(409, "conflict", message) end
  if code == "busy" or code == "timeout" then return reply.problem(503, "busy", message) end
  return reply.problem(500, "store", message)
end

return reply
