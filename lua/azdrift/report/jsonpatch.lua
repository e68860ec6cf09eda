--- RFC 6902. What was compared as one document (options.bare, as `azdrift diff` does for two files) is one bare patch;
--- otherwise one line a resource: {"resource_id": ..., "patch": [...]}, to be applied to that resource's body. Only a
--- comparison with --raw promises that the patch turns old into new; else what rules ignore is missing from it.
local model = require("azdrift.report.model")
local value = require("azdrift.report.value")

local jsonpatch = {}

local Patch = {}
Patch.__index = Patch

function jsonpatch.new(write, options)
  return setmetatable({ write = write, bare = options.bare or false, operations = {} }, Patch)
end

local function operation(change)
  local _, new = model.values(change)
  local path = value.quote(change.pointer or "")
  if change.op == "remove" then
    -- A document cannot be removed from itself: what is left of it is null.
    if (change.pointer or "") == "" then return '{"op":"replace","path":"","value":null}' end
    return ('{"op":"remove","path":%s}'):format(path)
  end
  if change.op == "move" then
    return ('{"op":"move","from":%s,"path":%s}'):format(value.quote(change.from), path)
  end
  return ('{"op":"%s","path":%s,"value":%s}'):format(change.op, path, value.encode(new))
end

function Patch:report(report)
  for _, drift in model.each(report.drifts) do
    local operations = self.bare and self.operations or {}
    for _, change in model.each(drift.changes) do
      -- A pure reorder has no place of its own to come from.
      if change.op ~= "move" or change.from then operations[#operations + 1] = operation(change) end
    end
    if not self.bare then
      self.write(('{"resource_id":%s,"patch":[%s]}\n'):format(value.quote(drift.resource_id or ""),
        table.concat(operations, ",")))
    end
  end
end

function Patch:finish()
  if self.bare then self.write("[" .. table.concat(self.operations, ",\n ") .. "]\n") end
end

return jsonpatch
