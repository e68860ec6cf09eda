#!/usr/bin/env python3
"""Collection against a sandbox whose answers take a while: how close to the bound that latency and connections set, how much memory,
how long the loop was busy at once. tests/bench/collect.py [RESOURCES [LATENCY_MS [CONNECTIONS]]]

The bound: max(requests x latency / connections, longest chain x latency). Requests are counted by the sandbox. The chain: token, metadata,
subscriptions, providers, the pages of the generic list one after the other, a GET, and the children's list and GET."""
import os, re, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from lib.world import AZDRIFT, Project, Sandbox

RESOURCES, LATENCY_MS, CONNECTIONS = ([int(word) for word in sys.argv[1:4]] + [10000, 50, 32][len(sys.argv) - 1:])[:3]
CHAIN = 9
PAGE = 1000
COST = re.compile(r"collected in ([\d.]+) s with (\d+) requests; (\d+) loop callbacks, the longest took ([\d.]+) ms of CPU \((.*?)\), (\d+) over")


def collect(project, view):
    """Runs it under wait4, which tells what it used."""
    arguments = [AZDRIFT, "collect", "--verbose", "--view", view, "--format", "json"]
    began = time.monotonic()
    with open(os.path.join(project.folder, "out"), "w") as out, open(os.path.join(project.folder, "err"), "w+") as err:
        process = subprocess.Popen(arguments, cwd=project.folder, env=project.env, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        err.seek(0)
        said = err.read()
    cost = COST.search(said)
    assert process.returncode in (0, 2) and cost, "exit code %d: %s" % (process.returncode, said[-2000:])
    return time.monotonic() - began, usage, cost.groups()


def measure(azure, project, view, name):
    azure.control(clear_log=True)
    process_s, usage, (collect_s, sent, callbacks, longest_ms, longest_name, slow) = collect(project, view)
    log = azure.log()
    pages = log["operations"].get("GET resources", 0)
    bound_s = max(log["requests"] * LATENCY_MS / CONNECTIONS, (CHAIN + pages) * LATENCY_MS) / 1000
    print("%-22s %d requests (%d at once at most), bound %.2f s, collected in %.2f s = %.3f of the bound; process %.2f s"
          % (name, log["requests"], log["most_in_flight"], bound_s, float(collect_s), float(collect_s) / bound_s, process_s))
    print("%-22s CPU %.2f s, peak RSS %.1f MB, %s loop callbacks, longest %s ms of CPU (%s), %s over 5 ms"
          % ("", usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, callbacks, longest_ms, longest_name, slow))


def main():
    with Sandbox(resources=RESOURCES, latency_ms=LATENCY_MS, page=PAGE) as azure:
        with Project(azure.url, AZDRIFT_COLLECT_CONNECTIONS=str(CONNECTIONS)) as project:
            measure(azure, project, "get", "first, by id")
            measure(azure, project, "get", "nothing changed, by id")
            measure(azure, project, "auto", "by lists")


if __name__ == "__main__":
    main()
