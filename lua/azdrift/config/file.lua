--- Loads azdrift.lua: a Lua file that is data. env() and file() are all it can call; bytecode is refused.
local failure = require("azdrift.cli.failure")

local file = {}

--- Also the most that file() reads.
file.MAX_BYTES = 1024 * 1024
-- A project file is data; this many instructions are a loop that does not end.
local MAX_INSTRUCTIONS = 10 * 1000 * 1000

function file.folder_of(path) return path:match("^(.*)/[^/]*$") or (path:find("^/") and "/" or ".") end

--- path as seen from a folder.
function file.from_folder(folder, path)
  if path:sub(1, 1) == "/" or folder == "." then return path end
  return folder .. "/" .. path
end

--- A file's text without its last line break: for keys and secrets.
function file.read_value(host, path)
  local content, message = host.read_file(path, file.MAX_BYTES)
  if not content then return nil, message end
  return (content:gsub("\r?\n$", ""))
end

local function sandbox(host, folder, name)
  local function need_text(who, v)
    if type(v) ~= "string" or v == "" then error(("%s needs a name in quotes"):format(who), 3) end
  end
  return {
    env = function(variable, default)
      need_text("env()", variable)
      local text = host.env(variable)
      if text == nil or text == "" then return default end
      return text
    end,
    file = function(path)
      need_text("file()", path)
      local content, message = file.read_value(host, file.from_folder(folder, path))
      if not content then failure.raise("%s: file(\"%s\"): %s", name, path, message) end
      return content
    end,
  }
end

local function run_limited(chunk)
  if not debug then return pcall(chunk) end
  local function stop() error("does not come to an end; it is data, not a program", 0) end
  debug.sethook(stop, "", MAX_INSTRUCTIONS)
  local ok, result = pcall(chunk)
  debug.sethook()
  return ok, result
end

--- The table that the file returns, and its source.
function file.load(host, path)
  local source, message = host.read_file(path, file.MAX_BYTES)
  if not source then failure.raise("%s: %s", path, message) end
  local chunk, syntax = load(source, "@" .. path, "t", sandbox(host, file.folder_of(path), path))
  if not chunk then failure.raise("%s", syntax:find(path, 1, true) and syntax or ("%s: %s"):format(path, syntax)) end
  local ok, result = run_limited(chunk)
  if not ok and failure.is(result) then error(result, 0) end
  if not ok then
    local said = tostring(result)
    failure.raise("%s", said:find(path, 1, true) and said or ("%s: %s"):format(path, said))
  end
  if type(result) ~= "table" then
    failure.raise("%s: must return a table (`return { ... }`), but returns %s", path, type(result))
  end
  return result, source
end

return file
