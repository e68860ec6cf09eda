-- POST /_control: the sandbox's own switch board, beside ARM and without a token. One JSON object; what it does not name stays.
-- Answers with what it did.
local day = require("sandbox.day")
local json = require("azdrift.json")
local noise = require("sandbox.noise")
local replies = require("sandbox.replies")

local control = {}

local verbs = {}

function verbs.faults(sandbox, value) sandbox.faults:set(value) end
function verbs.gone(sandbox, value) sandbox.faults:set_gone(value) end
function verbs.hide(sandbox, value) sandbox.faults:set_hidden(value) end
function verbs.latency_ms(sandbox, value) sandbox.latency_ms = math.tointeger(value) end
function verbs.page(sandbox, value) sandbox.page = math.tointeger(value) end
function verbs.throttle(sandbox, value) sandbox.throttle:set(value) end
function verbs.expire_tokens(sandbox) sandbox.tokens:expire_all() end
function verbs.clear_log(sandbox) sandbox.journal:clear() end
function verbs.tick(sandbox) return noise.tick(sandbox) end
function verbs.day(sandbox, value) return day.live(sandbox, type(value) == "table" and value or {}) end

-- In this order, whatever the order in the text: pairs() has none.
local ORDER = { "clear_log", "expire_tokens", "latency_ms", "page", "throttle", "gone", "hide", "faults", "tick", "day" }

function control.handle(sandbox, request)
  local wishes, problem = json.decode(request.body)
  if type(wishes) ~= "table" then return replies.error(400, "BadControl", problem or "a JSON object expected") end
  for name in pairs(wishes) do
    if not verbs[name] then return replies.error(400, "BadControl", "nothing is called " .. tostring(name)) end
  end
  local answer = { resources = sandbox.world.count }
  for _, name in ipairs(ORDER) do
    if wishes[name] ~= nil then
      local ok, result = pcall(verbs[name], sandbox, wishes[name])
      if not ok then return replies.error(400, "BadControl", name .. ": " .. tostring(result)) end
      answer[name] = result == nil and true or result
    end
  end
  sandbox:changed()
  answer.resources = sandbox.world.count
  return replies.json(200, answer)
end

return control
