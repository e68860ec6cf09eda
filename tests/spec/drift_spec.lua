-- Drift of a store against its baseline and between two moments: what is new, what stays, what is gone, and what nobody can know.
local bundles = require("azdrift.bundles")
local drift = require("azdrift.drift")
local json = require("azdrift.json")
local store = require("azdrift.store")
local task = require("azdrift.task")

local SCOPE <const> = "/subscriptions/11111111-2222-3333-4444-555555555555"
local TYPE <const> = "Microsoft.Storage/storageAccounts"

local function id_of(name, type_name) return SCOPE .. "/resourceGroups/rg/providers/" .. (type_name or TYPE) .. "/" .. name end

local RULES <const> = 'rules { type = "*", owner = "t", { ignore = "noise", why = "x" } }'
local POLICIES <const> = [[
policy "opened" { type = "Microsoft.Storage/storageAccounts", watch = "access", to = "Allow", severity = "high", message = "open",
  examples = { { old = { access = "Deny" }, new = { access = "Allow" }, gives = "high" } } }
policy "whatever" { type = "Microsoft.Storage/storageAccounts", watch = "label", severity = "info", message = "label",
  examples = { { old = { label = "a" }, new = { label = "b" }, gives = "info" } } }
]]

local function bundle_of()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute(string.format("mkdir -p %s/rules %s/policies", folder, folder)))
  for name, text in pairs({ ["rules/r.lua"] = RULES, ["policies/p.lua"] = POLICIES }) do
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
  end
  local bundle = assert(bundles.build({ now_ms = task.now_ms(), layers = { { layer = "user", rules = folder .. "/rules", policies = folder .. "/policies" } } }))
  os.execute("rm -r " .. folder)
  return bundle
end

describe("drift", function()
  local s, path, bundle

  setup(function() bundle = bundle_of() end)

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    s = assert(store.open({ path = path }))
  end)

  after_each(function()
    s:close()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. suffix) end
  end)

  --- One run: bodies by name, false: gone. coverage: the published one. first: what it reads becomes the baseline.
  local function run(bodies, coverage, first)
    local lease = assert(s:acquire(SCOPE, "spec", 60000))
    local map = assert(s:map(SCOPE))
    local commit = assert(s:begin(lease))
    local resources, gone = {}, {}
    for name, body in pairs(bodies) do
      local resource = { id = id_of(name), type = TYPE, view = "list", api_version = "1", resource_group = "rg", body = body or nil }
      table.insert(body and resources or gone, resource)
    end
    assert(commit:put(map, resources))
    assert(commit:remove(map, gone))
    coverage = coverage or { complete = true, types = json.array({ { type = TYPE:lower(), outcome = "ok" } }) }
    local snapshot = assert(commit:publish({ status = coverage.complete and "complete" or "partial", timestamp_ms = lease:seq() * 1000,
      coverage = json.encode(coverage) }))
    assert(lease:release())
    if first then assert(s:baseline_set({ scope = SCOPE, types = { TYPE }, seq = snapshot.seq, only_missing = true, who = "spec" })) end
    return snapshot
  end

  --- Against the baseline, and kept, as a collection does.
  local function collected(snapshot)
    local result = drift.find(s, { scope = SCOPE, to = snapshot, bundle = bundle, to_keep = true })
    drift.keep(s, SCOPE, result, snapshot)
    return result
  end

  it("against the baseline is open until the old value is back", function()
    assert.is_false(collected(run({ a = '{"access":"Deny"}' }, nil, true)).has_drift)
    local second = collected(run({ a = '{"access":"Allow"}' }))
    assert.is_true(second.has_drift)
    assert.equal(1, second.report.summary.new)
    assert.equal(1, second.report.summary.by_severity.high)
    local found = second.report.drifts[1]
    assert.equal("open", found.status)
    assert.equal(2, found.first_seen.seq)
    assert.equal("Allow", found.changes[1].new_value)
    local third = collected(run({}))
    assert.is_true(third.has_drift)
    assert.equal(0, third.report.summary.new)
    assert.equal(2, third.report.drifts[1].first_seen.seq)
    local fourth = collected(run({ a = '{"access":"Deny"}' }))
    assert.is_false(fourth.has_drift)
    assert.equal(1, fourth.report.summary.resolved)
    assert.equal("resolved", s:drift(SCOPE, found.fingerprint).status)
    local fifth = collected(run({ a = '{"access":"Allow"}' }))
    assert.is_true(fifth.report.drifts[1].is_new)
    assert.equal(5, fifth.report.drifts[1].first_seen.seq)
  end)

  it("that a person muted does not count, and is open again after its time", function()
    collected(run({ a = '{"access":"Deny"}' }, nil, true))
    local found = collected(run({ a = '{"access":"Allow"}' })).report.drifts[1]
    assert(s:drift_set({ scope = SCOPE, fingerprint = found.fingerprint, status = "muted", who = "me", until_ms = 3500 }))
    local muted = collected(run({}))
    assert.is_false(muted.has_drift)
    assert.equal(1, muted.report.summary.muted)
    assert.is_true(collected(run({})).has_drift)
    assert(s:drift_set({ scope = SCOPE, fingerprint = found.fingerprint, status = "acknowledged", who = "me" }))
    assert.is_true(collected(run({})).has_drift)
  end)

  it("of info alone is told and does not count", function()
    collected(run({ a = '{"label":"a"}' }, nil, true))
    local result = collected(run({ a = '{"label":"b"}' }))
    assert.equal(1, #result.report.drifts)
    assert.is_false(result.has_drift)
  end)

  it("that rules swallow is counted and shown when it is asked for", function()
    run({ a = '{"noise":1}' }, nil, true)
    local snapshot = run({ a = '{"noise":2}' })
    local result = drift.find(s, { scope = SCOPE, to = snapshot, bundle = bundle })
    assert.equal(0, #result.report.drifts)
    assert.equal(1, result.report.summary.ignored)
    assert.equal(0, #result.report.quiet)
    result = drift.find(s, { scope = SCOPE, to = snapshot, bundle = bundle, show = { ignored = true } })
    assert.equal("noise", result.report.quiet[1].ignored[1].property)
  end)

  it("of chosen types resolves nothing of the others", function()
    run({ a = '{"access":"Deny"}' }, nil, true)
    collected(run({ a = '{"access":"Allow"}' }))
    local result = drift.find(s, { scope = SCOPE, to = run({}), bundle = bundle, types = { "Microsoft.Sql/servers" } })
    assert.equal(0, #result.report.drifts)
    assert.equal(0, result.report.summary.resolved)
  end)

  it("of a type that could not be read now stays open", function()
    run({ a = '{"access":"Deny"}' }, nil, true)
    collected(run({ a = '{"access":"Allow"}' }))
    local result = collected(run({}, { complete = false, types = { { type = TYPE:lower(), outcome = "forbidden" } } }))
    assert.is_true(result.has_drift)
    assert.equal(0, result.report.summary.resolved)
    assert.is_false(result.report.complete)
  end)

  describe("between two moments", function()
    local function between(from, to) return drift.find(s, { scope = SCOPE, from = from, to = to, bundle = bundle }).report end

    local function summary_of(coverage_before)
      local from = run({ a = '{"v":1}', b = '{"v":1}' }, coverage_before)
      local to = run({ a = '{"v":2}', b = false, c = '{"v":1}' })
      local report, kinds = between(from, to), {}
      for _, found in ipairs(report.drifts) do kinds[#kinds + 1] = found.kind end
      table.sort(kinds)
      return kinds, report
    end

    it("is what was added, changed and removed", function()
      local kinds, report = summary_of()
      assert.same({ "added", "changed", "removed" }, kinds)
      assert.is_true(report.complete)
      assert.equal(1, report.from)
      assert.equal(2, report.to)
      assert.equal(0, report.summary.resolved)
    end)

    -- A type that answered 403 at the first collection and was read at the second had all its resources "added".
    it("tells nothing as new that the older one could not see", function()
      for _, outcome in ipairs({ "forbidden", "partial", "error", "throttled", "not_asked" }) do
        local kinds, report = summary_of({ complete = false, types = { { type = TYPE:lower(), outcome = outcome } } })
        assert.same({ "changed", "removed" }, kinds)
        assert.equal(1, report.summary.not_compared)
        assert.is_false(report.complete)
        s:close()
        os.remove(path)
        s = assert(store.open({ path = path }))
      end
    end)

    it("takes what has no line for absent, but where the lists of everything failed", function()
      assert.same({ "added", "changed", "removed" }, (summary_of({ complete = true, types = json.array({}) })))
      s:close()
      os.remove(path)
      s = assert(store.open({ path = path }))
      assert.same({ "changed", "removed" }, (summary_of({ complete = false, types = { { type = "microsoft.resources/resources", outcome = "error" } } })))
    end)

    it("is the same read backwards", function()
      local from = run({ a = '{"v":1}' })
      local to = run({ c = '{"v":1}' })
      assert.equal("removed", between(to, from).drifts[1].kind)
      assert.equal(0, #between(to, to).drifts)
    end)
  end)
end)
