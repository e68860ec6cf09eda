--- The settings of a run: azdrift.lua found, loaded and checked against settings.lua, laid over by the environment and
--- by flags (flag > environment > file > default).
local Checker = require("azdrift.config.check")
local failure = require("azdrift.cli.failure")
local file = require("azdrift.config.file")
local retention = require("azdrift.retention")
local settings = require("azdrift.settings")

local config = {}

config.SYSTEM_FILE = "/etc/azdrift/azdrift.lua"
local PROJECT_FILE = "azdrift.lua"

local BOOLEANS <const> = { ["1"] = true, ["true"] = true, yes = true, on = true,
  ["0"] = false, ["false"] = false, no = false, off = false }

local function at_path(tree, path)
  local section, name = path:match("^([^.]+)%.(.+)$")
  if not section then return tree[path] end
  return tree[section] and tree[section][name]
end

local function put(tree, path, v)
  local section, name = path:match("^([^.]+)%.(.+)$")
  if not section then
    tree[path] = v
    return
  end
  tree[section] = tree[section] or {}
  tree[section][name] = v
end

-- A variable's text as the kind of value its setting holds.
local function from_environment(row, text)
  if row[2] == "integer" or row[2] == "number" then return tonumber(text) or text end
  if row[2] == "boolean" then
    local said = BOOLEANS[text:lower()]
    if said == nil then return text end -- the check says so
    return said
  end
  if row[2] ~= "list" then return text end
  local list = {}
  for word in text:gmatch("[^,%s]+") do list[#list + 1] = word end
  return list
end

local function environment_value(host, row)
  local name = settings.environment_name(row)
  local text = name and host.env(name)
  if text and text ~= "" then return text, "$" .. name end
  local file_name = row.env_file and host.env(row.env_file)
  if not file_name or file_name == "" then return nil end
  local content, message = file.read_value(host, file_name)
  if not content then failure.raise("$%s: %s: %s", row.env_file, file_name, message) end
  return content, "$" .. row.env_file
end

local function set_all(result, checker, host, given, flags)
  for _, row in ipairs(settings.ROWS) do
    local path = row[1]
    local text, name = environment_value(host, row)
    if flags[path] ~= nil then
      put(result, path, flags[path])
    elseif text then
      put(result, path, Checker.new(name):value(row, from_environment(row, text)))
      result.from_environment[path] = name
    elseif at_path(given, path) ~= nil then
      put(result, path, checker:value(row, at_path(given, path)))
    else
      put(result, path, row[2] == "records" and {} or checker:default(row))
    end
  end
end

-- No accounts in the file: one, as the AZURE_* variables of every Azure tool describe it.
local function default_account(host)
  local account = { name = "default", exclude = {}, include = { "*" } }
  for _, row in ipairs(settings.ROWS) do
    for _, field in ipairs(row[1] == "accounts" and row.fields or {}) do
      local text = field.env and host.env(field.env)
      if text and text ~= "" then account[field[1]] = from_environment(field, text) end
    end
  end
  account.credential = account.secret and "secret" or account.certificate and "certificate" or account.token_file
    and "workload"
    or "cli"
  -- A pipeline whose secret is not there gives an empty text. Somebody else's `az login` must not stand in for it: signing in says
  -- what is missing.
  if account.credential == "cli" and host.env("AZURE_CLIENT_SECRET") == "" then account.credential = "secret" end
  return account
end

-- The file to read, or nil where there is none and nobody asked for one.
local function find(host, wanted)
  if wanted then return wanted end
  local named = host.env("AZDRIFT_CONFIG")
  if named and named ~= "" then return named end
  for _, path in ipairs({ PROJECT_FILE, config.SYSTEM_FILE }) do
    if host.exists(path) then return path end
  end
  return nil
end

local function check_key(result)
  local key = result.redaction.key
  if key and #key < 16 then
    failure.raise("%s: redaction.key has %d bytes; it needs at least 16 (openssl rand -hex 32)",
      result.from_environment["redaction.key"] or result.file, #key)
  end
end

local function check_retention(result)
  local problem = retention.problem(result.retention)
  if problem then failure.raise("%s: %s", result.file or "retention", problem) end
end

--- Loads the configuration. host: env(name), read_file(path, max_bytes) -> text or nil, message; exists(path).
--- wanted: --config's file or nil. flags: { ["severity.fail_on"] = "high" }.
--- The result has every section of settings.lua, durations in seconds, and beside them `file` (path or nil),
--- `directory` (the project's folder; nil where there is no project file). Raises a failure that names file, line and
--- setting.
function config.load(host, wanted, flags)
  flags = flags or {}
  local path = find(host, wanted)
  local given, source = {}, nil
  if path then given, source = file.load(host, path) end
  local checker = Checker.new(path or "default", source)
  checker:names(given)
  local result = { file = path, directory = path and file.folder_of(path), from_environment = {} }
  set_all(result, checker, host, given, flags)
  if #result.accounts == 0 then result.accounts = { default_account(host) } end
  if not result.from_environment["store.path"] and not flags["store.path"] then
    result.store.path = file.from_folder(result.directory or ".", result.store.path)
  end
  check_key(result)
  check_retention(result)
  return result
end

return config
