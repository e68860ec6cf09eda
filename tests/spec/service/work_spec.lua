local event = require("azdrift.event")
local jobs = require("azdrift.service.jobs")
local json = require("azdrift.json")
local schedule = require("azdrift.service.schedule")
local stores = require("azdrift.store")
local task = require("azdrift.task")

describe("the service's work", function()
  local path, store

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    store = assert(stores.open({ path = path }))
  end)

  after_each(function()
    store:close()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. suffix) end
  end)

  describe("an event", function()
    it("lets all who wait go on, and nobody wait any more", function()
      local happened, seen = event.new(), 0
      local waiters = {}
      for i = 1, 5 do
        waiters[i] = task.spawn(function()
          happened:wait()
          seen = seen + 1
        end)
      end
      task.sleep_ms(1)
      assert.equal(0, seen)
      happened:set()
      for _, waiter in ipairs(waiters) do waiter:join(5000) end
      assert.equal(5, seen)
      happened:wait()
    end)
  end)

  describe("jobs", function()
    local function running(work)
      local list = jobs.new(store, work)
      local runner = task.spawn(list.run, list)
      return list, runner
    end

    it("run one at a time; who asks for the same gets the same", function()
      local gate, at_work, most = event.new(), 0, 0
      local list, runner = running(function(_, job)
        at_work = at_work + 1
        most = math.max(most, at_work)
        gate:wait()
        at_work = at_work - 1
        return { of = job.document.details.of }
      end)
      local first, is_new = list:submit("collection", "spec", { of = "a" })
      assert.is_true(is_new)
      local same, is_second = list:submit("collection", "other", { of = "a" })
      assert.equal(first, same)
      assert.is_false(is_second)
      local other = list:submit("collection", "spec", { of = "b" })
      assert.not_equal(first, other)
      gate:set()
      first.over:wait()
      other.over:wait()
      assert.equal(1, most)
      assert.same({ of = "a" }, first.document.result)
      local kept = assert(list:get(other.document.id))
      assert.equal("done", kept.status)
      assert.equal("b", kept.result.of)
      runner:cancel()
    end)

    it("say why they failed, and do not keep the next from running", function()
      local list, runner = running(function(_, job)
        if job.document.details.bad then error({ message = "no such luck", code = "io" }, 0) end
        return {}
      end)
      local bad = list:submit("collection", "spec", { bad = true })
      local good = list:submit("collection", "spec", {})
      good.over:wait()
      assert.equal("failed", assert(list:get(bad.document.id)).status)
      assert.equal("no such luck", assert(list:get(bad.document.id)).error)
      assert.equal("done", assert(list:get(good.document.id)).status)
      runner:cancel()
    end)

    it("stop when they are cancelled", function()
      local begun = event.new()
      local list, runner = running(function()
        begun:set()
        task.sleep_ms(86400000)
      end)
      local job = list:submit("collection", "spec", {})
      begun:wait()
      assert.is_true(list:cancel(job.document.id))
      job.over:wait()
      assert.equal("cancelled", assert(list:get(job.document.id)).status)
      assert.is_false(list:cancel(job.document.id))
      runner:cancel()
    end)

    it("that an ended engine left behind say so", function()
      local left = { id = "01a2067f-ada4-70a3-9bf6-659519f262c6", kind = "collection", status = "running", created_ms = 1, updated_ms = 1,
        owner = "elsewhere:1/none", details = {} }
      assert(store:put("jobs", left.id, json.encode(left)))
      jobs.new(store, function() end):tidy()
      assert.equal("interrupted", json.decode((assert(store:get("jobs", left.id)))).status)
    end)

    it("that another engine works at are left alone", function()
      local theirs = { id = "01a2067f-ada4-70a3-9bf6-659519f262c7", kind = "collection", status = "running", created_ms = task.now_ms(),
        updated_ms = task.now_ms(), owner = "elsewhere:1/none", details = {} }
      assert(store:put("jobs", theirs.id, json.encode(theirs)))
      jobs.new(store, function() end):tidy()
      assert.equal("running", json.decode((assert(store:get("jobs", theirs.id)))).status)
    end)
  end)

  describe("the schedule", function()
    local now_ms, started, random

    local function new(every_s, jitter_s)
      return schedule.new(store, { every_s = every_s, jitter_s = jitter_s, random = function() return random end,
        now_ms = function() return now_ms end, start = function() started = started + 1 end })
    end

    before_each(function()
      now_ms, started, random = 1700000000000, 0, 0
    end)

    it("is due at first, then when its time has come, late by a random delay", function()
      random = 0.5
      local one = new(100, 10)
      assert.equal(now_ms + 105000, one:look())
      assert.equal(1, started)
      now_ms = now_ms + 104999
      one:look()
      assert.equal(1, started)
      now_ms = now_ms + 1
      one:look()
      assert.equal(2, started)
    end)

    it("makes up for a long pause once", function()
      local one = new(100, 0)
      one:look()
      now_ms = now_ms + 100 * 1000 * 50
      one:look()
      one:look()
      assert.equal(2, started)
    end)

    it("goes on after a restart as it was noted, and runs in one of several engines", function()
      new(100, 0):look()
      now_ms = now_ms + 50000
      new(100, 0):look()
      assert.equal(1, started)
      now_ms = now_ms + 50000
      local engines = {}
      for i = 1, 5 do engines[i] = new(100, 0) end
      task.each(engines, 5, function(engine) return engine:look() or true end)
      assert.equal(2, started)
    end)

    it("takes a shorter interval at once", function()
      new(100000, 0):look()
      now_ms = now_ms + 1000
      assert.equal(now_ms + 10000, new(10, 0):look())
    end)
  end)
end)
