local gates = require("azdrift.gate")
local http = require("azdrift.http")
local json = require("azdrift.json")
local server = require("azdrift.server")
local task = require("azdrift.task")

describe("azdrift.gate", function()
  local gate, listener, client, origin, handler, routes

  local function listen(limits)
    gate = gates.new(limits)
    routes = {
      open = assert(gate:add({ method = "GET", path = "/health", role = "none" })),
      read = assert(gate:add({ method = "GET", path = "/v1/things/{id}", role = "reader" })),
      write = assert(gate:add({ method = "POST", path = "/v1/things/{id}", role = "operator", body_bytes = 100 })),
      admin = assert(gate:add({ method = "GET", path = "/v1/keys", role = "admin" })),
    }
    listener = assert(server.listen({ address = "127.0.0.1:0", gate = gate, on_request = function(request) return handler(request) end }))
    origin = "http://127.0.0.1:" .. listener:port()
    client = assert(http.client({ allow = { { method = "*", origin = origin } } }))
  end

  before_each(function()
    handler = function(request) return 200, nil, json.encode(request) end
    listen()
  end)

  after_each(function()
    client.close()
    listener:close()
  end)

  local function new_key(role, expires_ms)
    local text, id, hash = gates.make_key()
    return text, { id = id, hash = hash, role = role, expires_ms = expires_ms }
  end

  -- X-API-Key, because the client keeps Authorization for its own credentials.
  local function ask(path, key, method, more)
    local headers = more or {}
    headers["X-API-Key"] = key
    local reply = assert(client.request({ method = method or "GET", url = origin .. path, headers = headers, body = method == "POST" and "x" or nil }))
    return reply, json.decode(reply.body)
  end

  it("tells the handler who asks, for which route, by what name", function()
    local text, row = new_key("operator")
    assert.equal(1, gate:set_keys({ row }))
    local reply, seen = ask("/v1/things/a%2Fb", text, "GET", { ["X-Request-Id"] = "my.request-1" })
    assert.equal(200, reply.status)
    assert.equal(routes.read, seen.route)
    assert.same({ id = "a/b" }, seen.params)
    assert.same({ kind = "key", key = row.id, role = "operator" }, seen.principal)
    assert.equal("my.request-1", seen.id)
    local _, other = ask("/v1/things/x", text, "GET", { ["X-Request-Id"] = "no such\tid" })
    assert.equal(36, #other.id)
    assert.is_true(gate:used()[row.id] > 0)
  end)

  it("lets each role do what it may, and no more", function()
    local keys, rows = {}, {}
    for _, role in ipairs({ "reader", "operator", "admin" }) do
      keys[role], rows[#rows + 1] = new_key(role)
    end
    assert(gate:set_keys(rows))
    local may = { reader = { 200, 403, 403 }, operator = { 200, 200, 403 }, admin = { 200, 200, 200 }, nobody = { 401, 401, 401 } }
    for role, wanted in pairs(may) do
      assert.equal(200, ask("/health", keys[role]).status)
      assert.equal(wanted[1], ask("/v1/things/1", keys[role]).status, role)
      assert.equal(wanted[2], ask("/v1/things/1", keys[role], "POST").status, role)
      assert.equal(wanted[3], ask("/v1/keys", keys[role]).status, role)
    end
  end)

  it("refuses in the form of a problem, before the handler hears of it", function()
    local called = false
    handler = function()
      called = true
      return 200
    end
    local _, row = new_key("reader")
    assert(gate:set_keys({ row }))
    local reply, problem = ask("/v1/things/1")
    assert.equal(401, reply.status)
    assert.equal("application/problem+json", reply.headers["content-type"])
    assert.equal("Bearer", reply.headers["www-authenticate"])
    assert.equal("unauthorized", problem.code)
    assert.equal(reply.headers["x-request-id"], problem.instance)
    reply, problem = ask("/v1/nothing")
    assert.equal(404, reply.status)
    assert.equal("no-such-path", problem.code)
    reply = ask("/v1/things/1", nil, "DELETE")
    assert.equal(405, reply.status)
    assert.equal("GET, POST, HEAD, OPTIONS", reply.headers["allow"])
    reply = ask("/v1/things/1", nil, "OPTIONS")
    assert.equal(204, reply.status)
    assert.equal("GET, POST, HEAD, OPTIONS", reply.headers["allow"])
    assert.is_false(called)
  end)

  it("refuses wrong, mistyped, expired and withdrawn keys alike", function()
    local good, row = new_key("reader")
    local old, expired = new_key("reader", task.now_ms() - 1)
    local unknown = new_key("admin")
    assert(gate:set_keys({ row, expired }))
    assert.equal(200, ask("/v1/things/1", good).status)
    for _, key in ipairs({ unknown, old, good .. "x", "azd_", "secret" }) do
      local reply = ask("/v1/things/1", key)
      assert.equal(401, reply.status)
      assert.equal('Bearer error="invalid_token"', reply.headers["www-authenticate"])
    end
    assert(gate:set_keys({ expired }))
    assert.equal(401, ask("/v1/things/1", good).status)
  end)

  it("slows down who sends wrong keys, and nobody else behind his address", function()
    listener:close()
    client.close()
    listen({ failures_per_minute = 3 })
    local good, row = new_key("reader")
    assert(gate:set_keys({ row }))
    for _ = 1, 3 do assert.equal(401, ask("/v1/things/1", "wrong").status) end
    local reply, problem = ask("/v1/things/1", "wrong")
    assert.equal(429, reply.status)
    assert.equal("too-many-failures", problem.code)
    assert.is_true(tonumber(reply.headers["retry-after"]) > 0)
    assert.equal(200, ask("/v1/things/1", good).status)
  end)

  it("lets one key ask so often, and another go on", function()
    listener:close()
    client.close()
    listen({ writes_per_second = 1, write_burst = 2 })
    local one, first = new_key("operator")
    local two, second = new_key("operator")
    assert(gate:set_keys({ first, second }))
    assert.equal(200, ask("/v1/things/1", one, "POST").status)
    assert.equal(200, ask("/v1/things/1", one, "POST").status)
    assert.equal(429, ask("/v1/things/1", one, "POST").status)
    assert(gate:set_keys({ first, second })) -- a reload of the keys is no new start
    assert.equal(429, ask("/v1/things/1", one, "POST").status)
    assert.equal(200, ask("/v1/things/1", one).status)
    assert.equal(200, ask("/v1/things/1", two, "POST").status)
  end)

  it("serves this machine without a key as long as there is none, but no page in a browser", function()
    assert.equal(401, ask("/v1/things/1").status)
    gate:set_anonymous("operator")
    local _, seen = ask("/v1/things/1")
    assert.same({ kind = "anonymous", role = "operator" }, seen.principal)
    assert.equal(403, ask("/v1/keys").status)
    assert.equal(401, ask("/v1/things/1", nil, "GET", { Origin = "https://evil.example" }).status)
    assert.equal(401, ask("/v1/things/1", nil, "GET", { ["Sec-Fetch-Site"] = "cross-site" }).status)
    assert.equal(200, ask("/v1/things/1", nil, "GET", { ["Sec-Fetch-Site"] = "none" }).status)
    local text, row = new_key("reader")
    assert(gate:set_keys({ row }))
    assert.equal(401, ask("/v1/things/1").status)
    assert.equal(200, ask("/v1/things/1", text).status)
  end)

  it("remembers what it refused, alike ones once", function()
    local _, row = new_key("reader")
    assert(gate:set_keys({ row }))
    for _ = 1, 3 do ask("/v1/things/1") end
    ask("/v1/things/2")
    ask("/v1/nothing")
    assert.same({ { status = 401, remote = "127.0.0.1", path = "/v1/things/1", count = 3 },
      { status = 401, remote = "127.0.0.1", path = "/v1/things/2", count = 1 } }, gate:take_refusals())
    assert.same({}, gate:take_refusals())
  end)

  it("limits the body of a route before it is sent", function()
    local text, row = new_key("operator")
    assert(gate:set_keys({ row }))
    local reply = assert(client.request({ method = "POST", url = origin .. "/v1/things/1", headers = { ["X-API-Key"] = text },
      body = ("x"):rep(101) }))
    assert.equal(413, reply.status)
  end)

  it("streams what a function gives, a piece at a time", function()
    gate:set_anonymous("operator")
    handler = function()
      local at = 0
      return 200, { ["Content-Type"] = "application/octet-stream" }, function()
        at = at + 1
        if at % 10 == 0 then task.sleep_ms(0) end
        return at <= 200 and ("x"):rep(50000) or nil
      end
    end
    local reply = ask("/v1/things/1")
    assert.equal(200, reply.status)
    assert.equal(200 * 50000, #reply.body)
  end)

  it("cuts a stream that fails, so that its reader sees it", function()
    gate:set_anonymous("operator")
    local pieces = 0
    handler = function()
      return 200, nil, function()
        pieces = pieces + 1
        if pieces == 3 then error("the store is gone") end
        return "piece"
      end
    end
    local reply, message = client.request({ url = origin .. "/v1/things/1" })
    assert.is_nil(reply)
    assert.is_string(message)
  end)

  it("refuses what is no route and no key", function()
    local none, message = gate:add({ method = "GET", path = "things", role = "reader" })
    assert.is_nil(none)
    assert.matches("template", message, 1, true)
    assert.is_nil((gate:add({ method = "GET", path = "/health", role = "none" })))
    assert.has_error(function() gate:add({ method = "GET", path = "/x", role = "root" }) end)
    assert.has_error(function() gate:set_keys({ { id = "short", hash = "00", role = "reader" } }) end)
    local _, row = new_key("reader")
    local refused, why = gate:set_keys({ row, row })
    assert.is_nil(refused)
    assert.matches("one id", why, 1, true)
  end)
end)
