--- The rules and policies of a project: the shipped ones, and its own above them.

local bundles = require("azdrift.bundles")
local json = require("azdrift.json")
local system = require("azdrift.system")
local task = require("azdrift.task")

local bundle = {}

local function layer(name, directory, with_policies)
  return { layer = name, rules = directory .. "/rules", policies = with_policies and directory .. "/policies" or nil }
end

--- Builds and proves them. `settings` as azdrift.config gives them; options.policies: with policies, else rules only;
--- options.unproved: examples are not run (for those who run them one by one).
--- nil, a sentence that opens with file and line, code: the bundle is refused.
function bundle.load(settings, options)
  local share, layers = system.share, {}
  layers[1] = layer("shipped", share, options.policies)
  if settings.directory then layers[2] = layer("user", settings.directory, options.policies) end
  return bundles.build({
    layers = layers,
    schema = share .. "/catalog/rules",
    properties = share .. "/catalog/properties",
    params = json.encode(settings.params),
    now_ms = task.now_ms(),
    default = settings.severity.default,
    tags_only = settings.severity.tags_only,
    unproved = options.unproved,
  })
end

return bundle
