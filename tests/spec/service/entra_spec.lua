local entra = require("azdrift.service.entra")
local server = require("azdrift.server")

describe("azdrift.service.entra", function()
  local listener, asked, status, gate, missed, given, refuses, now_ms

  before_each(function()
    asked, status, missed, given, refuses, now_ms = 0, 200, false, {}, false, 0
    listener = assert(server.listen({ address = "127.0.0.1:0", on_request = function(request)
      asked = asked + 1
      assert(request.path == "/tenant-1/discovery/v2.0/keys")
      return status, nil, ("keys %d"):format(asked)
    end }))
    gate = {
      take_tokens = function(_, options)
        given.options = options
        return true
      end,
      set_token_keys = function(_, text)
        if refuses then return nil, "two keys are called x" end
        given.keys = text
        return true
      end,
      missed_token_key = function()
        local was = missed
        missed = false
        return was
      end,
    }
  end)

  after_each(function() listener:close() end)

  local function settings(changes)
    local wanted = { tenant = "Tenant-1", audiences = { "api://x" }, authority = "http://127.0.0.1:" .. listener:port() .. "/" }
    for name, value in pairs(changes or {}) do wanted[name] = value end
    return { entra = wanted, collect = {} }
  end

  local function new()
    local one = assert(entra.new(settings(), gate))
    one.clock_ms = function() return now_ms end
    one.asked_ms = now_ms - 5 * 60000
    return one
  end

  it("takes the tenant's keys at first, and then once a day", function()
    local one = new()
    assert.equal("tenant-1", given.options.tenant)
    one:look()
    assert.equal("keys 1", given.keys)
    now_ms = 23 * 3600000
    one:look()
    assert.equal(1, asked)
    now_ms = 24 * 3600000
    one:look()
    assert.equal(2, asked)
  end)

  it("asks again for an unknown key, at most once in five minutes, whatever is asked of it", function()
    local one = new()
    one:look()
    for minute = 1, 4 do
      missed, now_ms = true, minute * 60000
      one:look()
    end
    assert.equal(1, asked)
    now_ms = 5 * 60000
    one:look() -- it was missed meanwhile: that is not forgotten
    assert.equal(2, asked)
    now_ms = 11 * 60000
    one:look()
    assert.equal(2, asked)
  end)

  it("goes on with the last keys when the tenant is down, or says what is refused", function()
    local one = new()
    one:look()
    status, missed, now_ms = 503, true, 6 * 60000
    one:look()
    assert.equal(2, asked)
    assert.equal("keys 1", given.keys)
    status, refuses, missed, now_ms = 200, true, true, 12 * 60000
    one:look()
    assert.equal(3, asked)
    assert.equal("keys 1", given.keys)
  end)

  it("is not there without a tenant, and wants to know for whom tokens are", function()
    local none, message = entra.new({ entra = { audiences = {}, authority = "https://login.example" }, collect = {} }, gate)
    assert.is_nil(none)
    assert.is_nil(message)
    none, message = entra.new(settings({ audiences = {} }), gate)
    assert.is_nil(none)
    assert.matches("entra.audiences", message, 1, true)
    for _, authority in ipairs({ "http://login.example", "https://login.example/path", "ftp://x", "http://127.0.0.1.evil.example:1" }) do
      none, message = entra.new(settings({ authority = authority }), gate)
      assert.is_nil(none)
      assert.matches("entra.authority", message, 1, true)
    end
  end)
end)
