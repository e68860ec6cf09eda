#!/bin/bash
# The sandbox Azure as its README starts it: one line when it listens, a token, pages that add up, an end on SIGTERM.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
main=$(dirname "$(realpath "$0")")/../../examples/sandbox-azure/main.lua
work=$(mktemp -d)
server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
fail() { echo "not ok: $1"; exit 1; }

for bad in "--port" "--port x" "--resources -1" "--page 0" "--sead 7"; do
  # shellcheck disable=SC2086 # each of them is two words
  "$azdrift" lua "$main" $bad >"$work/out" 2>"$work/err"
  [ $? = 1 ] && [ ! -s "$work/out" ] && grep -q '^usage: ' "$work/err" || fail "options: $bad"
done

cd "$work" || exit 1 # it is started from anywhere
exec 3< <(exec "$azdrift" lua "$main" --port 0 --resources 250 --seed 7 --subscriptions 2 --page 40 --secret hush 2>err)
server=$!
read -r line <&3 || fail "it did not start: $(cat err)"
url=$(sed -n 's/^sandbox Azure: \(http:\/\/127\.0\.0\.1:[0-9]*\) (.*/\1/p' <<<"$line")
[ -n "$url" ] || fail "its line: $line"

python3 - "$url" <<'PYTHON' || fail 'a client of it'
import json, sys, urllib.parse, urllib.request

def ask(url, token=None, form=None):
    data = urllib.parse.urlencode(form).encode() if form else None
    request = urllib.request.Request(url, data, {"Authorization": "Bearer " + token} if token else {})
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)

root = sys.argv[1]
cloud = ask(root + "/metadata/endpoints?api-version=2019-05-01")[0]
token = ask(cloud["authentication"]["loginEndpoint"] + "tenant/oauth2/v2.0/token", form={
    "grant_type": "client_credentials", "client_id": "app", "client_secret": "hush", "scope": cloud["resourceManager"] + ".default"})["access_token"]

def every(url):
    pages = 0
    while url:
        page = ask(url, token)
        pages += 1
        yield from page["value"]
        url = page.get("nextLink")

subscriptions = list(every(root + "/subscriptions?api-version=2022-12-01"))
assert len(subscriptions) == 2, subscriptions
seen = {}
for subscription in subscriptions:
    for item in every(root + subscription["id"] + "/resources?api-version=2021-04-01"):
        assert item["id"].lower() not in seen, item["id"]
        seen[item["id"].lower()] = item["type"]
assert len(set(seen.values())) >= 20, set(seen.values())
assert 100 < len(seen) < 250, len(seen)  # the rest are proxy resources
log = ask(root + "/_log")
assert set(log["methods"]) == {"GET", "POST"} and log["methods"]["POST"] == 1, log
PYTHON

kill -TERM "$server"
wait "$server" 2>/dev/null
code=$?
server=
[ "$code" = 143 ] || fail "exit code $code after SIGTERM"
[ -s err ] && fail "it complained: $(head -c 300 err)"
echo 'the sandbox Azure serves and ends'
