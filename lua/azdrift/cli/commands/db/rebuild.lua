local failure = require("azdrift.cli.failure")
local project = require("azdrift.cli.project")
local suggest = require("azdrift.suggest")
local terminal = require("azdrift.cli.terminal")

-- What can be made anew from the rest: name -> function(store) that answers what was done, or nil and a sentence.
local KINDS = {
  indexes = function(store)
    local done, message = store:rebuild_indexes()
    return done and "all indexes are made anew", message
  end,
  resources = function(store)
    local scopes, message = store:scopes()
    local written = 0
    for _, scope in ipairs(scopes or {}) do
      local count
      count, message = store:project(scope, true)
      if not count then return nil, message end
      written = written + count
    end
    if not scopes then return nil, message end
    if written == 0 then return "nothing to write: SQLite has no collection `resources`, store.projection = false switches it off" end
    return ("the collection `resources` is made anew, %d written or removed"):format(written)
  end,
}

local function names()
  local list = {}
  for name in pairs(KINDS) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function run(context, values)
  local rebuild = KINDS[values.what]
  if not rebuild then
    failure.raise('"%s" cannot be rebuilt; there is: %s%s', values.what, table.concat(names(), ", "),
      suggest.clause(values.what, names()))
  end
  local store <close> = project.store(context, { existing = true })
  context.terminal:progress(("rebuilding %s of %s"):format(values.what, store:name()))
  local done = failure.check(rebuild(store))
  context.terminal:clear_progress()
  context:line(("%s: %s"):format(terminal.safe(store:name()), done))
  return 0
end

return {
  name = "rebuild",
  summary = "Make indexes or MongoDB's readable copy anew",
  usage = "azdrift db rebuild WHAT",
  arguments = { { name = "WHAT",
    summary = "indexes: those that are missing or damaged, and all others; resources: the current state for people" } },
  examples = { { "after `azdrift db check` has named one", "azdrift db rebuild indexes" },
    { "after the collection `resources` was dropped", "azdrift db rebuild resources" } },
  run = run,
}
