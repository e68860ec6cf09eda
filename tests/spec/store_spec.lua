local store = require("azdrift.store")

local SCOPE <const> = "/subscriptions/11111111-2222-3333-4444-555555555555"
local TYPE <const> = "Microsoft.Storage/storageAccounts"

local function id(n) return SCOPE .. "/resourceGroups/rg/providers/" .. TYPE .. "/account" .. n end

local function resource(n, revision)
  return { id = id(n), type = TYPE, view = "list", api_version = "2023-05-01", resource_group = "rg",
    body = ('{"name":"account%d","properties":{"revision":%d}}'):format(n, revision) }
end

--- One run: puts these resources, ends those, publishes.
local function run(s, resources, gone)
  local lease = assert(s:acquire(SCOPE, "spec", 60000))
  local map = assert(s:map(SCOPE))
  local commit = assert(s:begin(lease))
  local new = assert(commit:put(map, resources))
  local removed = assert(commit:remove(map, gone or {}))
  local snapshot = assert(commit:publish({ status = "complete", timestamp_ms = lease:seq() * 1000, coverage = "{}" }))
  assert(lease:release())
  return snapshot, new, removed
end

local function collect(cursor)
  local rows = {}
  for row in assert(cursor) do rows[#rows + 1] = row end
  return rows
end

describe("a store", function()
  local s, path

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    s = assert(store.open({ path = path }))
  end)

  after_each(function()
    s:close()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. suffix) end
  end)

  it("in a file has no readable copy to bring up", function()
    run(s, { resource(1, 1) })
    assert.equals(0, s:project(SCOPE))
    assert.equals(0, s:project(SCOPE, true))
    assert.has_error(function() store.open({ path = path, connections = -1 }) end)
  end)

  it("keeps what a run put, and only what is new", function()
    local snapshot, new = run(s, { resource(1, 1), resource(2, 1), resource(3, 1) })
    assert.equals(3, new)
    assert.equals(3, snapshot.resources)
    local again, changed, removed = run(s, { resource(1, 1), resource(2, 2) }, { resource(3, 1), resource(9, 1) })
    assert.equals(1, changed)
    assert.equals(1, removed)
    assert.equals(2, again.resources)
    assert.equals(snapshot.seq + 1, again.seq)
    local map = assert(s:map(SCOPE))
    assert.equals(2, map:count())
    assert.equals(2, map:count(TYPE:lower()))
    assert.equals(64, #map:find(TYPE, id(1):upper()))
    assert.is_nil(map:find(TYPE, id(3)))
    local version = assert(s:version({ scope = SCOPE, type = TYPE, id = id(2), seq = again.seq }))
    assert.equals(resource(2, 2).body, version.body)
  end)

  it("answers what differs, and the history of one resource", function()
    local first = run(s, { resource(1, 1), resource(2, 1) })
    local second = run(s, { resource(2, 2), resource(3, 1) }, { resource(1, 1) })
    local seen = {}
    for pair in assert(s:diff({ scope = SCOPE, from_seq = first.seq, to_seq = second.seq, bodies = true })) do
      local side = pair.before or pair.after
      seen[side.id] = { pair.before and pair.before.body or false, pair.after and pair.after.body or false }
    end
    assert.same({ [id(1)] = { resource(1, 1).body, false }, [id(2)] = { resource(2, 1).body, resource(2, 2).body },
      [id(3)] = { false, resource(3, 1).body } }, seen)
    local history = collect(s:history({ type = TYPE, id = id(1), bodies = true }))
    assert.equals(2, #history)
    assert.is_true(history[1].removed)
    assert.equals(resource(1, 1).body, history[2].body)
    assert.equals(second.seq, history[2].to_seq)
  end)

  it("streams more rows than a batch holds", function()
    local resources = {}
    for n = 1, 1000 do resources[n] = resource(n, 1) end
    local snapshot = run(s, resources)
    local seen = {}
    for version in assert(s:versions({ scope = SCOPE, seq = snapshot.seq, bodies = true })) do
      seen[#seen + 1] = version.body
      if #seen == 300 then run(s, { resource(5, 7) }) end -- somebody else's run changes nothing of this moment
    end
    assert.equals(1000, #seen)
    for _, body in ipairs(seen) do assert.is_nil(body:find('"revision":7', 1, true)) end
  end)

  it("compares with the baseline of each type, and with what was accepted for one resource", function()
    local first = run(s, { resource(1, 1), resource(2, 1) })
    assert.equals(1, s:baseline_set({ scope = SCOPE, types = { TYPE }, seq = first.seq, only_missing = true, who = "spec" }))
    assert.equals(0, s:baseline_set({ scope = SCOPE, types = { TYPE }, seq = first.seq, only_missing = true }))
    local second = run(s, { resource(1, 2), resource(2, 2) })
    local query = { scope = SCOPE, from_baseline = true, to_seq = second.seq }
    assert.equals(2, #collect(s:diff(query)))
    assert(s:accept({ scope = SCOPE, type = TYPE, id = id(1), states = { { seq = second.seq } }, who = "me", why = "planned" }))
    local left = collect(s:diff(query))
    assert.equals(1, #left)
    assert.equals(id(2), left[1].after.id)
    assert.equals("planned", s:accepted(SCOPE)[1].why)
    assert(s:unaccept(SCOPE, TYPE, id(1)))
    assert.equals(2, #collect(s:diff(query)))
  end)

  it("refuses a second engine and a commit that was published", function()
    local lease = assert(s:acquire(SCOPE, "a", 60000))
    local none, message, code = s:acquire(SCOPE, "b", 60000)
    assert.is_nil(none)
    assert.equals("busy", code)
    assert.truthy(message:find("by a until", 1, true))
    local commit = assert(s:begin(lease))
    assert(commit:publish({ status = "partial", timestamp_ms = 1, coverage = "{}" }))
    assert.has_error(function() commit:publish({ status = "partial", timestamp_ms = 1, coverage = "{}" }) end)
  end)

  it("writes an export that reads as the published shape", function()
    run(s, { resource(1, 1), resource(2, 1) })
    local out = os.tmpname()
    assert.equals(2, s:export({ scope = SCOPE, path = out }))
    local file = assert(io.open(out))
    local text = file:read("a")
    file:close()
    os.remove(out)
    local document = assert(require("azdrift.json").parse(text))
    assert.equals("1970-01-01T00:00:01Z", document.timestamp)
    assert.equals(1, document.resources[TYPE][id(1)].properties.revision)
  end)

  it("keeps reports and the lives of drifts", function()
    run(s, { resource(1, 1) })
    local drift = { id = "d1", fingerprint = "f1", kind = "changed", type = TYPE, resource_id = id(1), severity = "high",
      status = "open", first_seen_seq = 1, first_seen_ms = 1000, last_seen_seq = 1, last_seen_ms = 1000, document = '{"a":1}' }
    local report = { id = "r1", scope = SCOPE, timestamp_ms = 5, to_seq = 1, has_drift = true, header = "{}" }
    assert(s:report_put(report, { drift }))
    local none, _, code = s:report_put(report, {})
    assert.is_nil(none)
    assert.equals("conflict", code)
    assert.equals("r1", s:report({ scope = SCOPE }).id)
    assert.equals('{"a":1}', collect(s:drifts({ scope = SCOPE }))[1].document)
    assert(s:drift_set({ scope = SCOPE, fingerprint = "f1", status = "acknowledged", who = "me" }))
    assert.equals("acknowledged", s:drift(SCOPE, "f1").status)
    assert.equals(0, #collect(s:drifts({ scope = SCOPE, statuses = { "open" } })))
    assert.has_error(function() s:drifts({ statuses = { "opened" } }) end)
  end)

  it("refuses arguments it does not know, by name", function()
    assert.error_matches(function() s:snapshot({ scop = SCOPE }) end, "scop")
    assert.error_matches(function() s:versions({ scope = SCOPE, seq = "one" }) end, "seq: an integer")
    local none, message, code = s:snapshot({ scope = "/subscriptions/unknown" })
    assert.is_nil(none)
    assert.equals("not_found", code)
    assert.truthy(message:find("/subscriptions/unknown", 1, true))
  end)

  it("may be closed twice, and refuses work afterwards", function()
    s:close()
    s:close()
    assert.has_error(function() s:stats() end)
  end)
end)
