#!/bin/bash
# A project from `azdrift init` on: its rules and policies checked, tested and explained. The binary: $AZDRIFT, else
# build/azdrift.
set -eu
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset AZDRIFT_CONFIG AZDRIFT_STORE MONGODB_URL
export LC_ALL=C

# expect CODE TEXT WORD...: the exit code, and a text that stands in the output.
expect() {
  local code=0 wanted=$1 text=$2
  shift 2
  "$azdrift" "$@" >out 2>&1 || code=$?
  if [ "$code" != "$wanted" ] || ! grep -qF -- "$text" out; then
    printf 'not ok: azdrift %s: exit code %s, not %s, or not: %s\n' "$*" "$code" "$wanted" "$text"
    head -n 20 out
    exit 1
  fi
}

expect 0 'made  my/azdrift.lua' init my
expect 0 'kept  my/azdrift.lua' init my
cd my
expect 0 'all in force' rules check
expect 0 'all load and are proved' policies check
expect 0 'policies/local.lua  2 passed' policies test policies/local.lua
expect 0 'example 1: medium' policies test --verbose policies/local.lua
expect 0 "rules/local.lua" rules explain Microsoft.Web/sites "tags['last-scan']"
expect 0 '2 passed' policies test ./policies/local.lua
cd .. && expect 0 '2 passed' policies test my/policies/local.lua --config my/azdrift.lua
expect 0 '2 passed' policies test policies/local.lua --config my/azdrift.lua && cd my
expect 1 'policies/none.lua: no such file' policies test policies/none.lua
expect 1 'rules/local.lua: no policy with examples in that file' policies test rules/local.lua

# A rule that is over, and one that never speaks.
cat >rules/more.lua <<'LUA'
rules { type = "Microsoft.Web/sites", owner = "web",
  { ignore = "tags.owner", why = "for the migration", till = "2020-01-01" },
}
LUA
expect 1 'rules/more.lua:2: ignore tags.owner of Microsoft.Web/sites was in force till 2020-01-01 and is off' rules check
rm rules/more.lua

# Policies that prove nothing, half of it, or the contrary.
echo 'policy "unproved" { type = "Microsoft.Web/sites", severity = "low", kind = "added", message = "new" }' >policies/more.lua
expect 1 'policies/more.lua:1: policy unproved: has no examples' policies check
cat >policies/more.lua <<'LUA'
policy "half" { type = "Microsoft.Web/sites", watch = "properties.httpsOnly", to = { false }, severity = "low", message = "m",
  examples = { { old = { properties = { httpsOnly = true } }, new = { properties = { httpsOnly = false } }, gives = "low" } } }
LUA
expect 1 'policy half: has no example that does not fire' policies check
sed -i 's/gives = "low"/gives = "high"/' policies/more.lua
expect 1 'half example 1: expected high, got low' policies test policies/more.lua
# A project that does not prove itself judges nothing.
echo '{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/w","properties":{"httpsOnly":true}}' >old.json
sed 's/true/false/' old.json >new.json
expect 1 'policies/more.lua:1' diff --policies old.json new.json
rm policies/more.lua
expect 2 'properties.httpsOnly:  true -> false' diff --policies old.json new.json
expect 2 '"op":"replace","path":"/properties/httpsOnly","value":false' diff --raw --format jsonpatch old.json new.json

# One side of a comparison may come through a pipe; settings are told in words, not in a table's source.
"$azdrift" diff --raw --format jsonpatch old.json - <new.json >out || [ $? = 2 ]
grep -qF '"path":"/properties/httpsOnly","value":false' out || { echo 'not ok: diff OLD -'; cat out; exit 1; }
"$azdrift" diff --raw --format jsonpatch - old.json <new.json >out || [ $? = 2 ]
grep -qF '"path":"/properties/httpsOnly","value":true' out || { echo 'not ok: diff - NEW'; cat out; exit 1; }
expect 1 'OLD and NEW are both standard input' diff - -
expect 0 '  store.url  (text; $MONGODB_URL)' help config
if grep -qF '|' out || grep -qF '`' out; then echo 'not ok: help config prints the source of a page'; exit 1; fi

# What no schema knows: a type, a path watched, a path read, a path of a rule. What is free, or may be undocumented, is no finding.
cat >policies/more.lua <<'LUA'
policy "astray" {
  type = { "Microsoft.Web/sites", "Microsoft.Web/sights" }, watch = "tags", severity = "low",
  examples = { { old = {}, new = { tags = { a = "b" } }, gives = "low" }, { old = {}, new = {}, gives = false } },
}
policy "misspelt" {
  type = "Microsoft.Web/sites", watch = { "properties.httpOnly", "properties.siteConfig", "tags['my.own']" }, severity = "low",
  on_resource = function(r)
    return r.after.properties.siteConfig.minTlsVersoin ~= r.before.properties.siteConfig.minTlsVersoin and "low"
  end,
  examples = {
    { old = { properties = { siteConfig = { minTlsVersoin = "1.2" } } }, new = { properties = { siteConfig = {} } }, gives = "low" },
    { old = { properties = { siteConfig = {} } }, new = { properties = { siteConfig = { vnetName = "x" } } }, gives = false },
  },
}
LUA
expect 1 'policies/more.lua:1: policy astray: names a resource type that nobody knows: Microsoft.Web/sights; did you mean "Microsoft.Web/sites"?' \
  policies check
expect 1 'policies/more.lua:5: policy misspelt: no version of Microsoft.Web/sites knows "httpOnly" in properties.httpOnly; did you mean "httpsonly"?' \
  policies check
expect 1 'no version of Microsoft.Web/sites knows "minTlsVersoin" in properties.siteConfig.minTlsVersoin; did you mean "minTlsVersion"?' \
  policies check
expect 1 ': 3 to look at' policies check
rm policies/more.lua
cat >rules/more.lua <<'LUA'
rules { type = { "Microsoft.Web/sites", "Microsoft.Web/serverfarms" }, owner = "web",
  { ignore = "properties.maximumNumberOfWorkers", why = "one of both has it, and a shipped rule is overridden: no finding" },
  { ignore = "tags['any.thing']", why = "a map" },
  { ignore = "..lastPublishedStamp", why = "at any depth: below what is free too" },
  { ignore = "properties.zzzInternal", why = "sent, and documented nowhere" },
}
LUA
expect 0 'rules/more.lua:5: no version of Microsoft.Web/sites knows "zzzInternal"' rules check
expect 0 'Is it compared?' rules explain Microsoft.Web/serverfarms properties.maximumNumberOfWorkers
expect 0 'does not speak: rules/more.lua:2 (ignore properties.maximumNumberOfWorkers) does, by a higher layer' \
  rules explain Microsoft.Web/serverfarms properties.maximumNumberOfWorkers
expect 0 'Is it compared? yes: no rule takes it out' rules explain Microsoft.Web/serverfarms properties.reserved
expect 0 '"beaten_by":"rules/more.lua:2"' rules explain --json Microsoft.Web/serverfarms properties.maximumNumberOfWorkers
sed -i 's/zzzInternal/httpsOnli/' rules/more.lua
expect 1 'knows "httpsOnli" in properties.httpsOnli; did you mean "httpsonly"?' rules check
expect 1 ': 1 to look at' rules check
sed -i "s/serverfarms/serverfarmz/; /httpsOnli/d; /maximum/d" rules/more.lua
expect 1 'rules/more.lua:2: names a resource type that nobody knows: Microsoft.Web/serverfarmz; did you mean' rules check
rm rules/more.lua

# The database driver's shared counters: none is opened, and what a killed process of that number left disturbs nobody.
if [ -w /dev/shm ]; then
  sh -c 'echo $$ >number; : >/dev/shm/mongoc-$$; exec "$1" --version' sh "$azdrift" >out 2>err
  rm "/dev/shm/mongoc-$(cat number)"
  [ ! -s err ] || { echo 'not ok: a leftover in /dev/shm is told of'; cat err; exit 1; }
fi
echo 'ok: project'
