--- Collection: every subscription that an account chooses becomes one snapshot, told with what could not be read.
-- A scope is collected under a lease; its snapshot is published whole or not at all; then drift is looked for against the baseline.

local account = require("azdrift.azure.account")
local baseline = require("azdrift.baseline")
local collectors = require("azdrift.collectors")
local drift = require("azdrift.drift")
local inventory = require("azdrift.azure.inventory")
local json = require("azdrift.json")
local log = require("azdrift.log")
local progress = require("azdrift.progress")
local redaction = require("azdrift.redaction")
local retention = require("azdrift.retention")
local scope_reader = require("azdrift.azure.scope")
local shape = require("azdrift.azure.shape")
local system = require("azdrift.system")
local task = require("azdrift.task")

local collect = {}

local LEASE_MS = 120000
local RENEW_MS = LEASE_MS // 3
local SCOPES_AT_ONCE = 4
local KEPT_LIMITS = { max_bytes = 64 * 1024 * 1024 } -- of a coverage, or of a list of ids, as a snapshot keeps them

-- What a scope fails with: { message, code }. Anything else that is raised is a bug or a cancel.
local function must(value, problem, code)
  if value == nil then error({ message = problem, code = code }, 0) end
  return value
end

-- What the last snapshot says of itself: its coverage, or nil, and the ids that it held though its complete list missed them, a
-- set in lower case.
local function told_before(store, scope, seq)
  local missed = {}
  if seq == 0 then return nil, missed end
  local snapshot = must(store:snapshot({ scope = scope, seq = seq }))
  for _, id in ipairs(must(json.decode(snapshot.missing or "[]", KEPT_LIMITS))) do missed[string.lower(id)] = true end
  return json.decode(snapshot.coverage, KEPT_LIMITS), missed
end

-- Types with open versions when the run began.
local function open_types(store, scope, seq)
  local names = {}
  if seq == 0 then return names end
  for i, entry in ipairs(must(store:types(scope, seq))) do names[i] = entry.type end
  return names
end

-- Keeps the lease while body runs; a lost lease ends it.
local function with_lease(lease, body)
  local work, lost = task.spawn(body), nil
  local keeper = task.spawn(function()
    while true do
      task.sleep_ms(RENEW_MS)
      local renewed, problem, code = lease:renew(LEASE_MS)
      if not renewed then
        lost = { message = problem, code = code }
        work:cancel("the lease was lost")
        return
      end
    end
  end)
  work:wait()
  keeper:cancel("the collection ended")
  if lost and work:status() == "cancelled" then error(lost, 0) end
  return work:join()
end

-- Reads the scope under its lease and publishes the snapshot. Answers it, its coverage, and whether it is the scope's first.
local function take_snapshot(context, options, subscription, lease, offers)
  local store, scope = context.store, lease:scope()
  local map = must(store:map(scope))
  local commit = must(store:begin(lease))
  local _giving_up <close> = setmetatable({}, { __close = function() commit:abort() end })
  local collector <close> = must(collectors.new({ store = store, map = map, commit = commit, scope = scope, subscription = subscription.id,
    bundle = context.bundle, shape = shape, redaction_key = context.redaction.key,
    redaction_id = context.redaction.id .. "/" .. context.redaction.rules }))
  local started_ms = task.now_ms()
  local coverage_before, missed_before = told_before(store, scope, map:seq())
  local coverage, gone, still = scope_reader.read({ arm = context.arm, catalog = context.catalog, collector = collector }, {
    scope = scope, offers = offers, connections = options.connections, view = options.view, children = options.children,
    types = options.types, progress = options.progress, open_types = open_types(store, scope, map:seq()), missed_before = missed_before })
  must(collector:flush(true))
  if #gone > 0 then must(commit:remove(map, gone)) end
  coverage:date(lease:seq(), coverage_before)
  local document = coverage:document()
  local snapshot = must(commit:publish({ status = document.complete and "complete" or "partial", timestamp_ms = started_ms,
    subscription_id = subscription.id, coverage = json.encode(document, KEPT_LIMITS), missing = json.encode(json.array(still), KEPT_LIMITS),
    stamps = json.encode({ bundle = context.bundle:stamp() }), redaction_key = context.redaction.id }))
  return snapshot, coverage, map:seq() == 0
end

-- Readable copies are for people: the snapshot is published without them.
local function show_current(store, scope)
  local written, message = store:project(scope)
  if not written then
    log.warn("projection_behind", string.format("%s: %s; the next collection or `azdrift db rebuild resources` does", scope, message))
  end
end

-- The first bodies of a store teach it how to keep the others small: a second of work that nobody has to wait for.
local function train(store, scope)
  local done, message = store:train(scope)
  if done == nil then log.warn("untrained", string.format("%s: %s; bodies take more room until a later collection", scope, message)) end
end

-- The snapshot stands, whatever becomes of the old ones: the next collection tries again.
local function thin_out(context, scope)
  local ok, problem = pcall(retention.after_collect, context.store, scope, context.retention)
  if ok then return end
  if type(problem) ~= "table" or not problem.code then error(problem, 0) end
  log.warn("not_thinned", string.format("%s: %s; old snapshots are thinned out by a later collection", scope, problem.message))
end

--- Collects one subscription and tells { scope, seq, resources, added, changed, removed, complete, report }, or raises
-- { message, code } and tells nothing.
function collect.scope(context, options, subscription)
  local scope = "/subscriptions/" .. subscription.id
  local offers = scope_reader.offers(context, scope, options.types)
  local lease = must(context.store:acquire(scope, context.owner, LEASE_MS))
  local _releasing <close> = setmetatable({}, { __close = function() lease:release() end })
  return with_lease(lease, function()
    local snapshot, coverage, is_first = take_snapshot(context, options, subscription, lease, offers)
    must(baseline.begin(context.store, scope, snapshot, coverage, options.types == nil))
    show_current(context.store, scope)
    log.info("collected", string.format("%s: snapshot %d, %d resources, %d new, %d changed, %d removed, chain %s", scope, snapshot.seq,
      snapshot.resources, snapshot.added, snapshot.changed, snapshot.removed, snapshot.chain))
    local summary = { scope = scope, seq = snapshot.seq, resources = snapshot.resources, added = snapshot.added,
      changed = snapshot.changed, removed = snapshot.removed, complete = coverage:is_complete() }
    if options.detect then
      local result = drift.find(context.store, { scope = scope, to = snapshot, bundle = context.bundle, to_keep = true,
        first_types = is_first and #coverage:ok_types() or nil })
      drift.keep(context.store, scope, result, snapshot)
      summary.report = result.report
    end
    options.tell(summary)
    train(context.store, scope)
    thin_out(context, scope)
  end)
end

-- A scope's own trouble does not stop the others.
local function guarded(context, options, subscription)
  local ok, result = pcall(collect.scope, context, options, subscription)
  if ok then return end
  if type(result) ~= "table" or not result.code then error(result, 0) end
  options.tell({ scope = "/subscriptions/" .. subscription.id, error = result.message })
end

local function wanted(subscriptions, scopes)
  if not scopes then return subscriptions end
  local asked, chosen = {}, {}
  for _, scope in ipairs(scopes) do asked[string.lower(scope)] = true end
  for _, subscription in ipairs(subscriptions) do
    if asked["/subscriptions/" .. subscription.id] then chosen[#chosen + 1] = subscription end
  end
  return chosen
end

-- Signs an account in and asks what it sees: the account with `seen` and `chosen`, or nil, sentence.
local function open_account(entry, query, settings)
  local signed_in, problem = account.sign_in(entry, settings)
  if not signed_in then return nil, problem end
  local failure
  signed_in.seen, failure = inventory.subscriptions(signed_in.arm)
  if not signed_in.seen then
    return nil, string.format("account %s: subscriptions: %s", signed_in.name, failure.message or failure.code)
  end
  signed_in.chosen = wanted(inventory.chosen(signed_in.seen, signed_in.include, signed_in.exclude), query.scopes)
  return signed_in
end

-- Subscriptions that the store knows and no account sees any more are asked for all the same, by the first account that would
-- choose them: access that was lost must be said, and a list that forgot one must not end its history.
local function add_lost(accounts, query)
  local seen = {}
  for _, signed_in in ipairs(accounts) do
    for _, subscription in ipairs(signed_in.seen) do seen[subscription.id] = true end
  end
  for _, scope in ipairs(must(query.store:scopes())) do
    local id = string.match(scope, "^/subscriptions/([^/]+)$")
    local lost = id and not seen[id] and { { id = id, name = id } } or {}
    for _, signed_in in ipairs(accounts) do
      local chosen = wanted(inventory.chosen(lost, signed_in.include, signed_in.exclude), query.scopes)
      table.move(chosen, 1, #chosen, #signed_in.chosen + 1, signed_in.chosen)
      if #chosen > 0 then break end
    end
  end
end

local function collect_account(context, query, settings, signed_in)
  local chosen = signed_in.chosen
  local options = { connections = settings.collect.connections, view = query.view, children = query.children, types = query.types,
    detect = query.detect, tell = query.tell, progress = progress.new(query.progress, #chosen) }
  local scope_context = { arm = signed_in.arm, catalog = signed_in.catalog, store = query.store, bundle = query.bundle,
    redaction = context.redaction, owner = context.owner, retention = settings.retention }
  task.each(chosen, SCOPES_AT_ONCE, function(subscription) guarded(scope_context, options, subscription) end)
end

--- Collects what the accounts of the settings choose.
-- @param query { store, bundle, config = settings, scopes = array or nil, account = name or nil, types, view, children, detect,
--   progress = function(text), tell = function(summary) } ; tell is called once a scope, when it is done
-- @return true, or nil, sentence
function collect.run(_, query)
  local settings = query.config
  local key, problem = redaction.for_store(settings, query.store)
  if not key then return nil, problem end
  key.rules, problem = query.bundle:redaction_stamp()
  if not key.rules then return nil, problem end
  local context = { redaction = key, owner = system.owner() }
  local accounts = {}
  for _, entry in ipairs(settings.accounts) do
    if not query.account or entry.name == query.account then
      local signed_in
      signed_in, problem = open_account(entry, query, settings)
      if not signed_in then return nil, problem end
      accounts[#accounts + 1] = signed_in
    end
  end
  -- Of one account among several nobody knows what the others see.
  if #accounts == #settings.accounts then add_lost(accounts, query) end
  for _, signed_in in ipairs(accounts) do collect_account(context, query, settings, signed_in) end
  if #accounts == 0 then
    return nil, string.format("--account: '%s' is no account of %s", query.account, settings.file or "the settings")
  end
  return true
end

return collect
