--- What no schema knows: resource types that rules and policies name and nobody has, and paths that no api-version of their type
--- carries. Either makes a rule or a policy silent for ever.
local failure = require("azdrift.cli.failure")
local suggest = require("azdrift.suggest")

local schema = {}

local function type_finding(entry, name, clause)
  return { file = entry.file, line = entry.line, policy = entry.name, type = name, kind = "unknown type",
    text = ("names a resource type that nobody knows: %s%s"):format(name, clause) }
end

--- Findings for the types that the catalogue does not have. entries: each { file =, line =, types = { ... } }.
function schema.unknown_types(context, entries)
  local catalog = failure.check(require("azdrift.azure.catalog").open(context.host.share .. "/catalog/types.tsv"))
  local findings = {}
  for _, entry in ipairs(entries) do
    for _, name in ipairs(entry.types) do
      if name ~= "*" and not catalog:type(name) then
        findings[#findings + 1] = type_finding(entry, name, catalog:suggestion(name))
      end
    end
  end
  return findings
end

--- Findings for paths; of rules, or of policies. is_guess: no known name is near, so it may be one that is not documented.
function schema.unknown_paths(context, bundle, of_policies)
  local findings = {}
  for _, found in ipairs(failure.check(bundle:unknown_paths(context.host.share .. "/catalog/properties"))) do
    if (found.policy ~= nil) == of_policies then
      local clause = suggest.clause(found.unknown, found.names)
      findings[#findings + 1] = { file = found.file, line = found.line, policy = found.policy, verb = found.verb, path = found.path,
        type = found.type, kind = "unknown path", is_guess = clause == "",
        text = ('no version of %s knows "%s" in %s%s'):format(found.type, found.unknown, found.path, clause) }
    end
  end
  return findings
end

return schema
