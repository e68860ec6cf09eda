#!/usr/bin/env python3
"""What may never happen: a read that failed becomes a "removed" drift, or an error ends as exit code 0. Each test breaks the sandbox
Azure in one way between two collections; the third, with Azure mended, tells the true state again."""
import unittest

from lib.world import Collected, Elsewhere

STORAGE = "microsoft.storage/storageaccounts"
BLOBS = "microsoft.storage/storageaccounts/blobservices"
VAULTS = "microsoft.keyvault/vaults"
PAGE = 2  # resources a page: even short lists have several


class Faults(Collected):
    estate = {"resources": 120, "page": PAGE}

    def line(self, report, type_name):
        lines = [line for line in report["coverage"]["types"] if line["type"] == type_name]
        self.assertEqual(len(lines), 1, "%s has %d coverage lines" % (type_name, len(lines)))
        return lines[0]

    def check_partial(self, run):
        """Not everything was read, nothing drifted, nothing is told as removed, nothing is lost."""
        report = run.report
        self.assertFalse(report["complete"], run)
        self.assertFalse(report["has_drift"], run)
        self.assertEqual(report["drifts"], [], run)
        self.assertEqual(run.code, 3, run)
        self.assertEqual(self.project.snapshots()[0]["status"], "partial")
        self.assertEqual(self.project.export(), self.before)

    def check_line(self, run, type_name, outcome, status=None, code=None, hint=None, kept=None):
        line = self.line(run.report, type_name)
        told = {name: line.get(name) for name in ("outcome", "status", "code")}
        self.assertEqual(told, {"outcome": outcome, "status": status, "code": code}, line)
        if hint:
            self.assertIn(hint, line.get("hint") or "", line)
        self.assertEqual(line["kept"], len(self.ids(type_name)) if kept is None else kept, line)
        self.assertEqual(line["since"], self.project.snapshots()[0]["seq"], line)

    def check_mended(self):
        """A real change beside the fault's end: the healthy collection tells it, and nothing else."""
        self.azure.control(faults=[], gone=[], hide=[], throttle=False)
        changed = self.ids(STORAGE)[0]
        self.azure.write("PATCH", changed, {"properties": {"minimumTlsVersion": "TLS1_0"}})
        healthy = self.project.collect()
        self.assertTrue(healthy.report["complete"], healthy)
        self.assertEqual([(d["kind"], d["resource_id"].lower()) for d in healthy.report["drifts"]], [("changed", changed.lower())], healthy)
        self.assertEqual(healthy.code, 2, healthy)
        after = self.project.export()
        self.assertEqual(set(after), set(self.before))
        self.assertEqual([i for i in after if after[i] != self.before[i]], [changed])

    def second(self, *faults, **control):
        self.azure.control(faults=list(faults), **control)
        return self.project.collect()

    # ---- a list that fails ----

    def test_forbidden_type(self):
        run = self.second({"type": STORAGE, "status": 403})
        self.check_partial(run)
        self.check_line(run, STORAGE, "forbidden", 403, "AuthorizationFailed", "Reader")
        self.check_mended()

    def test_server_errors_on_a_type(self):
        run = self.second({"type": STORAGE, "kind": "list", "status": 500})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", 500, "InternalServerError")
        self.assertEqual(self.line(run.report, STORAGE)["retries"], 2)
        self.check_mended()

    def test_answers_slower_than_the_deadline(self):
        self.project.env["AZDRIFT_COLLECT_DEADLINE"] = "3s"
        self.project.env["AZDRIFT_COLLECT_TRIES"] = "1"
        run = self.second({"type": STORAGE, "kind": "list", "delay_ms": 60000})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", None, "timeout")
        self.project.env["AZDRIFT_COLLECT_DEADLINE"] = "60s"
        self.check_mended()

    def test_cut_page(self):
        run = self.second({"type": STORAGE, "kind": "list", "cut_after_bytes": 700})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", None, "io")
        self.check_mended()

    def test_second_page_is_cut(self):
        """The first page was read: what it showed is read, what the others would have shown is kept."""
        run = self.second({"type": STORAGE, "kind": "list", "later": True, "cut_after_bytes": 700})
        self.check_partial(run)
        self.check_line(run, STORAGE, "partial", None, "io", kept=len(self.ids(STORAGE)) - PAGE)
        self.check_mended()

    def test_reset(self):
        run = self.second({"type": STORAGE, "kind": "list", "reset": True})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", None, "io")
        self.check_mended()

    def test_reset_once_is_no_fault(self):
        run = self.second({"type": STORAGE, "kind": "list", "reset": True, "times": 1})
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.project.export(), self.before)

    def test_next_link_to_another_host(self):
        elsewhere = Elsewhere()
        self.addCleanup(elsewhere.close)
        run = self.second({"type": STORAGE, "kind": "list", "next_link": "http://127.0.0.1:%d" % elsewhere.port})
        self.check_partial(run)
        self.check_line(run, STORAGE, "partial", None, "ForeignNextLink", "paging", kept=len(self.ids(STORAGE)) - PAGE)
        self.assertEqual(elsewhere.connections, 0)
        self.check_mended()

    def test_next_link_loop(self):
        run = self.second({"type": STORAGE, "kind": "list", "next_link": "loop"})
        self.check_partial(run)
        self.check_line(run, STORAGE, "partial", None, "NextLinkLoop", "paging", kept=len(self.ids(STORAGE)) - PAGE)
        self.check_mended()

    def test_empty_page_with_more_behind_it_is_no_fault(self):
        run = self.second({"type": STORAGE, "kind": "list", "next_link": "empty"})
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.project.export(), self.before)

    # ---- throttling ----

    def test_throttled_with_retry_after_until_retries_end(self):
        run = self.second({"type": STORAGE, "kind": "list", "status": 429, "retry_after": 1})
        self.check_partial(run)
        self.check_line(run, STORAGE, "throttled", 429, "TooManyRequests", "collect.connections")
        self.check_mended()

    def test_throttled_without_retry_after_until_retries_end(self):
        run = self.second({"type": STORAGE, "kind": "list", "status": 429})
        self.check_partial(run)
        self.check_line(run, STORAGE, "throttled", 429, "TooManyRequests", "collect.connections")
        self.assertEqual(self.line(run.report, STORAGE)["retries"], 2)
        self.check_mended()

    def test_asked_to_wait_longer_than_the_longest_wait(self):
        run = self.second({"type": STORAGE, "kind": "list", "status": 429, "retry_after": 3600})
        self.check_partial(run)
        self.check_line(run, STORAGE, "throttled", 429, "TooManyRequests")
        self.assertEqual(self.line(run.report, STORAGE)["retries"], 0)

    def test_throttled_once_is_waited_for(self):
        run = self.second({"type": STORAGE, "kind": "list", "status": 429, "retry_after": 1, "times": 1})
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.line(run.report, STORAGE)["retries"], 1)

    # ---- single resources ----

    def test_forbidden_resources_that_are_read_by_id(self):
        run = self.second({"type": BLOBS, "status": 403})
        self.check_partial(run)
        self.check_line(run, BLOBS, "forbidden", 403, "AuthorizationFailed", "Reader")
        self.check_mended()

    def test_one_resource_of_a_type_fails(self):
        blobs = self.ids(BLOBS)
        run = self.second({"type": BLOBS, "path": blobs[0].lower(), "status": 500})
        self.check_partial(run)
        self.check_line(run, BLOBS, "partial", 500, "InternalServerError", kept=1)
        self.assertEqual([(r["id"].lower(), r["outcome"], r["status"]) for r in run.report["coverage"]["resources"]],
                         [(blobs[0].lower(), "error", 500)])
        self.check_mended()

    def test_children_of_a_parent_that_cannot_be_read(self):
        """What stands below a forbidden parent is not asked for: nobody knows it, nothing of it is gone."""
        run = self.second({"type": STORAGE, "status": 403})
        self.check_partial(run)
        self.assertEqual(self.line(run.report, BLOBS)["outcome"], "not_asked")
        self.assertEqual(self.line(run.report, BLOBS)["kept"], len(self.ids(BLOBS)))
        self.check_mended()

    # ---- what everything hangs on ----

    def test_generic_list_forbidden(self):
        run = self.second({"kind": "resources", "status": 403})
        self.check_partial(run)
        line = self.line(run.report, "microsoft.resources/resources")
        self.assertEqual((line["outcome"], line["status"], line["code"]), ("forbidden", 403, "AuthorizationFailed"))
        self.check_mended()

    def test_providers_list_failing(self):
        run = self.second({"kind": "providers", "status": 500})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", 500, "InternalServerError")
        self.check_mended()

    def test_providers_list_forbidden(self):
        run = self.second({"kind": "providers", "status": 403})
        self.check_partial(run)
        self.check_line(run, STORAGE, "forbidden", 403, "AuthorizationFailed", "Reader")
        self.check_mended()

    def test_subscription_gone(self):
        subscription = self.project.scope().split("/")[2]
        run = self.second(gone=[subscription])
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", 404, "SubscriptionNotFound", "no longer visible")
        self.check_mended()

    def test_subscription_gone_in_the_middle_of_a_run(self):
        """The list of subscriptions still shows it; each answer in it is 404."""
        run = self.second({"kind": "list", "status": 404, "code": "SubscriptionNotFound"}, {"kind": "resource", "status": 404, "code": "SubscriptionNotFound"})
        self.check_partial(run)
        self.check_line(run, STORAGE, "error", 404, "SubscriptionNotFound", "no longer visible")
        self.check_mended()

    def test_subscriptions_list_failing_is_an_error(self):
        run = self.second({"kind": "subscriptions", "status": 500})
        self.assertEqual(run.code, 1, run)
        self.assertIn("subscriptions", run.err)
        self.assertEqual(len(self.project.snapshots()), 1)
        self.check_mended()

    # ---- tokens ----

    def test_token_that_expires_in_the_middle_of_a_run(self):
        run = self.second({"kind": "list", "status": 401, "code": "ExpiredAuthenticationToken", "times": 1})
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.azure.log()["operations"]["POST token"], 2)
        self.assertEqual(self.project.export(), self.before)

    def test_tokens_that_nobody_accepts(self):
        run = self.second({"kind": "list", "status": 401, "code": "InvalidAuthenticationToken"})
        self.check_partial(run)
        self.check_line(run, STORAGE, "forbidden", 401, "InvalidAuthenticationToken")
        self.check_mended()

    # ---- a list that lies ----

    def test_a_list_hides_what_a_get_still_shows(self):
        hidden = self.ids(VAULTS)[0]
        run = self.second(hide=[hidden])
        self.assertEqual(run.report["drifts"], [], run)
        self.assertEqual(run.code, 0, run)
        self.assertEqual(self.line(run.report, VAULTS)["kept"], 1)
        self.assertEqual(self.project.export(), self.before)
        self.check_mended()

    def test_a_list_hides_what_a_get_refuses(self):
        """Neither shown nor gone: it is kept, and said."""
        hidden = self.ids(VAULTS)[0]
        run = self.second({"type": VAULTS, "kind": "resource", "status": 403}, hide=[hidden])
        self.check_partial(run)
        self.check_line(run, VAULTS, "partial", 403, "AuthorizationFailed", kept=1)
        self.assertEqual([r["id"].lower() for r in run.report["coverage"]["resources"]], [hidden.lower()])
        self.check_mended()

    # ---- what leaves the machine ----

    def test_the_token_goes_to_its_own_host_only(self):
        """A page that leads elsewhere is not followed, so that nothing is sent there, the token least of all."""
        elsewhere = Elsewhere()
        self.addCleanup(elsewhere.close)
        for kind in ("resources", "providers", "subscriptions", "groups"):
            self.second({"kind": kind, "next_link": "http://127.0.0.1:%d" % elsewhere.port})
        self.assertEqual(elsewhere.connections, 0)

    def test_only_gets_and_the_token_post_are_sent(self):
        self.second({"type": STORAGE, "status": 500}, {"type": VAULTS, "status": 403})
        log = self.azure.log()
        self.assertEqual(set(log["methods"]), {"GET", "POST"})
        posts = {name: count for name, count in log["operations"].items() if not name.startswith("GET ")}
        self.assertEqual(posts, {"POST token": 1})


if __name__ == "__main__":
    unittest.main(verbosity=2)
