local http = require("azdrift.http")
local server = require("azdrift.server")
local task = require("azdrift.task")

-- gzip of ('{"value":[1,2,3]}'):rep(4), and of 200,000 zero bytes
local PACKED = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x4b\xcc\x29\x4d\x55\xb2\x8a\x36\xd4\x31\xd2\x31\x8e\xad\xad" ..
  "\x26\x5d\x00\x00\x3e\xd4\x28\xf2\x44\x00\x00\x00"
local BOMB = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x01\x00\x00\x00\xc2\xa0\xf5\x4f\x6d\x06\x7f\xa0\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" ..
  "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\xd7\x00\x7b\x58\xe0" ..
  "\x5c\x40\x0d\x03\x00"

describe("azdrift.http", function()
  local listener, origin, seen

  local answers = {
    ["/hello"] = function() return 200, { ["X-One"] = "1" }, "hello" end,
    ["/packed"] = function() return 200, { ["Content-Encoding"] = "gzip" }, PACKED end,
    ["/bomb"] = function() return 200, { ["Content-Encoding"] = "gzip" }, BOMB end,
    ["/odd"] = function() return 200, { ["Content-Encoding"] = "br" }, "xx" end,
    ["/echo"] = function(request) return 200, {}, request.method .. " " .. (request.body or "") end,
    ["/token"] = function(request) return 200, {}, tostring(request.headers.authorization) end,
    ["/slow"] = function() task.sleep_ms(60000) return 200, {}, "late" end,
    ["/away"] = function() return 302, { Location = origin .. "/hello" }, "" end,
    ["/refused"] = function() return 403, {}, '{"error":{"code":"AuthorizationFailed"}}' end,
  }

  setup(function()
    listener = server.listen({ address = "127.0.0.1:0", on_request = function(request)
      seen = seen + 1
      local answer = answers[request.path]
      if not answer then return 404, {}, "" end
      return answer(request)
    end })
    origin = "http://127.0.0.1:" .. listener:port()
  end)
  teardown(function() listener:close() end)
  before_each(function() seen = 0 end)

  it("gives status, headers in lower case and body", function()
    local reply = assert(http.request({ url = origin .. "/hello" }))
    assert.equal(200, reply.status)
    assert.equal("1", reply.headers["x-one"])
    assert.equal("hello", reply.body)
    assert.equal("hello", reply:text())
    assert.equal(5, reply.body_bytes)
  end)

  it("inflates a body when a script asks for it, and keeps it", function()
    local reply = assert(http.request({ url = origin .. "/packed" }))
    assert.equal(#PACKED, reply.body_bytes)
    assert.equal(('{"value":[1,2,3]}'):rep(4), reply.body)
    assert.equal(reply.body, reply:text())
  end)

  it("does not inflate beyond a bound", function()
    local reply = assert(http.request({ url = origin .. "/bomb", max_body_bytes = 1000 }))
    local ok, message = pcall(function() return reply.body end)
    assert.is_false(ok)
    assert.truthy(message:find("larger than 1000 bytes", 1, true))
    local text, sentence, code = reply:text(500)
    assert.is_nil(text)
    assert.equal("limit", code)
    assert.truthy(sentence:find("500", 1, true))
    assert.equal(200000, #reply:text(200000))
  end)

  it("says so when a body came in an encoding that was not asked for", function()
    local reply = assert(http.request({ url = origin .. "/odd" }))
    local _, _, code = reply:text()
    assert.equal("unsupported", code)
  end)

  it("hands on redirects and error statuses", function()
    local reply = assert(http.request({ url = origin .. "/away" }))
    assert.equal(302, reply.status)
    assert.equal(origin .. "/hello", reply.headers.location)
    assert.equal(1, seen)
    reply = assert(http.request({ url = origin .. "/refused" }))
    assert.equal(403, reply.status)
    assert.truthy(reply.body:find("AuthorizationFailed", 1, true))
  end)

  it("keeps the deadline, and the name of what broke", function()
    local reply, message, code, reason = http.request({ url = origin .. "/slow", deadline_ms = 30 })
    assert.is_nil(reply)
    assert.equal("timeout", code)
    assert.equal("timeout", reason)
    assert.truthy(message:find("deadline_ms = 30", 1, true))
    reply, message, code, reason = http.request({ url = "http://127.0.0.1:1/" })
    assert.is_nil(reply)
    assert.equal("io", code)
    assert.equal("connect", reason)
    assert.truthy(message:find("127.0.0.1", 1, true))
  end)

  it("aborts the request of a cancelled task", function()
    local client = http.client({ connections = 1 })
    local handle = task.spawn(client.request, { url = origin .. "/slow" })
    task.sleep_ms(5)
    handle:cancel("enough")
    assert.has_error(function() handle:join() end, "cancelled: enough")
    assert.equal("hello", client.request({ url = origin .. "/hello" }).body)
    assert.equal(1, client.stats().aborted)
    client.close()
  end)

  it("sends nothing that could write, unless a client was made for it", function()
    for _, method in ipairs({ "PUT", "PATCH", "DELETE", "POST" }) do
      local reply, message, code = http.request({ url = origin .. "/echo", method = method, body = "{}" })
      assert.is_nil(reply)
      assert.equal("denied", code)
      assert.truthy(message:find("may not send " .. method, 1, true))
    end
    assert.equal(0, seen)
    local writer = http.client({ allow = { { method = "PUT", origin = origin } } })
    assert.equal("PUT {}", writer.request({ url = origin .. "/echo", method = "PUT", body = "{}" }).body)
    assert.is_nil(writer.request({ url = origin .. "/hello" }))
    writer.close()
  end)

  it("does not let the common client's rules be widened", function()
    assert.is_false(pcall(http.configure, { allow = { { method = "*" } } }))
  end)

  it("sends a token to its own origin and nowhere else", function()
    local reply = assert(http.request({ url = origin .. "/token", token = "s3cret", token_origin = origin }))
    assert.equal("Bearer s3cret", reply.body)
    seen = 0
    local elsewhere, _, code = http.request({ url = origin .. "/token", token = "s3cret",
      token_origin = "https://management.azure.com" })
    assert.is_nil(elsewhere)
    assert.equal("denied", code)
    elsewhere, _, code = http.request({ url = origin .. "/token", headers = { Authorization = "Bearer s3cret" } })
    assert.is_nil(elsewhere)
    assert.equal("denied", code)
    assert.equal(0, seen)
  end)

  it("raises on wrong use, naming it", function()
    for _, case in ipairs({
      { {}, "url" }, { { url = origin, deadline = 5 }, 'no option "deadline"' },
      { { url = origin, deadline_ms = 0 }, "deadline_ms" },
      { { url = origin, headers = { a = 1 } }, "names and values are text" }, { { url = origin, token = "x" }, "token_origin" },
    }) do
      local ok, message = pcall(http.request, case[1])
      assert.is_false(ok)
      assert.truthy(message:find(case[2], 1, true), message)
    end
  end)

  it("fans out over a few connections and loses nothing", function()
    local client = http.client({ connections = 4 })
    local urls = {}
    for i = 1, 100 do urls[i] = origin .. "/hello" end
    local bodies = task.each(urls, 16, function(url) return assert(client.request({ url = url })).body end)
    assert.equal(100, #bodies)
    assert.equal(("hello"):rep(100), table.concat(bodies))
    assert.is_true(client.stats().connected <= 4)
    client.close()
  end)
end)
