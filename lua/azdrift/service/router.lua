--- Routes from their declarations: what the gate has to know, the check of what a request brings, the call of the handler, the reply.
--
--   return {
--     { "GET /v1/drifts", summary = "...", role = "reader", query = { limit = schema.integer(1, 1000, 100) },
--       replies = { [200] = "..." }, handle = function(request, service) return reply.json(200, {}) end },
--   }
--
-- request: query, body, params (checked), access (what the principal may see), id, headers, principal. One declaration drives router,
-- role, checks and description; a field that nobody knows is an error.
local access = require("azdrift.service.access")
local json = require("azdrift.json")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")

local router = {}

local FIELDS = { summary = true, about = true, role = true, path = true, query = true, body = true, replies = true, handle = true,
  body_bytes = true, deadline_ms = true, tag = true }
local BODY_LIMITS = { max_bytes = 1024 * 1024, max_depth = 32 }

-- "POST /v1/x {" -> method, path; raises where the declaration is wrong: that is a mistake of ours, found by the first start.
local function check_declaration(row)
  local method, path = tostring(row[1]):match("^(%u+) (/%S*)$")
  assert(method, ("route %s: a method and a path come first"):format(tostring(row[1])))
  for name in pairs(row) do
    assert(name == 1 or FIELDS[name], ("route %s: nobody knows the field %s"):format(row[1], tostring(name)))
  end
  assert(row.summary and row.role and row.handle and row.replies, ("route %s: needs summary, role, replies and handle"):format(row[1]))
  for name in path:gmatch("{([^}]+)}") do
    assert(row.path and row.path[name], ("route %s: {%s} is not declared in path"):format(row[1], name))
  end
  return method, path
end

-- The body as checked values, or nil where errors say why not; a third value is a problem of its own.
local function read_body(row, request, errors)
  if not row.body then
    if request.body ~= "" then errors[#errors + 1] = { pointer = "/body", detail = "this route takes no body" } end
    return nil
  end
  if request.body == "" then return schema.check(row.body, {}, "/body/", errors) end
  local media = (request.headers["content-type"] or ""):match("^%s*([^;%s]*)"):lower()
  if media ~= "application/json" then
    return nil, reply.problem(415, "unsupported-media-type", "the body must be application/json")
  end
  local given, message = json.decode(request.body, BODY_LIMITS)
  if type(given) ~= "table" or given == json.null or schema.is_list(given) then
    return nil, reply.problem(400, "bad-json", message or "the body must be a JSON object")
  end
  return schema.check(row.body, given, "/body/", errors)
end

-- nil, or what is wrong with what the request brings.
local function check_request(row, request)
  local errors = {}
  request.params = schema.check(row.path, request.params, "/path/", errors)
  if #errors > 0 then return reply.problem(404, "not-found", "there is no such thing", errors) end
  request.query = schema.check(row.query, request.query, "/query/", errors)
  local body, problem = read_body(row, request, errors)
  request.body = body
  if problem then return problem end
  if #errors > 0 then return reply.problem(400, "invalid-request", ("%s %s"):format(errors[1].pointer, errors[1].detail), errors) end
end

-- A handler that raises { message, code } says what the client hears; anything else is a bug, and the server's 500.
local function call_handler(row, request, service)
  local ok, answer = pcall(row.handle, request, service)
  if ok then return answer end
  if type(answer) == "table" and answer.message then return reply.failure(answer.message, answer.code) end
  error(answer, 0)
end

local function etag_of(answer) return ('W/"%s"'):format(json.sha256(answer.body):sub(1, 16)) end

local function holds_etag(list, etag)
  for one in list:gmatch("[^,%s]+") do
    if one == "*" or (one:gsub("^W/", "")) == (etag:gsub("^W/", "")) then return true end
  end
  return false
end

-- status, headers, body as the listener wants them.
local function finish(request, answer)
  local headers = answer.headers or {}
  headers["X-Request-Id"] = request.id
  headers["X-Content-Type-Options"] = "nosniff"
  headers["Content-Type"] = answer.type
  local is_fixed = not answer.is_problem and request.method == "GET"
  headers["Cache-Control"] = headers["Cache-Control"] or is_fixed and "private, no-cache" or "no-store"
  if answer.is_problem then
    answer.value.instance = request.id
    return answer.status, headers, json.encode(answer.value) .. "\n"
  end
  if answer.status == 200 and type(answer.body) == "string" and (request.method == "GET" or request.method == "HEAD") then
    local etag = etag_of(answer)
    headers.ETag = etag
    if holds_etag(request.headers["if-none-match"] or "", etag) then
      headers["Content-Type"] = nil
      return 304, headers
    end
  end
  return answer.status, headers, answer.body
end

--- Adds every route of the list of modules to the gate.
-- @return on_request for server.listen, and the rows in order, each with method and template: for the description
function router.build(gate, modules, service)
  local rows = {}
  for _, name in ipairs(modules) do
    for _, row in ipairs(require("azdrift.routes." .. name)) do
      local method, path = check_declaration(row)
      local index = assert(gate:add({ method = method, path = path, role = row.role, body_bytes = row.body_bytes,
        deadline_ms = row.deadline_ms }))
      row.method, row.template, row.tag = method, path, row.tag or name
      rows[index] = row
    end
  end
  return function(request)
    local row = rows[request.route]
    request.access = access.new(request.principal, service:scopes_of(request.principal))
    local answer = check_request(row, request) or call_handler(row, request, service)
    return finish(request, answer)
  end, rows
end

return router
