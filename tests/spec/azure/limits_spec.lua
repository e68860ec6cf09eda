-- Azure's request limits (lua/azdrift/azure/limits.lua): what closes a gate, for whom, and what is left to others. Gates are closed
-- for far longer than a spec takes; nobody waits for them.
local limits = require("azdrift.azure.limits")
local task = require("azdrift.task")

local SUB <const> = "https://arm.example.com/subscriptions/1"
local STORAGE <const> = SUB .. "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a?api-version=1"
local NETWORK <const> = SUB .. "/providers/Microsoft.Network/virtualNetworks"
local LONG_MS <const> = 60000
local READS <const> = "x-ms-ratelimit-remaining-subscription-reads"

local function all(more)
  local options = { share = 1, most = 8 }
  for name, value in pairs(more or {}) do options[name] = value end
  return limits.new(options)
end

-- Whether a request would be sent at once. One that is sent is answered, with nothing in its headers.
local function is_open(azure, url)
  local gates = azure:gates_of(url)
  local sent = pcall(azure.enter, azure, gates, function() error("it has to wait", 0) end)
  if sent then azure:leave(gates, {}, true) end
  return sent
end

local function refuse(azure, url, code, headers, wait_ms)
  local gates = azure:gates_of(url)
  assert(azure:enter(gates))
  azure:leave(gates, headers or {}, false)
  azure:refused(gates, code, headers or {}, wait_ms, { outcome = "throttled", status = 429, code = code, message = "too many" })
end

describe("a 429", function()
  it("of a provider slows that provider of that subscription only", function()
    local azure = all()
    refuse(azure, STORAGE, "TooManyRequests", {}, LONG_MS)
    assert.is_true(is_open(azure, NETWORK))
    assert.is_true(is_open(azure, SUB .. "2/providers/Microsoft.Storage/storageAccounts"))
    assert.is_false(is_open(azure, STORAGE))
    assert.is_false(is_open(azure, "https://ARM.example.com/SUBSCRIPTIONS/1/providers/MICROSOFT.STORAGE/storageAccounts"))
  end)

  it("of ARM itself slows the subscription, and no other", function()
    for _, case in ipairs({ { "SubscriptionRequestsThrottled", {} }, { "TooManyRequests", { [READS] = "0" } } }) do
      local azure = all()
      refuse(azure, STORAGE, case[1], case[2], LONG_MS)
      assert.is_true(is_open(azure, SUB .. "2/resources"))
      assert.is_false(is_open(azure, NETWORK))
    end
  end)

  it("is over when its time is", function()
    local azure = all()
    refuse(azure, STORAGE, "TooManyRequests", {}, 5)
    assert(task.with_deadline_ms(5000, function() return azure:enter(azure:gates_of(STORAGE)) end))
  end)

  it("halves what may be under way, and answers widen it again", function()
    local azure = all({ most = 8 })
    refuse(azure, STORAGE, "TooManyRequests", {}, 1)
    task.sleep_ms(2)
    local at_once, most, list = 0, 0, {}
    for i = 1, 60 do list[i] = i end
    local seen = {}
    task.each(list, 20, function(_, index)
      local gates = azure:gates_of(STORAGE)
      assert(azure:enter(gates))
      at_once = at_once + 1
      most = math.max(most, at_once)
      seen[index] = at_once
      task.sleep_ms(1)
      at_once = at_once - 1
      azure:leave(gates, {}, true)
    end)
    assert.equal(1, seen[1])
    assert.is_true(most > 2 and most < 20, most)
  end)

  it("that stays one to the last try of three requests is not asked for again for a while", function()
    local azure = all()
    for _ = 1, 3 do refuse(azure, STORAGE, "TooManyRequests", {}, nil) end
    local passed, failure = azure:enter(azure:gates_of(STORAGE))
    assert.is_nil(passed)
    assert.same({ outcome = "throttled", status = 429, code = "TooManyRequests", message = "too many" }, failure)
    assert.is_true(is_open(azure, NETWORK))
  end)

  it("in between good answers gives nothing up", function()
    local azure = all()
    for _ = 1, 5 do
      refuse(azure, STORAGE, "TooManyRequests", {}, nil)
      assert.is_true(is_open(azure, STORAGE))
    end
  end)

  it("tells who waits that others may take its place", function()
    local azure, told = all(), 0
    refuse(azure, STORAGE, "TooManyRequests", {}, 20)
    local gates = azure:gates_of(STORAGE)
    assert(azure:enter(gates, function() told = told + 1 end))
    assert.is_true(told >= 1)
  end)
end)

describe("what is left", function()
  local function answered(azure, url, headers)
    local gates = azure:gates_of(url)
    assert(azure:enter(gates))
    azure:leave(gates, headers, true)
  end

  it("is used down to others' part, and then as fast as it fills up", function()
    local azure = all({ share = 0.5 })
    answered(azure, NETWORK, { [READS] = "250" })
    assert.is_true(is_open(azure, NETWORK))
    answered(azure, NETWORK, { [READS] = "60" }) -- of 250, 125 are others'; 25 come back a second
    assert.is_false(is_open(azure, STORAGE)) -- the same subscription
    assert.is_true(is_open(azure, SUB .. "2/resources"))
    azure.share = 0.8 -- 50 are others'
    assert.is_true(is_open(azure, STORAGE))
  end)

  it("of 12,000 an hour is no bucket of 250", function()
    local azure = all({ share = 0.5 })
    answered(azure, NETWORK, { [READS] = "11999" })
    for _ = 1, 500 do assert.is_true(is_open(azure, NETWORK)) end
    answered(azure, NETWORK, { [READS] = "5000" })
    assert.is_false(is_open(azure, NETWORK))
  end)

  it("of a provider's own count slows that provider", function()
    local azure = all({ share = 0.5 })
    local function told(left)
      return { ["x-ms-ratelimit-remaining-resource"] = "Microsoft.Compute/GetVMScaleSet3Min;" .. left .. ",Microsoft.Compute/Other;1" }
    end
    local compute = SUB .. "/providers/Microsoft.Compute/virtualMachineScaleSets"
    answered(azure, compute, told(197))
    assert.is_true(is_open(azure, compute))
    answered(azure, compute, told(60))
    assert.is_true(is_open(azure, NETWORK))
    assert.is_false(is_open(azure, compute))
  end)

  it("counts what is under way", function()
    local azure = all({ share = 0.5 })
    answered(azure, NETWORK, { [READS] = "135" })
    local sent = 0
    while pcall(azure.enter, azure, azure:gates_of(NETWORK), function() error("it has to wait", 0) end) do
      sent = sent + 1
      assert.is_true(sent < 200)
    end
    assert.is_true(sent >= 9)
  end)

  it("all of it may be used where nobody else needs any", function()
    local azure = all({ share = 1 })
    answered(azure, NETWORK, { [READS] = "20" })
    for _ = 1, 15 do assert.is_true(is_open(azure, NETWORK)) end
  end)
end)
