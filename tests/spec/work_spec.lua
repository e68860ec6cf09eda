-- Work that grows while it is done (lua/azdrift/work.lua).
local task = require("azdrift.task")
local work = require("azdrift.work")

describe("work", function()
  it("does the first rank first, each rank in order, and what jobs add", function()
    local jobs, done = work.new(2), {}
    local function note(name) done[#done + 1] = name end
    jobs:add(2, note, { "c", "d" })
    jobs:add(1, function(name)
      note(name)
      if name == "a" then jobs:add(1, note, { "b" }) end
    end, { "a" })
    jobs:run(1)
    assert.same({ "a", "b", "c", "d" }, done)
    jobs:run(1) -- nothing left
    assert.equal(4, #done)
  end)

  it("keeps everybody busy: those who found nothing come back when a job adds more", function()
    local jobs, at_once, most = work.new(1), 0, 0
    local function leaf()
      at_once = at_once + 1
      most = math.max(most, at_once)
      task.sleep_ms(5)
      at_once = at_once - 1
    end
    jobs:add(1, function()
      task.sleep_ms(5)
      jobs:add(1, leaf, { 1, 2, 3, 4, 5, 6 })
    end, { "root" })
    jobs:run(3)
    assert.equal(3, most)
    assert.equal(0, at_once)
  end)

  it("lets others take the place of those that are held up", function()
    local jobs, done = work.new(1), {}
    jobs:add(1, function(name)
      if name == "held up" then
        jobs:widen()
        task.sleep_ms(20)
      end
      done[#done + 1] = name
    end, { "held up", "a", "b" })
    jobs:run(1)
    assert.same({ "a", "b", "held up" }, done)
  end)

  it("raises what fails in somebody's place", function()
    local jobs = work.new(1)
    jobs:add(1, function(name)
      if name == "fails" then error("boom", 0) end
      jobs:widen()
      task.sleep_ms(60000)
    end, { "held up", "fails" })
    -- the one that is held up is the only server: it is cancelled when its own sleep ends at the latest
    local run = task.spawn(function() jobs:run(2) end)
    assert.has_error(function() task.with_deadline_ms(5000, function() run:join() end) end, "boom")
  end)

  it("raises the first error and leaves nobody waiting", function()
    local jobs = work.new(1)
    jobs:add(1, function(number)
      if number == 2 then error("boom", 0) end
      task.sleep_ms(60000)
    end, { 1, 2 })
    assert.has_error(function() task.with_deadline_ms(5000, function() jobs:run(4) end) end, "boom")
  end)

  it("tells what is expected and what was done", function()
    local told = { expected = 0, done = 0 }
    function told:expect(count) self.expected = self.expected + count end
    function told:step() self.done = self.done + 1 end
    local jobs = work.new(1, told)
    jobs:add(1, function() end, { 1, 2, 3 })
    jobs:add(1, function() end, {})
    jobs:run(2)
    assert.same({ 3, 3 }, { told.expected, told.done })
  end)
end)
