--- Resource types as people name them: one that neither the catalogue nor the store knows is a spelling mistake, and must not be
--- answered with "no drift".
local failure = require("azdrift.cli.failure")

local types = {}

local function is_stored(store, scopes, name)
  for _, scope in ipairs(scopes) do
    local newest = store:snapshot({ scope = scope })
    for _, entry in ipairs(newest and failure.check(store:types(scope, newest.seq)) or {}) do
      if entry.type:lower() == name:lower() then return true end
    end
  end
  return false
end

--- Raises a sentence for the first name that nobody knows. names may be nil.
function types.check(context, store, names)
  if not names then return end
  local catalog = failure.check(require("azdrift.azure.catalog").open(context.host.share .. "/catalog/types.tsv"))
  for _, name in ipairs(names) do
    if not catalog:type(name) and not is_stored(store, failure.check(store:scopes()), name) then
      failure.raise('--type: nobody knows the resource type "%s"%s', name, catalog:suggestion(name))
    end
  end
end

return types
