#!/usr/bin/env python3
"""What may be wrong with a store, seen from the command line: one clear line that says what to do, the exit code, nothing that was
committed lost, no drift that nobody made. SQLite and MongoDB."""
import os, shutil, sqlite3, unittest

from lib.faults import CHECK, COMMANDS, NOBODY, SANITIZED, TORTURE, Faults, announce, fill
from lib.mongod import Mongod

class SqliteFaults(Faults):
    def test_file_that_is_no_store(self):
        with open(self.project.env["AZDRIFT_STORE"], "wb") as file:
            file.write(b"customer;amount\n" * 1000)
        for words in COMMANDS:
            self.refused(self.project.run(*words), "is not an azdrift store: name another file, or move this one away")

    def test_file_that_is_damaged(self):
        path = self.project.env["AZDRIFT_STORE"]
        sqlite3.connect(path).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 60000)
        for words in COMMANDS:
            self.refused(self.project.run(*words), "story.db", "restore it from a backup")

    def test_file_written_by_a_newer_azdrift(self):
        connection = sqlite3.connect(self.project.env["AZDRIFT_STORE"])
        connection.execute("INSERT INTO migration VALUES(9999, 0)")
        connection.commit()
        connection.close()
        for words in COMMANDS:
            self.refused(self.project.run(*words), "was written by a newer azdrift", "use that azdrift")

    def test_version_changed_by_hand(self):
        connection = sqlite3.connect(self.project.env["AZDRIFT_STORE"])
        connection.execute("UPDATE version SET body=x'527b7d' WHERE id=(SELECT min(id) FROM version)")
        connection.commit()
        connection.close()
        checked = self.project.run("lua", CHECK, self.project.env["AZDRIFT_STORE"])
        self.assertEqual(checked.code, 1, checked)
        self.assertIn("is not what was hashed", checked.out)

    def test_file_that_may_only_be_read(self):
        if os.geteuid():
            self.skipTest("becomes somebody else, which only root may")
        folder = self.project.folder
        for name in os.listdir(folder):
            os.chmod(os.path.join(folder, name), 0o444)
        os.chmod(folder, 0o555)
        self.addCleanup(os.chmod, folder, 0o755)
        self.refused(self.project.run("collect", user=NOBODY), "story.db", "change its permissions, or name another file")
        self.assertEqual(len(self.project.run("snapshots", "--json", user=NOBODY).reports), 1)

    def test_disk_without_space(self):
        folder = self.small_disk("8m")
        path = os.path.join(folder, "story.db")
        for suffix in ("", ".key"):
            shutil.copy(self.project.env["AZDRIFT_STORE"] + suffix, path + suffix)
        self.project.env["AZDRIFT_STORE"] = path
        self.azure.control(tick=True)
        filler = os.path.join(folder, "filler")
        fill(filler)
        for words in COMMANDS:  # reading too: SQLite shares an index of its log in a file
            self.refused(self.project.run(*words), "no space left: free some, nothing that was committed is lost")
        os.unlink(filler)
        self.mended([1])

    def test_clock_hours_off(self):
        """Ahead, behind, and right again: no lease of another time holds anybody up, and no snapshot is lost to the order of time."""
        library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
        if SANITIZED or not os.path.exists(library):
            self.skipTest("libfaketime cannot be loaded beside a sanitizer" if SANITIZED else "no libfaketime")
        for offset in ("+9h", "-9h", "+400d"):
            wrong = {"LD_PRELOAD": library, "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            self.project.env.update(wrong)
            run = self.project.collect("--fail-on", "high")
            for name in wrong:
                del self.project.env[name]
            self.assertEqual((run.code, run.report["drifts"]), (0, []), (offset, run))
            self.mended()
        self.assertEqual(len(self.seqs()), 7)

    def test_two_engines_at_once(self):
        self.two_at_once()

    def two_at_once(self):
        """One of two is told who is at it, or comes after; nothing is doubled."""
        self.azure.control(latency_ms=100)
        other = self.project.start("collect", "--quiet")
        run = self.project.collect("--fail-on", "high")
        other.wait()
        self.assertIn(other.returncode, (0, 1))
        self.assertIn(run.code, (0, 1), run)
        self.assertEqual(min(other.returncode, run.code), 0)
        if run.code == 1:
            self.assertIn("wait for it, or stop it", run.err)
        self.azure.control(latency_ms=0)
        self.mended()


class MongoRefused(Faults):
    """What can be told without a server."""

    def test_wrong_url(self):
        for url, says in (("mongodb://", "this is no MongoDB url"), ("mongodb://eve:secret@", "this is no MongoDB url"),
                          ("mongo://eve:secret@127.0.0.1", "mongodb://"), ("mongodb://eve:@127.0.0.1:1/", "password in the MongoDB url is empty")):
            self.use(url)
            for words in COMMANDS:
                self.refused(self.project.run(*words), says)

    def test_no_server(self):
        self.use("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200")
        for words in COMMANDS:
            self.refused(self.project.run(*words), "no server answers", "is MongoDB running there, and the url right?")


class MongoFaults(Faults):
    """One server, with users, and each test a database of its own that was collected into once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Mongod("users")
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.use(self.server.fresh("writer", "secret"))
        self.database = "story_%d" % self.server.made
        run = self.project.collect()
        self.assertEqual(run.code, 0, run)
        self.usual_kb = run.peak_kb

    def test_wrong_password(self):
        self.use(self.server.url(self.database, "writer", "secrets"))
        for words in COMMANDS:
            self.refused(self.project.run(*words), "user or password was refused: check MONGODB_URL and its authSource")

    def test_user_who_may_only_read(self):
        self.use(self.server.url(self.database, "reader", "secret"))
        self.refused(self.project.collect(), "give it the role readWrite on database " + self.database)
        self.same_as_before()

    def test_no_privilege_on_one_collection(self):
        """Whichever it is: said with what is missing, and whoever comes next with all of them goes on."""
        names = [entry["name"] for entry in self.server.run(self.database, listCollections=1)["cursor"]["firstBatch"]]
        self.assertGreater(len(names), 5)
        if not TORTURE:
            names = [name for name in names if name in ("leases", "snapshots", "resource_versions", "drift_reports", "resources")]
        everything = ["find", "insert", "update", "remove", "createIndex", "collStats", "listIndexes"]
        outcomes = {}
        for name in names:
            privileges = [{"resource": {"db": self.database, "collection": other}, "actions": everything} for other in names if other != name]
            privileges += [{"resource": {"db": self.database, "collection": name}, "actions": ["find", "createIndex", "listIndexes", "collStats"]},
                           {"resource": {"db": self.database, "collection": ""}, "actions": ["listCollections", "dbStats", "createIndex"]}]
            who = "no_" + name
            self.server.run("admin", createRole=who, privileges=privileges, roles=[])
            self.server.run("admin", createUser=who, pwd="secret", roles=[who])
            known = self.seqs()
            self.azure.control(tick=True)
            self.use(self.server.url(self.database, who, "secret"))
            run = self.project.collect("--fail-on", "high")
            self.use(self.server.url(self.database, "writer", "secret"))
            outcomes[name] = run.code
            if run.code:
                self.refused(run, "the user may not do this", "readWrite on database " + self.database)
            self.assertLessEqual(set(known), set(self.seqs()))
            self.mended(known)
        for name in ("leases", "snapshots"):
            self.assertEqual(outcomes[name], 1, outcomes)

    def test_database_written_by_a_newer_azdrift(self):
        self.server.run(self.database, update="azdrift", updates=[{"q": {"_id": "schema"}, "u": {"$set": {"version": 9999}}}])
        for words in COMMANDS:
            self.refused(self.project.run(*words), "was written by a newer azdrift", "use that azdrift")

    def test_document_changed_by_hand(self):
        body = {"$binary": {"base64": "Unt9", "subType": "00"}}
        self.server.run(self.database, update="resource_versions", updates=[{"q": {}, "u": {"$set": {"body": body}}}])
        checked = self.project.run("lua", CHECK, self.project.env["MONGODB_URL"])
        self.assertEqual(checked.code, 1, checked)
        self.assertIn("is not what was hashed", checked.out)

    def test_two_engines_at_once(self):
        SqliteFaults.two_at_once(self)

    def test_clock_hours_off(self):
        SqliteFaults.test_clock_hours_off(self)


if __name__ == "__main__":
    announce()
    unittest.main(verbosity=2)
