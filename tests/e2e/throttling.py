#!/usr/bin/env python3
"""Azure's request limits: what a collection leaves to others, and that it ends complete whatever is refused meanwhile."""
import unittest, urllib.request

from lib.world import Project, Sandbox

BUCKET = {"size": 250, "per_second": 25}  # ARM's own, of a subscription


class Throttling(unittest.TestCase):
    def setUp(self):
        self.azure = self.enterContext(Sandbox(resources=150))

    def collect(self, **settings):
        """A first collection, each resource by its id: more requests than a bucket holds."""
        project = self.enterContext(Project(self.azure.url, **settings))
        run = project.collect("--view", "get")
        self.assertEqual(run.code, 0, run)
        self.assertTrue(run.report["complete"], run)
        return self.azure.log()

    def left(self):
        """What the next request of somebody else would find."""
        request = urllib.request.Request(self.azure.url + "/subscriptions?api-version=2022-12-01", headers={"Authorization": "Bearer owner"})
        with urllib.request.urlopen(request) as reply:
            return int(reply.headers["x-ms-ratelimit-remaining-subscription-reads"])

    def test_half_of_the_bucket_is_left_to_others(self):
        self.azure.control(throttle=BUCKET)
        log = self.collect()
        self.assertGreater(log["requests"], 150)
        self.assertNotIn("429", log["statuses"], log)
        self.assertGreaterEqual(self.left(), 100, log)

    def test_refusals_without_a_time_are_waited_for(self):
        self.azure.control(faults=[{"kind": "resource", "status": 429, "times": 12}])
        log = self.collect(AZDRIFT_COLLECT_TRIES="20")
        self.assertEqual(log["statuses"]["429"], 12, log)

    def test_refusals_with_a_time_are_waited_for(self):
        self.azure.control(faults=[{"type": "Microsoft.Storage/storageAccounts", "status": 429, "retry_after": 1, "times": 2}])
        log = self.collect()
        self.assertEqual(log["statuses"]["429"], 2, log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
