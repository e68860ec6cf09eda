--- What a command opens of the project: its store, its rules and policies.
local failure = require("azdrift.cli.failure")

local project = {}

local function ms(seconds) return math.tointeger(math.floor(seconds * 1000 + 0.5)) end

--- What azdrift.store.open is given for the settings of the section `store`.
function project.store_options(store, read_only)
  return { url = store.url, path = not store.url and store.path or nil, database = store.database, read_only = read_only,
    projection = store.projection, busy_timeout_ms = ms(store.retry), select_timeout_ms = ms(store.select_timeout),
    connect_timeout_ms = ms(store.connect_timeout), socket_timeout_ms = ms(store.socket_timeout),
    wait_timeout_ms = ms(store.wait_timeout), heartbeat_ms = ms(store.heartbeat), connections = store.connections }
end

--- The store of the settings; to be closed (`local store <close> = ...`). options.read_only, options.existing: a store
--- that is not there is an error that says how to get one.
function project.store(context, options)
  local settings = context:settings()
  local read_only = options and options.read_only or false
  if (read_only or options and options.existing) and not settings.store.url and not context.host.kind(settings.store.path) then
    failure.raise("%s: no store yet; `azdrift collect` makes it (store.path in azdrift.lua, or $AZDRIFT_STORE, says "
      .. "where)",
      settings.store.path)
  end
  local store, message = require("azdrift.store").open(project.store_options(settings.store, read_only))
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
