#!/usr/bin/env python3
"""What an operator does with a store: counts it, checks it, verifies its history, thins it out, makes its indexes and its readable copy
anew. On SQLite, and on a MongoDB where one is to be had."""
import os, subprocess, unittest

from lib.world import ROOT, Collected

SHORT = {"AZDRIFT_RETENTION_" + tier: "1s" for tier in ("ALL", "DAILY", "WEEKLY", "MONTHLY")}


class Maintenance(Collected):
    def setUp(self):
        super().setUp()
        self.keep_history()
        account = self.ids("microsoft.storage/storageaccounts")[0]
        for name in ("TLS1_0", "TLS1_1", "TLS1_0"):
            self.azure.write("PATCH", account, {"properties": {"minimumTlsVersion": name}})
            self.assertIn(self.project.collect().code, (0, 2))

    def keep_history(self):
        """Where; the first collection is in a file."""

    def ok(self, *arguments):
        run = self.project.run(*arguments)
        self.assertEqual(run.code, 0, run)
        return run

    def documents(self):
        """How many documents the readable copy has; None: this store has no such copy."""
        return None

    def test_a_sound_store_is_called_sound_and_counted(self):
        snapshots = len(self.project.snapshots())
        self.assertIn(": sound", self.ok("db", "check").out)
        stats = self.ok("db", "stats", "--json").report
        self.assertEqual(stats["snapshots"], snapshots)
        self.assertEqual(sum(scope["open_versions"] for scope in stats["scopes"]), len(self.project.export()))
        self.assertIn("migrate", self.ok("db", "--help").out)
        self.ok("db", "migrate")

    def test_history_verifies_and_its_head_is_known_again(self):
        verdict = self.ok("verify", "--json").report
        self.assertEqual((verdict["findings"], verdict["snapshots"]), (0, len(self.project.snapshots())))
        self.ok("verify", "--head", verdict["head"])
        unknown = self.project.run("verify", "--head", "0" * 64)
        self.assertEqual(unknown.code, 1, unknown)
        self.assertIn("no snapshot has the chain " + "0" * 64, unknown.err)
        self.assertIn('"abc" is no head', self.project.run("verify", "--head", "abc").err)

    def test_thinned_history_keeps_the_newest_the_baseline_and_its_proof(self):
        newest, before = self.project.export(), self.ok("db", "stats", "--json").report
        self.project.env.update(SHORT)
        self.assertIn("would go", self.ok("db", "compact", "--dry-run").out)
        self.assertEqual(self.ok("db", "stats", "--json").report["versions"], before["versions"], "a dry run deletes nothing")
        drifts = self.project.run("drift", "--json").report["drifts"]
        self.ok("db", "compact")
        after = self.ok("db", "stats", "--json").report
        self.assertLess(after["versions"], before["versions"])
        self.assertEqual(self.project.export(), newest)
        self.assertEqual([d["changes"] for d in self.project.run("drift", "--json").report["drifts"]], [d["changes"] for d in drifts])
        self.assertIn(": sound", self.ok("db", "check").out)
        self.assertEqual(self.ok("verify", "--json").report["findings"], 0)

    def test_what_can_be_made_anew_is(self):
        self.assertIn("indexes are made anew", self.ok("db", "rebuild", "indexes").out)
        self.assertIn(": sound", self.ok("db", "check").out)
        wrong = self.project.run("db", "rebuild", "index")
        self.assertEqual(wrong.code, 1, wrong)
        self.assertIn("indexes, resources", wrong.err)
        told = self.ok("db", "rebuild", "resources").out
        if self.documents() is None:
            self.assertIn("nothing to write", told)
        else:
            self.assertEqual(self.documents(), len(self.project.export()))


class OnMongodb(Maintenance):
    """The same words, kept by a server. There a snapshot stays for an hour after a baseline may have taken hold of it, so that thinning
    is left to the contract's tests."""
    test_thinned_history_keeps_the_newest_the_baseline_and_its_proof = None

    @classmethod
    def setUpClass(cls):
        found = subprocess.run([os.path.join(ROOT, "tests", "lib", "find-mongod")], capture_output=True, text=True)
        if found.returncode == 77:
            raise unittest.SkipTest(found.stderr.strip())
        super().setUpClass()
        from lib.mongod import Mongod
        cls.server = Mongod()
        cls.addClassCleanup(cls.server.close)

    def documents(self):
        self.server.run(self.database, drop="resources")
        self.ok("db", "rebuild", "resources")
        return self.server.run(self.database, count="resources")["n"]

    def keep_history(self):
        self.project.use_mongodb(self.server.fresh())
        self.database = self.project.env["MONGODB_DB_NAME"]
        self.assertEqual(self.project.collect().code, 0)


if __name__ == "__main__":
    unittest.main()
