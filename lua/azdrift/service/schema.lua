--- Kinds of values in paths, queries and bodies, each once: as JSON Schema for the API's description, and as the check that it means.
local scopes = require("azdrift.cli.scopes")

local schema = {}

local UUID = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"

-- check(value) -> value as handlers get it, or nil and what is wrong with it. Values from paths and queries are texts.
local function kind(description, check) return { schema = description, check = check } end

function schema.integer(least, most, default)
  return kind({ type = "integer", minimum = least, maximum = most, default = default }, function(given)
    local number = type(given) == "string" and given:match("^%-?%d+$") and math.tointeger(tonumber(given)) or math.tointeger(given)
    if type(given) == "string" and not given:match("^%-?%d+$") then number = nil end
    if not number or number < least or number > most then return nil, ("must be an integer from %d to %d"):format(least, most) end
    return number
  end)
end

function schema.text(least, most)
  return kind({ type = "string", minLength = least, maxLength = most }, function(given)
    local length = type(given) == "string" and utf8.len(given)
    if not length or length < least or length > most then return nil, ("must be a text of %d to %d characters"):format(least, most) end
    return given
  end)
end

function schema.choice(list, default)
  return kind({ type = "string", enum = list, default = default }, function(given)
    for _, choice in ipairs(list) do
      if given == choice then return given end
    end
    return nil, "must be one of: " .. table.concat(list, ", ")
  end)
end

function schema.boolean(default)
  return kind({ type = "boolean", default = default }, function(given)
    if given == true or given == "true" then return true end
    if given == false or given == "false" then return false end
    return nil, "must be true or false"
  end)
end

function schema.uuid()
  return kind({ type = "string", format = "uuid" }, function(given)
    if type(given) == "string" and given:match(UUID) then return given:lower() end
    return nil, "must be a UUID"
  end)
end

--- An ARM scope: a subscription's id, /subscriptions/ID, a management group, or / for the tenant. Handlers get the lower-case ARM form.
function schema.scope()
  return kind({ type = "string", minLength = 1, maxLength = 256,
    pattern = "^(/|(/subscriptions/|/providers/[Mm]icrosoft\\.[Mm]anagement/management[Gg]roups/)?[A-Za-z0-9_.()-]+)$" }, function(given)
    if type(given) ~= "string" or #given > 256 then return nil, "must be a scope" end
    local ok, scope = pcall(scopes.parse, given)
    if ok and scope then return scope end
    return nil, "must be a subscription's id, /subscriptions/ID, a management group or /"
  end)
end

--- An ARM id, of whatever stands below it too. Handlers get it in lower case, without a slash at the end.
function schema.arm_id()
  return kind({ type = "string", minLength = 2, maxLength = 512, pattern = "^/[!-~]+$" }, function(given)
    if type(given) ~= "string" or #given > 512 or not given:match("^/[!-~]+$") then
      return nil, "must be an ARM id: it begins with /subscriptions/ or /providers/"
    end
    return (given:lower():gsub("(.)/+$", "%1"))
  end)
end

--- Whether a decoded JSON value is a list: {} and [] are both empty tables, and one of them once made a key for everything.
function schema.is_list(given) return type(given) == "table" and getmetatable(given) ~= nil end

--- A list of values of one kind, in bodies.
function schema.list(of, most)
  return kind({ type = "array", items = of.schema, maxItems = most }, function(given)
    if not schema.is_list(given) then return nil, "must be a list" end
    if #given > most then return nil, ("must have at most %d elements"):format(most) end
    local list = {}
    for index, element in ipairs(given) do
      local value, message = of.check(element)
      if value == nil then return nil, ("element %d %s"):format(index, message) end
      list[index] = value
    end
    return list
  end)
end

--- The same, but it must be there.
function schema.required(of) return { schema = of.schema, check = of.check, required = true } end

-- One set of named values against its declaration; findings are appended to errors.
function schema.check(declared, given, where, errors)
  local values = {}
  declared = declared or {}
  local names = {}
  for name in pairs(given) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    if not declared[name] then errors[#errors + 1] = { pointer = where .. tostring(name), detail = "is not known here" } end
  end
  names = {}
  for name in pairs(declared) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local row = declared[name]
    local value = given[name]
    if value == nil then
      values[name] = row.schema.default
      if row.required then errors[#errors + 1] = { pointer = where .. name, detail = "is missing" } end
    else
      local problem
      values[name], problem = row.check(value)
      if values[name] == nil then errors[#errors + 1] = { pointer = where .. name, detail = problem } end
    end
  end
  return values
end

return schema
