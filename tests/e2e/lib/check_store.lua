-- Verifies the chain, the counts and every body of a store: azdrift lua check_store.lua PATH. Prints what is wrong, exits 1.
local store <close> = assert(require("azdrift.store").open({ path = arg[1], read_only = true }))
local found = assert(store:check({ bodies = true }))
print(string.format("%d snapshots, %d versions, %d findings%s", found.snapshots, found.versions, found.findings,
  found.first and ": " .. found.first or ""))
if found.findings > 0 then os.exit(1) end
