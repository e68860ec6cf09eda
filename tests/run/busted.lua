--- Debian's busted as one run of the engine: setup, before_each, it and finally may await.
-- usage: build/azdrift lua tests/run/busted.lua [busted's options] tests/spec
require("azdrift.log").set_level("error") -- a spec file is one long slice of the loop, and says nothing by that
package.path = "tests/spec/?.lua;" .. package.path
require("busted.runner")({ standalone = false })
