--- Retention: which snapshots stay. All of the newest, then the last of each day, of each week, of each month (UTC); each tier holds
--- up to an age. The last of a month is kept whatever the days and weeks say, so that no tier loses what the next one counts on.

local task = require("azdrift.task")

local retention = {}

-- So that commits beside it wait for a batch at the most.
local BATCH_VERSIONS = 500
local PAUSE_MS = 20
-- After a collection: what is more is left to the next one, or to `azdrift db compact`.
local BATCHES_AFTER_COLLECT = 20

local DAY_S <const> = 86400
-- A clock that is wrong must not cost history. After so long a silence, which may be a leap of the clock, a collection thins out nothing
-- until time has gone on for so long without another.
local LEAP_MS <const> = 35 * DAY_S * 1000
local SETTLED_MS <const> = 7 * DAY_S * 1000
-- 1970-01-01 was a Thursday; weeks begin on Mondays.
local FIRST_MONDAY_S <const> = 4 * DAY_S

local function month_of(seconds)
  return os.date("!%Y-%m", seconds)
end

-- In order of fineness: the setting, and what tells the bucket of a moment.
local TIERS = {
  { name = "daily", bucket = function(seconds) return seconds // DAY_S end },
  { name = "weekly", bucket = function(seconds) return (seconds - FIRST_MONDAY_S) // (7 * DAY_S) end },
  { name = "monthly", bucket = month_of },
}

--- The seqs of marks (store:marks) that go: { seq, ... } in order. tiers: the settings' retention, ages in seconds.
function retention.going(marks, tiers, now_ms)
  local kept, last_of = {}, {}
  for _, tier in ipairs(TIERS) do last_of[tier.name] = {} end
  local readable = {}
  for _, mark in ipairs(marks) do
    if mark.state == "kept" then
      readable[#readable + 1] = mark
      for _, tier in ipairs(TIERS) do last_of[tier.name][tier.bucket(mark.timestamp_ms // 1000)] = mark.seq end
    end
  end
  for _, mark in ipairs(readable) do
    local age_s = (now_ms - mark.timestamp_ms) / 1000
    kept[mark.seq] = age_s <= tiers.all
    for _, tier in ipairs(TIERS) do
      local is_last = last_of[tier.name][tier.bucket(mark.timestamp_ms // 1000)] == mark.seq
      kept[mark.seq] = kept[mark.seq] or (is_last and age_s <= tiers[tier.name])
    end
  end
  local going = {}
  for index, mark in ipairs(readable) do
    if not kept[mark.seq] and index < #readable then going[#going + 1] = mark.seq end
  end
  return going
end

--- nil, or a sentence that says why these tiers make no sense.
function retention.problem(tiers)
  local finer, finer_name = tiers.all, "all"
  for _, tier in ipairs(TIERS) do
    if tiers[tier.name] < finer then
      return ("retention.%s must not be shorter than retention.%s: each tier keeps fewer snapshots for longer"):format(tier.name,
        finer_name)
    end
    finer, finer_name = tiers[tier.name], tier.name
  end
  return nil
end

local function must(value, message, code)
  if value == nil then error({ message = message, code = code }, 0) end
  return value, message
end

--- What retention would take of a scope: { snapshots, versions, body_bytes }. Changes nothing.
function retention.preview(store, scope, tiers)
  local going = retention.going(must(store:marks(scope)), tiers, task.now_ms())
  return (must(store:thin_count(scope, going)))
end

--- Takes it, batch by batch with pauses between them. Raises { message, code }.
-- @param options { batches = at most so many (nil: to the end), progress = function(deleted) or nil }
-- @return { snapshots, versions, done }
function retention.run(store, scope, tiers, options)
  local going = retention.going(must(store:marks(scope)), tiers, task.now_ms())
  local result = { snapshots = must(store:thin(scope, going)), versions = 0, done = false }
  local batches = 0
  while not result.done and (not options.batches or batches < options.batches) do
    if batches > 0 then task.sleep_ms(PAUSE_MS) end
    local deleted, done = must(store:thin_step(scope, BATCH_VERSIONS))
    batches, result.versions, result.done = batches + 1, result.versions + deleted, done
    if options.progress then options.progress(result.versions) end
  end
  return result
end

--- Whether time went on evenly before now, as snapshots tell. What lies in the future of a later snapshot is of a clock that was set
-- right since, and says nothing.
function retention.is_settled(marks, now_ms)
  local later_ms = now_ms
  for index = #marks, 1, -1 do
    local at_ms = marks[index].timestamp_ms
    if at_ms <= later_ms then
      if later_ms - at_ms > LEAP_MS then return false end
      later_ms = at_ms
    end
    if now_ms - later_ms >= SETTLED_MS then return true end
  end
  return true
end

--- The same beside a collection: a bounded part of it, or nothing while the clock may be wrong.
function retention.after_collect(store, scope, tiers)
  if not retention.is_settled(must(store:marks(scope)), task.now_ms()) then return { snapshots = 0, versions = 0, done = false } end
  return retention.run(store, scope, tiers, { batches = BATCHES_AFTER_COLLECT })
end

return retention
