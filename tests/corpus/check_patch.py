#!/usr/bin/env python3
"""Applies what `azdrift diff --raw` says of each recorded pair to the old body, as RFC 6902 does: the new body must come out.

    check_patch.py AZDRIFT CORPUS [PAIRS_BY_COMMAND]

All pairs go through `diff --raw --batch`; the first PAIRS_BY_COMMAND (default 50) also through `diff --raw --format jsonpatch`.
Last line: how many pairs, how many wrong. Exit code 1 where any is wrong.
"""
import csv, json, os, subprocess, sys
from decimal import Decimal


def load(path):
    with open(path, encoding="utf-8-sig") as f:
        return json.load(f, parse_float=Decimal)


def steps(pointer):
    return [s.replace("~1", "/").replace("~0", "~") for s in pointer.split("/")[1:]]


def apply(doc, op, pointer, value):
    path = steps(pointer)
    if not path:
        return value
    at = doc
    for step in path[:-1]:
        at = at[int(step)] if isinstance(at, list) else at[step]
    last = path[-1]
    if isinstance(at, list):
        place = len(at) if last == "-" else int(last)
        if op == "add":
            at.insert(place, value)
        elif op == "remove":
            del at[place]
        else:
            at[place] = value
    elif op == "remove":
        del at[last]
    else:
        at[last] = value
    return doc


def same(a, b):
    """By value: 1 and 1.0 are the same number, true and 1 are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def patched(old, operations):
    doc = old
    for op, pointer, value in operations:
        doc = apply(doc, op, pointer, value)
    return doc


def main():
    azdrift, corpus = sys.argv[1:3]
    by_command = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    base = os.path.join(corpus, "pairs")
    with open(os.path.join(base, "index.csv"), encoding="utf-8") as f:
        pairs = {r["id"]: os.path.join(base, r["dir"]) for r in csv.DictReader(f)}
    lines = "".join(json.dumps({"id": i, "old": d + "/before.json", "new": d + "/after.json"}) + "\n" for i, d in pairs.items())
    run = subprocess.run([azdrift, "diff", "--raw", "--batch"], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    answered, wrong = 0, []
    for line in run.stdout.splitlines():
        answer = json.loads(line, parse_float=Decimal)
        d = pairs[answer["id"]]
        answered += 1
        operations = [(c["op"], c["pointer"], c.get("new_value")) for drift in answer["drifts"] for c in drift["changes"]]
        if answer["error"] or not same(patched(load(d + "/before.json"), operations), load(d + "/after.json")):
            wrong.append(answer["id"])
    for i in list(pairs)[:by_command]:
        d = pairs[i]
        run = subprocess.run([azdrift, "diff", "--raw", "--format", "jsonpatch", d + "/before.json", d + "/after.json"], stdout=subprocess.PIPE, text=True)
        operations = [(o["op"], o["path"], o.get("value")) for o in json.loads(run.stdout, parse_float=Decimal)]
        if run.returncode not in (0, 2) or not same(patched(load(d + "/before.json"), operations), load(d + "/after.json")):
            wrong.append(i + " (by command)")
    for i in wrong[:20]:
        print("wrong:", i)
    print("%d pairs, %d wrong" % (answered, len(wrong)))
    return 0 if answered == len(pairs) and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
