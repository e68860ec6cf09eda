--- What a report means for the exit code of the program.
local model = require("azdrift.report.model")

local exit_code = {}

-- has_drift of this report at or above a severity. Drift without a severity (two files, no policies) counts always.
local function has_drift_at(report, fail_on)
  if report.has_drift ~= true then return false end
  local _, worst, has_unjudged = model.loud(report)
  -- A report that says drift and lists none that is loud is believed.
  return not worst or has_unjudged or worst >= model.rank(fail_on)
end

--- One report's part in the exit code: 2 drift at or above fail_on, 3 not complete, 0. The smallest but 0 of several
--- wins.
function exit_code.of(report, options)
  if has_drift_at(report, options.fail_on or "low") then return 2 end
  if report.complete ~= true and not options.allow_incomplete then return 3 end
  return 0
end

--- The exit code of several reports together.
function exit_code.worse(a, b)
  if a == 0 or b == 0 then return math.max(a, b) end
  return math.min(a, b)
end

return exit_code
