-- Which snapshot becomes the baseline of a type, with a real store.
local Coverage = require("azdrift.coverage")
local baseline = require("azdrift.baseline")
local json = require("azdrift.json")
local store = require("azdrift.store")

local SCOPE <const> = "/subscriptions/11111111-2222-3333-4444-555555555555"

describe("the baseline of a type", function()
  local s, path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    s = assert(store.open({ path = path }))
  end)

  after_each(function()
    s:close()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. suffix) end
  end)

  --- A run. outcomes: by type. shown: types the inventory shows (nil: it could not be read). chosen: the run chose types.
  local function run(outcomes, shown, chosen)
    local coverage = Coverage.new(SCOPE)
    for name, outcome in pairs(outcomes) do
      if outcome == "ok" then coverage:read(name, 1) else coverage:failed(name, { outcome = outcome }) end
    end
    if shown then
      local set = {}
      for _, name in ipairs(shown) do set[name] = true end
      coverage:inventory(set)
    else
      coverage:failed("Microsoft.Resources/resources", { outcome = "error" })
    end
    local lease = assert(s:acquire(SCOPE, "spec", 60000))
    local snapshot = assert(assert(s:begin(lease)):publish({ status = "complete", timestamp_ms = 1, coverage = json.encode(coverage:document()) }))
    assert(lease:release())
    assert(baseline.begin(s, SCOPE, snapshot, coverage, not chosen))
    return snapshot.seq
  end

  local function baselines()
    local by_type = {}
    for _, entry in ipairs(assert(s:baselines(SCOPE))) do by_type[entry.type] = entry.seq end
    by_type["microsoft.resources/resources"] = nil
    return by_type
  end

  it("is the first snapshot that read it in full", function()
    run({ ["a/a"] = "ok", ["a/b"] = "forbidden" }, { "a/a", "a/b" })
    assert.same({ ["a/a"] = 1 }, baselines())
    run({ ["a/a"] = "ok", ["a/b"] = "ok" }, { "a/a", "a/b" })
    assert.same({ ["a/a"] = 1, ["a/b"] = 2 }, baselines())
  end)

  -- The first resource of a type became the type's baseline: nobody heard of it.
  it("is the first inventory that did not show it, where it has resources only since", function()
    run({ ["a/a"] = "ok" }, { "a/a" })
    run({ ["a/a"] = "ok" }, { "a/a" })
    run({ ["a/a"] = "ok", ["a/new"] = "ok" }, { "a/a", "a/new" })
    assert.equal(1, baselines()["a/new"])
  end)

  it("is its own first snapshot where nobody can know whether it was there before", function()
    run({ ["a/a"] = "ok" }, nil) -- no inventory
    run({ ["a/a"] = "ok", ["a/b"] = "ok" }, { "a/a", "a/b" })
    assert.equal(2, baselines()["a/b"])
    run({ ["a/a"] = "ok", ["a/child"] = "ok" }, { "a/a" }) -- no inventory shows children
    assert.equal(3, baselines()["a/child"])
  end)

  it("is not taken from a run that chose other types", function()
    run({ ["a/a"] = "ok" }, { "a/a" }, true)
    run({ ["a/a"] = "ok", ["a/b"] = "ok" }, { "a/a", "a/b" })
    assert.equal(2, baselines()["a/b"])
  end)

  it("of one that was there though it could not be read is its first reading", function()
    run({ ["a/a"] = "ok", ["a/b"] = "error" }, { "a/a", "a/b" })
    run({ ["a/a"] = "ok", ["a/b"] = "ok" }, { "a/a", "a/b" })
    assert.equal(2, baselines()["a/b"])
  end)
end)
