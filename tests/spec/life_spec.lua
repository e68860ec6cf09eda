-- The life of a drift, transition by transition.
local life = require("azdrift.life")

local MOMENT <const> = { seq = 9, at_ms = 8900, now_ms = 9000 }

local function known(status, more)
  local state = { status = status, first_seen_seq = 3, first_seen_ms = 3000, last_seen_seq = 5, last_seen_ms = 5000, until_ms = 0,
    who = "me", why = "planned" }
  for name, value in pairs(more or {}) do state[name] = value end
  return state
end

describe("a drift that is found", function()
  local function ended(status)
    return { ended = status, first_seen_seq = 3, first_seen_ms = 3000, last_seen_seq = 5, last_seen_ms = 5000, who = "me", why = "planned" }
  end

  it("for the first time is open and new", function()
    assert.same({ status = "open", first_seen_seq = 9, first_seen_ms = 8900, is_new = true, is_reopened = false }, life.next(nil, MOMENT))
  end)

  it("again after it was resolved is new, and knows when it was open before", function()
    local new = { status = "open", first_seen_seq = 9, first_seen_ms = 8900, is_new = true, is_reopened = true,
      earlier = { ended("resolved") } }
    assert.same(new, life.next(known("resolved"), MOMENT))
    new.earlier = { { ended = "accepted" }, ended("resolved") }
    assert.same(new, life.next(known("resolved", { earlier = { { ended = "accepted" } } }), MOMENT))
  end)

  it("remembers a bounded number of times", function()
    local earlier = {}
    for i = 1, life.EARLIER_MAX do earlier[i] = { ended = "resolved", first_seen_seq = i } end
    local state = life.next(known("resolved", { earlier = earlier }), MOMENT)
    assert.equal(life.EARLIER_MAX, #state.earlier)
    assert.equal(2, state.earlier[1].first_seen_seq)
    assert.equal(3, state.earlier[life.EARLIER_MAX].first_seen_seq)
    assert.equal(life.EARLIER_MAX, #earlier) -- its own list is left as it was
  end)

  it("keeps what a person said, and since when it is there", function()
    for _, status in ipairs({ "open", "acknowledged", "muted" }) do
      for _, until_ms in ipairs({ 0, 9001 }) do
        local state = life.next(known(status, { until_ms = until_ms }), MOMENT)
        assert.same({ status = status, first_seen_seq = 3, first_seen_ms = 3000, is_new = false, is_reopened = false,
          until_ms = until_ms, who = "me", why = "planned" }, state)
      end
    end
  end)

  it("is open again when the time of the word is over, and the word is forgotten", function()
    for _, status in ipairs({ "acknowledged", "muted" }) do
      for _, until_ms in ipairs({ 9000, 1 }) do
        assert.same({ status = "open", first_seen_seq = 3, first_seen_ms = 3000, is_new = false, is_reopened = false },
          life.next(known(status, { until_ms = until_ms }), MOMENT))
      end
    end
  end)

  it("though it was accepted is open again: something else is there now, or the time of the word is over", function()
    assert.same({ status = "open", first_seen_seq = 3, first_seen_ms = 3000, is_new = false, is_reopened = true,
      earlier = { ended("accepted") } }, life.next(known("accepted"), MOMENT))
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
    local resolved = life.resolved(lives, { b = true, e = true })
    assert.same({ "a", "d" }, { resolved[1].fingerprint, resolved[2].fingerprint })
    assert.equal(2, #resolved)
    assert.same({}, life.resolved({}, {}))
  end)
end)

describe("a drift of which some places were settled", function()
  it("is the rest of the one that had them all, and nothing else is", function()
    assert.is_true(life.is_rest({ "a" }, { "a", "b" }))
    for _, pair in ipairs({ { { "a" }, { "a" } }, { { "a", "c" }, { "a", "b", "d" } }, { {}, { "a" } }, { { "a", "b" }, { "a" } } }) do
      assert.is_false(life.is_rest(pair[1], pair[2]))
    end
  end)
end)
