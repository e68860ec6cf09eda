local retention = require("azdrift.retention")

local DAY_MS <const> = 86400000
local NOW_MS <const> = 1795341605000 -- a Sunday in November 2026
local TIERS <const> = { all = 30 * 86400, daily = 180 * 86400, weekly = 2 * 365 * 86400, monthly = 10 * 365 * 86400 }

local function history(ages_ms)
  table.sort(ages_ms, function(a, b) return a > b end)
  local marks = {}
  for seq, age_ms in ipairs(ages_ms) do marks[seq] = { seq = seq, timestamp_ms = NOW_MS - age_ms, state = "kept" } end
  return marks
end

local function as_set(list)
  local set = {}
  for _, element in ipairs(list) do set[element] = true end
  return set
end

-- What stays, said the other way round: does any tier, looked at alone, want it?
local function is_wanted(marks, place)
  local function alone(bucket, limit_s)
    local mark = marks[place]
    if NOW_MS - mark.timestamp_ms > limit_s * 1000 then return false end
    for later = place + 1, #marks do
      if bucket(marks[later]) == bucket(mark) then return false end
    end
    return true
  end
  local function day(mark) return os.date("!%Y-%m-%d", mark.timestamp_ms // 1000) end
  local function week(mark) return os.date("!%G-%V", mark.timestamp_ms // 1000) end
  local function month(mark) return os.date("!%Y-%m", mark.timestamp_ms // 1000) end
  return place == #marks or NOW_MS - marks[place].timestamp_ms <= TIERS.all * 1000 or alone(day, TIERS.daily)
    or alone(week, TIERS.weekly) or alone(month, TIERS.monthly)
end

describe("retention", function()
  it("keeps what a tier wants, and the newest; of random histories", function()
    for seed = 1, 10 do
      math.randomseed(seed)
      local ages = {}
      for i = 1, 90 do ages[i] = math.random(0, 12 * 365 * DAY_MS) // (i % 3 == 0 and 50 or 1) end
      local marks = history(ages)
      local going = as_set(retention.going(marks, TIERS, NOW_MS))
      for place, mark in ipairs(marks) do
        assert.equals(not is_wanted(marks, place), going[mark.seq] or false, ("seed %d, seq %d"):format(seed, mark.seq))
      end
    end
  end)

  it("keeps the last of each month although it ran every day in between", function()
    local marks = {}
    -- Three years, a snapshot every six hours, thinned out after each.
    local start_ms = NOW_MS - 3 * 365 * DAY_MS
    for step = 0, 3 * 365 * 4 do
      local now_ms = start_ms + step * DAY_MS // 4
      marks[#marks + 1] = { seq = step + 1, timestamp_ms = now_ms, state = "kept" }
      local going = as_set(retention.going(marks, { all = 2 * 86400, daily = 5 * 86400, weekly = 6 * 86400, monthly = 9e9 }, now_ms))
      local present = {}
      for _, mark in ipairs(marks) do
        if not going[mark.seq] then present[#present + 1] = mark end
      end
      marks = present
    end
    local months = {}
    for _, mark in ipairs(marks) do
      local next_day = os.date("!%d", mark.timestamp_ms // 1000 + 86400)
      if next_day == "01" then months[#months + 1] = mark end
    end
    assert.equals(36, #months)
    assert.is_true(#marks < 36 + 20, #marks)
  end)

  it("waits where the clock may have leapt, and goes on when it was set right or a week went by", function()
    local function at(...)
      local marks = {}
      for seq, days in ipairs({ ... }) do marks[seq] = { seq = seq, timestamp_ms = NOW_MS + days * DAY_MS, state = "kept" } end
      return marks
    end
    local function is_settled(days, ...) return retention.is_settled(at(...), NOW_MS + days * DAY_MS) end
    assert.is_true(is_settled(0))
    assert.is_true(is_settled(0, -60, -30, 0))
    assert.is_false(is_settled(400, -2, -1, 400))
    assert.is_false(is_settled(400, -2, -1, 394, 400), "the second run of that clock either")
    assert.is_true(is_settled(400, -2, -1, 393, 400), "a week of it: it was a silence")
    assert.is_true(is_settled(0, -2, -1, 400, 0), "set right")
    assert.is_false(is_settled(400, -2, -1, 400, 0, 400), "and wrong again")
  end)

  it("leaves alone what is being published or gone, and refuses tiers that shrink", function()
    assert.same({}, retention.going({ { seq = 1, timestamp_ms = 0, state = "thinned" }, { seq = 2, timestamp_ms = 0, state = "closing" },
      { seq = 3, timestamp_ms = 0, state = "kept" } }, TIERS, NOW_MS))
    assert.is_nil(retention.problem(TIERS))
    assert.equals("retention.weekly must not be shorter than retention.daily: each tier keeps fewer snapshots for longer",
      retention.problem({ all = 1, daily = 10, weekly = 5, monthly = 20 }))
  end)
end)
