--- One JSON document a line, one scope each: the report as it stands (docs/reports.md).
local value = require("azdrift.report.value")

local json = {}

local Json = {}
Json.__index = Json

function json.new(write) return setmetatable({ write = write }, Json) end

function Json:report(report) self.write(value.encode(report) .. "\n") end

-- Nothing is left to say; every format has this call.
function Json.finish() end

return json
