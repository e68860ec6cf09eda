-- What a report shows of a whole resource or list element.
local telling = require("azdrift.report.telling")
local terminal = require("azdrift.cli.terminal")
local value = require("azdrift.report.value")

describe("what tells most about a resource", function()
  local screen = terminal.plain(80, true)

  local function lines(object, width) return telling.lines(object, width or 60, screen) end

  it("is its settings, plain ones first, without names, ids and what Azure writes", function()
    assert.same({ "startIpAddress: 0.0.0.0 · sku: { name: Basic }" }, lines({ id = "/x", name = "temp", etag = "1",
      type = "Microsoft.Sql/servers/firewallRules", sku = { name = "Basic" },
      properties = { startIpAddress = "0.0.0.0", provisioningState = "Succeeded" } }))
  end)

  it("leaves out what is empty", function()
    assert.same({ "kept: false" }, lines({ properties = { kept = false, a = value.null, b = "", c = value.array() } }))
  end)

  it("names what a reference leads to", function()
    assert.same({ "subnet: v/web" }, lines({ subnet = { id = "/subscriptions/s/resourceGroups/g/providers/N/vnets/v/subnets/web" } }))
  end)

  it("takes three lines at most, and counts the rest", function()
    local properties = {}
    for number = 1, 20 do properties[("setting%02d"):format(number)] = "value" end
    local shown = lines({ properties = properties }, 50)
    assert.equal(3, #shown)
    assert.equal("setting05: value · setting06: value · 14 more", shown[3])
    for _, line in ipairs(shown) do assert.is_true(terminal.columns(line) <= 50) end
  end)

  it("is nothing for what has no settings", function()
    assert.same({}, lines({ id = "/x", name = "bare" }))
    assert.same({}, lines("text"))
    assert.same({}, lines({ ["$redacted"] = "6f1e2d3c4b5a6978" }))
  end)

  it("is safe to show", function()
    assert.same({ 'tag: "a\\u001b[2J"' }, lines({ tag = "a\27[2J" }))
  end)
end)
