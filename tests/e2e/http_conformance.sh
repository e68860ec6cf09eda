#!/bin/bash
# The HTTP server against raw sockets: our own cases; and the larger suite, 131 cases, where the shared folder is at hand.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
exec 3< <(exec "$azdrift" lua "$here/echo.lua" 2>"$work/err")
server=$!
trap 'kill "$server" 2>/dev/null; rm -rf "$work"' EXIT
read -r port <&3 || { cat "$work/err"; echo 'the echo server did not start'; exit 1; }
status=0
python3 "$here/http_conformance.py" "$port" || status=1
suite=${AZDRIFT_SHARED:-$here/../../../shared}/tools/http-suite
if [ -x "$suite" ]; then
  python3 "$suite" "$port" "$work/suite.json" -q | tail -n 1 | tee "$work/last"
  grep -qx '131 cases, 0 not ok, 0 smuggled' "$work/last" || status=1
fi
kill -0 "$server" || { echo 'the server is gone'; status=1; }
[ -s "$work/err" ] && { cat "$work/err"; echo 'the server complained'; status=1; }
exit $status
