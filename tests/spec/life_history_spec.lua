-- Random histories of a store: what is told of drift is what happened to it, run after run.
local json = require("azdrift.json")
local store_world = require("store_world")

local SEEDS <const> = os.getenv("AZDRIFT_TORTURE") and 60 or 6
local RUNS <const> = 14
local NAMES = { "a", "b" }

-- A generator of its own: the same histories on every machine.
local function generator(seed)
  local state = seed * 2654435761 % 4294967296
  return function(count)
    state = (state * 1664525 + 1013904223) % 4294967296
    return state // 65536 % count
  end
end

-- A body, its members and the elements of its list in an order that says nothing.
local function body(state, random)
  local members = { string.format('"x":%d', state.x), string.format('"y":%d', state.y),
    string.format('"rules":[%s]', random(2) == 0 and string.format('{"name":"p","v":%d},{"v":0,"name":"q"}', state.p)
      or string.format('{"name":"q","v":0},{"v":%d,"name":"p"}', state.p)) }
  for i = #members, 2, -1 do
    local j = random(i) + 1
    members[i], members[j] = members[j], members[i]
  end
  return "{" .. table.concat(members, ",") .. "}"
end

local function places(state, base)
  local list = {}
  for _, name in ipairs({ "p", "x", "y" }) do
    if state[name] ~= base[name] then list[#list + 1] = name end
  end
  return table.concat(list)
end

-- What ought to be told, from the places that differ in each run. A drift is a set of places of a resource: the same set has the same
-- fingerprint; a set that is part of one that just ended goes on as that one.
local function new_model()
  local model = { open = {}, ended = {}, fingerprints = {} }

  local function is_rest(set, of)
    if #set == 0 or #set >= #of then return false end
    for place in set:gmatch(".") do
      if not of:find(place, 1, true) then return false end
    end
    return true
  end

  -- sets: places by resource. Answers what is told: by resource { set, is_new, is_reopened, first_seen }, and how many are gone.
  function model:step(seq, sets)
    local told, gone = {}, 0
    for _, name in ipairs(NAMES) do
      local set, was = sets[name], self.open[name]
      if was and was.set == set then
        told[name] = { set = set, is_new = false, is_reopened = false, first_seen = was.first_seen }
      else
        local key = name .. set
        if set ~= "" and self.ended[key] then
          told[name] = { set = set, is_new = true, is_reopened = true, first_seen = seq }
        elseif set ~= "" and was and is_rest(set, was.set) then
          told[name] = { set = set, is_new = false, is_reopened = false, first_seen = was.first_seen, goes_on = true }
        elseif set ~= "" then
          told[name] = { set = set, is_new = true, is_reopened = false, first_seen = seq }
        end
        if was then
          self.ended[name .. was.set] = (self.ended[name .. was.set] or 0) + 1
          if not (told[name] and told[name].goes_on) then gone = gone + 1 end
        end
        self.open[name] = told[name] and { set = set, first_seen = told[name].first_seen } or nil
      end
    end
    return told, gone
  end

  return model
end

local function history(seed)
  local random, world, model = generator(seed), store_world.new(), new_model()
  local bases, states, bodies = {}, {}, {}
  local function write(name) bodies[name] = body(states[name], random) end
  for _, name in ipairs(NAMES) do
    bases[name], states[name] = { x = 0, y = 0, p = 0 }, { x = 0, y = 0, p = 0 }
    write(name)
  end
  world:run(bodies, true)
  world:keep()
  for _ = 2, RUNS do
    for _, name in ipairs(NAMES) do
      local place = ({ "x", "y", "p" })[random(3) + 1]
      if random(3) > 0 then states[name][place] = random(2) == 0 and 0 or 1 + random(2) end
      write(name) -- also where nothing changed: written in another order
    end
    local snapshot = world:run(bodies)
    local told, gone = model:step(snapshot.seq, { a = places(states.a, bases.a), b = places(states.b, bases.b) })
    local report = world:keep().report
    local where = ("seed %d, snapshot %d"):format(seed, snapshot.seq)
    local found = {}
    for _, drift in ipairs(report.drifts) do found[drift.resource_id:match("[^/]+$")] = drift end
    for _, name in ipairs(NAMES) do
      local wanted, is = told[name], found[name]
      assert.equal(wanted ~= nil, is ~= nil, where)
      if wanted then
        assert.equal(wanted.is_new, is.is_new, where)
        assert.equal(wanted.is_reopened, is.reopened == true, where)
        assert.equal(wanted.first_seen, is.first_seen.seq, where)
        local key = name .. wanted.set
        -- The same places have the same fingerprint, whatever their order, their values and the time; others have others.
        assert.equal(model.fingerprints[key] or is.fingerprint, is.fingerprint, where)
        model.fingerprints[key] = is.fingerprint
        if wanted.is_reopened then assert.equal(model.ended[key], #is.earlier, where) end
      end
    end
    assert.equal(gone, report.summary.resolved, where)
    assert.equal(gone, #report.gone, where)
  end
  local by_fingerprint = {}
  for key, fingerprint in pairs(model.fingerprints) do
    assert.is_nil(by_fingerprint[fingerprint], key)
    by_fingerprint[fingerprint] = key
  end
  world:close()
end

describe("random histories", function()
  for seed = 1, SEEDS do
    it("are told as they were, seed " .. seed, function() history(seed) end)
  end
end)

describe("a drift that comes back", function()
  it("is open again, with when it was open before", function()
    local world = store_world.new()
    world:run({ a = '{"x":1}' }, true)
    for _, x in ipairs({ 2, 1, 2, 2, 1, 3 }) do
      world:run({ a = ('{"x":%d}'):format(x) })
      world:keep()
    end
    local drift = json.decode(world:find().report.drifts.texts:text(1))
    assert.is_true(drift.reopened ~= true) -- it goes on since the last run told it
    assert.same({ 2, 4 }, { drift.earlier[1].first_seen.seq, drift.earlier[2].first_seen.seq })
    assert.equal("resolved", drift.earlier[2].ended)
    assert.equal(7, drift.first_seen.seq)
    world:close()
  end)
end)

describe("secrets replaced under other rules", function()
  it("are measured from then on against what they are now, and nothing else moves", function()
    local world = store_world.new({ redaction = "k1/r1" })
    world:run({ a = '{"secret":"s1","x":1}' }, true)
    world.redaction = "k1/r2"
    world:run({ a = '{"secret":{"$redacted":"0011223344556677"},"x":2}' })
    local told = world:keep().report
    assert.equal(1, told.summary.not_compared)
    assert.same({ "x" }, { told.drifts[1].changes[1].property, told.drifts[1].changes[2] })
    -- Now it can be compared again, and a rotated secret is seen.
    local again = world:keep().report
    assert.equal(0, again.summary.not_compared)
    assert.equal(told.drifts[1].fingerprint, again.drifts[1].fingerprint)
    assert.equal(1, #again.drifts[1].changes)
    world:run({ a = '{"secret":{"$redacted":"8899aabbccddeeff"},"x":2}' })
    local rotated = world:keep().report.drifts[1]
    assert.equal(2, #rotated.changes)
    world:close()
  end)

  it("or another key alone are no drift, and the baseline knows the new digests", function()
    local world = store_world.new({ redaction = "k1/r1" })
    world:run({ a = '{"secret":{"$redacted":"0011223344556677"},"x":1}', b = '{"x":1}' }, true)
    world.redaction = "k2/r1"
    world:run({ a = '{"secret":{"$redacted":"ffeeddccbbaa9988"},"x":1}' })
    assert.equal(0, #world:keep().report.drifts)
    assert.equal("its secrets are replaced under another key or other rules since", world.store:accepted(world.scope)[1].why)
    assert.equal(0, world:keep().report.summary.not_compared)
    world:run({ a = '{"secret":{"$redacted":"1111111111111111"},"x":1}' })
    assert.equal("secret", world:keep().report.drifts[1].changes[1].property)
    world:close()
  end)
end)
