#!/usr/bin/env python3
"""`azdrift diff --batch` over the recorded pairs against a naive differ, as the judge of drift quality clocks them (warm, medians
of three, in turn). AZDRIFT_SHARED and AZDRIFT_CORPUS say where the judge and the unpacked recordings are; skipped without them.
Start it in the source folder."""
import json, os, statistics, subprocess, sys, tempfile

ROUNDS = 3
shared = os.environ.get("AZDRIFT_SHARED", "../shared")
corpus = os.environ.get("AZDRIFT_CORPUS", "build/corpus")
judge, naive = os.path.join(shared, "tools/score-corpus"), os.path.join(shared, "tools/naive-diff")


def seconds(command, table):
    subprocess.run([judge, "--corpus", corpus, "--json", table, "--", *command], check=False, stdout=subprocess.DEVNULL)
    with open(table, encoding="utf-8") as file:
        answer = json.load(file)
    if answer["unanswered"]:
        sys.exit("batch: %d pairs were not answered by %s" % (answer["unanswered"], command[0]))
    return answer["seconds"]


def main():
    for needed in (judge, naive, os.path.join(corpus, "pairs")):
        if not os.path.exists(needed):
            print("skipped: %s is not there (make corpus unpacks the recordings)" % needed)
            return
    with tempfile.TemporaryDirectory() as scratch:
        table = os.path.join(scratch, "table.json")
        ours, theirs = ["build/azdrift", "diff", "--batch"], [naive]
        seconds(ours, table)  # once unmeasured: files come from the page cache
        rounds = [(seconds(ours, table), seconds(theirs, table)) for _ in range(ROUNDS)]
    mine, other = (statistics.median(side) for side in zip(*rounds))
    print("naive-diff / diff --batch   %.1f   (%.2f s / %.2f s)" % (other / mine, other, mine))


main()
