--- The rules and policies that judge now. A change of the files is built aside and proved first; what does not pass is refused, loudly,
-- and what was there goes on judging. Work at hand keeps the bundle that it began with.
local bundles = require("azdrift.bundle")
local log = require("azdrift.log")
local metrics = require("azdrift.metrics")

local rules = {}

local reloads = metrics.counter("azdrift_reloads_total", "Bundles of rules and policies that were built anew, by outcome.", { "outcome" })

local Rules = {}
Rules.__index = Rules

--- Builds the first one. nil and a sentence where it does not pass: a service does not begin with broken rules.
function rules.new(settings)
  local bundle, message = bundles.load(settings, { policies = true })
  if not bundle then return nil, message end
  return setmetatable({ settings = settings, current = bundle, generation = 1 }, Rules)
end

function Rules:stamp() return self.current:stamp() end

--- Builds and proves what the files say now, and takes it.
-- @return "taken" | "same" | "refused", a sentence that opens with file and line where it was refused
function Rules:reload()
  local bundle, message = bundles.load(self.settings, { policies = true })
  local outcome
  if not bundle then
    outcome = "refused"
    log.error("reload_refused", message)
  elseif bundle:stamp() == self.current:stamp() then
    outcome = "same"
    log.info("reload_same", ("bundle %s stays: the files say the same"):format(bundle:stamp()))
  else
    outcome = "taken"
    log.info("reload_taken", ("bundle %s follows %s"):format(bundle:stamp(), self.current:stamp()))
    self.current = bundle
    self.generation = self.generation + 1
  end
  reloads:add(1, outcome)
  return outcome, message
end

return rules
