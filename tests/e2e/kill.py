#!/usr/bin/env python3
"""kill -9 at random moments of `azdrift collect`: afterwards there are whole snapshots only, the next run succeeds, and nothing that
a killed run left behind is told as removed. AZDRIFT_KILLS: how often (default 10); AZDRIFT_SEED: the moments; STORE=mongodb: in a real
MongoDB instead of a file."""
import os, random, subprocess, sys, time, unittest

from lib.mongod import Mongod
from lib.world import ROOT, Project, Sandbox

KILLS = int(os.environ.get("AZDRIFT_KILLS", "10"))
SEED = int(os.environ.get("AZDRIFT_SEED", str(random.randrange(1 << 32))))
CHECK = os.path.join(ROOT, "tests", "e2e", "lib", "check_store.lua")


class Kill(unittest.TestCase):
    def setUp(self):
        self.azure = Sandbox(resources=300, latency_ms=3)
        self.addCleanup(self.azure.close)
        self.project = Project(self.azure.url)
        self.addCleanup(self.project.close)
        self.store = self.project.env["AZDRIFT_STORE"]
        if os.environ.get("STORE") == "mongodb":
            server = Mongod()
            self.addCleanup(server.close)
            self.store = self.project.use_mongodb(server.fresh())
        self.random = random.Random(SEED)

    def timed_collect(self):
        began = time.monotonic()
        run = self.project.collect("--fail-on", "high")
        self.assertEqual(run.code, 0, run)
        return run, time.monotonic() - began

    def check_whole(self, known):
        """Every published snapshot can be exported, and the store finds nothing wrong with itself."""
        published = [snapshot["seq"] for snapshot in self.project.snapshots()]
        for seq in published:
            if seq not in known:
                self.project.export(seq)
        checked = self.project.run("lua", CHECK, self.store)
        self.assertEqual(checked.code, 0, checked)
        return set(published)

    def test_killed_at_random_moments(self):
        _, first_s = self.timed_collect()
        everything = set(self.project.export())
        published, killed, durations = self.check_whole(set()), 0, [first_s]
        while killed < KILLS:
            self.azure.control(tick=True)
            usual_s = sorted(durations)[len(durations) // 2]
            # Every other one falls where versions are written and the snapshot is published, which is soon over.
            at_s = self.random.uniform(0.75 * usual_s if killed % 2 else 0, usual_s)
            process = self.project.start("collect", "--quiet")
            try:
                process.wait(timeout=at_s)
                continue  # it was faster; another moment
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            killed += 1
            with self.subTest(kill=killed, after_s=round(at_s, 3), seed=SEED):
                published = self.check_whole(published)
                self.assertEqual(set(self.project.export()), everything)
                run, took_s = self.timed_collect()
                durations.append(took_s)
                self.assertEqual([d for d in run.report["drifts"] if d["kind"] in ("removed", "added", "recreated")], [], run)
                self.assertEqual(set(self.project.export()), everything)
        print("%d kills within %.2f s each, %d snapshots, seed %d" % (killed, sorted(durations)[len(durations) // 2], len(published), SEED))


if __name__ == "__main__":
    print("AZDRIFT_SEED=%d" % SEED, file=sys.stderr)
    unittest.main(verbosity=2)
