-- What was asked of this Azure, counted: a test reads here that nothing but GETs and the token POST was sent.
local json = require("azdrift.json")
local operation = require("sandbox.operation")

local journal = {}
journal.__index = journal

function journal.new()
  local self = setmetatable({}, journal)
  self:clear()
  return self
end

function journal:clear()
  self.methods, self.operations, self.statuses, self.paths = {}, {}, {}, {}
  self.in_flight = self.in_flight or 0
  self.requests, self.most_in_flight = 0, self.in_flight
end

local function count(table, name) table[name] = (table[name] or 0) + 1 end

function journal:begin(request, op)
  self.requests = self.requests + 1
  self.in_flight = self.in_flight + 1
  self.most_in_flight = math.max(self.most_in_flight, self.in_flight)
  count(self.methods, request.method)
  count(self.operations, op and operation.name(op) or request.method .. " token")
  count(self.paths, request.method .. " " .. request.path)
  -- To be closed by the caller: a client that leaves in the middle is in flight no longer.
  return setmetatable({}, { __close = function() self.in_flight = self.in_flight - 1 end })
end

function journal:finish(status) count(self.statuses, tostring(status)) end

function journal:text(with_paths)
  return json.encode({ requests = self.requests, most_in_flight = self.most_in_flight, methods = self.methods,
    operations = self.operations, statuses = self.statuses, paths = with_paths and self.paths or nil },
    { max_bytes = 64 * 1024 * 1024 })
end

return journal
