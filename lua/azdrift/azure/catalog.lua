--- The catalogue of resource types (catalog/types.tsv): how a type is listed, read, and by which api-version.
-- Rows stay in a mapped C table; a type becomes a Lua table only when it is asked for, and is not kept.

local suggest = require("azdrift.suggest")
local text_table = require("azdrift.table")

local catalog = {}
catalog.__index = catalog

local COLUMNS = { "type", "scopes", "parent", "names", "stable", "preview", "use", "versions", "flags", "lists", "get", "how", "notes" }

--- Opens the table at path. nil, sentence where it is not there or has other columns.
function catalog.open(path)
  local rows, problem = text_table.open(path)
  if not rows then return nil, problem end
  for _, name in ipairs(COLUMNS) do
    if not rows:has_column(name) then return nil, string.format("%s: no column '%s'", path, name) end
  end
  return setmetatable({ rows = rows }, catalog)
end

local function set_of(text)
  local set = {}
  for word in string.gmatch(text, "[^,%s]+") do set[word] = true end
  return set
end

--- "240501p" -> "2024-05-01-preview"; other spellings (with a suffix of their own) keep it: "240501beta".
local function full_version(short)
  local year, month, day, suffix = string.match(short, "^(%d%d)(%d%d)(%d%d)(.*)$")
  if not year then return short end
  if suffix == "p" then suffix = "-preview" end
  return string.format("20%s-%s-%s%s", year, month, day, suffix)
end

--- kind@api-version=url#next -> { subscription = { api =, url =, next = }, ... }
local function lists_of(text)
  local lists = {}
  for entry in string.gmatch(text, "%S+") do
    local kind, rest = string.match(entry, "^(%a+)@?(.*)$")
    local head, next_member = string.match(rest, "^(.-)#(.+)$")
    local api, url = string.match(head or rest, "^([^=]*)=?(.*)$")
    lists[kind] = { api = api ~= "" and api or nil, url = url ~= "" and url or nil, next = next_member }
  end
  return lists
end

local function names_of(text)
  local names = {}
  for name in string.gmatch(text, "[^,]+") do names[#names + 1] = name end
  return names
end

--- What is known of a type (any case), or nil.
function catalog:type(name)
  local row = self.rows:get(name)
  if not row then return nil end
  return {
    type = row.type,
    parent = row.parent ~= "" and row.parent or nil,
    names = names_of(row.names),
    stable = row.stable ~= "" and row.stable or nil,
    preview = row.preview ~= "" and row.preview or nil,
    use = row.use ~= "" and row.use or nil,
    versions = row.versions, -- as written: dozens, of which a run needs one
    flags = set_of(row.flags),
    lists = lists_of(row.lists),
    get = row.get,
    how = row.how,
  }
end

--- '; did you mean "Microsoft.Web/sites"?' of a type that nobody knows, or an empty text.
function catalog:suggestion(name)
  local names = {}
  for known in self.rows:each("type", "type") do names[#names + 1] = known end
  return suggest.clause(name, names)
end

--- Children of a type, in the catalogue's order: an array of type names.
-- @param flag only those that have it, or nil
function catalog:children(parent, flag)
  local key, names = string.lower(parent), {}
  for name, of, flags in self.rows:below(key .. "/", "type", "parent", "flags") do
    if string.lower(of) == key and (not flag or set_of(flags)[flag]) then names[#names + 1] = name end
  end
  return names
end

--- Types that stand at a scope and are enumerated there, not through the generic list: an array of names.
-- @param how the catalogue's word: "subscription", "fixed" ...
function catalog:enumerated(how, flag)
  local names = {}
  for name, value, flags in self.rows:each("type", "how", "flags") do
    if value == how and (not flag or set_of(flags)[flag]) then names[#names + 1] = name end
  end
  return names
end

local function is_preview(version) return string.find(version, "%-[%a]") ~= nil end

--- The api-version to read a type with: what the catalogue was made with where the provider offers it, else the newest
-- that both know, else the provider's newest stable one, else its newest.
-- @param known a type of the catalogue, or nil
-- @param offered array of api-versions the provider registers, or nil where it is not known
function catalog.version(known, offered)
  if not offered or #offered == 0 then return known and (known.use or known.stable or known.preview) or nil end
  local has = {}
  for _, version in ipairs(offered) do has[string.lower(version)] = version end
  if known then
    for _, wanted in ipairs({ known.use or false, known.stable or false, known.preview or false }) do
      if wanted and has[string.lower(wanted)] then return has[string.lower(wanted)] end
    end
    local newest
    for short in string.gmatch(known.versions, "%S+") do
      local version = has[string.lower(full_version(short))]
      if version and not is_preview(version) then newest = version end
    end
    if newest then return newest end
  end
  local sorted = table.move(offered, 1, #offered, 1, {})
  table.sort(sorted, function(a, b) return a > b end)
  for _, version in ipairs(sorted) do
    if not is_preview(version) then return version end
  end
  return sorted[1]
end

return catalog
