--- What a principal may see: everything, or what lies under the ARM ids that its key is narrowed to.
local access = {}

local Access = {}
Access.__index = Access

--- prefixes: lower-case ARM ids; an empty list is everything.
function access.new(principal, prefixes)
  return setmetatable({ principal = principal, prefixes = prefixes, is_narrow = #prefixes > 0 }, Access)
end

-- prefix holds id itself and what lies below it: /subscriptions/a is no prefix of /subscriptions/ab.
local function holds(prefix, id) return prefix == "/" or id == prefix or id:sub(1, #prefix + 1) == prefix .. "/" end

--- Whether a resource's or a scope's id lies under one of its prefixes.
function Access:sees(id)
  if not self.is_narrow then return true end
  id = id:lower()
  for _, prefix in ipairs(self.prefixes) do
    if holds(prefix, id) then return true end
  end
  return false
end

--- Whether anything of a scope may be seen: the scope lies under a prefix, or a prefix (a resource group) in the scope.
function Access:sees_part_of(scope)
  if self:sees(scope) then return true end
  for _, prefix in ipairs(self.prefixes) do
    if holds(scope, prefix) then return true end
  end
  return false
end

--- How the audit log names it.
function Access:name()
  local principal = self.principal
  if principal.subject then return "token:" .. principal.subject end
  return principal.key and "key:" .. principal.key or principal.kind
end

return access
