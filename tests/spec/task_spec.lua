local new_bell = require("azdrift.bell").new
local task = require("azdrift.task")

describe("azdrift.task", function()
  it("sleeps while others go on", function()
    local began, order = task.clock_ms(), {}
    local slow = task.spawn(function() task.sleep_ms(30) order[#order + 1] = "slow" end)
    local quick = task.spawn(function() task.sleep_ms(5) order[#order + 1] = "quick" end)
    slow:join()
    quick:join()
    assert.same({ "quick", "slow" }, order)
    assert.is_true(task.clock_ms() - began >= 29)
  end)

  it("gives a task's results as often as they are asked for", function()
    local handle = task.spawn(function(...) task.sleep_ms(1) return select("#", ...), ... end, 7, nil, "x")
    assert.same({ n = 4, 3, 7, nil, "x" }, table.pack(handle:join()))
    assert.same({ n = 4, 3, 7, nil, "x" }, table.pack(handle:join()))
    assert.equal("done", handle:status())
  end)

  it("raises a task's error where it is joined, whatever value it is", function()
    local text = task.spawn(function() task.sleep_ms(1) error("boom", 0) end)
    assert.has_error(function() text:join() end, "boom")
    local value = { code = "mine" }
    local ok, err = pcall(function() task.spawn(function() error(value) end):join() end)
    assert.is_false(ok)
    assert.equal(value, err)
  end)

  it("cancels: the await raises, closers may await, the joiner is told", function()
    local closed
    local handle = task.spawn(function()
      local _ <close> = setmetatable({}, { __close = function(_, err) task.sleep_ms(2) closed = err end })
      task.sleep_ms(60000)
    end)
    task.sleep_ms(2)
    handle:cancel("no longer wanted")
    assert.has_error(function() handle:join() end, "cancelled: no longer wanted")
    assert.equal("cancelled: no longer wanted", closed)
    assert.equal("cancelled", handle:status())
  end)

  it("cancels the children of a task that ends", function()
    local child
    task.spawn(function() child = task.spawn(task.sleep_ms, 60000) task.sleep_ms(1) end):join()
    assert.has_error(function() child:join() end, "cancelled: the run that started it ended")
  end)

  it("keeps a deadline", function()
    assert.equal("in time", task.with_deadline_ms(1000, function() task.sleep_ms(1) return "in time" end))
    assert.has_error(function() task.with_deadline_ms(10, task.sleep_ms, 60000) end, "cancelled: its deadline passed")
  end)

  it("refuses to join itself", function()
    local handle
    handle = task.spawn(function() task.sleep_ms(1) handle:join() end)
    assert.error_matches(function() handle:join() end, "a task cannot join itself")
  end)

  it("gives its outcome to all who join it", function()
    local handle = task.spawn(function() task.sleep_ms(5) return "x" end)
    assert.same({ "x", "x", "x" }, task.each({ 1, 2, 3 }, 3, function() return (handle:join()) end))
    local failing = task.spawn(function() task.sleep_ms(5) error("boom", 0) end)
    assert.same({ "boom", "boom" }, task.each({ 1, 2 }, 2, function() return (select(2, pcall(failing.join, failing))) end))
  end)

  it("can be waited for without its outcome", function()
    local handle = task.spawn(function() task.sleep_ms(5) error("boom", 0) end)
    assert.equal(0, select("#", handle:wait()))
    assert.equal("failed", handle:status())
    handle:wait()
    assert.has_error(function() handle:join() end, "boom")
    local long = task.spawn(task.sleep_ms, 60000)
    local waiting = task.spawn(function() long:wait() end)
    task.sleep_ms(1)
    waiting:cancel("enough")
    assert.has_error(function() waiting:join() end, "cancelled: enough")
    assert.equal("running", long:status())
  end)

  it("may lose one of its joiners, by a cancel, a deadline or another joiner", function()
    local handle = task.spawn(function() task.sleep_ms(20) return "x" end)
    local cancelled = task.spawn(function() return handle:join() end)
    local impatient = task.spawn(function() return handle:join(1) end)
    local victim
    local killers = {}
    for i = 1, 2 do killers[i] = task.spawn(function() local got = handle:join() victim:cancel("by a joiner") return got end) end
    victim = task.spawn(function() handle:join() task.sleep_ms(60000) end)
    task.sleep_ms(1)
    cancelled:cancel("enough")
    assert.has_error(function() cancelled:join() end, "cancelled: enough")
    assert.error_matches(function() impatient:join() end, "took longer than 1 ms")
    assert.equal("x", killers[1]:join())
    assert.equal("x", killers[2]:join())
    assert.has_error(function() victim:join() end, "cancelled: by a joiner")
    assert.equal("x", handle:join())
  end)

  describe("each", function()
    it("keeps the order of results and the bound on how many run", function()
      local running, most = 0, 0
      local results = task.each({ 5, 1, 4, 2, 3, 1, 1 }, 3, function(delay_ms, index)
        running = running + 1
        most = math.max(most, running)
        task.sleep_ms(delay_ms)
        running = running - 1
        return index * 10
      end)
      assert.same({ 10, 20, 30, 40, 50, 60, 70 }, results)
      assert.equal(3, most)
    end)

    it("takes an empty list", function()
      assert.same({}, task.each({}, 3, error))
    end)

    it("cancels the rest at the first error and raises it", function()
      local began, finished = task.clock_ms(), 0
      local ok, err = pcall(task.each, { 1, 2, 3, 4, 5, 6 }, 3, function(item)
        if item == 2 then error("item 2 broke", 0) end
        task.sleep_ms(60000)
        finished = finished + 1
      end)
      assert.is_false(ok)
      assert.equal("item 2 broke", err)
      assert.equal(0, finished)
      assert.is_true(task.clock_ms() - began < 10000)
    end)

    it("hands a cancel of the caller on to its workers", function()
      local cancelled = 0
      local handle = task.spawn(task.each, { 1, 2, 3 }, 2, function()
        local _ <close> = setmetatable({}, { __close = function(_, err) if err then cancelled = cancelled + 1 end end })
        task.sleep_ms(60000)
      end)
      task.sleep_ms(2)
      handle:cancel("enough")
      assert.has_error(function() handle:join() end, "cancelled: enough")
      assert.equal(2, cancelled)
    end)

    -- A collection that was interrupted closed its store while its scopes still had a lease to give back.
    it("waits for its workers' closers when its caller is cancelled", function()
      local log = {}
      local handle = task.spawn(function()
        local _ <close> = setmetatable({}, { __close = function() log[#log + 1] = "the caller closes" end })
        task.each({ 1, 2 }, 2, function()
          local _ <close> = setmetatable({}, { __close = function()
            task.sleep_ms(5)
            log[#log + 1] = "a worker closed"
          end })
          task.sleep_ms(60000)
        end)
      end)
      task.sleep_ms(2)
      handle:cancel("enough")
      assert.has_error(function() handle:join() end, "cancelled: enough")
      assert.same({ "a worker closed", "a worker closed", "the caller closes" }, log)
    end)
  end)

  describe("bell", function()
    it("wakes who has waited longest, once a ring, and says when nobody waits", function()
      local bell, woken = new_bell(), {}
      for i = 1, 3 do task.spawn(function() bell:wait() woken[#woken + 1] = i end) end
      task.sleep_ms(1)
      assert.is_true(bell:ring())
      task.sleep_ms(1)
      assert.same({ 1 }, woken)
      bell:ring_all()
      task.sleep_ms(1)
      assert.same({ 1, 2, 3 }, woken)
      assert.is_false(bell:ring())
    end)

    it("forgets who gave up or was cancelled", function()
      local bell, woken = new_bell(), {}
      local late = task.spawn(function() bell:wait(1) end)
      local cancelled = task.spawn(function() bell:wait() end)
      task.spawn(function() bell:wait() woken[#woken + 1] = "third" end)
      assert.error_matches(function() late:join() end, "a bell took longer than 1 ms")
      cancelled:cancel()
      assert.is_true(bell:ring())
      assert.is_false(bell:ring())
      task.sleep_ms(1)
      assert.same({ "third" }, woken)
    end)
  end)

  it("has no coroutines for scripts", function()
    assert.is_nil(coroutine)
    assert.is_false(pcall(require, "coroutine"))
  end)
end)

describe("busted in the engine", function()
  local log = {}
  setup(function() task.sleep_ms(1) end)
  before_each(function() task.sleep_ms(1) log[#log + 1] = "before" end)

  it("awaits inside pcall and has_error", function()
    assert.has_error(function() task.sleep_ms(1) error("boom", 0) end, "boom")
  end)

  it("awaits in finally", function()
    finally(function() task.sleep_ms(1) log.closed = true end)
  end)

  it("saw it", function() assert.is_true(log.closed) end)
end)
