#!/usr/bin/env python3
"""What drift is measured against, and the life of a drift, through the command line: accepted in part and in whole, until a time, taken
back, acknowledged, muted, gone, open again; moments; reports told again. On SQLite, and on a MongoDB where one is to be had."""
import json, os, subprocess, unittest

from lib.world import ROOT, Collected

STORAGE = "microsoft.storage/storageaccounts"
TLS, BLOB = "properties.minimumTlsVersion", "properties.allowBlobPublicAccess"


class Baselines(Collected):
    def setUp(self):
        super().setUp()
        self.project.env.update(AZDRIFT_WHO="eve", LC_ALL="C")
        self.account = self.ids(STORAGE)[0]
        old = self.before[self.account]["properties"]
        self.old = {"minimumTlsVersion": old["minimumTlsVersion"], "allowBlobPublicAccess": old["allowBlobPublicAccess"]}
        self.new = {"minimumTlsVersion": "TLS1_0" if old["minimumTlsVersion"] != "TLS1_0" else "TLS1_2",
                    "allowBlobPublicAccess": not old["allowBlobPublicAccess"]}

    def change(self, **properties):
        self.azure.write("PATCH", self.account, {"properties": properties})
        return self.project.collect()

    def ok(self, *arguments):
        run = self.project.run(*arguments)
        self.assertEqual(run.code, 0, run)
        return run

    def refused(self, sentence, *arguments):
        run = self.project.run(*arguments)
        self.assertEqual(run.code, 1, run)
        self.assertEqual(run.out, "")
        self.assertIn(sentence, run.err)
        self.assertEqual(len(run.err.splitlines()), 1, run)

    def told(self):
        """The account's drift now: { property: (old, new) }, and the whole drift."""
        drifts = [d for d in self.project.run("drift", "--json").report["drifts"] if d["resource_id"] == self.account]
        self.assertLessEqual(len(drifts), 1)
        drift = drifts[0] if drifts else None
        return ({c["property"]: (c["old_value"], c["new_value"]) for c in drift["changes"]} if drift else {}), drift

    def test_accepted_in_part_moves_that_part_only(self):
        drift = [d for d in self.change(**self.new).report["drifts"] if d["resource_id"] == self.account][0]
        self.assertEqual({c["property"] for c in drift["changes"]}, {TLS, BLOB})
        fingerprint = drift["fingerprint"]
        self.refused("--why is missing", "baseline", "accept", fingerprint)
        self.refused('no change at "properties.nothing"; it has: properties.', "baseline", "accept", fingerprint, "--why", "x",
                     "--path", "properties.nothing")
        self.refused("is over", "baseline", "accept", fingerprint, "--why", "x", "--until", "2020-01-01")
        self.refused("knows no drift ffffffffffffffff", "baseline", "accept", "ffffffffffffffff", "--why", "x")
        accepted = self.ok("baseline", "accept", fingerprint[:8], "--path", TLS, "--why", "old clients, CHG-12", "--json").report
        self.assertEqual((accepted["who"], accepted["left"], [c["property"] for c in accepted["accepted"]]), ("eve", 1, [TLS]))
        places, rest = self.told()
        self.assertEqual(places, {BLOB: (self.old["allowBlobPublicAccess"], self.new["allowBlobPublicAccess"])})
        self.assertFalse(rest["is_new"], "the rest of a drift is no new one")
        self.assertEqual(rest["first_seen"], drift["first_seen"])
        # A later change of the accepted part is drift: from what was accepted, not from what was before.
        self.change(minimumTlsVersion="TLS1_1")
        self.assertEqual(self.told()[0][TLS], (self.new["minimumTlsVersion"], "TLS1_1"))
        shown = self.ok("baseline", "show", "--json", "--resource", self.account).report["accepted"]
        self.assertEqual([(e["who"], e["why"], e["part"]) for e in shown[0]["evidence"]], [("eve", "old clients, CHG-12", True)])
        self.assertEqual([(c["property"], c["old_value"], c["new_value"]) for c in shown[0]["evidence"][0]["changes"]],
                         [(TLS, self.old["minimumTlsVersion"], self.new["minimumTlsVersion"])])
        text = self.ok("baseline", "show").out
        self.assertIn("%s: \"%s\" -> \"%s\"" % (TLS, self.old["minimumTlsVersion"], self.new["minimumTlsVersion"]), text)
        self.ok("baseline", "clear", "--resource", self.account)
        self.assertEqual(self.told()[0][TLS], (self.old["minimumTlsVersion"], "TLS1_1"))
        self.refused("nothing was accepted for this resource", "baseline", "clear", "--resource", self.account)

    def test_accepted_until_a_time_speaks_again(self):
        fingerprint = self.change(**self.new).report["drifts"][0]["fingerprint"]
        self.ok("baseline", "accept", fingerprint, "--why", "test", "--until", "1h")
        self.assertEqual(self.told()[0], {})
        listed = self.ok("drift", "list", "--status", "accepted", "--json").report
        self.assertEqual((listed["fingerprint"], listed["who"], listed["why"]), (fingerprint, "eve", "test"))
        self.ok("baseline", "clear", "--resource", self.account)
        self.ok("baseline", "accept", fingerprint, "--why", "test", "--until", "1ms")  # over before anybody looks
        places, drift = self.told()
        self.assertEqual(set(places), {TLS, BLOB})
        self.assertTrue(drift["reopened"], drift)
        self.assertEqual((drift["fingerprint"], drift["earlier"][0]["ended"], drift["earlier"][0]["who"]), (fingerprint, "accepted", "eve"))
        self.assertIn("open again: accepted", self.project.run("drift").out)

    def test_life_of_a_drift(self):
        fingerprint = self.change(**self.new).report["drifts"][0]["fingerprint"]
        self.ok("drift", "ack", fingerprint, "--why", "on it", "--until", "30d")
        run = self.project.collect()
        drift = run.report["drifts"][0]
        self.assertEqual((drift["status"], drift["said"]["who"], drift["is_new"], run.code), ("acknowledged", "eve", False, 2))
        self.assertIn("acknowledged by eve until ", self.project.run("drift").out)
        self.ok("drift", "mute", fingerprint, "--why", "noise")
        run = self.project.collect()
        self.assertEqual((run.report["summary"]["muted"], run.report["has_drift"], run.code), (1, False, 0), run)
        self.ok("drift", "reopen", fingerprint)
        self.refused("is open", "drift", "reopen", fingerprint)
        gone = self.change(**self.old)
        self.assertEqual((gone.code, gone.report["summary"]["resolved"]), (0, 1), gone)
        self.assertEqual([d["fingerprint"] for d in gone.report["gone"]], [fingerprint])
        self.refused("its old value is back", "drift", "ack", fingerprint, "--why", "x")
        again = self.change(**self.new).report
        self.assertEqual((again["drifts"][0]["reopened"], again["summary"]["reopened"], again["summary"]["new"]), (True, 1, 1))
        self.assertEqual([e["ended"] for e in again["drifts"][0]["earlier"]], ["resolved"])
        told = self.ok("reports", "--json").reports
        self.assertEqual([r["summary"]["drifts"] for r in told], [1, 0, 1, 1, 1, 0])
        self.assertIn("0 open: 0 new, 0 open again, 0 still open; 1 gone", self.ok("reports").out)
        self.assertEqual(self.project.run("reports", "show", told[1]["_id"], "--json").report, gone.report)
        shown = self.project.run("reports", "show", told[1]["_id"])
        self.assertIn("Gone since the last report:", shown.out)
        self.assertEqual(shown.code, 0)
        self.refused("has no such report", "reports", "show", "0")

    def test_baseline_is_set(self):
        self.change(**self.new)
        self.assertEqual(len(self.told()[0]), 2)
        self.refused("knows the resource type", "baseline", "set", "--type", "Microsoft.Nothing/atAll", "--why", "x")
        self.refused("before the first snapshot", "baseline", "set", "2020-01-01", "--why", "x")
        self.refused("is in the future", "baseline", "set", "2999-01-01", "--why", "x")
        self.refused("has no snapshot 99; its numbers go from 1 to 2", "baseline", "set", "99", "--why", "x")
        self.ok("baseline", "set", "--why", "reviewed")
        self.assertEqual(self.told()[0], {})
        entry = [t for t in self.ok("baseline", "show", "--json", "--type", STORAGE).report["types"]][0]
        self.assertEqual((entry["seq"], entry["who"], entry["why"]), (2, "eve", "reviewed"))
        self.ok("baseline", "set", "1", "--type", STORAGE, "--why", "back")
        self.assertEqual(len(self.told()[0]), 2)
        self.ok("baseline", "set", "2", "--resource", self.account, "--why", "only this one")
        self.assertEqual(self.told()[0], {})
        self.ok("baseline", "clear", "--all")
        self.assertEqual(self.ok("baseline", "show", "--json").report["types"], [])
        self.project.collect()
        self.assertIn((3, "azdrift"), [(t["seq"], t["who"]) for t in self.ok("baseline", "show", "--json", "--type", STORAGE).report["types"]])

    def test_moments(self):
        first = self.project.snapshots()[0]
        self.change(**self.new)
        second = self.project.snapshots()[0]
        scope = first["scope"]
        for at in (first["timestamp"], first["_id"]):
            self.assertEqual(self.ok("snapshots", "--at", at, "--json").report["_id"], first["_id"])
            exported = json.loads(self.ok("export", "--at", at, "--type", STORAGE).out)
            self.assertEqual(exported["_id"], first["_id"])
            history = self.ok("history", "--at", at, "--json", self.account).reports
            self.assertEqual([(v["seq"], v["body"]["properties"]["minimumTlsVersion"]) for v in history], [(1, self.old["minimumTlsVersion"])])
            self.assertEqual(self.project.run("drift", "--at", at, "--json").report["drifts"], [])
        self.assertEqual(self.ok("snapshots", "--at", "1", "--scope", scope, "--json").report["seq"], 1)
        self.assertEqual(self.ok("snapshots", "--at", "0s ago", "--json").report["_id"], second["_id"])
        self.assertEqual(len(self.project.run("drift", "--from", "1", "--to", "2", "--scope", scope, "--json").report["drifts"]), 1)
        for command in (["snapshots"], ["export"], ["drift"], ["history", self.account]):
            self.refused("before the first snapshot of " + scope, *command, "--at", "2 y".replace(" ", ""))
            self.refused("is in the future; now is", *command, "--at", "2999-12-31T00:00Z")
            self.refused("is no moment", *command, "--at", "soon")
            self.refused("has no snapshot 7; its numbers go from 1 to 2", *command, "--at", "7", *([] if command[0] == "history" else ["--scope", scope]))
            self.refused("snapshot", *command, "--at", "00000000-0000-7000-8000-000000000000")


class OnMongodb(Baselines):
    """The same words, kept by a server. What a server has no part in is left to make torture."""
    if os.environ.get("AZDRIFT_TORTURE") != "1":
        test_moments = test_baseline_is_set = test_accepted_until_a_time_speaks_again = None

    @classmethod
    def setUpClass(cls):
        found = subprocess.run([os.path.join(ROOT, "tests", "lib", "find-mongod")], capture_output=True, text=True)
        if found.returncode == 77:
            raise unittest.SkipTest(found.stderr.strip())
        super().setUpClass()
        from lib.mongod import Mongod
        cls.server = Mongod()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        url = self.server.fresh()
        self.project.env.update(MONGODB_URL=url, MONGODB_DB_NAME=url.split("/")[3].split("?")[0], AZDRIFT_REDACTION_KEY="0123456789abcdef0123456789abcdef")
        self.assertEqual(self.project.collect().code, 0)


if __name__ == "__main__":
    unittest.main()
