--- A long list of JSON objects that is not in memory: read one at a time, in the order of adding or of keys. Read by `#`, by index and
--- by ipairs like a list; each() and sorted() hand out one document after the other and close the one before, so that a hundred
--- thousand of them take no more room than one.
local json = require("azdrift.json")
local spool = require("azdrift.spool")

local spooled = {}

local methods = {}

local meta = {
  __name = "azdrift.spooled",
  __len = function(list) return list.texts:count() end,
  __index = function(list, key)
    if math.type(key) ~= "integer" then return methods[key] end
    local text = list.texts:text(key)
    return text and assert(json.parse(text))
  end,
  __close = function(list) list.texts:close() end,
}

function spooled.new() return setmetatable({ texts = spool.new() }, meta) end

--- Whether v is such a list.
function spooled.is(v) return getmetatable(v) == meta end

--- key: what sorted() goes by. Raises where there is no room left.
function methods:add(text, key)
  local added, problem, code = self.texts:add(text, key)
  if not added then error({ message = problem, code = code }, 0) end
end

-- The documents that next_text(number) answers, from 1 on; each is closed when the next is asked for.
local function documents(next_text)
  local number, last = 0, nil
  return function()
    if last then json.close(last) end
    number, last = number + 1, nil
    local text = next_text(number)
    if not text then return nil end
    last = assert(json.parse(text))
    return number, last
  end
end

--- Iterator over number, document.
function methods:each() return documents(function(number) return self.texts:text(number) end) end

--- The same in the order of keys.
function methods:sorted() return documents(function(place) return self.texts:sorted(place) end) end

--- write(text): the whole list as a JSON array.
function methods:write(write)
  write("[")
  for number = 1, self.texts:count() do
    if number > 1 then write(",") end
    write(self.texts:text(number))
  end
  write("]")
end

return spooled
