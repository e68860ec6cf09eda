#!/usr/bin/env python3
"""Requests byte for byte against tests/e2e/echo.lua: what RFC 9110 and 9112 want read, and what has to be refused because two
readers could understand it in two ways. Each refusal is followed by a second request on the same connection, which must never be
answered. usage: http_conformance.py PORT"""
import re
import socket
import sys

PORT = int(sys.argv[1])
PATIENCE_S = 10
SECOND = b"GET /second HTTP/1.1\r\nHost: h\r\n\r\n"
failures = []
count = 0


def converse(pieces, shut=False):
    """Sends the pieces, reads to the end of the connection; a list of replies (status, body) and everything that came."""
    with socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE_S) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        try:
            for piece in pieces:
                if callable(piece):
                    while not piece(got):
                        more = s.recv(65536)
                        if not more:
                            raise ConnectionError("closed early")
                        got += more
                else:
                    s.sendall(piece)
            if shut:
                s.shutdown(socket.SHUT_WR)
            while True:
                more = s.recv(65536)
                if not more:
                    return got
                got += more
        except ConnectionError:
            return got
        except socket.timeout:
            return got + b"<still open>"


def replies(got):
    """The replies in what came, by their lengths."""
    found = []
    while got:
        head, _, rest = got.partition(b"\r\n\r\n")
        status = re.match(rb"HTTP/1\.1 (\d{3}) ", head)
        if not status:
            return found + [(0, got)]
        if status[1] == b"100":
            got = rest
            continue
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = int(length[1]) if length else 0
        found.append((int(status[1]), rest[:size]))
        got = rest[size:]
    return found


def note(title, right, got):
    global count
    count += 1
    if not right:
        failures.append(title)
        print("not ok:", title, "|", got[:300])


def head(line, *fields, host="h"):
    lines = [line] + ([] if host is None else ["Host: " + host]) + list(fields)
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def taken(title, data, *echoes, shut=True):
    """Each request is answered 200 with what it was understood as."""
    pieces = data if isinstance(data, list) else [data]
    got = converse(pieces, shut=shut)
    seen = [body.decode("latin-1").strip() for status, body in replies(got) if status == 200]
    note(title, seen == list(echoes) and b"<still open>" not in got, got)


def refused(title, data, *statuses):
    """One reply with one of these statuses, then the end; what follows is not looked at."""
    got = converse([data if data.endswith(b"<end>") else data + SECOND])
    seen = [status for status, _ in replies(got)]
    note(title, len(seen) == 1 and seen[0] in statuses and b"/second" not in got, got)


def post(body, *fields):
    return head("POST /form HTTP/1.1", *fields) + body


# --- what is read
taken("the plainest request", head("GET /a HTTP/1.1"), "GET /a body=0<>")
taken("a query stays with its path", head("GET /a/b?c=d&e HTTP/1.1"), "GET /a/b?c=d&e body=0<>")
taken("any method", head("PROPFIND /a HTTP/1.1"), "PROPFIND /a body=0<>")
taken("an empty line before it", b"\r\n" + head("GET /a HTTP/1.1"), "GET /a body=0<>")
taken("white space around a value", head("POST /a HTTP/1.1", "Content-Length: \t 2 \t") + b"xy", "POST /a body=2<xy>")
taken("a URL as target", head("GET http://h/a?b HTTP/1.1"), "GET /a?b body=0<>")
taken("a URL without a path", head("GET http://h HTTP/1.1"), "GET / body=0<>")
taken("a URL with a query and no path", head("GET http://h?q=1 HTTP/1.1"), "GET /?q=1 body=0<>")
taken("the server as a whole", head("OPTIONS * HTTP/1.1"), "OPTIONS * body=0<>")
taken("an IPv6 host with a port", head("GET /a HTTP/1.1", host="[2001:db8::1]:8080"), "GET /a body=0<>")
taken("an empty host", head("GET /a HTTP/1.1", host=""), "GET /a body=0<>")
taken("HTTP/1.0 without a host", b"GET /a HTTP/1.0\r\n\r\n", "GET /a body=0<>")
taken("HTTP/1.0 kept alive", b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n" + SECOND,
      "GET /a body=0<>", "GET /b body=0<>")
taken("a body by its length", post(b"hello", "Content-Length: 5"), "POST /form body=5<hello>")
taken("a body of a GET", head("GET /a HTTP/1.1", "Content-Length: 3") + b"abc", "GET /a body=3<abc>")
taken("a body of a DELETE is no request", head("DELETE /a HTTP/1.1", "Content-Length: %d" % len(SECOND)) + SECOND,
      "DELETE /a body=%d<%s>" % (len(SECOND), SECOND.decode()))
taken("chunks", post(b"1\r\na\r\n0A\r\n0123456789\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
      "POST /form body=11<a0123456789>")
taken("chunk extensions are skipped", post(b'2;x;y="z"\r\nab\r\n0;last\r\n\r\n', "Transfer-Encoding: Chunked"),
      "POST /form body=2<ab>")
taken("trailers are dropped", post(b"2\r\nab\r\n0\r\nX-Late: 1\r\nContent-Length: 9\r\n\r\n", "Transfer-Encoding: chunked") + SECOND,
      "POST /form body=2<ab>", "GET /second body=0<>")
taken("three in one write", head("GET /1 HTTP/1.1") + post(b"2", "Content-Length: 1") + head("GET /3 HTTP/1.1"),
      "GET /1 body=0<>", "POST /form body=1<2>", "GET /3 body=0<>")
taken("one behind a slow one", head("GET /slow HTTP/1.1") + head("GET /b HTTP/1.1"), "GET /slow body=0<>", "GET /b body=0<>")
taken("byte by byte", [bytes([b]) for b in post(b"3\r\nabc\r\n0\r\n\r\n", "Transfer-Encoding: chunked")],
      "POST /form body=3<abc>")
taken("close among the options", head("GET /a HTTP/1.1", "Connection: te, close") + SECOND, "GET /a body=0<>", shut=False)
taken("an upgrade is not taken up", head("GET /a HTTP/1.1", "Connection: upgrade", "Upgrade: websocket"), "GET /a body=0<>")
taken("the body is asked for", [head("POST /form HTTP/1.1", "Content-Length: 2", "Expect: 100-continue"),
      lambda got: b"HTTP/1.1 100 Continue\r\n\r\n" in got, b"ok"], "POST /form body=2<ok>")
taken("HTTP/1.0 knows no expectation", b"POST /form HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nok",
      "POST /form body=2<ok>")

# --- what is refused: the request line
for title, line, status in [
    ("no version", "GET /a", 400), ("two spaces", "GET  /a HTTP/1.1", 400), ("a space in the target", "GET /a b HTTP/1.1", 400),
    ("a space at the end", "GET /a HTTP/1.1 ", 400), ("a tab", "GET\t/a\tHTTP/1.1", 400), ("HTTP/2", "GET /a HTTP/2.0", 505),
    ("HTTP/1.2", "GET /a HTTP/1.2", 505), ("version in small letters", "GET /a http/1.1", 400),
    ("version with a nought", "GET /a HTTP/1.01", 400), ("a target without a slash", "GET a HTTP/1.1", 400),
    ("another scheme", "GET ftp://h/a HTTP/1.1", 400), ("a user in the target", "GET http://u@h/a HTTP/1.1", 400),
    ("a star for GET", "GET * HTTP/1.1", 400), ("a tunnel", "CONNECT h:443 HTTP/1.1", 501), ("a trace", "TRACE /a HTTP/1.1", 501),
    ("a fragment", "GET /a#b HTTP/1.1", 400), ("a byte beyond ASCII", "GET /\xe9 HTTP/1.1", 400), ("NUL", "GET /\0 HTTP/1.1", 400),
    ("a method with a comma", "GE,T /a HTTP/1.1", 400), ("a target too long", "GET /" + "a" * 8000 + " HTTP/1.1", 414),
    ("a method too long", "M" * 33 + " /a HTTP/1.1", 501),
]:
    refused("request line: " + title, head(line), status)
refused("three empty lines", b"\r\n\r\n\r\n" + head("GET /a HTTP/1.1"), 400)
refused("lines that end in LF only", b"GET /a HTTP/1.1\nHost: h\n\n", 400)
refused("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, 400)
refused("TLS on a plain port", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(64), 400)

# --- fields
for title, field, status in [
    ("space before the colon", "X-A : 1", 400), ("no colon", "X-A", 400), ("no name", ": 1", 400), ("NUL in a value", "X-A: a\0b", 400),
    ("a control character", "X-A: \x08", 400), ("bare CR", "X-A: a\rb", 400), ("bare LF", "X-A: a\nX-B: b", 400),
    ("a folded line", "X-A: 1\r\n  2", 400), ("a folded length", "Content-Length:\r\n 5", 400), ("a second host", "Host: i", 400),
    ("a name with brackets", "X(A): 1", 400), ("an unknown expectation", "Expect: tea", 417),
    ("too many", "\r\n".join(["A: b"] * 64), 431), ("one too long", "X-A: " + "a" * 16384, 431),
]:
    refused("field: " + title, head("GET /a HTTP/1.1", field), status)
refused("no host", head("GET /a HTTP/1.1", host=None), 400)
for host in ("a b", "a/b", "a,b", "u@a", "a:80:81", "a:x", "[::1"):
    refused("the host " + host, head("GET /a HTTP/1.1", host=host), 400)

# --- where a body ends
for title, fields, status in [
    ("a length and chunks", ("Content-Length: 5", "Transfer-Encoding: chunked"), 400),
    ("chunks and a length", ("Transfer-Encoding: chunked", "Content-Length: 5"), 400),
    ("two lengths", ("Content-Length: 5", "Content-Length: 6"), 400), ("the same length twice", ("Content-Length: 5",) * 2, 400),
    ("a list of lengths", ("Content-Length: 5, 5",), 400), ("a signed length", ("Content-Length: +5",), 400),
    ("a negative length", ("Content-Length: -5",), 400), ("a hexadecimal length", ("Content-Length: 0x5",), 400),
    ("no number at all", ("Content-Length: ",), 400), ("a length of 20 digits", ("Content-Length: 18446744073709551621",), 413),
    ("a length beyond the limit", ("Content-Length: 1048577",), 413), ("another coding", ("Transfer-Encoding: gzip",), 501),
    ("chunked and more", ("Transfer-Encoding: gzip, chunked",), 501), ("identity", ("Transfer-Encoding: identity",), 501),
    ("chunked twice", ("Transfer-Encoding: chunked",) * 2, 400), ("chunked in quotes", ('Transfer-Encoding: "chunked"',), 501),
    ("a coding before its colon", ("Transfer-Encoding : chunked",), 400),
]:
    refused("framing: " + title, head("POST /form HTTP/1.1", *fields) + b"0\r\n\r\n", status)
refused("chunks in HTTP/1.0", b"POST /form HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400)
for title, chunks, status in [
    ("no size", b"\r\nab\r\n", 400), ("no digits", b";x\r\nab\r\n", 400), ("a sign", b"+2\r\nab\r\n", 400), ("a prefix", b"0x2\r\nab\r\n", 400),
    ("a space before", b" 2\r\nab\r\n", 400), ("words behind", b"2 bytes\r\nab\r\n", 400), ("LF only", b"2\nab\r\n", 400),
    ("LF inside an extension", b"2;a\nb\r\nab\r\n", 400), ("16 digits", b"0000000000000002\r\nab\r\n", 400),
    ("too long for its size", b"2\r\nabc\r\n", 400), ("no line end behind it", b"2\r\nab2\r\nab\r\n", 400),
    ("an endless extension", b"2;" + b"x" * 600 + b"\r\nab\r\n", 400), ("beyond the limit", b"100001\r\n", 413),
    ("endless trailers", b"0\r\n" + b"X: " + b"y" * 5000 + b"\r\n\r\n", 431), ("a trailer that is none", b"0\r\nX y\r\n\r\n", 400),
]:
    refused("chunk: " + title, post(chunks, "Transfer-Encoding: chunked"), status)
got = converse([post(b"abc", "Content-Length: 10")], shut=True)
note("a body that ends early", [s for s, _ in replies(got)] == [400], got)
got = converse([head("POST /form HTTP/1.1", "Content-Length: 2000000", "Expect: 100-continue")])
note("a body too long is not asked for", [s for s, _ in replies(got)] == [413] and b"100 Continue" not in got, got)
got = converse([head("HEAD /a HTTP/1.1", "Connection: close")])
note("HEAD has a length and no body", re.search(rb"\r\nContent-Length: \d+\r\n", got) and got.endswith(b"\r\n\r\n"), got)

print(f"{count} cases, {len(failures)} not ok")
sys.exit(1 if failures else 0)
