-- Concurrency for scripts: tasks are runs of their own, children of the run that started them, cancelled when it ends.
local core = require("azdrift.core.task")

local task = {
  sleep_ms = core.sleep_ms,
  now = core.now,           -- seconds since 1970
  now_ms = core.now_ms,     -- milliseconds since 1970
  clock_ms = core.clock_ms, -- for durations: never goes back
}

-- Starts fn(...) beside the caller. handle:join() gives its results or raises its error.
function task.spawn(fn, ...)
  return core.spawn(nil, fn, ...)
end

-- fn(...) within a time: its results, or the error "cancelled: its deadline passed".
function task.with_deadline_ms(deadline_ms, fn, ...)
  return core.spawn(deadline_ms, fn, ...):join()
end

-- fn(item, index) for every item of a list, at most `concurrency` at once. Gives the first results in the list's order.
-- The first error cancels what still runs, waits for it, and is raised.
function task.each(list, concurrency, fn)
  assert(math.type(concurrency) == "integer" and concurrency > 0, "concurrency: a positive integer expected")
  local results, taken, workers, failed = {}, 0, {}, nil
  local function work()
    while taken < #list and not failed do
      taken = taken + 1
      local index = taken
      results[index] = fn(list[index], index)
    end
  end
  local function fail_all(reason)
    for _, worker in ipairs(workers) do worker:cancel(reason) end
  end
  local function guarded()
    local _ <close> = setmetatable({}, { __close = function(_, err)
      if err ~= nil and not failed then
        failed = { err }
        fail_all("another task of the group failed")
      end
    end })
    work()
  end
  for _ = 1, math.min(concurrency, #list) do workers[#workers + 1] = core.spawn(nil, guarded) end
  for _, worker in ipairs(workers) do
    local ok, err = pcall(worker.join, worker)
    if not ok and not failed then -- the caller itself was cancelled
      failed = { err }
      fail_all("the run that started it was cancelled")
      pcall(worker.join, worker) -- what the caller closes next (a store, a lease) the worker still uses
    end
  end
  if failed then error(failed[1], 0) end
  return results
end

return task
