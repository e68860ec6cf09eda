-- The life of a drift, transition by transition.
local life = require("azdrift.life")

local MOMENT <const> = { seq = 9, now_ms = 9000 }

local function known(status, more)
  local state = { status = status, first_seen_seq = 3, first_seen_ms = 3000, until_ms = 0, who = "me", why = "planned" }
  for name, value in pairs(more or {}) do state[name] = value end
  return state
end

describe("a drift that is found", function()
  it("for the first time, or again after it was resolved, is open and new", function()
    local new = { status = "open", first_seen_seq = 9, first_seen_ms = 9000, is_new = true }
    assert.same(new, life.next(nil, MOMENT))
    assert.same(new, life.next(known("resolved"), MOMENT))
  end)

  it("keeps what a person said, and since when it is there", function()
    for _, status in ipairs({ "open", "acknowledged", "muted" }) do
      for _, until_ms in ipairs({ 0, 9001 }) do
        local state = life.next(known(status, { until_ms = until_ms }), MOMENT)
        assert.same({ status = status, first_seen_seq = 3, first_seen_ms = 3000, is_new = false, until_ms = until_ms, who = "me", why = "planned" }, state)
      end
    end
  end)

  it("is open again when the time of the word is over, and the word is forgotten", function()
    for _, status in ipairs({ "acknowledged", "muted" }) do
      for _, until_ms in ipairs({ 9000, 1 }) do
        assert.same({ status = "open", first_seen_seq = 3, first_seen_ms = 3000, is_new = false }, life.next(known(status, { until_ms = until_ms }), MOMENT))
      end
    end
  end)

  it("though it was accepted is open: something else is there now", function()
    assert.same({ status = "open", first_seen_seq = 3, first_seen_ms = 3000, is_new = false }, life.next(known("accepted"), MOMENT))
  end)
end)

describe("has_drift", function()
  it("is made by what is open or acknowledged and above info", function()
    for status, counts in pairs({ open = true, acknowledged = true, muted = false, accepted = false, resolved = false }) do
      for severity, is_above in pairs({ none = false, info = false, low = true, medium = true, high = true, critical = true }) do
        assert.equal(counts and is_above, life.counts(status, severity))
      end
    end
  end)
end)

describe("a life that nothing was found of", function()
  it("is resolved, whatever was said of it, unless it is already", function()
    local lives = { known("open", { fingerprint = "a" }), known("muted", { fingerprint = "b" }), known("resolved", { fingerprint = "c" }),
      known("accepted", { fingerprint = "d" }), known("acknowledged", { fingerprint = "e" }) }
    assert.same({ "a", "d" }, life.resolved(lives, { b = true, e = true }))
    assert.same({}, life.resolved({}, {}))
  end)
end)
