--- The declarations of the routes as an OpenAPI 3.1 document.
local json = require("azdrift.json")
local system = require("azdrift.system")

local openapi = {}

local EVERY_REFUSAL = {
  [400] = "The request is wrong, and how",
  [401] = "A credential is needed",
  [403] = "The role is not enough",
  [404] = "There is no such thing, or none that may be seen",
  [413] = "The body is too long",
  [414] = "The target is too long",
  [415] = "The body is no JSON",
  [429] = "Too often: Retry-After says when again",
  [500] = "Something failed here: the log has the request's id",
  [503] = "The store, or the service, is busy",
}
local CONFLICT = "It is not in a state for this"

local function sorted_names(map)
  local names = {}
  for name in pairs(map or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function parameters(row)
  local list = json.array({})
  for _, where in ipairs({ "path", "query" }) do
    for _, name in ipairs(sorted_names(row[where])) do
      local declared = row[where][name]
      list[#list + 1] = { name = name, ["in"] = where, required = where == "path" or declared.required or false, schema = declared.schema }
    end
  end
  return list
end

local function request_body(row)
  if not row.body then return nil end
  local properties, required, is_needed = {}, json.array({}), false
  for _, name in ipairs(sorted_names(row.body)) do
    properties[name] = row.body[name].schema
    if row.body[name].required then
      required[#required + 1] = name
      is_needed = true
    end
  end
  return { required = is_needed, content = { ["application/json"] = {
    schema = { type = "object", additionalProperties = false, properties = properties, required = #required > 0 and required or nil } } } }
end

local function content(status, text)
  if status >= 400 then return { ["application/problem+json"] = { schema = { ["$ref"] = "#/components/schemas/Problem" } } } end
  if text:match("^text/") then return { ["text/plain"] = { schema = { type = "string" } } } end
  return { ["application/json"] = { schema = { type = "object" } } }
end

local function replies(row)
  local all = {}
  if row.role ~= "none" then
    for status, text in pairs(EVERY_REFUSAL) do all[tostring(status)] = { description = text, content = content(status, text) } end
  elseif row.query or row.body then
    all["400"] = { description = EVERY_REFUSAL[400], content = content(400, "") }
  end
  if row.method ~= "GET" then all["409"] = { description = CONFLICT, content = content(409, "") } end
  for status, text in pairs(row.replies) do
    local problem = status >= 400 and row.template ~= "/v1/health/ready"
    all[tostring(status)] = { description = text, content = content(problem and status or 200, text) }
  end
  return all
end

local function operation_id(row)
  return (row.method:lower() .. row.template:gsub("[^%w]+", "_")):gsub("_+$", "")
end

--- rows: as router.build gives them.
function openapi.document(rows)
  local paths = {}
  for _, row in ipairs(rows) do
    paths[row.template] = paths[row.template] or {}
    local list = parameters(row)
    paths[row.template][row.method:lower()] = { operationId = operation_id(row), summary = row.summary, description = row.about,
      tags = json.array({ row.tag }), parameters = #list > 0 and list or nil, requestBody = request_body(row), responses = replies(row),
      security = row.role == "none" and json.array({}) or nil, ["x-role"] = row.role }
  end
  return { openapi = "3.1.0", info = { title = "azdrift", version = system.version,
    description = "Drift of Azure: what changed, how much it matters, who did it." },
    security = json.array({ { key = json.array({}) } }), paths = paths,
    components = {
      securitySchemes = { key = { type = "http", scheme = "bearer", description = "An API key: azd_..." } },
      schemas = { Problem = { type = "object", required = json.array({ "status", "code", "detail" }), properties = {
        type = { type = "string" }, title = { type = "string" }, status = { type = "integer" }, code = { type = "string" },
        detail = { type = "string" }, instance = { type = "string" },
        errors = { type = "array", items = { type = "object",
          properties = { pointer = { type = "string" }, detail = { type = "string" } } } } } } },
    } }
end

return openapi
