--- What specs of lua/azdrift/azure put in the place of others: HTTP that answers from a function, modules loaded anew with fakes
--- beside them, a collector that reads pages as tables, a catalogue of a few types.
local json = require("azdrift.json")

local fake = {}

--- Modules loaded anew, each seeing `fakes` (by module name) and the other named ones; what was loaded before stays loaded.
-- @return the modules, in the order of names
function fake.load(fakes, ...)
  local names, saved, loaded = { ... }, {}, {}
  local function put(name, value)
    saved[#saved + 1] = { name, package.loaded[name] }
    package.loaded[name] = value
  end
  for _, name in ipairs(names) do put(name, nil) end
  for name, value in pairs(fakes) do put(name, value) end
  for i, name in ipairs(names) do loaded[i] = require(name) end
  for i = #saved, 1, -1 do package.loaded[saved[i][1]] = saved[i][2] end
  return table.unpack(loaded)
end

local reply_methods = { text = function(self) return self.body end }
reply_methods.__index = reply_methods

--- HTTP whose answers are made by answer(options): a status, a body (a table is written as JSON) and headers; or nil, a sentence
--- and a code, for a failure on the way. asked: what was sent.
function fake.http(answer)
  local http = { asked = {} }
  function http.request(options)
    http.asked[#http.asked + 1] = options
    local status, body, headers, reason = answer(options, #http.asked)
    if not status then return nil, body, headers, reason end
    if type(body) == "table" then body = json.encode(body) end
    return setmetatable({ status = status, body = body or "", headers = headers or {} }, reply_methods)
  end
  return http
end

--- Answers from a list, one after the other; an answer is { status, body, headers } or a function of the options.
function fake.sequence(answers)
  return function(options, number)
    local answer = assert(answers[number], "one request too many")
    if type(answer) == "function" then return answer(options) end
    return answer[1], answer[2], answer[3]
  end
end

--- A credential that gives numbered tokens and notes which were dropped.
function fake.credential()
  local credential = { number = 1, dropped = {} }
  function credential.token() return "token-" .. credential.number end
  function credential.drop(_, token)
    credential.dropped[#credential.dropped + 1] = token
    credential.number = credential.number + 1
    return true
  end
  return credential
end

fake.PROGRESS = { expect = function() end, step = function() end, add = function() end }

local function type_of(id)
  local namespace, rest = string.match(id, ".*/providers/([^/]+)/(.+)$")
  local segments = {}
  for segment in string.gmatch(rest or "", "[^/]+") do segments[#segments + 1] = segment end
  for i = 1, #segments, 2 do namespace = namespace .. "/" .. segments[i] end
  return namespace
end

--- A collector over tables: pages are JSON texts with value and nextLink. open: ids that the store holds.
function fake.collector(open)
  local collector = { seen = {}, kept = {}, flushed = 0 }
  function collector.page(_, reply, page)
    local body = json.decode(reply.body)
    if type(body) ~= "table" then return nil, "no JSON", "parse" end
    local items = page.single and { body } or body.value
    if not items then return nil, "no page of a list", "parse" end
    local read = { items = 0, nameless = 0, next = body.nextLink, ids = page.names and {} or nil }
    local named = {}
    for _, item in ipairs(items) do
      if item.id then named[#named + 1] = item else read.nameless = read.nameless + 1 end
    end
    read.items = #named
    for _, item in ipairs(named) do
      if not page.inventory then collector.seen[string.lower(item.id)] = page.view end
      if read.ids then
        read.ids[#read.ids + 1] = item.id
        read.ids[#read.ids + 1] = type_of(item.id)
      end
    end
    return read
  end
  function collector.flush()
    collector.flushed = collector.flushed + 1
    return true
  end
  function collector.missing(_, type_name)
    local missing = {}
    for place, id in ipairs(open or {}) do
      local is_seen = collector.seen[string.lower(id)] or collector.kept[place]
      if string.lower(type_of(id)) == string.lower(type_name) and not is_seen then
        missing[#missing + 1] = { id = id, type = type_of(id), place = place }
      end
    end
    return missing
  end
  function collector.missing_count(_, type_name) return #collector:missing(type_name) end
  function collector.keep(_, place) collector.kept[place] = true end
  return collector
end

--- A catalogue of rows { type, parent =, names =, lists = { subscription = true, parent = true }, flags = { core = true } }.
function fake.catalog(rows)
  local catalog, by_name = {}, {}
  for _, row in ipairs(rows) do by_name[string.lower(row[1])] = row end
  function catalog.type(_, name)
    local row = by_name[string.lower(name)]
    if not row then return nil end
    local lists = {}
    for kind in pairs(row.lists or {}) do lists[kind] = {} end
    return { type = row[1], parent = row.parent, names = row.names or {}, use = "2024-01-01", versions = "", flags = row.flags or {},
      lists = lists, get = "id", how = "" }
  end
  function catalog.suggestion() return "" end
  function catalog.children(_, parent, flag)
    local names = {}
    for _, row in ipairs(rows) do
      local is_chosen = not flag or (row.flags or {})[flag]
      if is_chosen and row.parent and string.lower(row.parent) == string.lower(parent) then names[#names + 1] = row[1] end
    end
    return names
  end
  return catalog
end

return fake
