-- What keeps a store in order, one declaration a file in db/.
local commands = {}
for index, name in ipairs({ "check", "stats", "compact", "migrate", "rebuild" }) do
  commands[index] = require("azdrift.cli.commands.db." .. name)
end

return {
  name = "db",
  summary = "Keep the store in order: check, count, thin out, migrate, rebuild",
  usage = "azdrift db check   |   azdrift db stats   |   azdrift db compact   |   azdrift db migrate   |   azdrift db rebuild WHAT",
  examples = {
    { "is everything sound", "azdrift db check" },
    { "how much is stored", "azdrift db stats" },
    { "what retention would take", "azdrift db compact --dry-run" },
  },
  commands = commands,
}
