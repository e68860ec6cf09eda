-- The pages that are made from declarations. Specs check that they are current.
local function write_file(path, write_page)
  local handle = assert(io.open(path, "wb"))
  write_page(function(text) assert(handle:write(text)) end)
  assert(handle:close())
end

write_file("docs/configuration.md", require("azdrift.config.page").write)
write_file("docs/cli.md", function(write)
  require("azdrift.cli.help").markdown(require("azdrift.cli.main").commands(), write)
end)
