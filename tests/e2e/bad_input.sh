#!/bin/bash
# Bad files, words, settings and outputs against the real binary: exit code 1 and one line on standard error that names the
# input and says what to do; never "no drift", never a crash. The binary: $AZDRIFT, else build/azdrift.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
unset AZDRIFT_CONFIG AZDRIFT_STORE MONGODB_URL NO_COLOR
checks=0 failures=0

fail() {
  failures=$((failures + 1))
  printf 'not ok: %s\n' "$1"
  sed 's/^/    stdout: /' out | head -n 3 | cut -c 1-200
  sed 's/^/    stderr: /' err | head -n 3 | cut -c 1-300
}

# refused NAMED-INPUT WORD...: the line names the input, exit code 1, nothing that could be read as a result.
refused() {
  local named=$1 code
  shift
  checks=$((checks + 1))
  timeout -k 5 60 "$azdrift" "$@" >out 2>err </dev/null
  code=$?
  if [ "$code" != 1 ]; then fail "exit code $code, not 1: azdrift $*"; return; fi
  if [ "$(wc -l <err)" != 1 ]; then fail "not one line: azdrift $*"; return; fi
  if ! grep -q '^azdrift: ' err; then fail "does not say who speaks: azdrift $*"; return; fi
  if grep -q 'internal error' err; then fail "an error of ours: azdrift $*"; return; fi
  if ! grep -qF -- "$named" err; then fail "does not name $named: azdrift $*"; return; fi
  if grep -qi 'no drift' out err; then fail "says no drift: azdrift $*"; return; fi
}

answers() {
  local wanted=$1 code
  shift
  checks=$((checks + 1))
  timeout -k 5 60 "$azdrift" "$@" >out 2>err </dev/null
  code=$?
  [ "$code" = "$wanted" ] || fail "exit code $code, not $wanted: azdrift $*"
}

id=/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a
printf '{"id":"%s","type":"Microsoft.Storage/storageAccounts","properties":{"x":1}}' "$id" >good.json
sed 's/"x":1/"x":2/' good.json >other.json
head -c 60 good.json >cut.json
: >empty.json
printf ' \n\t ' >blank.json
printf '{"id":"%s","tags":{"a":"\xff\xfe"}}' "$id" >not-utf8.json
mkdir folder.json
python3 -c 'print("[" * 200000, end="")' >brackets.json
python3 -c 'print("[" * 200000 + "]" * 200000, end="")' >closed-brackets.json
head -c 65536 /dev/urandom >random.json
printf '{"a":1}}' >surplus.json
printf "{'a':1}" >quotes.json
printf '{"a":"\\ud800"}' >surrogate.json
printf 'id: x\n' >yaml.json
mkfifo fifo.json

# The premise: two good files are compared. Without it everything below would prove nothing.
answers 0 diff good.json good.json
answers 2 diff good.json other.json

for bad in cut empty blank not-utf8 folder brackets closed-brackets random surplus quotes surrogate yaml fifo missing; do
  refused "$bad.json" diff "$bad.json" good.json
  refused "$bad.json" diff good.json "$bad.json"
  refused "$bad.json" diff --raw good.json "$bad.json"
  refused "$bad.json" diff --policies "$bad.json" good.json
  for format in json markdown sarif junit csv jsonpatch; do refused "$bad.json" diff --format "$format" "$bad.json" good.json; done
  # In a batch the answer stands in the line, and the exit code tells that there is one.
  checks=$((checks + 1))
  printf '{"id":"1","old":"%s.json","new":"good.json"}\n{"id":"2","old":"good.json","new":"good.json"}\n' "$bad" \
    | timeout -k 5 60 "$azdrift" diff --batch >out 2>err
  code=$?
  if [ "$code" != 1 ] || ! grep -q '"id":"1","has_drift":null,"error":"' out || ! grep -q '"id":"2","has_drift":false,"error":null' out; then
    fail "batch with $bad.json: exit code $code"
  fi
done

for line in '' 'x' '{}' '[]' '{"id":1' '{"id":"1","old":"good.json"}' '{"id":"1","old":3,"new":"good.json"}'; do
  checks=$((checks + 1))
  printf '%s\n' "$line" | timeout -k 5 60 "$azdrift" diff --batch >out 2>err
  code=$?
  # An empty line is no line; anything else that is no request is answered with an error.
  wanted=1
  [ -n "$line" ] || wanted=0
  [ "$code" = "$wanted" ] || fail "batch line '$line': exit code $code, not $wanted"
done

refused 'no command' 
refused 'drfit' drfit
refused 'rules' rules
refused 'explian' rules explian
refused '--formt' drift --formt json
refused 'jsno' drift --format jsno
refused '--fail-on' drift --fail-on
refused 'hihg' drift --fail-on hihg
refused 'effcts' drift --show effcts
refused '-Z' drift -Z
refused 'NEW' diff good.json
refused 'third.json' diff good.json other.json third.json
refused 'soon' drift --from soon
refused 'is in the future' drift --from 2999-01-01
refused '41' drift --from 41
refused 'vm-1' history vm-1
refused 'PATH' rules explain Microsoft.Web/sites
refused 'fish' completion fish
refused 'missing.lua' lua missing.lua
refused 'FILE' lua
refused 'x y' export --scope 'x y'
refused 'many' snapshots --limit many

# A store that is none, one that is a folder, one that is not there.
printf 'this is no database, whatever its name says' >text.db
mkdir folder.db
for name in text.db folder.db; do
  AZDRIFT_STORE=$name refused "$name" snapshots
  AZDRIFT_STORE=$name refused "$name" drift
  AZDRIFT_STORE=$name refused "$name" export
done
AZDRIFT_STORE=nowhere.db refused 'nowhere.db' drift
[ -e nowhere.db ] && fail 'looking made a store'

# Settings: each file on its own, named with its line.
settings() {
  printf '%s\n' "$2" >"$1.lua"
  refused "$1.lua" snapshots --config "$1.lua"
}
settings syntax 'return {'
settings unknown 'return { stor = {} }'
settings nested 'return { collect = { evry = "3h" } }'
settings kind 'return { collect = { connections = "many" } }'
settings duration 'return { collect = { every = 3 } }'
settings raises 'error("no")'
settings loops 'while true do end'
settings reaches 'return { x = io.open("/etc/passwd") }'
settings no_table 'return 7'
settings gone 'return { redaction = { key = file("nowhere.key") } }'
head -c 4096 /dev/urandom >binary.lua
refused 'binary.lua' snapshots --config binary.lua
refused 'missing.lua' snapshots --config missing.lua
refused 'folder.json' snapshots --config folder.json
AZDRIFT_SEVERITY_FAIL_ON=hihg refused 'AZDRIFT_SEVERITY_FAIL_ON' drift
AZDRIFT_STORE=new.db AZDRIFT_CLOUD=http://127.0.0.1:1 refused 'HTTPS_PROXY' collect
AZDRIFT_CONFIG=missing.lua refused 'missing.lua' drift

# Rules and policies that do not load stop everything that would judge by them.
mkdir -p project/rules project/policies
printf 'return {}\n' >project/azdrift.lua
printf 'rules { type = "*", owner = "x", { ignroe = "a", why = "b" } }\n' >project/rules/bad.lua
refused 'rules/bad.lua' rules check --config project/azdrift.lua
refused 'rules/bad.lua' diff --config project/azdrift.lua good.json good.json
rm project/rules/bad.lua
printf 'policy "p" { type = "*", severity = "hihg" }\n' >project/policies/bad.lua
refused 'policies/bad.lua' policies check --config project/azdrift.lua
refused 'policies/bad.lua' diff --policies --config project/azdrift.lua good.json other.json

# Nobody could read what was written.
checks=$((checks + 1))
"$azdrift" diff good.json other.json >/dev/full 2>err
[ $? = 1 ] && grep -q 'standard output' err || fail 'a full disk'
checks=$((checks + 1))
code=$( { "$azdrift" diff good.json other.json 2>err; echo $? >code; } | true; cat code)
# The reader may take the line before it goes: then the output was written.
[ "$code" = 1 ] || [ "$code" = 2 ] || fail "a closed pipe: exit code $code"
checks=$((checks + 1))
"$azdrift" diff good.json other.json >&- 2>err
[ $? = 1 ] || fail 'a closed standard output'

printf '%d checks, %d failed\n' "$checks" "$failures"
[ "$failures" = 0 ]
