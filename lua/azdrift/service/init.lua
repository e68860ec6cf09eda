--- `azdrift serve`: collects on a schedule, answers over HTTP, lets the right people in, and takes new rules without a restart.
local audit = require("azdrift.audit")
local collection = require("azdrift.service.collection")
local entra = require("azdrift.service.entra")
local folders = require("azdrift.folders")
local gates = require("azdrift.gate")
local jobs = require("azdrift.service.jobs")
local keys = require("azdrift.keys")
local log = require("azdrift.log")
local measure = require("azdrift.service.measure")
local router = require("azdrift.service.router")
local rules = require("azdrift.service.rules")
local schedule = require("azdrift.service.schedule")
local server = require("azdrift.server")
local supervisor = require("azdrift.supervisor")
local system = require("azdrift.system")
local task = require("azdrift.task")

local service = {}

local ROUTES = { "health", "published", "snapshots", "resources", "drifts", "baselines", "jobs", "keys", "audit", "rules", "metrics",
  "openapi" }
local KEYS_MS = 5000    -- how soon a key that another engine, or the command line, made or revoked counts here
local DRAIN_MS = 2000   -- open connections are still served for so long once the service ends
local SETTLED_MS = 200  -- a deployment writes many files: they are read once nothing has changed for so long
local SECOND_MS = 1000

local Service = {}
Service.__index = Service

-- A public address and nobody who could be told from anybody: that is never what somebody wants.
local function is_local(address)
  return address:match("^unix:") or address:match("^127%.") or address:match("^%[::1%]:") or address:match("^localhost:")
end

local function check_addresses(settings, live_keys)
  if live_keys > 0 or settings.entra.tenant then return true end
  for _, address in ipairs(settings.listen) do
    if not is_local(address) then
      return nil, ("listen: %s is a public address, and there is no API key yet: anybody could read and collect. Make one first "
        .. "(azdrift keys create --role admin --name NAME), or listen on 127.0.0.1 and unix: only"):format(address)
    end
  end
  return true
end

local function live_keys(list)
  local live, now_ms = {}, task.now_ms()
  for _, key in ipairs(list) do
    if keys.is_live(key, now_ms) then live[#live + 1] = key end
  end
  return live
end

--- Takes the keys that the store has now, and leaves there when they were used. false and a sentence where the store fails: the keys
-- that were known go on.
function Service:load_keys()
  local list, message = keys.list(self.store)
  if not list then return false, message end
  self.keys = {}
  -- Keys that have expired are still known to the gate, which says so; those that were revoked are not.
  local known = {}
  for _, key in ipairs(list) do
    if not key.revoked_ms then
      known[#known + 1] = key
      self.keys[key.id] = key
    end
  end
  local set
  set, message = self.gate:set_keys(known)
  if not set then return false, message end
  return true
end

--- The ARM ids that a principal is narrowed to; {} for everything.
function Service:scopes_of(principal)
  local key = principal.key and self.keys[principal.key]
  if principal.key and not key then return { "/revoked" } end -- between the gate and here; there is no such id
  return key and key.scopes or {}
end

--- One entry into the audit log; a failure of the log is said, and does not undo what was done.
function Service:audit(access, action, target, detail, outcome)
  local entry, message = audit.append(self.store, { who = type(access) == "string" and access or access:name(), action = action,
    target = target, detail = detail, outcome = outcome }, task.now_ms())
  if not entry then log.error("audit_lost", ("%s %s: %s"):format(action, tostring(target), message)) end
end

--- Begins a collection, or finds the one that runs. scopes: nil for all.
function Service:collect(by, scopes)
  return self.jobs:submit("collection", by, { scopes = scopes })
end

-- What was refused, and when keys were used, goes to the store now and then: never within a request.
local function keep_house(self)
  local noted = {}
  if self.entra then self.entra:look() end
  while true do
    task.sleep_ms(KEYS_MS)
    for _, refusal in ipairs(self.gate:take_refusals()) do
      self:audit(refusal.key and "key:" .. refusal.key or "nobody", "request", refusal.path,
        { status = refusal.status, remote = refusal.remote, count = refusal.count }, "refused")
    end
    local used = {}
    for id, at_ms in pairs(self.gate:used()) do
      if noted[id] ~= at_ms then used[id], noted[id] = at_ms, at_ms end
    end
    keys.note_use(self.store, used)
    local loaded, message = self:load_keys()
    if not loaded then log.error("keys_not_loaded", message) end
    if self.entra then self.entra:look() end
    measure.service(self)
  end
end

--- Builds rules and policies anew, and reads the certificate again. by: who asked, for the audit log.
-- @return outcome, sentence
function Service:reload(by)
  local outcome, message = self.rules:reload()
  if outcome ~= "same" then
    self:audit(by, "reload", self.rules:stamp(), message and { refused = message } or nil, outcome == "refused" and "failed" or "done")
  end
  local renewed, problem = self.listener:renew_certificate()
  if not renewed then
    log.error("certificate_refused", problem)
    self:audit(by, "certificate", nil, { refused = problem }, "failed")
    return "refused", message or problem
  end
  return outcome, message
end

local function beat_watchdog()
  local every_ms = supervisor.watchdog_ms() // 2
  if every_ms == 0 then return end
  while true do
    supervisor.notify("WATCHDOG=1")
    task.sleep_ms(every_ms)
  end
end

-- Rules and policies that are edited count from then on. What cannot be watched is said once; SIGHUP still works.
local function watch_files(self)
  local directory = self.settings.directory
  if not directory then return end
  local watched <close>, message = folders.watch()
  while watched do
    local ok
    ok, message = watched:add(directory)
    for _, name in ipairs({ "rules", "policies" }) do
      if ok ~= nil then ok, message = watched:add(directory .. "/" .. name, true) end
    end
    if ok == nil then break end
    watched:wait()
    -- Read once it is quiet: each further change within the time begins it anew.
    repeat
      local quiet = task.spawn(task.sleep_ms, SETTLED_MS)
      local noisy = task.spawn(watched.wait, watched)
      quiet:wait()
      noisy:cancel("it is quiet")
      noisy:wait()
    until noisy:status() == "cancelled"
    self:reload("file change")
  end
  log.warn("files_not_watched", ("%s; send SIGHUP after a change"):format(message))
end

local function open_listener(self, on_request)
  local settings = self.settings
  local limits = settings.limits
  return server.listen({ address = settings.listen, inherit = true, certificate = settings.tls.certificate, key = settings.tls.key,
    only_tls_1_3 = settings.tls.only_1_3, gate = self.gate, on_request = on_request, connections = limits.connections,
    connections_per_address = limits.connections_per_address, body_bytes = limits.body_bytes,
    request_ms = math.ceil(limits.request * SECOND_MS), handshake_ms = math.ceil(limits.handshake * SECOND_MS),
    idle_ms = math.ceil(limits.idle * SECOND_MS), head_ms = math.ceil(limits.head * SECOND_MS),
    body_ms = math.ceil(limits.body * SECOND_MS), write_ms = math.ceil(limits.write * SECOND_MS) })
end

--- Opens everything; serves once run is called.
-- @param options { settings, store, collects = false for a service that only answers }
-- @return the service, or nil and a sentence that says what to mend
function service.new(options)
  local settings = options.settings
  local self = setmetatable({ settings = settings, store = options.store, owner = system.owner(), started_ms = task.now_ms(), keys = {},
    collects = options.collects ~= false }, Service)
  local limits = settings.limits
  self.gate = gates.new({ reads_per_second = limits.reads_per_second, read_burst = limits.read_burst,
    writes_per_second = limits.writes_per_second, write_burst = limits.write_burst, failures_per_minute = limits.failures_per_minute })
  self.gate:set_anonymous("operator")
  local list, ok, message
  list, message = keys.list(self.store)
  if not list then return nil, message end
  ok, message = check_addresses(settings, #live_keys(list))
  if not ok then return nil, message end
  ok, message = self:load_keys()
  if not ok then return nil, message end
  self.rules, message = rules.new(settings)
  if not self.rules then return nil, message end
  self.entra, message = entra.new(settings, self.gate)
  if message then return nil, message end
  self.jobs = jobs.new(self.store, function(_, job) return collection.run(self, job) end)
  self.schedule = schedule.new(self.store, { every_s = settings.collect.every, jitter_s = settings.collect.jitter,
    start = function() self:collect("schedule") end })
  local on_request
  on_request, self.routes = router.build(self.gate, ROUTES, self)
  self.listener, message = open_listener(self, on_request)
  if not self.listener then return nil, message end
  return self
end

-- One of the tasks that the service stands on: what fails in it is said, and it goes on a moment later.
local function keep_up(name, body, ...)
  task.spawn(function(...)
    while true do
      local ok, problem = pcall(body, ...)
      if ok then return end
      if type(problem) == "string" and problem:find("^cancelled:") then error(problem, 0) end
      log.error("task_failed", ("%s: %s"):format(name, type(problem) == "table" and problem.message or tostring(problem)))
      task.sleep_ms(SECOND_MS)
    end
  end, ...)
end

-- The addresses as they were asked for, with the port that the system chose where none was.
local function addresses(self)
  local list = {}
  for i, address in ipairs(self.settings.listen) do
    list[i] = address:gsub(":0$", ":" .. self.listener:port())
  end
  return table.concat(list, ", ")
end

--- Serves until a signal says stop, then lets what is in work finish.
function Service:run()
  supervisor.take()
  keep_up("jobs", self.jobs.run, self.jobs)
  keep_up("house", keep_house, self)
  keep_up("watchdog", beat_watchdog)
  keep_up("files", watch_files, self)
  if self.collects then keep_up("schedule", self.schedule.run, self.schedule) end
  supervisor.notify("READY=1")
  log.info("serving", ("azdrift %s serves %s, bundle %s"):format(system.version, addresses(self), self.rules:stamp()))
  while supervisor.await() == "reload" do
    supervisor.notify("RELOADING=1")
    self:reload("signal")
    supervisor.notify("READY=1")
  end
  self.is_stopping = true
  supervisor.notify("STOPPING=1")
  log.info("stopping", "no new connections; what is in work is finished")
  self.listener:stop(DRAIN_MS)
end

return service
