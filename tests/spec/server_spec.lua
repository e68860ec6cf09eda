local http = require("azdrift.http")
local server = require("azdrift.server")
local task = require("azdrift.task")

describe("azdrift.server", function()
  local listener, client, origin, handler

  before_each(function()
    listener = assert(server.listen({ address = "127.0.0.1:0", body_bytes = 100000, request_ms = 10000,
      on_request = function(request) return handler(request) end }))
    origin = "http://127.0.0.1:" .. listener:port()
    client = assert(http.client({ allow = { { method = "*", origin = origin } } }))
  end)

  after_each(function()
    client.close()
    listener:close()
  end)

  it("shows a request as a table", function()
    local seen
    handler = function(request)
      seen = request
      return 200
    end
    assert(client.request({ method = "PUT", url = origin .. "/a%20b/c?x=1&y=a%2Bb+c&x=2&flag", body = "hello",
      headers = { ["X-Thing"] = "T" } }))
    assert.equal("PUT", seen.method)
    assert.equal("/a%20b/c", seen.path)
    assert.equal("x=1&y=a%2Bb+c&x=2&flag", seen.raw_query)
    assert.same({ x = "1", y = "a+b c", flag = "" }, seen.query)
    assert.equal("hello", seen.body)
    assert.equal("T", seen.headers["x-thing"])
    assert.equal(origin, "http://" .. seen.host)
    assert.equal("/a b/c", server.decode(seen.path))
    assert.same({ a = "1", b = "x y" }, server.parse_form("a=1&b=x+y"))
    assert.equal("%zz%4", server.decode("%zz%4"))
  end)

  it("sends status, headers and body", function()
    handler = function() return 418, { ["X-Back"] = "yes" }, ("x"):rep(300000) end
    local reply = assert(client.request({ url = origin .. "/" }))
    assert.equal(418, reply.status)
    assert.equal("yes", reply.headers["x-back"])
    assert.equal(300000, #reply.body)
  end)

  it("lets handlers wait side by side", function()
    local inside, most = 0, 0
    handler = function()
      inside = inside + 1
      most = math.max(most, inside)
      while most < 8 do task.sleep_ms(1) end
      inside = inside - 1
      return 200
    end
    local replies = task.each({ 1, 2, 3, 4, 5, 6, 7, 8 }, 8, function()
      return assert(client.request({ url = origin .. "/" })).status
    end)
    assert.equal(8, #replies)
    assert.equal(8, most)
  end)

  it("answers 500 for a handler that fails or gives nonsense, and goes on", function()
    local wrong = {
      function() error("broken") end,
      function() return "200" end,
      function() return 99 end,
      function() return 200, { ["X"] = "a\r\nY: b" } end,
      function() return 200, { ["Content-Length"] = "5" } end,
      function() return 200, {}, 7 end,
      function() return 200, 7 end,
    }
    for i, bad in ipairs(wrong) do
      handler = bad
      assert.equal(500, assert(client.request({ url = origin .. "/" .. i })).status)
    end
    handler = function() return 204 end
    assert.equal(204, assert(client.request({ url = origin .. "/" })).status)
  end)

  it("breaks a reply on purpose", function()
    local fault
    handler = function() return 200, {}, "0123456789", fault end
    fault = { cut_after_bytes = 4 }
    local reply, _, _, reason = client.request({ url = origin .. "/" })
    assert.is_nil(reply)
    assert.equal("cut", reason)
    fault = { reset = true }
    reply, _, _, reason = client.request({ url = origin .. "/" })
    assert.is_nil(reply)
    assert.equal("reset", reason)
  end)

  it("cancels the run of a client that left", function()
    local begun, ended = false, nil
    handler = function()
      local guard <close> = setmetatable({}, { __close = function(_, err) ended = tostring(err) end })
      begun = true
      task.sleep_ms(60000)
      return 200, {}, tostring(guard)
    end
    -- A client that aborts by its deadline closes the connection: an end of input, which a half-closed client sends too. So the
    -- run goes on until there is somebody to tell: this one is cut off by the listener's own close.
    local caller = task.spawn(function() return client.request({ url = origin .. "/" }) end)
    while not begun do task.sleep_ms(1) end
    listener:close()
    while not ended do task.sleep_ms(1) end
    assert.truthy(ended:find("cancelled: the client is gone", 1, true))
    assert.is_nil((caller:join()))
  end)

  it("stops when its requests are done", function()
    local release = false
    handler = function()
      while not release do task.sleep_ms(1) end
      return 200, {}, "done"
    end
    local caller = task.spawn(function() return client.request({ url = origin .. "/" }) end)
    while listener:stats().requests == 0 do task.sleep_ms(1) end
    local stopping = task.spawn(function() listener:stop(0) end)
    task.sleep_ms(1)
    assert.equal("running", stopping:status())
    release = true
    assert.equal("done", caller:join().body)
    stopping:join()
    assert.equal(0, listener:port())
    assert.is_nil((client.request({ url = origin .. "/" })))
  end)

  it("refuses what it cannot listen on", function()
    local again, message, code = server.listen({ address = "127.0.0.1:" .. listener:port(), on_request = print })
    assert.is_nil(again)
    assert.equal("io", code)
    assert.truthy(message:find("in use", 1, true))
    assert.has_error(function() server.listen({ address = "127.0.0.1:0" }) end)
    assert.has_error(function() server.listen({ address = "127.0.0.1:0", on_request = print, body_bytes = -1 }) end)
    assert.is_nil((server.listen({ address = "localhost:1", on_request = print })))
  end)

  it("lets nobody call what the metatable holds", function()
    assert.is_false(getmetatable(listener))
    assert.is_nil(listener.__gc)
  end)

  it("names the file that is wrong when it cannot speak TLS", function()
    local none, message, code = server.listen({ address = "127.0.0.1:0", on_request = handler, certificate = "/no/such.pem",
      key = "/no/such.key" })
    assert.is_nil(none)
    assert.matches("/no/such.pem", message, 1, true)
    assert.equal("io", code)
    none, message = server.listen({ address = "127.0.0.1:0", on_request = handler, certificate = "/no/such.pem" })
    assert.is_nil(none)
    assert.matches("certificate and key", message, 1, true)
  end)

  it("listens on several addresses, and says who came by which", function()
    local path = os.tmpname()
    os.remove(path)
    local seen
    local both <close> = assert(server.listen({ address = { "127.0.0.1:0", "unix:" .. path }, on_request = function(request)
      seen = request
      return 200
    end }))
    local base = "http://127.0.0.1:" .. both:port()
    local by_tcp = assert(http.client({ allow = { { method = "*", origin = base } } }))
    assert(by_tcp.request({ url = base .. "/" }))
    by_tcp.close()
    assert.equal("127.0.0.1", seen.remote)
    assert.is_true(seen.is_local)
    assert.is_false(seen.is_tls)
    assert.is_nil(seen.uid)
    local none, message = server.listen({ address = { "127.0.0.1:0", "nonsense" }, on_request = function() return 200 end })
    assert.is_nil(none)
    assert.matches("nonsense", message, 1, true)
  end)
end)
