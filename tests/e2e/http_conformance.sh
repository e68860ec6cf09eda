#!/bin/bash
# The HTTP server against raw sockets, plain and behind TLS: our own cases; and the larger suite, 131 cases, where the shared
# folder is at hand.
set -u
azdrift=$(realpath "${AZDRIFT:-build/azdrift}")
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
suite=${AZDRIFT_SHARED:-$here/../../../shared}/tools/http-suite
status=0
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

# run_cases PORT WHAT: what it says begins with WHAT; fails where a case did.
run_cases() {
  local failed=0
  python3 "$here/http_conformance.py" "$1" >"$work/$2.own" || failed=1
  sed "s/^/$2: /" "$work/$2.own"
  if [ -x "$suite" ]; then
    python3 "$suite" "$1" "$work/$2.json" -q | tail -n 1 >"$work/$2.last"
    sed "s/^/$2: /" "$work/$2.last"
    grep -qx '131 cases, 0 not ok, 0 smuggled' "$work/$2.last" || failed=1
  fi
  return $failed
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost -days 2 \
  -keyout "$work/key.pem" -out "$work/certificate.pem" 2>"$work/openssl" || { cat "$work/openssl"; exit 1; }

exec 3< <(exec "$azdrift" lua "$here/echo.lua" 2>"$work/plain.err")
plain=$!
exec 4< <(exec "$azdrift" lua "$here/echo.lua" 0 "$work/certificate.pem" "$work/key.pem" 2>"$work/tls.err")
tls=$!
read -r plain_port <&3 || { cat "$work/plain.err"; echo 'the echo server did not start'; exit 1; }
read -r tls_port <&4 || { cat "$work/tls.err"; echo 'the echo server behind TLS did not start'; exit 1; }
mkfifo "$work/end"
exec 5< <(exec python3 "$here/lib/tls_relay.py" "$tls_port" <"$work/end")
relay=$!
exec 6>"$work/end"
read -r relay_port <&5 || { echo 'the relay did not start'; exit 1; }

run_cases "$relay_port" tls &
behind=$!
run_cases "$plain_port" plain || status=1
wait "$behind" || status=1
exec 6>&-
for server in "$plain" "$tls"; do
  kill -0 "$server" || { echo 'a server is gone'; status=1; }
  kill "$server" 2>/dev/null
done
kill "$relay" 2>/dev/null
for complaint in "$work/plain.err" "$work/tls.err"; do
  [ -s "$complaint" ] && { cat "$complaint"; echo 'the server complained'; status=1; }
done
exit $status
