--- Drift found and told: of two files, of many pairs of files, of a store between two moments or against its baseline.

local detectors = require("azdrift.detectors")
local drift = require("azdrift.drift")
local json = require("azdrift.json")
local listings = require("azdrift.listings")
local moments = require("azdrift.moments")
local redaction = require("azdrift.redaction")
local shape = require("azdrift.azure.shape")
local task = require("azdrift.task")
local time = require("azdrift.time")

local detect = {}

local BATCH_LINES = 64
local BATCHES_AT_ONCE = 4

-- Rules alone say what differs, not what it means: added, removed and changed are all the kinds there are then.
local function shape_without_identities()
  local copy = {}
  for name, value in pairs(shape) do copy[name] = value end
  copy.identities = nil
  return copy
end

local function file_detector(options)
  return detectors.new({
    bundle = options.bundle,
    shape = options.policies and shape or shape_without_identities(),
    raw = options.raw,
    rules_only = not options.policies,
    show_ignored = options.show and options.show.ignored,
    redaction_key = not options.raw and redaction.for_files() or nil,
    now_ms = task.now_ms(),
  })
end

--- A detector for bodies as they are stored: redacted already. options: raw, bundle.
function detect.detector(options)
  return detectors.new({ bundle = options.bundle, shape = shape, raw = options.raw, rules_only = true, now_ms = task.now_ms() })
end

local function stamps(bundle) return { bundle = bundle and bundle:stamp() or nil } end

-- Gives the first answers of calls that answer nil, sentence where they fail; nil, sentence where one did.
local function first_answers(list, call)
  local answers = {}
  for i, answer in ipairs(task.each(list, #list, function(item) return { call(item) } end)) do
    if answer[1] == nil then return nil, answer[2] end
    answers[i] = answer[1]
  end
  return answers
end

-- Two large lists, side by side on the workers: what detector:compare answers, or false where it has to look itself.
local function compare_listed(detector, paths)
  local read, problem = first_answers(paths, function(path) return listings.read(detector, path) end)
  if not read then return nil, problem end
  if not (read[1] and read[2]) then return false end
  local slices = {}
  for slice = 1, listings.workers() do slices[slice] = slice end
  local parts, failure = first_answers(slices, function(slice)
    return listings.compare(detector, read[1], read[2], slice, #slices)
  end)
  if not parts then return nil, failure end
  return listings.join(parts)
end

-- "-" is standard input, as everywhere.
local function path_of(name) return name == "-" and "/dev/stdin" or name end

--- Compares two files, one of which may be "-". options: raw, policies, show (set), bundle.
-- @return the report (docs/reports.md), or nil, a sentence that names the file
function detect.files(old_name, new_name, options)
  if old_name == "-" and new_name == "-" then return nil, "OLD and NEW are both standard input; one of them has to be a file" end
  local old_path, new_path = path_of(old_name), path_of(new_name)
  local detector = file_detector(options)
  local result, problem = false, nil
  if not options.raw then result, problem = compare_listed(detector, { old_path, new_path }) end
  if result == false then result, problem = detector:compare(old_path, new_path) end
  if not result then return nil, problem end
  local above_info = result.count - (result.by_severity.info or 0)
  return {
    timestamp = time.format(task.now_ms()),
    has_drift = options.policies and above_info > 0 or (not options.policies and result.count > 0),
    complete = result.complete,
    stamps = stamps(options.bundle),
    summary = { drifts = result.count, by_severity = options.policies and result.by_severity or {}, effects = result.effects,
      notes = result.notes, ignored = result.ignored, not_compared = result.not_compared, duplicate_keys = result.duplicate_keys },
    errors = json.parse(result.errors),
    drifts = json.parse(result.drifts),
    quiet = json.parse(result.quiet),
  }
end

--- Answers a list of comparisons, one JSON object a line (azdrift diff --batch), several at once, in any order.
-- @param lines iterator over lines
-- @param write function(text)
-- @return how many could not be answered
function detect.batch(lines, write, options)
  local detector, failed = file_detector(options), 0
  local at_end = false
  local function next_batch()
    local batch = {}
    while not at_end and #batch < BATCH_LINES do
      local line = lines()
      if not line then at_end = true else batch[#batch + 1] = line end
    end
    return #batch > 0 and table.concat(batch, "") or nil
  end
  local function work()
    for text in next_batch do
      local answers, _, failures = detector:batch(text)
      if not answers then error(_, 0) end
      failed = failed + failures
      write(answers)
    end
  end
  local workers = {}
  for i = 1, BATCHES_AT_ONCE do workers[i] = i end
  task.each(workers, BATCHES_AT_ONCE, work)
  return failed
end

-- The report of one scope, or nil, the moment that it has no snapshot at, and why.
local function report_of(store, scope, query)
  local to, why = moments.find(store, scope, query.to)
  if not to then return nil, query.to, why end
  local from
  if query.from then
    from, why = moments.find(store, scope, query.from)
    if not from then return nil, query.from, why end
  end
  -- Of a moment of the past is told what was accepted then; of the newest snapshot, what is accepted now.
  return drift.find(store, { scope = scope, from = from, to = to, types = query.types, show = query.show,
    bundle = query.bundle, now_ms = not query.to and task.now_ms() or nil }).report
end

--- Reports of a store, one a scope that has the moments asked for, in order of scope.
-- @param query { scope = text or nil (all), from = moment or nil (the baseline), to = moment or nil (the newest), types, show, bundle,
--   missed = function(scope, moment, why), told of each scope that has no snapshot at a moment (nil: any at all) }
-- @return iterator
function detect.drift(store, query)
  local scopes = query.scope and { query.scope } or store:scopes()
  local place = 0
  return function()
    while place < #scopes do
      place = place + 1
      local report, moment, why = report_of(store, scopes[place], query)
      if report then return report end
      if query.missed then query.missed(scopes[place], moment, why) end
    end
  end
end

return detect
