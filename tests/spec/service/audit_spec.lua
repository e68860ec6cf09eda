local audit = require("azdrift.audit")
local json = require("azdrift.json")
local stores = require("azdrift.store")
local task = require("azdrift.task")

describe("azdrift.audit", function()
  local path, store
  local NOW <const> = 1700000000000

  before_each(function()
    path = os.tmpname()
    os.remove(path)
    store = assert(stores.open({ path = path }))
  end)

  after_each(function()
    store:close()
    for _, suffix in ipairs({ "", "-wal", "-shm" }) do os.remove(path .. suffix) end
  end)

  local function append(action, detail)
    return assert(audit.append(store, { who = "spec", action = action, target = "x", detail = detail }, NOW))
  end

  local function rewrite(seq, change)
    local id = ("%012d"):format(seq)
    local entry = json.decode((assert(store:get("audit", id))))
    change(entry)
    assert(store:put("audit", id, json.encode(entry)))
  end

  local function findings(pinned) return assert(audit.verify(store, pinned)).findings end

  it("chains what it is told, and verifies", function()
    assert.same({ entries = 0, head = ("0"):rep(64), findings = {} }, audit.verify(store))
    local first = append("one", { list = { 1, 2.5, "x" }, empty = json.array({}) })
    local second = append("two")
    assert.equal(first.hash, second.previous)
    local result = assert(audit.verify(store))
    assert.equal(2, result.entries)
    assert.equal(second.hash, result.head)
    assert.same({}, result.findings)
    local list = assert(audit.list(store, nil, 10))
    assert.same({ "two", "one" }, { list[1].action, list[2].action })
    assert.same({ "one" }, { assert(audit.list(store, 2, 10))[1].action })
  end)

  it("sees an entry that was changed", function()
    for i = 1, 4 do append("a" .. i) end
    rewrite(2, function(entry) entry.who = "somebody else" end)
    assert.same({ "entry 2 was changed" }, findings())
  end)

  it("sees an entry that was changed with its hash, by the one after it", function()
    for i = 1, 4 do append("a" .. i) end
    rewrite(2, function(entry)
      entry.who = "somebody else"
      entry.hash = nil
      entry.hash = json.sha256(json.canonical(entry))
    end)
    assert.same({ "entry 3 does not follow entry 2" }, findings())
  end)

  it("sees an entry that was taken out", function()
    for i = 1, 4 do append("a" .. i) end
    store:delete("audit", ("%012d"):format(2))
    assert.same({ "entry 2 is gone" }, findings())
  end)

  it("sees an end that was cut off, by a head that was noted", function()
    for i = 1, 4 do append("a" .. i) end
    local head = assert(audit.head(store))
    store:delete("audit", ("%012d"):format(4))
    local third = json.decode((assert(store:get("audit", ("%012d"):format(3)))))
    assert(store:put("audit_head", "head", json.encode({ seq = 3, hash = third.hash })))
    assert.same({}, findings())
    assert.same({ "the log ends with entry 3; entry 4 was noted" }, findings(head))
    append("another")
    assert.matches("entry 4 is not the one that was noted", findings(head)[1], 1, true)
  end)

  it("goes on behind an entry whose note was lost with its engine", function()
    append("one")
    local head = json.encode({ seq = 0, hash = ("0"):rep(64) })
    assert(store:put("audit_head", "head", head))
    assert.equal(2, append("two").seq)
    assert.same({}, findings())
  end)

  it("keeps the order when many append at once", function()
    local list = {}
    for i = 1, 12 do list[i] = i end
    task.each(list, 6, function(i) return append("a" .. i).seq end)
    local result = assert(audit.verify(store))
    assert.equal(12, result.entries)
    assert.same({}, result.findings)
  end)
end)
