local config = require("azdrift.config")
local failure = require("azdrift.cli.failure")
local page = require("azdrift.config.page")

-- A machine of its own: files and variables as tables.
local function host(files, variables)
  return {
    env = function(name) return (variables or {})[name] end,
    exists = function(path) return files[path] ~= nil end,
    read_file = function(path)
      if files[path] then return files[path] end
      return nil, "no such file or directory"
    end,
  }
end

local function load(source, variables, flags, more)
  local files = more or {}
  files["azdrift.lua"] = source
  return config.load(host(files, variables), nil, flags)
end

local function refused(expected, source, variables, more)
  local ok, raised = pcall(load, source, variables, nil, more)
  assert.is_false(ok)
  assert.is_true(failure.is(raised), tostring(raised))
  assert.equals(expected, raised.message)
end

describe("settings", function()
  it("have their defaults without a file", function()
    local settings = config.load(host({}))
    assert.equals("azdrift.db", settings.store.path)
    assert.equals("azure_drift", settings.store.database)
    assert.equals(10800, settings.collect.every)
    assert.equals("low", settings.severity.fail_on)
    assert.is_nil(settings.file)
    assert.is_nil(settings.directory)
    assert.same({ { name = "default", credential = "cli", include = { "*" }, exclude = {} } }, settings.accounts)
  end)

  it("are taken from a flag, else the environment, else the file", function()
    local source = 'return { severity = { fail_on = "medium" } }'
    assert.equals("medium", load(source).severity.fail_on)
    assert.equals("high", load(source, { AZDRIFT_SEVERITY_FAIL_ON = "high" }).severity.fail_on)
    assert.equals("critical", load(source, { AZDRIFT_SEVERITY_FAIL_ON = "high" },
      { ["severity.fail_on"] = "critical" }).severity.fail_on)
    assert.equals("medium", load(source, { AZDRIFT_SEVERITY_FAIL_ON = "" }).severity.fail_on)
  end)

  it("of the store reach it in its own units", function()
    local options = require("azdrift.cli.project").store_options
    local usual = options(load("return {}").store, true)
    assert.same({ path = "azdrift.db", database = "azure_drift", read_only = true, projection = true, busy_timeout_ms = 30000,
      select_timeout_ms = 5000, connect_timeout_ms = 5000, socket_timeout_ms = 60000, wait_timeout_ms = 10000,
      heartbeat_ms = 10000, connections = 64 }, usual)
    local chosen = options(load('return { store = { retry = "90s", select_timeout = "1500ms", socket_timeout = "2m" } }',
      { MONGODB_URL = "mongodb://x", MONGODB_DB_NAME = "mine", AZDRIFT_STORE_PROJECTION = "off", AZDRIFT_STORE_CONNECTIONS = "9",
        AZDRIFT_STORE_CONNECT_TIMEOUT = "7s", AZDRIFT_STORE_WAIT_TIMEOUT = "8s", AZDRIFT_STORE_HEARTBEAT = "2s" }).store, false)
    assert.same({ url = "mongodb://x", database = "mine", read_only = false, projection = false, busy_timeout_ms = 90000,
      select_timeout_ms = 1500, connect_timeout_ms = 7000, socket_timeout_ms = 120000, wait_timeout_ms = 8000,
      heartbeat_ms = 2000, connections = 9 }, chosen)
    refused("azdrift.lua:1: store.retry must be from 1ms to 10m, not 11m", 'return { store = { retry = "11m" } }')
    refused('azdrift.lua:1: store.projection must be true or false, not "no"', 'return { store = { projection = "no" } }')
    refused('$AZDRIFT_STORE_PROJECTION: store.projection must be true or false, not "maybe"', "return {}",
      { AZDRIFT_STORE_PROJECTION = "maybe" })
    refused("azdrift.lua:1: store.connections must be a whole number from 1 to 1000",
      "return { store = { connections = 0 } }")
  end)

  it("are looked for at --config, $AZDRIFT_CONFIG, here, and in /etc", function()
    local files = { ["a/x.lua"] = "return { cloud = 'usgov' }", ["b.lua"] = "return { cloud = 'china' }",
      ["azdrift.lua"] = "return { cloud = 'public' }", ["/etc/azdrift/azdrift.lua"] = "return { cloud = 'https://x' }" }
    local variables = { AZDRIFT_CONFIG = "b.lua" }
    local chosen = config.load(host(files, variables), "a/x.lua")
    assert.equals("usgov", chosen.cloud)
    assert.equals("a", chosen.directory)
    assert.equals("a/azdrift.db", chosen.store.path)
    assert.equals("china", config.load(host(files, variables)).cloud)
    assert.equals("public", config.load(host(files)).cloud)
    files["azdrift.lua"] = nil
    assert.equals("https://x", config.load(host(files)).cloud)
  end)

  it("that were named but are not there are an error", function()
    local ok, raised = pcall(config.load, host({}), "nowhere.lua")
    assert.is_false(ok)
    assert.equals("nowhere.lua: no such file or directory", raised.message)
  end)

  it("read variables and files with env() and file(), and nothing else", function()
    local settings = load(
      'return { store = { url = env("M"), database = env("D", "other") }, redaction = { key = file("k") } }',
      { M = "mongodb://x" }, nil, { k = "0123456789abcdef\n" })
    assert.equals("mongodb://x", settings.store.url)
    assert.equals("other", settings.store.database)
    assert.equals("0123456789abcdef", settings.redaction.key)
    refused('azdrift.lua:1: attempt to call a nil value (global \'require\')', 'return { x = require("os") }')
    refused('azdrift.lua: file("gone"): no such file or directory', 'return { redaction = { key = file("gone") } }')
    refused('azdrift.lua: attempt to load a binary chunk (mode is \'t\')', string.dump(function() return {} end))
  end)

  it("that loop are stopped", function()
    refused("azdrift.lua: does not come to an end; it is data, not a program", "while true do end")
  end)

  it("nobody knows are refused with line and what was meant", function()
    refused('azdrift.lua:2: unknown setting "colect"; did you mean "collect"?',
      "return {\n  colect = { every = '3h' } }")
    refused('azdrift.lua:2: unknown setting "evry" in collect; did you mean "every"?',
      "return { collect = {\n  evry = '3h' } }")
    refused('azdrift.lua:1: unknown setting "tennant" in accounts[1]; did you mean "tenant"?',
      'return { accounts = { { name = "x", tennant = "y" } } }')
  end)

  it("of the wrong kind are refused with line and what is expected", function()
    refused('azdrift.lua:1: collect.every: "soon" is no duration; write a number and a unit: 90s, 15m, 3h, 30d, 2w, 2y',
      'return { collect = { every = "soon" } }')
    refused('azdrift.lua:1: collect.every must be a duration in quotes, as "3h", not a number',
      "return { collect = { every = 3 } }")
    refused("azdrift.lua:1: collect.connections must be a whole number from 1 to 512",
      "return { collect = { connections = 0 } }")
    refused('azdrift.lua:1: severity.fail_on: "hihg" is not one of info, low, medium, high, critical; did you mean '
      .. '"high"?',
      'return { severity = { fail_on = "hihg" } }')
    refused("azdrift.lua:1: store must be a table: store = { ... }", 'return { store = "x" }')
    refused("azdrift.lua:1: accounts[1] needs name: what this account is called in reports and logs",
      "return { accounts = { {} } }")
    refused("azdrift.lua: must return a table (`return { ... }`), but returns string", 'return "x"')
    refused("$AZDRIFT_COLLECT_CONNECTIONS: collect.connections must be a whole number from 1 to 512", "return {}",
      { AZDRIFT_COLLECT_CONNECTIONS = "many" })
    refused("azdrift.lua: redaction.key has 5 bytes; it needs at least 16 (openssl rand -hex 32)",
      'return { redaction = { key = "short" } }')
  end)

  it("describe the account that the AZURE_* variables mean", function()
    local account = load("return {}", { AZURE_TENANT_ID = "t", AZURE_CLIENT_ID = "c", AZURE_CLIENT_SECRET = "s",
      AZURE_SUBSCRIPTION_ID = "one,two" }).accounts[1]
    assert.same({ name = "default", tenant = "t", client = "c", secret = "s", credential = "secret",
      include = { "one", "two" }, exclude = {} }, account)
    -- A pipeline whose secret was not there signed in as whoever had said `az login` on that machine.
    assert.equals("secret", load("return {}", { AZURE_TENANT_ID = "t", AZURE_CLIENT_ID = "c", AZURE_CLIENT_SECRET = "" }).accounts[1].credential)
  end)

  it("are documented in docs/configuration.md as they are", function()
    local out = {}
    page.write(function(text) out[#out + 1] = text end)
    local handle = assert(io.open("docs/configuration.md", "rb"))
    local current = handle:read("a")
    handle:close()
    assert.is_true(current == table.concat(out), "docs/configuration.md is not current: run tools/make-docs")
  end)
end)
