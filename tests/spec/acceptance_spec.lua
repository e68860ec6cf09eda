-- What is accepted of a resource, with a real store: in whole or in part, for good or until a time, by one engine or two at once.
local acceptance = require("azdrift.acceptance")
local detectors = require("azdrift.detectors")
local json = require("azdrift.json")
local shape = require("azdrift.azure.shape")
local store_world = require("store_world")

local DAY_MS <const> = 86400000

describe("what is accepted", function()
  local world, detector

  before_each(function()
    world = store_world.new()
    detector = detectors.new({ bundle = world.bundle, shape = shape, scope = world.scope, now_ms = 1 })
  end)

  after_each(function() world:close() end)

  local function put(seq, more)
    local word = { scope = world.scope, type = world.type, id = world:id("a"), seq = seq, properties = { "x", "y" }, who = "eve",
      why = "planned", detector = detector, now_ms = 1000 }
    for name, value in pairs(more or {}) do word[name] = value end
    return acceptance.put(world.store, word)
  end

  --- The drift of resource a at a time: "x:1>2 y:3>4", or "".
  local function drift_at(now_ms)
    local result = world:find({ now_ms = now_ms })
    local parts = {}
    for _, found in ipairs(result.report.drifts) do
      for _, change in ipairs(found.changes) do
        parts[#parts + 1] = string.format("%s:%s>%s", change.property, tostring(change.old_value), tostring(change.new_value))
      end
    end
    table.sort(parts)
    return table.concat(parts, " ")
  end

  it("as a whole is the baseline of the resource, and a later change of it is drift", function()
    world:run({ a = '{"x":1,"y":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2}' })
    assert.equal("x:1>2 y:1>2", drift_at(1000))
    assert.same({ moved = 2, left = 0 }, put(second.seq))
    assert.equal("", drift_at(1000))
    world:run({ a = '{"x":3,"y":2}' })
    assert.equal("x:2>3", drift_at(1000))
    world:run({ a = '{"x":1,"y":1}' })
    assert.equal("x:2>1 y:2>1", drift_at(1000))
  end)

  it("in part moves that part alone, and does not hide a later change of it", function()
    world:run({ a = '{"x":1,"y":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2}' })
    assert.same({ moved = 1, left = 1 }, put(second.seq, { properties = { "x" }, part = true }))
    assert.equal("y:1>2", drift_at(1000))
    world:run({ a = '{"x":3,"y":2}' })
    assert.equal("x:2>3 y:1>2", drift_at(1000))
    world:run({ a = '{"x":1,"y":1}' })
    assert.equal("x:2>1", drift_at(1000))
  end)

  it("is of the snapshot that was seen, whatever came since", function()
    world:run({ a = '{"x":1}' }, true)
    local seen = world:run({ a = '{"x":2}' })
    world:run({ a = '{"x":3}' })
    put(seen.seq, { properties = { "x" } })
    assert.equal("x:2>3", drift_at(1000))
  end)

  it("until a time speaks again when that is over, and what was accepted beside it for good does not", function()
    world:run({ a = '{"x":1,"y":1,"z":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2,"z":2}' })
    put(second.seq, { properties = { "x" }, part = true, until_ms = DAY_MS })
    assert.equal("y:1>2 z:1>2", drift_at(1000))
    put(second.seq, { properties = { "y" }, part = true, until_ms = 2 * DAY_MS })
    put(second.seq, { properties = { "z" }, part = true })
    assert.equal("", drift_at(1000))
    assert.equal("x:1>2", drift_at(DAY_MS))
    assert.equal("x:1>2 y:1>2", drift_at(2 * DAY_MS))
    local record = world.store:accepted(world.scope)[1]
    assert.equal(3, #json.decode(record.evidence))
    assert.equal(3, #record.states)
  end)

  it("as a whole does not take along what was accepted before until a time", function()
    world:run({ a = '{"x":1,"y":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2}' })
    put(second.seq, { properties = { "x" }, part = true, until_ms = DAY_MS })
    put(second.seq, { properties = { "y" } }) -- the whole of what is drift now
    assert.equal("", drift_at(1000))
    assert.equal("x:1>2", drift_at(DAY_MS))
  end)

  it("can be that a resource came, or went", function()
    world:run({ a = '{"x":1}', b = '{"x":1}' }, true)
    local second = world:run({ b = false, c = '{"x":1}' })
    assert.equal(2, #world:find({ now_ms = 1 }).report.drifts)
    put(second.seq, { id = world:id("b"), properties = { "" } })
    put(second.seq, { id = world:id("c"), properties = { "" }, until_ms = DAY_MS })
    assert.equal(0, #world:find({ now_ms = 1 }).report.drifts)
    assert.equal("added", world:find({ now_ms = DAY_MS }).report.drifts[1].kind)
    local ok, problem = pcall(put, second.seq, { id = world:id("c"), properties = { "x" }, part = true })
    assert.is_false(ok)
    assert.equal("a resource that came or went is accepted as a whole", problem.message)
  end)

  it("by two at once is not lost: each part is moved", function()
    world:run({ a = '{"x":1,"y":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2}' })
    local real, spoke = world.store, false
    -- Between what one engine reads and what it writes, another speaks.
    local between = setmetatable({}, { __index = function(_, name)
      return function(_, ...)
        if name == "accept" and not spoke then
          spoke = true
          put(second.seq, { properties = { "y" }, part = true })
        end
        return real[name](real, ...)
      end
    end })
    local word = { scope = world.scope, type = world.type, id = world:id("a"), seq = second.seq, properties = { "x" }, part = true,
      who = "mallory", why = "too", detector = detector, now_ms = 1000 }
    assert.same({ moved = 1, left = 0 }, acceptance.put(between, word))
    assert.is_true(spoke)
    assert.equal("", drift_at(1000))
    assert.equal(2, #json.decode(world.store:accepted(world.scope)[1].evidence))
  end)

  it("on a baseline that is set anew meanwhile is begun on the new one", function()
    world:run({ a = '{"x":1,"y":1}' }, true)
    local second = world:run({ a = '{"x":2,"y":2}' })
    local third = world:run({ a = '{"x":3,"y":2}' })
    local real, is_set = world.store, false
    local between = setmetatable({}, { __index = function(_, name)
      return function(_, ...)
        if name == "accept" and not is_set then
          is_set = true
          assert(real:baseline_set({ scope = world.scope, types = { world.type }, seq = second.seq, who = "x", why = "x" }))
        end
        return real[name](real, ...)
      end
    end })
    acceptance.put(between, { scope = world.scope, type = world.type, id = world:id("a"), seq = third.seq, properties = { "x" }, part = true,
      who = "eve", why = "planned", detector = detector, now_ms = 1000 })
    assert.equal("", drift_at(1000)) -- y is of the new baseline, x was moved on it
  end)

  -- Arrays are moved by what tells their elements apart, not by their places.
  it("of one element of a list is that element wherever it stands", function()
    world:run({ a = '{"rules":[{"name":"p","v":1},{"name":"q","v":1}]}' }, true)
    local second = world:run({ a = '{"rules":[{"name":"n"},{"name":"q","v":2},{"name":"p","v":2}]}' })
    local function properties()
      local list = {}
      for _, found in ipairs(world:find({ now_ms = 1 }).report.drifts) do
        for _, change in ipairs(found.changes) do list[#list + 1] = change.property end
      end
      table.sort(list)
      return table.concat(list, " ")
    end
    assert.equal("rules[name=n] rules[name=p].v rules[name=q].v", properties())
    put(second.seq, { properties = { "rules[name=q]" }, part = true })
    assert.equal("rules[name=n] rules[name=p].v", properties())
    put(second.seq, { properties = { "rules[name=n]" }, part = true })
    assert.equal("rules[name=p].v", properties())
    put(second.seq, { properties = { "rules" }, part = true })
    assert.equal("", properties())
  end)
end)
