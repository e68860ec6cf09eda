--- What a command opens of the project: its store, its rules and policies.
local failure = require("azdrift.cli.failure")

local project = {}

--- The store of the settings; to be closed (`local store <close> = ...`). options.read_only: a store that is not there
--- is an error that says how to get one.
function project.store(context, options)
  local settings = context:settings()
  local read_only = options and options.read_only or false
  if read_only and not settings.store.url and not context.host.kind(settings.store.path) then
    failure.raise("%s: no store yet; `azdrift collect` makes it (store.path in azdrift.lua, or $AZDRIFT_STORE, says "
      .. "where)",
      settings.store.path)
  end
  local store, message = require("azdrift.store").open({ url = settings.store.url,
    path = not settings.store.url and settings.store.path or nil,
    database = settings.store.database, read_only = read_only })
  if not store then failure.raise("%s", message) end
  return store
end

--- Rules, and with options.policies policies, shipped and the project's own, proved. nil with options.raw.
function project.bundle(context, options)
  if options.raw then return nil end
  local settings = context:settings()
  context:say("rules and policies: %s%s", context.host.share,
    settings.directory and " and " .. settings.directory or "")
  local bundle, message = require("azdrift.bundle").load(settings, options)
  if not bundle then failure.raise("%s", message) end
  return bundle
end

return project
