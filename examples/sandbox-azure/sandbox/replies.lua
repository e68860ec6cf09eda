-- Replies as ARM forms them.
local json = require("azdrift.json")

local replies = {}

local issued = 0

-- An id that is new for every reply; nobody reads more into it.
local function request_id()
  issued = issued + 1
  return string.format("%08x-5a5d-4b0c-8000-%012x", issued * 2654435761 & 0xffffffff, issued)
end

function replies.headers(extra)
  local id = request_id()
  local headers = { ["Content-Type"] = "application/json; charset=utf-8", ["Cache-Control"] = "no-cache",
    ["x-ms-request-id"] = id, ["x-ms-correlation-request-id"] = id,
    ["x-ms-routing-request-id"] = "SANDBOX:20261122T100000Z:" .. id, ["X-Content-Type-Options"] = "nosniff" }
  for name, value in pairs(extra or {}) do headers[name] = value end
  return headers
end

-- { status, headers, body }; body: JSON text, or a table to encode.
function replies.json(status, body, extra)
  return { status = status, headers = replies.headers(extra), body = type(body) == "table" and json.encode(body) or body }
end

function replies.error(status, code, message, extra)
  return replies.json(status, { error = { code = code, message = message } }, extra)
end

function replies.empty(status, extra)
  local headers = replies.headers(extra)
  headers["Content-Type"] = nil
  return { status = status, headers = headers }
end

return replies
