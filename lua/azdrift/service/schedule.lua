--- When to collect: every so often, with a random delay, whichever engine of the store is first. What is due is kept in the store, so a
-- restart forgets nothing, an hour without an engine is made up for once, and of several engines one runs.
local json = require("azdrift.json")
local log = require("azdrift.log")
local task = require("azdrift.task")

local schedule = {}

local KIND, ID = "schedule", "collection"
local SECOND_MS = 1000
local LOOK_MS = 15000 -- another engine may have run it meanwhile

local Schedule = {}
Schedule.__index = Schedule

--- every_s, jitter_s: how often, and the most by which each is late; random(): in [0, 1); start: begins the job.
function schedule.new(store, options)
  return setmetatable({ store = store, every_s = options.every_s, jitter_s = options.jitter_s, random = options.random or math.random,
    start = options.start, now_ms = options.now_ms or task.now_ms }, Schedule)
end

local function after(self, now_ms)
  return now_ms + math.floor((self.every_s + self.random() * self.jitter_s) * SECOND_MS)
end

-- When it is due, and the revision of the note; a first engine finds it due at once.
local function read(self)
  local bytes, revision, code = self.store:get(KIND, ID)
  if bytes then return (json.decode(bytes) or {}).next_ms or 0, revision end
  if code == "not_found" then return 0, 0 end
  return nil, revision
end

--- Looks once: starts what is due if no other engine was faster. Gives when the next is due, or nil and a sentence.
function Schedule:look()
  local next_ms, revision = read(self)
  if not next_ms then return nil, revision end
  local now_ms = self.now_ms()
  -- A shorter interval than the one it was noted with holds from now on.
  next_ms = math.min(next_ms, now_ms + (self.every_s + self.jitter_s) * SECOND_MS)
  if now_ms < next_ms then return next_ms end
  local later_ms = after(self, now_ms)
  local won, message, code = self.store:put(KIND, ID, json.encode({ next_ms = later_ms }), revision)
  if won then
    self.start()
    return later_ms
  end
  if code == "conflict" then return now_ms + SECOND_MS end
  return nil, message
end

--- A task that never ends.
function Schedule:run()
  while true do
    local next_ms, message = self:look()
    if not next_ms then log.error("schedule_unreadable", message) end
    local wait_ms = next_ms and math.min(next_ms - self.now_ms(), LOOK_MS) or LOOK_MS
    task.sleep_ms(math.max(wait_ms, 1))
  end
end

return schedule
