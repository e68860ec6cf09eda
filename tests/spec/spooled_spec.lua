-- Lists that are not in memory read like lists that are.
local json = require("azdrift.json")
local spooled = require("azdrift.spooled")

local function fill(count)
  local list = spooled.new()
  for number = 1, count do list:add(json.encode({ number = number, filler = string.rep("x", 400) }), ("%05d"):format(count - number)) end
  return list
end

describe("a spooled list", function()
  -- 3,000 objects of some 430 bytes: five times what stays in memory.
  local COUNT <const> = 3000

  it("has a length, elements and an order like a list", function()
    local list = fill(COUNT)
    assert.equal(COUNT, #list)
    assert.equal(1, list[1].number)
    assert.equal(COUNT, list[COUNT].number)
    assert.is_nil(list[COUNT + 1])
    local sum = 0
    for index, element in ipairs(list) do sum = sum + (index == element.number and 1 or 0) end
    assert.equal(COUNT, sum)
  end)

  it("hands out one document after the other, in the order of adding and of keys", function()
    local list, last = fill(COUNT), nil
    local wanted = 1
    for number, element in list:each() do
      assert.equal(wanted, number)
      assert.equal(wanted, element.number)
      wanted = wanted + 1
    end
    assert.equal(COUNT + 1, wanted)
    for place, element in list:sorted() do
      assert.equal(COUNT + 1 - place, element.number)
      if last then assert.has_error(function() return last.number end) end
      last = element
    end
  end)

  it("is written as one JSON array", function()
    local parts = {}
    fill(COUNT):write(function(text) parts[#parts + 1] = text end)
    local whole = json.parse(table.concat(parts))
    assert.equal(COUNT, #whole)
    assert.equal(COUNT, whole[COUNT].number)
    parts = {}
    spooled.new():write(function(text) parts[#parts + 1] = text end)
    assert.equal("[]", table.concat(parts))
  end)
end)
