--- What a command needs of the machine: output, environment, files. Specs hand in one of their own.
local host = {}

local Host = {}
Host.__index = Host

local function plain_message(message, path)
  -- Lua's "path: No such file or directory" without the path, which the caller names in its own words.
  local text = tostring(message)
  if text:sub(1, #path + 2) == path .. ": " then text = text:sub(#path + 3) end
  return text:sub(1, 1):lower() .. text:sub(2)
end

--- Text of a file, or nil and why not. A directory opens like a file and fails at the first read.
function Host.read_file(path, max_bytes)
  local handle, message = io.open(path, "rb")
  if not handle then return nil, plain_message(message, path) end
  local text, read_message = handle:read(max_bytes + 1)
  handle:close()
  if text == nil and read_message then return nil, plain_message(read_message, path) end
  if text and #text > max_bytes then return nil, ("is larger than %d bytes"):format(max_bytes) end
  return text or ""
end

function Host.exists(path)
  local handle = io.open(path, "rb")
  if handle then handle:close() end
  return handle ~= nil
end

function Host.env(name) return os.getenv(name) end

function Host.write_out(text)
  local written, message = io.stdout:write(text)
  if not written then return nil, message end
  return io.stdout:flush()
end

--- Standard error is for people; that nobody reads it is no reason to stop.
function Host.write_error(text)
  io.stderr:write(text)
end

function Host.input_lines() return io.stdin:lines("L") end

--- The machine this process runs on. system, log: the engine's azdrift.system and azdrift.log.
function host.new(system, log)
  io.stdout:setvbuf("full", 64 * 1024)
  return setmetatable({ is_terminal = system.is_terminal, columns = system.columns,
    make_directory = system.make_directory,
    create_file = system.create_file, kind = system.kind, now_ms = system.now_ms, set_log_level = log.set_level,
    version = system.version, share = system.share }, Host)
end

return host
