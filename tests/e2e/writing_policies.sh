#!/bin/bash
# docs/writing-policies.md, as somebody follows it: each Lua block that names its file is written there, and what the page
# promises is asked of the real binary ($AZDRIFT, else build/azdrift). What the page teaches can so not stop working.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
page=$(realpath docs/writing-policies.md)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset AZDRIFT_CONFIG AZDRIFT_STORE MONGODB_URL
export NO_COLOR=1
failures=0

fail() {
  failures=$((failures + 1))
  printf 'not ok: %s\n' "$1"
  head -n 20 out | cut -c 1-200 | sed 's/^/    /'
}

# answers EXIT_CODE WORD...
answers() {
  local wanted=$1 code
  shift
  "$azdrift" "$@" >out 2>&1 </dev/null
  code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code, not $wanted: azdrift $*"
}

says() { grep -qF -- "$1" out || fail "does not say: $1"; }
is_silent_on() { ! grep -qF -- "$1" out || fail "says: $1"; }

storage() { # tags tier extra
  printf '{"id":"/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/a","name":"a",'
  printf '"type":"Microsoft.Storage/storageAccounts","tags":%s,"properties":{"accessTier":"%s"%s}}\n' "$1" "$2" "$3"
}

answers 0 init my-estate
cd my-estate || exit 1
rm -f rules/*.lua policies/*.lua

# Every block whose first line is "-- rules/x.lua" or "-- policies/x.lua".
awk '/^```lua$/ { getline; file = ""; if ($0 ~ /^-- (rules|policies)\/[a-z_]+\.lua$/) { file = $2; print > file } next }
     /^```$/ { file = "" }
     file { print > file }' "$page"
for file in rules/backup.lua policies/storage_tier.lua policies/storage_firewall.lua policies/softer.lua; do
  [ -s "$file" ] || { : >out; fail "the page has no block for $file"; }
done

answers 0 rules check
answers 0 policies check
answers 0 policies test policies/storage_tier.lua
says "3 passed"
answers 0 policies test policies/storage_firewall.lua

# The backup's tag is noise, another one is not, and the rule can be asked for.
storage '{"last-backup":"monday"}' Hot '' >before.json
storage '{"last-backup":"tuesday"}' Hot '' >after.json
answers 0 diff before.json after.json
answers 0 rules explain Microsoft.Storage/storageAccounts "tags['last-backup']"
says "rules/backup.lua"
storage '{"owner":"eve"}' Hot '' >after.json
answers 2 diff before.json after.json

# The policy of data speaks, with its message filled in.
storage '{"last-backup":"monday"}' Cool '' >after.json
answers 2 diff before.json after.json --policies
says "a went from Hot to Cool"
says "archive-tier"

# A shipped policy speaks, and falls silent where it was softened.
storage '{}' Hot ',"allowSharedKeyAccess":false' >before.json
storage '{}' Hot '' >after.json
answers 2 diff before.json after.json --policies
says "storage-shared-key"
storage '{"env":"sandbox"}' Hot ',"allowSharedKeyAccess":false' >before.json
storage '{"env":"sandbox"}' Hot '' >after.json
answers 2 diff before.json after.json --policies
is_silent_on "[storage-shared-key]"

# An example that fails refuses the bundle, and is named.
sed -i 's/gives = "low"/gives = "high"/' policies/storage_tier.lua
answers 1 policies test policies/storage_tier.lua
says "archive-tier"
answers 1 diff before.json after.json --policies
says "policies/storage_tier.lua"

[ "$failures" = 0 ] && echo "docs/writing-policies.md: all of it works"
exit "$failures"
