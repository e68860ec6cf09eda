#!/usr/bin/env python3
"""Collects an Azure made of recordings at three moments: nothing may be invented, enough must be read, and types that turn 403
must not be told as removed.

    check_tapes.py AZDRIFT TAPE_ARM TAPES [LIMIT]

TAPE_ARM is the replay server; it tells itself what was added, removed and changed between two moments. Exit code 1 where a line fails.
"""
import json, os, subprocess, sys, tempfile, urllib.request

MOMENTS = [0.4, 0.7, 1.0]
ENOUGH = 0.40


def ask(port, path, body=None):
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), data=None if body is None else json.dumps(body).encode())
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def lower(ids):
    return {i.lower().rstrip("/") for i in ids}


class Project:
    def __init__(self, azdrift, port, folder):
        self.azdrift, self.folder = azdrift, folder
        self.env = dict(os.environ, AZDRIFT_CLOUD="http://127.0.0.1:%d" % port, AZURE_TENANT_ID="t", AZURE_CLIENT_ID="c", AZURE_CLIENT_SECRET="s3cret")

    def run(self, *arguments):
        return subprocess.run([self.azdrift, *arguments], cwd=self.folder, env=self.env, stdout=subprocess.PIPE, text=True)

    def collect(self):
        done = self.run("collect", "--no-detect", "--quiet")
        assert done.returncode in (0, 3), "collect ended with %d" % done.returncode
        return self.resources()

    def resources(self):
        """Bodies by id of the newest snapshots."""
        bodies = {}
        for line in self.run("export").stdout.splitlines():
            for by_id in json.loads(line)["resources"].values():
                bodies.update({i.lower().rstrip("/"): body for i, body in by_id.items()})
        return bodies


def differences(before, after):
    return {"added": set(after) - set(before), "removed": set(before) - set(after), "changed": {i for i in before if i in after and before[i] != after[i]}}


def main():
    azdrift, server, tapes = (os.path.abspath(p) for p in sys.argv[1:4])
    limit = ["--limit", sys.argv[4]] if len(sys.argv) > 4 else []
    failures = 0

    def check(name, holds, detail):
        nonlocal failures
        failures += not holds
        print("%s  %s: %s" % ("ok  " if holds else "FAIL", name, detail))

    arm = subprocess.Popen([server, "--tapes", tapes, *limit], stdout=subprocess.PIPE, text=True)
    try:
        port = int(arm.stdout.readline().split()[0])
        with tempfile.TemporaryDirectory() as folder:
            project, seen, before, last = Project(azdrift, port, folder), None, None, -1
            for moment in MOMENTS:
                ask(port, "/_control", {"moment": moment})
                now = project.collect()
                there = lower(ask(port, "/_truth?from=-1&to=%s" % moment)["added"])
                check("moment %s, nothing invented" % moment, set(now) <= there, "%d resources, %d of them not there" % (len(now), len(set(now) - there)))
                check("moment %s, enough read" % moment, len(now) >= ENOUGH * len(there), "%d of %d" % (len(now), len(there)))
                if before is not None:
                    truth = ask(port, "/_truth?from=%s&to=%s" % (last, moment))
                    # What was not collected before and is now was there all along: it is new to us, not to Azure.
                    for kind, ids in differences(before, now).items():
                        extra = ids - lower(truth[kind])
                        check("%s to %s, %s is a subset of the truth" % (last, moment, kind), not extra, "%d told, %d not true %s" % (len(ids), len(extra), sorted(extra)[:2]))
                before, last = now, moment
            types = sorted({"/".join([p.split("/")[0]] + p.split("/")[1::2]) for p in (i.rsplit("/providers/", 1)[1] for i in before if "/providers/" in i)})
            ask(port, "/_control", {"moment": last, "forbid": types})
            now = project.collect()
            check("all types turn 403", not set(before) - set(now), "%d of %d are gone" % (len(set(before) - set(now)), len(before)))
    finally:
        arm.kill()
        arm.wait()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
