-- When a request is sent again, and when: without a clock and without a network.
local retry = require("azdrift.azure.retry")

local POLICY = { tries = 4, base_ms = 100, cap_ms = 300 }

describe("a wait before the next try", function()
  it("is a random part of a bound that doubles up to the longest wait", function()
    assert.equal(50, retry.wait_ms(POLICY, 1, nil, 0.5))
    assert.equal(100, retry.wait_ms(POLICY, 2, nil, 0.5))
    assert.equal(150, retry.wait_ms(POLICY, 3, nil, 0.5))
    assert.equal(0, retry.wait_ms(POLICY, 3, nil, 0))
  end)

  it("is none after the last try", function()
    assert.is_nil(retry.wait_ms(POLICY, 4, nil, 0.5))
    assert.is_nil(retry.wait_ms(POLICY, 4, 1, 0.5))
  end)

  it("is what Azure asks for, and none where that is longer than the longest wait", function()
    assert.equal(300, retry.wait_ms(POLICY, 1, 300, 0.9))
    assert.is_nil(retry.wait_ms(POLICY, 1, 301, 0.9))
  end)

  it("comes from the settings of a run", function()
    assert.same({ tries = 7, base_ms = 250, cap_ms = 90000 }, retry.policy({ tries = 7, backoff = 0.25, backoff_max = 90 }))
  end)
end)

describe("Retry-After", function()
  it("is read in seconds, in milliseconds and as a date", function()
    assert.equal(2000, retry.asked_ms({ ["retry-after"] = "2" }, 0))
    assert.equal(35, retry.asked_ms({ ["retry-after-ms"] = "35", ["retry-after"] = "2" }, 0))
    assert.equal(20, retry.asked_ms({ ["x-ms-retry-after-ms"] = "20" }, 0))
    assert.equal(5000, retry.asked_ms({ ["retry-after"] = "Sun, 06 Nov 1994 08:49:37 GMT" }, 784111772000))
  end)

  it("in the past means now; what is no time means nothing", function()
    assert.equal(0, retry.asked_ms({ ["retry-after"] = "Sun, 06 Nov 1994 08:49:37 GMT" }, 784111800000))
    assert.is_nil(retry.asked_ms({ ["retry-after"] = "-1" }, 0))
    assert.is_nil(retry.asked_ms({ ["retry-after"] = "soon" }, 0))
    assert.is_nil(retry.asked_ms({}, 0))
  end)
end)
