-- Lists: which entries belong to one, how each looks in it, and its pages with their links.
local json = require("azdrift.json")
local replies = require("sandbox.replies")

local pages = {}

local ITEM_FIELDS = { "id", "name", "type", "kind", "location", "managedBy", "sku", "zones", "plan", "identity", "tags" }

local function shout_group(body)
  body.id = body.id:gsub("/resourceGroups/([^/]+)", function(group) return "/resourceGroups/" .. group:upper() end)
end

-- The resource as the list of all resources shows it: without its properties, the group in capitals for some providers.
function pages.item(entry, expanded)
  local cached = expanded and "expanded_item" or "item"
  if entry[cached] and entry.item_of == entry.body then return entry[cached] end
  local body, item = json.decode(entry.body), {}
  for _, field in ipairs(ITEM_FIELDS) do item[field] = body[field] end
  if entry.type.shouts then shout_group(item) end
  if expanded then
    item.createdTime, item.changedTime = "2026-01-10T08:00:00.0000000Z", "2026-11-01T08:00:00.0000000Z"
    item.provisioningState = body.properties and body.properties.provisioningState or "Succeeded"
  end
  if entry.item_of ~= entry.body then entry.item, entry.expanded_item, entry.item_of = nil, nil, entry.body end
  entry[cached] = json.encode(item)
  return entry[cached]
end

-- The resource as the list of its type shows it: mostly as a GET does.
function pages.list_body(entry)
  if entry.list_body then return entry.list_body end
  entry.list_body = entry.body
  if entry.type.key == "microsoft.web/sites" then
    local body = json.decode(entry.body)
    body.properties.siteConfig = { numberOfWorkers = 1, linuxFxVersion = "", alwaysOn = false } -- known to a GET only
    entry.list_body = json.encode(body)
  elseif entry.type.key == "microsoft.compute/disks" then
    local body = json.decode(entry.body)
    shout_group(body)
    entry.list_body = json.encode(body)
  end
  return entry.list_body
end

-- Opaque to clients, and refused when they make one up.
local function token_of(offset) return string.format("%x.%x", offset, offset * 40503 & 0xffff) end

local function offset_of(token)
  local offset = tonumber(token:match("^(%x+)%."), 16)
  return offset and token_of(offset) == token and offset or nil
end

local function encode(text)
  return (text:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", c:byte()) end))
end

local function next_link(request, offset, origin)
  local pairs_of_query = {}
  for name, value in pairs(request.query) do
    if name:lower() ~= "$skiptoken" then pairs_of_query[#pairs_of_query + 1] = encode(name) .. "=" .. encode(value) end
  end
  table.sort(pairs_of_query)
  pairs_of_query[#pairs_of_query + 1] = "%24skiptoken=" .. token_of(offset)
  return string.format("%s%s?%s", origin or "http://" .. request.host, request.path, table.concat(pairs_of_query, "&"))
end

-- The link's token where a request asks for a page behind the first, or nil.
function pages.token(request) return request.query["$skiptoken"] or request.query["$skipToken"] end

-- texts: a list of entries; form(entry) gives the JSON of one. fault: what the page is to do wrong, or nil.
function pages.reply(request, entries, form, size, fault)
  local token = pages.token(request)
  local offset = 0
  if token then
    offset = offset_of(token)
    if not offset then return replies.error(400, "InvalidSkipToken", "The provided skip token is not valid.") end
  end
  local last = math.min(offset + size, #entries)
  local texts = {}
  for i = offset + 1, last do texts[#texts + 1] = form(entries[i]) end
  local wrong, link = fault and fault.next_link, nil
  if wrong == "loop" then link = next_link(request, offset)
  elseif wrong == "other-host" then link = next_link(request, last, "http://management.evil.example")
  elseif wrong and wrong:find("^http") then link = next_link(request, last, wrong)
  elseif wrong == "empty" and offset == 0 and not token then
    -- Legal, and rare enough to be forgotten: a page with nothing on it that says there is more.
    texts, link = {}, next_link(request, 0)
  elseif last < #entries then link = next_link(request, last) end
  local tail = link and ',"nextLink":' .. json.encode(link) or ""
  return replies.json(200, '{"value":[' .. table.concat(texts, ",") .. "]" .. tail .. "}")
end

return pages
