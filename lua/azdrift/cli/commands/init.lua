local failure = require("azdrift.cli.failure")
local files = require("azdrift.cli.project_files")
local hints = require("azdrift.report.hints")

local FOLDERS = { "rules", "policies" }

local function path_in(folder, name) return folder == "." and name or folder .. "/" .. name end

local function make_folder(host, path)
  if host.kind(path) == "directory" then return end
  local made, message = host.make_directory(path)
  if not made then failure.raise("%s: cannot make the folder: %s", path, message) end
end

-- "made" or "kept"; a file that is there stays as it is, whatever is in it.
local function make_file(host, path, content)
  if host.kind(path) then return "kept" end
  local made, message = host.create_file(path, content)
  if not made then failure.raise("%s: cannot write: %s", path, message) end
  return "made"
end

local function next_step(context, folder)
  if context.values.quiet then return end
  context:line()
  context:line("Next:")
  if folder ~= "." then context:line("    cd ", hints.shell(folder)) end
  context:line("    az login             # or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET")
  context:line("    azdrift collect      # read Azure; what is read first is the baseline")
  context:line("    azdrift drift        # later: what has changed since")
end

return {
  name = "init",
  summary = "Make a project: settings, an example rule, an example policy",
  usage = "azdrift init [DIRECTORY]",
  about = { "Never overwrites: a file that is there is kept and said." },
  arguments = { { name = "DIRECTORY", optional = true, summary = "where; made if it is not there (default: here)" } },
  options = {},
  examples = {
    { "in this folder", "azdrift init" },
    { "in a new one", "azdrift init my-azure" },
  },
  run = function(context, values)
    local folder, host = values.directory or ".", context.host
    if folder ~= "." then folder = #folder > 1 and folder:gsub("/+$", "") or folder end
    make_folder(host, folder)
    for _, name in ipairs(FOLDERS) do make_folder(host, path_in(folder, name)) end
    for _, entry in ipairs(files) do
      local path = path_in(folder, entry[1])
      context:line(make_file(host, path, entry[2]), "  ", path)
    end
    next_step(context, folder)
    return 0
  end,
}
