-- busted inside the engine: build/azdrift lua tests/spec/run.lua [FILE OR FOLDER...], all specs without one. Run from the
-- top of the tree.
if #arg == 0 then arg[1] = "tests/spec" end
require("busted.runner")({ standalone = false })
