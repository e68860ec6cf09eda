#!/usr/bin/env python3
"""An Azure that lies, or is broken beyond what a sandbox shows: whatever it answers, a run tells the truth, says which answer was bad, and
neither crashes, calls it a bug of its own, nor ends with exit code 0."""
import gzip, json, signal, threading, unittest, zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lib.world import Project, Sandbox

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
SCOPE = "/subscriptions/" + SUBSCRIPTION
STORAGE = "microsoft.storage/storageaccounts"
ACCOUNTS = SCOPE + "/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/"


def account(name, **members):
    return {"id": ACCOUNTS + name, "name": name, "type": "Microsoft.Storage/storageAccounts", "location": "westeurope",
            "properties": {"minimumTlsVersion": "TLS1_2"}, **members}


class Answer:
    """One answer: a value as JSON, or bytes as they are."""

    def __init__(self, body, status=200, **headers):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status, self.headers = status, headers


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, answer):
        head = "HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (answer.status, len(answer.body))
        for name, value in answer.headers.items():
            head += "%s: %s\r\n" % (name.replace("_", "-"), value)
        try:
            self.wfile.write(head.encode() + b"\r\n" + answer.body)
        except OSError:  # who was asked too much hangs up
            self.close_connection = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send(self.server.answers.get("token") or Answer({"access_token": "token", "expires_in": 3600}))

    def do_GET(self):
        path = self.path.partition("?")[0].lower()
        self.server.paths.append(self.path)
        kind = {"/metadata/endpoints": "metadata", "/subscriptions": "subscriptions", SCOPE + "/providers": "providers",
                SCOPE + "/resources": "resources"}.get(path) or ("list" if path.endswith("/storageaccounts") else "resource")
        answer = self.server.answers.get(kind)
        self.send(answer or Answer(*self.server.truth(kind, path)))


class Liar(ThreadingHTTPServer):
    """Two storage accounts of one subscription, told truly but for the answers that a test has replaced."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.paths, self.accounts = {}, [], [account("a"), account("b")]
        self.url = "http://127.0.0.1:%d" % self.server_address[1]
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def truth(self, kind, path):
        if kind == "metadata":
            return {"authentication": {"loginEndpoint": self.url}, "resourceManager": self.url},
        if kind == "subscriptions":
            return {"value": [{"subscriptionId": SUBSCRIPTION, "displayName": "one", "state": "Enabled"}]},
        if kind == "providers":
            return {"value": [{"namespace": "Microsoft.Storage",
                               "resourceTypes": [{"resourceType": "storageAccounts", "apiVersions": ["2023-01-01"]}]}]},
        if kind in ("resources", "list"):
            return {"value": self.accounts},
        for one in self.accounts:
            if one["id"].lower() == path:
                return one,
        return {"error": {"code": "ResourceNotFound", "message": "not found"}}, 404

    def close(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Lies(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.azure = Liar()
        self.addCleanup(self.azure.close)
        self.project = Project(self.azure.url)
        self.addCleanup(self.project.close)

    def first(self):
        first = self.project.collect()
        self.assertEqual(first.code, 0, first)
        self.azure.paths.clear()

    def collect(self, **answers):
        self.azure.answers = answers
        run = self.project.collect()
        self.assertNotIn("internal error", run.err)
        self.assertIn(run.code, (0, 1, 2, 3), run)
        return run

    def check_gap(self, run, code):
        """Not everything was read, and no drift was made of it."""
        self.assertEqual(run.code, 3, run)
        self.assertEqual((run.report["has_drift"], run.report["complete"], run.report["drifts"]), (False, False, []), run)
        self.assertIn(code, [line.get("code") for line in run.report["coverage"]["types"]], run)
        self.assertEqual(len(self.project.export()), 2)

    def check_refused(self, run, said):
        self.assertEqual(run.code, 1, run)
        self.assertIn(said, run.err)
        self.assertEqual(len(run.err.splitlines()), 1, run)

    # ---- a read that says less than it seems to ----

    def test_type_that_was_read_once_and_cannot_be_listed_any_more_is_a_gap(self):
        self.first()
        for status in (404, 405):
            run = self.collect(list=Answer({"error": {"code": "Gone%d" % status}}, status), resources=Answer({"value": []}))
            self.check_gap(run, "Gone%d" % status)

    def test_next_link_that_is_no_text_is_a_gap(self):
        self.first()
        for link in (7, True, {"href": "x"}, ["x"]):
            self.check_gap(self.collect(list=Answer({"value": [account("a")], "nextLink": link})), "parse")

    def test_providers_that_name_nothing_are_a_gap(self):
        self.first()
        self.check_gap(self.collect(providers=Answer({"value": []})), "NoProviders")
        self.check_gap(self.collect(providers=Answer({"value": "x"})), "NotAList")
        self.check_gap(self.collect(providers=Answer({"value": [None, {"namespace": "Microsoft.Storage"}]})), "NotAList")

    def test_lists_that_are_none_are_a_gap(self):
        self.first()
        for body in (b"", b"{}", b"\0" * 9, b'{"value":null}', b'{"value":{}}', b'{"value":[{"id":"' + b"[" * 100000,
                     b'{"error":{"code":"AuthorizationFailed"}}', b'{"value":[{"id":"%sa","x":"\xff"}]}' % ACCOUNTS.encode()):
            run = self.collect(list=Answer(body))
            self.assertEqual((run.code, run.report["drifts"]), (3, []), (body[:40], run))

    def test_answers_with_other_statuses_than_200_are_a_gap(self):
        self.first()
        for status in (204, 206, 301, 302, 307):
            run = self.collect(list=Answer(b"" if status == 204 else json.dumps({"value": []}).encode(), status, Location="http://127.0.0.2:9/"))
            self.assertEqual((run.code, run.report["drifts"]), (3, []), run)

    # ---- sizes and encodings ----

    def test_compressed_bombs_are_limits(self):
        self.first()
        squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(squeezer.compress(b" " * (1 << 20)) for _ in range(80)) + squeezer.flush()
        self.check_gap(self.collect(list=Answer(bomb, Content_Encoding="gzip")), "limit")
        self.check_refused(self.collect(metadata=Answer(bomb, Content_Encoding="gzip")), "larger than 1048576 bytes")
        self.check_refused(self.collect(subscriptions=Answer(bomb, Content_Encoding="gzip")), "larger than 67108864 bytes")

    def test_encodings_that_nobody_asked_for_are_said(self):
        self.first()
        self.check_gap(self.collect(list=Answer(b"xyz", Content_Encoding="br")), "unsupported")
        self.check_refused(self.collect(subscriptions=Answer(b"xyz", Content_Encoding="br")), "Content-Encoding")
        self.check_gap(self.collect(list=Answer(gzip.compress(b'{"value":[]}')[:-6], Content_Encoding="gzip")), "parse")

    def test_long_messages_are_cut(self):
        self.first()
        run = self.collect(list=Answer({"error": {"code": "Long", "message": "x" * 30000}}, 400))
        self.check_gap(run, "Long")
        self.assertLess(len(run.out), 10000)

    # ---- what everything hangs on ----

    def test_subscriptions_that_are_none_are_refused(self):
        for item in (1, None, "x", {"subscriptionId": 7}, {"subscriptionId": ""}, {"subscriptionId": "../../etc?x=y"},
                     {"subscriptionId": "a\x1b[31m\nb"}, {"subscriptionId": "x" * 5000}):
            run = self.collect(subscriptions=Answer({"value": [{"subscriptionId": SUBSCRIPTION}, item]}))
            self.check_refused(run, "subscriptions")
            self.assertNotIn("\x1b", run.err)

    def test_subscription_that_is_listed_twice_is_read_once(self):
        twice = [{"subscriptionId": SUBSCRIPTION}, {"subscriptionId": SUBSCRIPTION.upper()}]
        self.assertEqual(self.collect(subscriptions=Answer({"value": twice})).code, 0)
        self.assertEqual(len(self.project.snapshots()), 1)

    def test_api_versions_cannot_widen_a_url(self):
        odd = [{"namespace": "Microsoft.Storage", "resourceTypes": [{"resourceType": "storageAccounts", "apiVersions": ["9999-01-01&x=y#z?/"]}]}]
        self.assertEqual(self.collect(providers=Answer({"value": odd})).code, 0)
        queries = [path.partition("?")[2] for path in self.azure.paths if "9999" in path]
        self.assertEqual(set(queries), {"api-version=9999-01-01%26x%3Dy%23z%3F%2F"})

    def test_offers_of_odd_kinds_are_passed_over(self):
        good = {"resourceType": "storageAccounts", "apiVersions": ["2023-01-01", 1, None, {}]}
        odd = [{"namespace": 7}, {"namespace": "A", "resourceTypes": 1}, {"namespace": "B", "resourceTypes": [1, None, {"resourceType": 5}]},
               {"namespace": "Microsoft.Storage", "resourceTypes": [good]}]
        self.assertEqual(self.collect(providers=Answer({"value": odd})).code, 0)

    def test_metadata_and_tokens_that_are_none_are_refused(self):
        for body in ([1, 2], {"resourceManager": {}, "authentication": 7}, [{"resourceManager": {}}], {"authentication": {"loginEndpoint": 1}}):
            self.check_refused(self.collect(metadata=Answer(body)), "loginEndpoint")
        for body in ({"error": "x", "error_codes": 7, "error_description": {}}, {"error": {}}, 7):
            self.check_refused(self.collect(token=Answer(body, 400)), "token for tenant")
        self.check_refused(self.collect(token=Answer({"access_token": "a\r\nb: c", "expires_in": {}})), "credential")

    # ---- secrets ----

    def test_misspelt_type_is_refused_before_anything_is_begun(self):
        """It was found after the lease was taken: each try skipped the number of a snapshot."""
        run = self.project.run("collect", "--type", "Microsoft.Storage/storageAcounts")
        self.assertEqual(run.code, 1, run)
        self.assertIn('did you mean "Microsoft.Storage/storageAccounts"?', run.err)
        run = self.project.collect()
        self.assertEqual([snapshot["seq"] for snapshot in self.project.snapshots()], [1], run)

    def test_empty_secret_is_said_and_az_is_not_asked(self):
        self.project.env["AZURE_CLIENT_SECRET"] = ""
        run = self.project.run("collect")
        self.assertEqual(run.code, 1, run)
        self.assertIn("AZURE_CLIENT_SECRET is not set, or empty", run.err)

    def test_secret_that_the_login_endpoint_repeats_is_not_shown(self):
        self.project.env["AZURE_CLIENT_SECRET"] = "va.l%1(u)e-[7]"
        run = self.collect(token=Answer({"error": "x", "error_description": "bad secret va.l%1(u)e-[7] \x1b[31m"}, 401))
        self.check_refused(run, "bad secret (the client secret)")
        self.assertNotIn("va.l", run.err)
        self.assertNotIn("\x1b", run.err)


class Interrupted(unittest.TestCase):
    def test_run_that_was_interrupted_or_killed_holds_nobody_up(self):
        """Ctrl-C in the middle of a collection; the next one need not wait for the lease to run out."""
        with Sandbox(resources=60, latency_ms=30) as azure, Project(azure.url) as project:
            for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)):
                azure.control(clear_log=True)
                process = project.start("collect")
                while not any(name.startswith("GET list") for name in azure.log()["operations"]):
                    self.assertIsNone(process.poll())
                process.send_signal(number)
                self.assertEqual(process.wait(timeout=30), code)
                self.assertEqual(project.collect().code, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
