--- Long replies, a piece at a time: what stands in the store is handed on as it is read, in constant memory.
local json = require("azdrift.json")

local stream = {}

local PIECE_BYTES = 32768

-- Gathers small texts into pieces. next_text() gives nil at the end; finish() is called once, then or when the reader is gone.
local function in_pieces(next_text, finish)
  local is_over = false
  return function()
    if is_over then return nil end
    local parts, size = {}, 0
    while size < PIECE_BYTES do
      local text = next_text()
      if not text then
        is_over = true
        if finish then finish() end
        break
      end
      parts[#parts + 1] = text
      size = size + #text
    end
    return #parts > 0 and table.concat(parts) or nil
  end
end

--- One object whose last member is a list: head is its JSON, "{...}"; next_element() gives the JSON of one element.
function stream.object_with_list(head, name, next_element, finish)
  local state, count = "head", 0
  return in_pieces(function()
    if state == "head" then
      state = "list"
      local opening = head == "{}" and "{" or head:sub(1, -2) .. ","
      return opening .. json.encode(name) .. ":["
    end
    if state == "over" then return nil end
    local element = next_element()
    if not element then
      state = "over"
      return "]}\n"
    end
    count = count + 1
    return count > 1 and "," .. element or element
  end, finish)
end

local function null_or(text) return text and text ~= "" and json.encode(text) or "null" end

--- A snapshot in the published shape: { _id, timestamp, subscription_id, resource_group, resources: { type: { id: body } } }.
-- cursor: versions with bodies, those of one type neighbours; keep(id): which of them are shown.
function stream.snapshot(snapshot, timestamp, group, cursor, keep)
  local state, open_type = "head", nil
  return in_pieces(function()
    if state == "head" then
      state = "rows"
      return ('{"_id":%s,"timestamp":%s,"subscription_id":%s,"resource_group":%s,"resources":{'):format(json.encode(snapshot.id),
        json.encode(timestamp), null_or(snapshot.subscription_id), null_or(group or snapshot.resource_group))
    end
    if state == "over" then return nil end
    local row = cursor()
    while row and not keep(row.id) do row = cursor() end
    if not row then
      state = "over"
      return (open_type and "}" or "") .. "}}\n"
    end
    local key = row.type:lower()
    local before = open_type == key and "," or (open_type and "}," or "") .. json.encode(row.type) .. ":{"
    open_type = key
    return before .. json.encode(row.id) .. ":" .. row.body
  end, function() cursor:close() end)
end

return stream
