--- One JSON document a line, one scope each: the report as it stands (docs/reports.md).
local value = require("azdrift.report.value")

local json = {}

local Json = {}
Json.__index = Json

function json.new(write) return setmetatable({ write = write }, Json) end

-- A report of a store has its long lists outside memory: they are written one drift at a time, behind its header.
function Json:spooled(report)
  self.write(report.head:sub(1, -2))
  self.write(',"drifts":')
  report.drifts:write(self.write)
  self.write(',"quiet":')
  report.quiet:write(self.write)
  self.write("}\n")
end

function Json:report(report)
  if type(report) == "table" and report.head then return self:spooled(report) end
  self.write(value.encode(report) .. "\n")
end

-- Nothing is left to say; every format has this call.
function Json.finish() end

return json
