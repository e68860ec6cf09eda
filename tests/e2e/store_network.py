#!/usr/bin/env python3
"""What may come between an engine and its MongoDB while it collects: a network that stalls, is reset or cuts answers short, at any byte;
a server without disk space; a primary that steps down or is killed. A run goes on, or says that it could not, without more memory than
one without trouble; nothing that was committed is lost, nothing is half seen, nobody is told of a removal."""
import os, time, unittest

from lib.faults import DICE, SANITIZED, SEED, TORTURE, Faults, announce, fill
from lib.mongod import Mongod, Wire

ROUNDS = 20 if TORTURE else 1 if SANITIZED else 2


class MongoWire(Faults):
    """The network between the engine and a server, cut in every way at any byte of a collection."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Mongod()
        cls.addClassCleanup(cls.server.close)

    def setUp(self):
        super().setUp()
        self.server.fresh()
        self.wire = Wire(int(self.server.ask("port", 0)))
        self.addCleanup(self.wire.close)
        self.use(self.wire.url("story_%d" % self.server.made))
        self.impatient()
        run = self.project.collect()
        self.assertEqual(run.code, 0, run)
        self.usual_kb, self.usual_bytes = run.peak_kb, self.wire.passed

    def cut(self, mode):
        """Once: the run goes on and loses nothing, or says that it could not; then the network is whole again."""
        books = {"tried": 0, "survived": 0, "refused": 0}
        known = self.seqs()
        for _ in range(ROUNDS):
            self.azure.control(tick=True)
            self.wire.cut(mode, after=DICE.randrange(self.usual_bytes))
            run = self.project.collect("--fail-on", "high")
            self.wire.mend()
            books["tried"] += 1
            books["survived" if run.code == 0 else "refused"] += 1
            if run.code:
                self.refused(run, "127.0.0.1:%d" % self.wire.port)
            else:
                self.assertEqual(run.report["drifts"], [], run)
                known.append(max(self.seqs()))
            self.memory_flat(run)
            self.assertLessEqual(set(known), set(self.seqs()))
            self.same_as_before()
        self.mended(known)
        self.assertGreater(books["survived"], 0)
        print("%s: %s, 0 lost, 0 half seen; %d cuts, seed %d" % (mode, books, self.wire.cuts, SEED))

    def test_connection_that_stalls(self):
        self.cut("stall")

    def test_connection_that_is_reset(self):
        self.cut("reset")

    def test_answer_that_is_cut_short(self):
        self.cut("truncate")

    def test_network_that_stays_cut(self):
        """Said after the time that the settings give it; nothing of the run is seen, nothing is lost."""
        known = self.seqs()
        for mode in ("stall", "reset", "truncate"):
            self.azure.control(tick=True)
            self.wire.cut(mode, after=self.usual_bytes // 2, lasting=True)
            began = time.monotonic()
            run = self.project.collect()
            self.refused(run, "127.0.0.1:%d" % self.wire.port)
            self.assertLess(time.monotonic() - began, 60)
            self.memory_flat(run)
            self.wire.mend()
            self.assertLessEqual(set(known), set(self.seqs()))
            self.same_as_before()
        self.mended(known)


class MongoDisk(Faults):
    def test_disk_of_the_server_without_space(self):
        folder = self.small_disk("512m")
        server = Mongod(data=folder)
        self.addCleanup(server.close)
        self.use(server.fresh())
        self.impatient()
        self.assertEqual(self.project.collect().code, 0)
        known, survived, filler = self.seqs(), 0, os.path.join(folder, "filler")
        fill(filler)
        for _ in range(40):  # until what the server has put by for itself is used up
            self.azure.control(tick=True)
            run = self.project.collect("--fail-on", "high")
            if run.code:
                break
            survived += 1
        self.refused(run, "127.0.0.1")
        os.unlink(filler)
        server.ask("kill", 0)  # a server without space ends itself, or waits
        server.ask("start", 0)
        self.assertGreaterEqual(len(self.seqs()), len(known) + survived)
        self.mended(known)
        print("disk of the server full: %d runs survived, then: %s" % (survived, run.err.strip()))


class MongoElections(Faults):
    """The primary of a replica set goes at a random moment of a collection."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Mongod("set")
        cls.addClassCleanup(cls.server.close)

    def under(self, fault, what):
        self.use(self.server.fresh())
        began = time.monotonic()
        self.assertEqual(self.project.collect().code, 0)
        usual_s, known, survived, total = time.monotonic() - began, self.seqs(), 0, ROUNDS
        for _ in range(total):
            self.azure.control(tick=True)
            process = self.project.start("collect", "--quiet", "--fail-on", "high")
            time.sleep(DICE.uniform(0.1, usual_s))  # the moment is the point
            fault()
            self.assertEqual(process.wait(timeout=120), 0)
            survived += 1
            self.same_as_before()
            self.assertLess(max(known), max(self.seqs()))
            known.append(max(self.seqs()))
        self.mended(known)
        print("%s %d times during collections: %d tried, %d survived, 0 refused, 0 lost, 0 half seen, seed %d" % (what, total, total, survived, SEED))

    def test_primary_steps_down(self):
        self.under(lambda: self.server.ask("stepdown", self.server.ask("primary")), "primary stepped down")

    def test_primary_is_killed(self):
        def kill():
            member = self.server.ask("primary")
            self.server.ask("kill", member)
            self.server.ask("start", member)
        self.under(kill, "primary killed")


if __name__ == "__main__":
    announce()
    unittest.main(verbosity=2)
