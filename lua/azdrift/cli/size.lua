--- Bytes as people read them.
local size = {}

local UNITS = { "B", "kB", "MB", "GB", "TB" }

--- 1234567 -> "1.2 MB"
function size.text(bytes)
  local unit, amount = 1, bytes
  while amount >= 1000 and unit < #UNITS do unit, amount = unit + 1, amount / 1000 end
  return (unit == 1 and "%d %s" or "%.1f %s"):format(amount, UNITS[unit])
end

return size
