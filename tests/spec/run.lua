-- busted inside the engine: build/azdrift lua tests/spec/run.lua [FILE OR FOLDER...], all specs without one. Run from the
-- top of the tree.
if #arg == 0 then table.insert(arg, "tests/spec") end
require("busted.runner")({ standalone = false })
