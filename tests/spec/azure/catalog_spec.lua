-- The catalogue of types: what a row says, and by which api-version a type is read.
local catalog = require("azdrift.azure.catalog")

local HEADER <const> = "type\tscopes\tparent\tnames\tstable\tpreview\tuse\tversions\tflags\tlists\tget\thow\tnotes\n"
local ROWS <const> = HEADER .. "A.b/c\tg\t\t\t2024-01-01\t2024-06-01-preview\t2023-05-01\t190401 240101 240601p 240701beta\tcore,tracked\t" ..
  "subscription@2020-01-01=/subscriptions/{}/providers/A.b/list#/Next parent\tid\tgeneric\t\n" ..
  "A.b/c/d\tg\tA.b/c\tdefault,other\t\t\t\t\t\tparent\tid\tchild\t\n" ..
  "A.b/c/e\tg\ta.B/C\t\t\t\t\t\t\t\tid\tchild\t\n"

local function open(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local rows, problem = catalog.open(path)
  os.remove(path)
  return rows, problem, path
end

describe("a catalogue", function()
  it("knows a type without case, with its versions and lists in full", function()
    local known = assert(open(ROWS)):type("a.B/C")
    assert.same({ type = "A.b/c", names = {}, stable = "2024-01-01", preview = "2024-06-01-preview", use = "2023-05-01", get = "id", how = "generic",
      versions = "190401 240101 240601p 240701beta", flags = { core = true, tracked = true },
      lists = { subscription = { api = "2020-01-01", url = "/subscriptions/{}/providers/A.b/list", next = "/Next" }, parent = {} } }, known)
    assert.is_nil(open(ROWS):type("A.b/none"))
  end)

  it("knows the children of a type, and the names they always have", function()
    local rows = open(ROWS)
    assert.same({ "A.b/c/d", "A.b/c/e" }, rows:children("A.B/c"))
    assert.same({}, rows:children("A.b/c/d"))
    assert.same({ "default", "other" }, rows:type("A.b/c/d").names)
    assert.equal("A.b/c", rows:type("A.b/c/d").parent)
  end)

  it("that is not there, or another table, is told by its path", function()
    local rows, problem, path = open("type\tother\n")
    assert.is_nil(rows)
    assert.equal(path .. ": no column 'scopes'", problem)
    rows, problem = catalog.open("/nowhere/types.tsv")
    assert.is_nil(rows)
    assert.truthy(problem:find("/nowhere/types.tsv", 1, true))
  end)

  it("that is shipped opens, and has its core types listed or read by id", function()
    local rows = assert(catalog.open(require("azdrift.system").share .. "/catalog/types.tsv"))
    local accounts = assert(rows:type("microsoft.storage/storageaccounts"))
    assert.is_not_nil(accounts.lists.subscription)
    assert.is_not_nil(catalog.version(accounts, nil))
    assert.is_true(#rows:children("Microsoft.Sql/servers") > 0)
  end)
end)

describe("an api-version", function()
  local known = { use = "2023-05-01", stable = "2024-01-01", preview = "2024-06-01-preview", versions = "190401 220101 240601p" }

  local function version(...) return catalog.version(known, { ... }) end

  it("is the one the catalogue was made with, where the provider offers it", function()
    assert.equal("2023-05-01", version("2024-01-01", "2023-05-01"))
    assert.equal("2024-01-01", version("2024-01-01", "2025-01-01"))
    assert.equal("2024-06-01-Preview", version("2024-06-01-Preview", "2026-01-01"))
  end)

  it("else the newest that both know and that is no preview", function()
    assert.equal("2022-01-01", version("2019-04-01", "2022-01-01", "2026-01-01"))
    assert.equal("2024-07-01beta", catalog.version({ versions = "240701beta" }, { "2024-07-01beta", "2018-01-01" }))
  end)

  it("else the provider's newest, a preview only where there is nothing else", function()
    assert.equal("2025-01-01", version("2018-01-01", "2025-01-01", "2026-01-01-preview"))
    assert.equal("2026-01-01-preview", version("2025-01-01-preview", "2026-01-01-preview"))
    assert.equal("2025-01-01", catalog.version(nil, { "2025-01-01", "2018-01-01" }))
  end)

  it("is the catalogue's own where nobody says what is offered", function()
    assert.equal("2023-05-01", catalog.version(known, nil))
    assert.equal("2023-05-01", catalog.version(known, {}))
    assert.equal("2024-01-01", catalog.version({ stable = "2024-01-01", versions = "" }, nil))
    assert.is_nil(catalog.version(nil, nil))
  end)
end)
