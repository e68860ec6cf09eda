--- Pages of long lists: where the next one begins is a text that only we read; who may see what is asked anew for each page.
local json = require("azdrift.json")
local reply = require("azdrift.service.reply")
local schema = require("azdrift.service.schema")

local page = {}

local CURSOR_MOST = 512

local function to_hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end

local function from_hex(text)
  if not text:match("^[0-9a-f]+$") or #text % 2 == 1 then return nil end
  return (text:gsub("..", function(pair) return string.char(tonumber(pair, 16)) end))
end

function page.cursor() return schema.text(1, CURSOR_MOST) end

--- The place that a cursor names; nil, sentence where it is none of ours; nil where there is none.
function page.read(cursor)
  if not cursor then return nil end
  local text = from_hex(cursor)
  local place = text and json.decode(text)
  if type(place) ~= "table" then return nil, "/query/cursor is none that this service gave" end
  return place
end

--- What a cursor that leads nowhere is answered with.
function page.none(detail) return reply.problem(404, "no-such-page", detail) end

local function escape(text) return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end)) end

--- { items, next }, and the same as a Link header. place: of the next page, or nil at the last.
function page.reply(path, query, items, place)
  if not place then return reply.json(200, { items = json.array(items) }) end
  local cursor = to_hex(json.encode(place))
  local parts = { "cursor=" .. cursor }
  for name, value in pairs(query) do
    if name ~= "cursor" and type(value) ~= "table" then parts[#parts + 1] = escape(name) .. "=" .. escape(tostring(value)) end
  end
  table.sort(parts)
  local link = ('<%s?%s>; rel="next"'):format(path, table.concat(parts, "&"))
  return reply.json(200, { items = json.array(items), next = cursor }, { Link = link })
end

return page
