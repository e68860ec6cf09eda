local project = require("azdrift.cli.project")
local terminal = require("azdrift.cli.terminal")

local function run(context)
  local store <close> = project.store(context, { existing = true })
  local version, found = store:schema()
  local name = terminal.safe(store:name())
  if found == version then
    context:line(("%s: schema %d, nothing to migrate"):format(name, version))
  else
    context:line(("%s: %s schema %d"):format(name, found == 0 and "made with" or ("migrated from schema %d to"):format(found), version))
  end
  return 0
end

return {
  name = "migrate",
  summary = "Bring the store to the schema of this azdrift",
  usage = "azdrift db migrate [options]",
  about = {
    "Whatever writes to a store does this first; here it can be done at an hour of your choice. There is no way back: an older "
      .. "azdrift refuses the store afterwards, so update every engine of a MongoDB first. A store of a newer azdrift is refused.",
  },
  examples = { { "after an update", "azdrift db migrate" } },
  run = run,
}
