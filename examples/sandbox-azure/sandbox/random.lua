-- Numbers that look random and are the same for the same seed on every machine: an estate can be named by its seed.
local random = {}

local function mix(x)
  x = (x ~ (x >> 30)) * 0xbf58476d1ce4e5b9
  x = (x ~ (x >> 27)) * 0x94d049bb133111eb
  return x ~ (x >> 31)
end

function random.new(seed)
  local state = mix(seed)
  local self = {}

  local function bits()
    state = state + 0x9e3779b97f4a7c15
    return mix(state)
  end

  function self.integer(low, high) return low + (bits() >> 1) % (high - low + 1) end

  function self.chance(share) return (bits() >> 11) / 2 ^ 53 < share end

  function self.pick(list) return list[self.integer(1, #list)] end

  function self.hex(digits)
    local text = ""
    while #text < digits do text = text .. string.format("%016x", bits()) end
    return text:sub(1, digits)
  end

  function self.guid()
    local high, low = bits(), bits()
    return string.format("%08x-%04x-4%03x-%04x-%012x", high >> 32, high >> 16 & 0xffff, high & 0xfff,
      0x8000 | low >> 48 & 0x3fff, low & 0xffffffffffff)
  end

  -- A moment of the last two years, as Azure writes it.
  function self.moment(digits)
    local text = os.date("!%Y-%m-%dT%H:%M:%S", 1795000000 - self.integer(86400, 63072000))
    return string.format("%s.%sZ", text, string.format("%07d", self.integer(0, 9999999)):sub(1, digits or 7))
  end

  -- The order of a list, changed in place.
  function self.shuffle(list)
    for i = #list, 2, -1 do
      local j = self.integer(1, i)
      list[i], list[j] = list[j], list[i]
    end
    return list
  end

  return self
end

return random
