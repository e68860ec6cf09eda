#!/usr/bin/env python3
"""`azdrift serve` as somebody meets it: it collects by itself, answers the published paths in their shapes, tells drift, takes an edited
policy without a restart, lets the right ones in, keeps an account of it, and ends without losing a reply."""
import base64
import http.client
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
import unittest

from lib.world import AZDRIFT, Project, Sandbox, type_of

STORAGE = "microsoft.storage/storageaccounts"
PATIENCE_S = 60


class Reply:
    def __init__(self, reply):
        self.status, self.headers, self.text = reply.status, reply.headers, reply.read().decode()

    @property
    def json(self):
        return json.loads(self.text)

    def __repr__(self):
        return "%d %s" % (self.status, self.text[:500])


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE_S)
        self.sock.connect(self.path)


class Service:
    """The process; its log is read as it comes, so that a test can wait for an event of it."""

    def __init__(self, project, *arguments, tls=None):
        self.tls = tls
        self.unix = os.path.join(project.folder, "api.sock")
        self.lines, self.events = [], threading.Condition()
        self.process = subprocess.Popen([AZDRIFT, "serve", "--listen", "127.0.0.1:0", "--listen", "unix:" + self.unix, *arguments],
                                        cwd=project.folder, env=project.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.port = int(self.await_event("serving")["message"].split("127.0.0.1:")[1].split(",")[0])

    def read(self):
        for line in self.process.stderr:
            with self.events:
                self.lines.append(json.loads(line) if line.startswith("{") else {"event": "text", "message": line})
                self.events.notify_all()
        with self.events:
            self.lines.append({"event": "end", "message": "the log ended"})
            self.events.notify_all()

    def await_event(self, name, after=0):
        """The first such line of the log from the line `after` on."""
        def find():
            return next((line for line in self.lines[after:] if line["event"] in (name, "end")), None)
        with self.events:
            if not self.events.wait_for(find, PATIENCE_S) or find()["event"] != name:
                raise AssertionError("no %s in the log:\n%s" % (name, "\n".join(map(str, self.lines[-20:]))))
            return find()

    def connection(self, unix=False):
        if unix:
            return UnixConnection(self.unix)
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE_S, context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

    def ask(self, method, path, body=None, key=None, unix=False, **headers):
        connection = self.connection(unix)
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key:
            headers["Authorization"] = "Bearer " + key
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(timeout=PATIENCE_S)
        self.reader.join()
        self.process.stderr.close()
        return code


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Tenant:
    """An Entra ID that publishes one key, and signs what it is told to."""
    id = "72f988bf-86f1-41af-91ab-2d7cd011db47"

    def __init__(self, folder):
        self.key = os.path.join(folder, "tenant.pem")
        subprocess.run(["openssl", "genrsa", "-out", self.key, "2048"], check=True, capture_output=True)
        modulus = subprocess.run(["openssl", "rsa", "-in", self.key, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
        key = {"kty": "RSA", "use": "sig", "kid": "story", "e": "AQAB", "n": base64url(bytes.fromhex(modulus.strip().split("=")[1]))}
        tenant = self
        tenant.asked = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                tenant.asked += 1
                body = json.dumps({"keys": [key]}).encode()
                self.send_response(200 if self.path == "/%s/discovery/v2.0/keys" % tenant.id else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def token(self, alg="RS256", kid="story", **claims):
        now = int(time.time())
        payload = {"iss": "%s/%s/v2.0" % (self.url, self.id), "aud": "api://story", "tid": self.id, "oid": "eve", "exp": now + 3600,
                   "nbf": now - 5, **claims}
        signed = base64url(json.dumps({"alg": alg, "typ": "JWT", "kid": kid}).encode()) + "." + base64url(json.dumps(payload).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key], input=signed.encode(), check=True,
                                   capture_output=True).stdout
        return signed + "." + base64url(signature)


class Stories(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.azure = Sandbox(resources=120)
        self.addCleanup(self.azure.close)
        self.project = Project(self.azure.url)
        self.addCleanup(self.project.close)
        os.makedirs(os.path.join(self.project.folder, "policies"))
        with open(os.path.join(self.project.folder, "azdrift.lua"), "w") as file:
            file.write('return { collect = { every = "1h", jitter = "0s" } }\n')

    def serve(self, *arguments, **options):
        service = Service(self.project, *arguments, **options)
        self.addCleanup(lambda: service.process.poll() is None and service.stop(signal.SIGKILL))
        return service

    def storage(self, snapshot):
        return sorted(i for by_id in snapshot["resources"].values() for i in by_id if type_of(i) == STORAGE)[0]

    def policy(self, severity):
        with open(os.path.join(self.project.folder, "policies", "story.lua"), "w") as file:
            file.write('''policy "story" {
  type = "Microsoft.Storage/storageAccounts", watch = "properties.minimumTlsVersion", to = "TLS1_0", severity = "%s", message = "weak",
  examples = {
    { old = { properties = { minimumTlsVersion = "TLS1_2" } }, new = { properties = { minimumTlsVersion = "TLS1_0" } }, gives = "%s" },
    { old = { properties = { minimumTlsVersion = "TLS1_0" } }, new = { properties = { minimumTlsVersion = "TLS1_2" } }, gives = false },
  },
}
''' % (severity, severity))

    def key(self, role, *more):
        done = self.project.run("keys", "create", "--quiet", "--role", role, "--name", role, *more)
        self.assertEqual(done.code, 0, done)
        return done.out.strip()

    def test_a_day_of_the_service(self):
        service = self.serve()
        service.await_event("collected")  # by itself: the schedule found it due
        while [job["status"] for job in service.get("/v1/jobs").json["items"]] != ["done"]:
            pass  # the job is over a moment after; the story's own time limit ends a wait for ever
        self.assertEqual(service.get("/health").json["status"], "healthy")
        snapshot = service.get("/latest-snapshot").json
        self.assertEqual(sorted(snapshot), ["_id", "resource_group", "resources", "subscription_id", "timestamp"])
        self.assertEqual(sum(map(len, snapshot["resources"].values())), service.get("/v1/snapshots").json["items"][0]["resources"])
        self.assertFalse(service.get("/latest-drift").json["has_drift"])

        account = self.storage(snapshot)
        self.azure.write("PATCH", account, {"properties": {"minimumTlsVersion": "TLS1_0"}})
        collected = service.ask("POST", "/collect")
        self.assertEqual(collected.status, 200, collected)
        self.assertEqual(sorted(collected.json), sorted(snapshot))
        drift = service.get("/latest-drift").json
        self.assertTrue(drift["has_drift"])
        self.assertEqual([d["resource_id"] for d in drift["drifts"]], [account])
        change = drift["drifts"][0]["changes"][0]
        self.assertEqual((change["property"], change["new_value"]), ("properties.minimumTlsVersion", "TLS1_0"))
        before = drift["drifts"][0]["severity"]

        # A policy edited in place changes the severity of the next report, without a restart; a broken one is refused.
        self.assertNotEqual(before, "critical")
        self.policy("critical")
        service.await_event("reload_taken")
        service.process.send_signal(signal.SIGHUP)
        service.await_event("reload_same")
        self.assertEqual(service.ask("POST", "/collect").status, 200)
        self.assertEqual(service.get("/latest-drift").json["drifts"][0]["severity"], "critical")
        with open(os.path.join(self.project.folder, "policies", "story.lua"), "a") as file:
            file.write("this is no Lua")
        service.await_event("reload_refused")
        refused = service.ask("POST", "/v1/reload", unix=True)
        self.assertEqual(refused.status, 422, refused)
        self.assertIn("policies/story.lua:", refused.json["detail"])
        self.assertEqual(service.ask("POST", "/collect").status, 200)
        self.assertEqual(service.get("/latest-drift").json["drifts"][0]["severity"], "critical")

        fingerprint = drift["drifts"][0]["fingerprint"]
        muted = service.ask("POST", "/v1/drifts/%s/mute" % fingerprint, {"why": "a story"})
        self.assertEqual(muted.status, 200, muted)
        self.assertEqual([d["status"] for d in service.get("/v1/drifts?status=muted").json["items"]], ["muted"])
        self.assertEqual(service.get("/v1/drifts?status=open").json["items"], [])
        subscription = snapshot["subscription_id"]
        begun = service.ask("POST", "/initialize", {"subscription_id": subscription})
        self.assertEqual(begun.status, 200, begun)
        self.assertEqual(service.ask("POST", "/collect").status, 200)
        self.assertEqual(service.get("/latest-drift").json["drifts"], [])
        self.assertEqual(service.ask("POST", "/initialize", {"subscription_id": "no-such"}).status, 404)

        history = service.get("/v1/resources/history?id=" + account).json
        self.assertEqual([v["kind"] for v in history["versions"]], ["changed", "added"])
        self.assertEqual(service.stop(), 0)
        self.assertFalse(os.path.exists(service.unix))
        audit = self.project.run("audit", "verify")
        self.assertEqual(audit.code, 0, audit)
        actions = [entry["action"] for entry in self.project.run("audit", "list", "--json").reports]
        for action in ("collect", "reload", "drift-muted", "initialize"):
            self.assertIn(action, actions)

    def test_who_may_do_what(self):
        keys = {role: self.key(role) for role in ("reader", "operator", "admin")}
        service = self.serve("--no-collect")
        wanted = {"reader": (200, 403, 403), "operator": (200, 202, 403), "admin": (200, 202, 200), None: (401, 401, 401)}
        for role, statuses in wanted.items():
            key = keys.get(role)
            self.assertEqual(service.get("/health", key=key).status, 200)
            self.assertEqual(service.get("/v1/jobs", key=key).status, statuses[0], role)
            self.assertEqual(service.ask("POST", "/v1/collections", {}, key=key).status, statuses[1], role)
            self.assertEqual(service.get("/v1/keys", key=key).status, statuses[2], role)
        self.assertEqual(service.get("/v1/me", unix=True).json["role"], "admin")
        made = service.ask("POST", "/v1/keys", {"name": "by route", "role": "reader"}, key=keys["admin"])
        self.assertEqual(made.status, 201, made)
        self.assertEqual(service.get("/v1/me", key=made.json["key"]).json["key"], made.json["id"])
        self.assertNotIn(made.json["key"], service.get("/v1/keys", key=keys["admin"]).text)
        self.assertEqual(service.ask("DELETE", "/v1/keys/" + made.json["id"], key=keys["admin"]).status, 200)
        self.assertEqual(service.get("/v1/me", key=made.json["key"]).status, 401)
        self.assertEqual(service.stop(), 0)
        # Neither the log nor the store's account of it has a key in it.
        told = json.dumps(service.lines) + self.project.run("audit", "list", "--json").out
        for key in list(keys.values()) + [made.json["key"]]:
            self.assertNotIn(key.split("_")[2], told)

    def test_a_narrowed_key_sees_its_part_and_no_more(self):
        self.assertIn(self.project.collect().code, (0, 3))
        bodies = self.project.export()
        groups = sorted({i.lower().split("/")[4] for i in bodies if "/resourcegroups/" in i.lower() and "/providers/" in i.lower()})
        scope = self.project.scope()
        mine = "%s/resourcegroups/%s" % (scope, groups[0])
        part, all_of_it, elsewhere = (self.key("reader", "--scope", mine), self.key("reader", "--scope", scope),
                                      self.key("reader", "--scope", "/subscriptions/00000000-0000-0000-0000-000000000000"))
        service = self.serve("--no-collect")
        seen = [i.lower() for by_id in service.get("/latest-snapshot", key=part).json["resources"].values() for i in by_id]
        inside = [i.lower() for i in bodies if i.lower() == mine or i.lower().startswith(mine + "/")]
        self.assertEqual(sorted(seen), sorted(inside))
        self.assertTrue(seen)
        whole = service.get("/latest-snapshot", key=all_of_it).json
        self.assertEqual(sum(map(len, whole["resources"].values())), len(bodies))
        listed = service.get("/v1/resources?scope=" + scope, key=part).json["items"]
        self.assertEqual(sorted(i["id"].lower() for i in listed), sorted(inside))
        other = next(i for i in bodies if i.lower() not in inside)
        for key, path, status in [(part, "/v1/resources/history?id=" + other, 404), (all_of_it, "/v1/resources/history?id=" + other, 200),
                                  (elsewhere, "/latest-snapshot", 404), (elsewhere, "/v1/resources?scope=" + scope, 404),
                                  (elsewhere, "/v1/baselines?scope=" + scope, 404), (part, "/v1/metrics", 404)]:
            self.assertEqual(service.get(path.replace(" ", "%20"), key=key).status, status, path)
        self.assertEqual(service.get("/v1/snapshots", key=part).json["items"], [])
        self.assertEqual(len(service.get("/v1/snapshots", key=all_of_it).json["items"]), 1)
        self.assertEqual(service.stop(), 0)

    def test_without_a_key_it_serves_this_machine_only(self):
        refused = self.project.run("serve", "--listen", "0.0.0.0:0")
        self.assertEqual(refused.code, 1)
        self.assertIn("keys create", refused.err)
        service = self.serve("--no-collect")
        self.assertEqual(service.get("/v1/me").json["kind"], "anonymous")
        self.assertEqual(service.get("/v1/me", Origin="https://evil.example").status, 401)
        self.assertEqual(service.get("/v1/me", Host="rebound.example").status, 401)
        key = self.key("reader")  # within five seconds nobody is let in without it any more
        give_up = time.monotonic() + PATIENCE_S
        while service.get("/v1/me").status != 401 and time.monotonic() < give_up:
            pass
        self.assertEqual(service.get("/v1/me").status, 401)
        self.assertEqual(service.get("/v1/me", key=key).status, 200)
        self.assertEqual(service.stop(), 0)

    def test_tls_with_a_certificate_that_is_exchanged(self):
        def certificate(name):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                            "-subj", "/CN=" + name, "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path("key.pem"), "-out",
                            path("certificate.pem")], check=True, capture_output=True)
        def path(name):
            return os.path.join(self.project.folder, name)
        def trusting():
            return ssl.create_default_context(cafile=path("certificate.pem"))
        certificate("first")
        self.project.env.update(AZDRIFT_TLS_CERTIFICATE=path("certificate.pem"), AZDRIFT_TLS_KEY=path("key.pem"))
        service = self.serve("--no-collect", tls=trusting())
        self.assertEqual(service.get("/health").status, 200)
        standing = service.connection()
        standing.request("GET", "/health")
        standing.getresponse().read()
        certificate("second")
        self.assertEqual(service.ask("POST", "/v1/reload", unix=True).status, 200)
        with self.assertRaises(ssl.SSLError):
            service.get("/health")  # who trusts the first alone
        standing.request("GET", "/health")
        self.assertEqual(standing.getresponse().read().decode().count("healthy"), 1)
        standing.close()
        service.tls = trusting()
        self.assertEqual(service.get("/health").status, 200)
        os.remove(path("key.pem"))
        refused = service.ask("POST", "/v1/reload", unix=True)
        self.assertEqual(refused.status, 422, refused)
        self.assertEqual(service.get("/health").status, 200)
        self.assertEqual(service.stop(), 0)

    def test_tokens_of_the_tenant_and_no_others(self):
        tenant = Tenant(self.project.folder)
        self.addCleanup(tenant.close)
        self.project.env.update(AZDRIFT_ENTRA_TENANT=tenant.id, AZDRIFT_ENTRA_AUDIENCES="api://story", AZDRIFT_ENTRA_AUTHORITY=tenant.url)
        service = self.serve("--no-collect")
        service.await_event("token_keys")
        reader, admin = tenant.token(roles=["reader"]), tenant.token(roles=["reader", "admin"])
        me = service.get("/v1/me", key=reader)
        self.assertEqual((me.status, me.json.get("kind"), me.json.get("role"), me.json.get("subject")), (200, "token", "reader", "eve"), me)
        self.assertEqual(service.get("/v1/keys", key=reader).status, 403)
        self.assertEqual(service.get("/v1/keys", key=admin).status, 200)
        self.assertEqual(service.get("/v1/me").status, 401, "with a tenant nobody is let in without a word")
        now = int(time.time())
        for wrong in ({"aud": "api://another"}, {"tid": "another"}, {"iss": "https://evil.example/v2.0"}, {"exp": now - 3600},
                      {"nbf": now + 3600}, {"alg": "none"}, {"alg": "HS256"}, {"kid": "unknown"}, {"roles": []}):
            refused = service.get("/v1/me", key=tenant.token(**{"roles": ["admin"], **wrong}))
            self.assertEqual(refused.status, 403 if "roles" in wrong else 401, (wrong, refused))
        forged = reader[:-8] + ("AAAAAAAA" if reader[-8:] != "AAAAAAAA" else "BBBBBBBB")
        self.assertEqual(service.get("/v1/me", key=forged).status, 401)
        self.assertEqual(tenant.asked, 1, "an unknown key is asked for once in five minutes at most")
        self.assertEqual(service.stop(), 0)
        self.assertNotIn(reader.split(".")[2], json.dumps(service.lines))

    def test_a_reply_in_work_is_delivered_when_it_ends(self):
        service = self.serve("--no-collect")
        self.azure.control(latency_ms=50)
        connection = service.connection()
        connection.request("POST", "/collect")
        while not any(job["status"] == "running" for job in service.get("/v1/jobs").json["items"]):
            pass
        service.process.send_signal(signal.SIGTERM)
        service.await_event("stopping")
        reply = Reply(connection.getresponse())
        self.assertEqual(reply.status, 200, reply)
        self.assertIn("resources", reply.json)
        connection.close()
        self.assertEqual(service.process.wait(timeout=PATIENCE_S), 0)
        service.reader.join()
        service.process.stderr.close()

    def test_a_job_that_a_kill_ended_says_so(self):
        service = self.serve("--no-collect")
        self.azure.control(latency_ms=200)
        job = service.ask("POST", "/v1/collections", {}).json
        while service.get("/v1/jobs/" + job["id"]).json["status"] != "running":
            pass
        self.assertEqual(service.ask("POST", "/v1/collections", {}).json["id"], job["id"], "no second one beside it")
        service.stop(signal.SIGKILL)
        again = self.serve("--no-collect")
        again.await_event("job_interrupted")
        self.assertEqual(again.get("/v1/jobs/" + job["id"]).json["status"], "interrupted")
        self.azure.control(latency_ms=0)
        self.assertEqual(again.ask("POST", "/collect").status, 200)  # the lease of the dead one is not in the way
        cancelled = again.ask("DELETE", "/v1/jobs/" + job["id"])
        self.assertEqual(cancelled.status, 409)
        self.assertEqual(again.stop(), 0)


if __name__ == "__main__":
    unittest.main()
