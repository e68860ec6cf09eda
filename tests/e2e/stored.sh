#!/bin/bash
# What is stored, read through the command line: snapshots, export, history. The binary: $AZDRIFT, else build/azdrift.
set -eu
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
make=$(realpath tests/e2e/stored/make.lua)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset AZDRIFT_CONFIG MONGODB_URL
export LC_ALL=C AZDRIFT_STORE=$work/story.db
"$azdrift" lua "$make" "$AZDRIFT_STORE"
scope=/subscriptions/11111111-2222-3333-4444-555555555555
group=$scope/resourceGroups/rg/providers

# equals WHAT WANTED GOT
equals() {
  [ "$2" = "$3" ] && return
  printf 'not ok: %s\n  wanted: %s\n  got:    %s\n' "$1" "$2" "$3"
  exit 1
}

equals 'snapshots, newest first' '2 complete 2 2026-11-22T11:00:00Z
1 complete 3 2026-11-22T10:00:00Z' "$("$azdrift" snapshots --json | jq -r '"\(.seq) \(.status) \(.resources) \(.timestamp)"')"
equals 'a limit' 1 "$("$azdrift" snapshots --limit 1 --json | wc -l)"
"$azdrift" snapshots | grep -q '2026-11-22 11:00:00  complete' || equals 'the table' 'a row' "$("$azdrift" snapshots)"
id=$("$azdrift" snapshots --json | jq -r 'select(.seq == 1)._id')

count='[.resources[] | length] | add'
equals 'the newest export' 2 "$("$azdrift" export | jq "$count")"
equals 'by number' 3 "$("$azdrift" export --scope "$scope" --at 1 | jq "$count")"
equals 'by id' 3 "$("$azdrift" export --at "$id" | jq "$count")"
equals 'by time' 3 "$("$azdrift" export --at 2026-11-22T10:30Z | jq "$count")"
equals 'digits are kept' 1 "$("$azdrift" export | grep -c 12345678901234567890123)"
equals 'one type' '{"Microsoft.Web/sites":1}' \
  "$("$azdrift" export --type microsoft.web/sites | jq -c '.resources | map_values(length)')"
equals 'two types have the form of all' "$("$azdrift" export | jq -cS .)" \
  "$("$azdrift" export --type Microsoft.Web/sites --type Microsoft.Storage/storageAccounts | jq -cS .)"
equals 'a type that is not there' '{}' "$("$azdrift" export --type Microsoft.Sql/servers | jq -c .resources)"

# refuses WHAT SENTENCE WORD...: exit code 1, and nothing on standard output that could be read as "no drift".
refuses() {
  local what=$1 sentence=$2 code=0
  shift 2
  "$azdrift" "$@" >out 2>err || code=$?
  [ "$code" = 1 ] && [ ! -s out ] && grep -qF -- "$sentence" err || equals "$what" "$sentence" "$code $(cat out err)"
}
refuses 'a misspelt type to export' 'did you mean "Microsoft.Web/sites"?' export --type Microsoft.Web/sits
refuses 'a misspelt type to compare' 'did you mean "Microsoft.Web/sites"?' drift --type Microsoft.Web/sits
refuses 'a moment before the first' '--from 2020-01-01: before the first snapshot of' drift --from 2020-01-01
refuses 'a moment to come' 'is in the future' drift --from 2999-01-01
"$azdrift" export --at 2020-01-01 2>err && equals 'a time before the first' 'exit code 1' 0
grep -q 'azdrift snapshots' err || equals 'what to do' 'a hint' "$(cat err)"
"$azdrift" export >/dev/full 2>err && equals 'a full disk' 'exit code 1' 0

equals 'history' '2 changed properties.minimumTlsVersion
1 added ' "$("$azdrift" history --json "$group/Microsoft.Storage/storageAccounts/a" |
  jq -r '"\(.seq) \(.kind) \(.changes[0].property)"')"
equals 'history of what is gone' '2 removed
1 added' "$("$azdrift" history --json "$group/MICROSOFT.WEB/sites/GONE" | jq -r '"\(.seq) \(.kind)"')"
"$azdrift" history "$group/Microsoft.Storage/storageAccounts/a" >text
grep -q 'properties.minimumTlsVersion:.*TLS1_2 -> TLS1_0' text || equals 'history as text' 'the change' "$(cat text)"
"$azdrift" history "$group/Microsoft.Web/sites/none" 2>err && equals 'history of nothing' 'exit code 1' 0
grep -q 'nothing is known' err || equals 'history of nothing' 'a sentence' "$(cat err)"
echo 'ok: stored'
