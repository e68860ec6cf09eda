--- Work that takes longer than a request: collections. One at a time in this process; who asks again while one runs gets that one. What
-- became of a job is kept in the store, so that it can be asked for after a restart; one that a restart ended says so.
local event = require("azdrift.event")
local json = require("azdrift.json")
local log = require("azdrift.log")
local metrics = require("azdrift.metrics")
local system = require("azdrift.system")
local task = require("azdrift.task")
local time = require("azdrift.time")

local jobs = {}

local KIND = "jobs"
local KEPT = 200 -- jobs that are over
local BEAT_MS = 30000
local SILENT_MS = 4 * BEAT_MS -- an engine that has said nothing for so long does nothing any more
local LIMITS = { max_bytes = 4 * 1024 * 1024 }

local jobs_total = metrics.counter("azdrift_jobs_total", "Jobs that ended, by kind and how.", { "kind", "status" })
local job_seconds = metrics.histogram("azdrift_job_seconds", "How long jobs took.", { "kind" })
local jobs_running = metrics.gauge("azdrift_jobs_running", "Jobs at work in this process.")

local Jobs = {}
Jobs.__index = Jobs

--- work(kind, job): does it, in a task of its own; gives the result (a small table), or raises.
function jobs.new(store, work)
  return setmetatable({ store = store, work = work, queue = {}, live = {}, wake = event.new(), owner = system.owner() }, Jobs)
end

local function save(self, job)
  job.document.updated_ms = task.now_ms()
  local done, message = self.store:put(KIND, job.document.id, json.encode(job.document, LIMITS))
  if not done then log.error("job_not_kept", ("job %s: %s"):format(job.document.id, message)) end
end

-- Jobs in the store, newest first.
local function stored(self)
  local documents, message, code = self.store:list(KIND)
  if not documents then return nil, message, code end
  local list = {}
  for _, document in ipairs(documents) do
    local job = document.bytes and json.decode(document.bytes, LIMITS)
    if type(job) == "table" then list[#list + 1] = job end
  end
  table.sort(list, function(a, b)
    if a.created_ms ~= b.created_ms then return a.created_ms > b.created_ms end
    return a.id > b.id
  end)
  return list
end

local function is_over(job) return job.status ~= "queued" and job.status ~= "running" end

--- Says of jobs that a dead engine left what became of them, and forgets old ones.
function Jobs:tidy()
  local list = stored(self)
  if not list then return end
  local over = 0
  for _, job in ipairs(list) do
    if not is_over(job) and not self.live[job.id]
      and (job.owner == self.owner or system.owner_is_dead(job.owner) or task.now_ms() - job.updated_ms > SILENT_MS) then
      job.status, job.ended_ms, job.error = "interrupted", task.now_ms(), "the engine that ran it ended"
      self.store:put(KIND, job.id, json.encode(job, LIMITS))
      log.warn("job_interrupted", ("job %s (%s) was at work when its engine ended"):format(job.id, job.kind))
    end
    if is_over(job) then
      over = over + 1
      if over > KEPT then self.store:delete(KIND, job.id) end
    end
  end
end

--- A job of this kind and these details (a small table, kept with it): the one that waits or runs already, or a new one.
-- @return job, is_new
function Jobs:submit(kind, by, details)
  local same = json.canonical(details)
  for _, job in pairs(self.live) do
    if job.document.kind == kind and json.canonical(job.document.details) == same then return job, false end
  end
  local now_ms = task.now_ms()
  local job = { over = event.new(), document = { id = system.uuid(), kind = kind, status = "queued", requested_by = by, created_ms = now_ms,
    updated_ms = now_ms, owner = self.owner, details = details } }
  self.live[job.document.id] = job
  self.queue[#self.queue + 1] = job
  save(self, job)
  self.wake:set()
  return job, true
end

-- Another engine takes a job that has been silent for too long for dead.
local function beat(self, job)
  while true do
    task.sleep_ms(BEAT_MS)
    save(self, job)
  end
end

local function run_one(self, job)
  local document = job.document
  local began_ms = task.clock_ms()
  document.status, document.started_ms = "running", task.now_ms()
  save(self, job)
  jobs_running:set(1)
  local heart = task.spawn(beat, self, job)
  job.handle = task.spawn(self.work, document.kind, job)
  if job.is_cancelled then job.handle:cancel("the job was cancelled") end
  job.handle:wait()
  heart:cancel("the job is over")
  local ok, result = pcall(job.handle.join, job.handle)
  document.ended_ms = task.now_ms()
  if ok then
    document.status, document.result = "done", result
  else
    document.status = job.handle:status() == "cancelled" and "cancelled" or "failed"
    document.error = type(result) == "table" and result.message or tostring(result)
    document.code = type(result) == "table" and result.code or nil
    log.error("job_" .. document.status, ("job %s (%s): %s"):format(document.id, document.kind, document.error))
  end
  jobs_running:set(0)
  jobs_total:add(1, document.kind, document.status)
  job_seconds:observe((task.clock_ms() - began_ms) / 1000, document.kind)
  save(self, job)
  self.live[document.id] = nil
  job.over:set()
  self:tidy()
end

--- Works off what is submitted; a task that never ends.
function Jobs:run()
  self:tidy()
  while true do
    while #self.queue > 0 do run_one(self, table.remove(self.queue, 1)) end
    self.wake:wait()
    self.wake = event.new()
  end
end

--- Asks a job that waits or runs here to stop. false: it is over, or another engine's.
function Jobs:cancel(id)
  local job = self.live[id]
  if not job then return false end
  job.is_cancelled = true
  if job.handle then job.handle:cancel("the job was cancelled") end
  return true
end

--- One job as kept, or nil, sentence, code.
function Jobs:get(id)
  if self.live[id] then return self.live[id].document end
  local bytes, message, code = self.store:get(KIND, id)
  if not bytes then return nil, message, code end
  return json.decode(bytes, LIMITS)
end

--- All that are kept, newest first.
function Jobs:list() return stored(self) end

--- A job as people see it.
function jobs.document(job)
  local function instant(ms) return ms and time.format(ms) or nil end
  return { id = job.id, kind = job.kind, status = job.status, requested_by = job.requested_by, created = instant(job.created_ms),
    started = instant(job.started_ms), ended = instant(job.ended_ms), progress = job.progress, result = job.result, error = job.error,
    details = job.details }
end

return jobs
