--- Work that grows while it is done: jobs come from jobs, and whoever is free takes the oldest of the first rank that has any.
-- Long chains belong into the first rank: what is left at the end should be short.

local bell = require("azdrift.bell")
local task = require("azdrift.task")

local work = {}
work.__index = work

local EXTRA_MAX = 1000 -- who take the place of those that are held up; beyond it work waits for them

--- @param ranks how many there are
-- @param told { expect = function(count), step = function() } or nil: jobs that were added, and each that was done
function work.new(ranks, told)
  local queues = {}
  for rank = 1, ranks do queues[rank] = { first = 1, last = 0 } end
  return setmetatable({ queues = queues, busy = 0, idle = 0, extra = 0, bell = bell.new(), told = told }, work)
end

--- fn(item) once for each item of a list, at some time. The list is borrowed until then.
function work:add(rank, fn, items)
  if #items == 0 then return end
  local queue = self.queues[rank]
  queue.last = queue.last + 1
  queue[queue.last] = { fn = fn, items = items, next = 1 }
  if self.told then self.told:expect(#items) end
  for _ = 1, #items do
    if not self.bell:ring() then break end
  end
end

local function take(self)
  for _, queue in ipairs(self.queues) do
    local batch = queue[queue.first]
    if batch then
      local item = batch.items[batch.next]
      batch.next = batch.next + 1
      if batch.next > #batch.items then
        queue[queue.first] = nil
        queue.first = queue.first + 1
      end
      return batch.fn, item
    end
  end
  return nil
end

local function has_work(self)
  for _, queue in ipairs(self.queues) do
    if queue[queue.first] then return true end
  end
  return false
end

local function serve(self)
  while true do
    if self.failed then error(self.failed[1], 0) end
    local fn, item = take(self)
    if fn then
      self.busy = self.busy + 1
      fn(item)
      self.busy = self.busy - 1
      if self.told then self.told:step() end
    elseif self.busy == 0 then
      self.bell:ring_all()
      return
    else
      self.idle = self.idle + 1
      local _ <close> = setmetatable({}, { __close = function() self.idle = self.idle - 1 end })
      self.bell:wait()
    end
  end
end

--- Whoever does a job is about to be held up (a limit, not the network): somebody else takes its place. Called in that job's run.
function work:widen()
  if self.idle > 0 or self.extra >= EXTRA_MAX or not has_work(self) then return end
  self.extra = self.extra + 1
  task.spawn(function()
    local ok, problem = pcall(serve, self)
    self.extra = self.extra - 1
    -- With nobody busy all is done, and it was cancelled with the run in whose place it was.
    if ok or self.failed or self.busy == 0 then return end
    self.failed = { problem }
    self.bell:ring_all()
  end)
end

--- Does what there is and what comes of it, at most so many jobs at once. The first error cancels the others and is raised.
function work:run(at_once)
  if not has_work(self) then return end
  local servers = {}
  for i = 1, at_once do servers[i] = i end
  task.each(servers, at_once, function() serve(self) end)
end

return work
