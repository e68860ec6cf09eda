#!/usr/bin/env python3
"""What pymongo does with the documents of bench_mongo: mongo_peer.py load|stream URL DATABASE.

load reads one JSON document a line from standard input and inserts them as dicts, into a collection with the indexes of
ours; stream reads the newest snapshot from ours. Prints seconds; making dicts out of the text does not count."""
import json
import sys
import time

import bson
import pymongo
from pymongo.write_concern import WriteConcern

CHUNK = 10000
OPEN = 2**63 - 1


def load(database):
    versions = database.get_collection("as_dicts", write_concern=WriteConcern("majority", j=True))
    versions.create_index([("scope", 1), ("from_seq", 1)])
    versions.create_index([("scope", 1), ("to_seq", 1), ("from_seq", 1)])
    seconds, chunk = 0.0, []

    def insert():
        nonlocal seconds
        start = time.monotonic()
        versions.insert_many(chunk, ordered=False)
        seconds += time.monotonic() - start
        chunk.clear()

    for line in sys.stdin:
        document = json.loads(line)
        document["_id"] = bson.Binary(bytes.fromhex(document["_id"]))
        document["hash"] = bson.Binary(bytes.fromhex(document["hash"]))
        document["to_seq"] = bson.Int64(OPEN)
        chunk.append(document)
        if len(chunk) == CHUNK:
            insert()
    if chunk:
        insert()
    return seconds


def stream(database):
    best = None
    for _ in range(3):
        start, rows = time.monotonic(), 0
        scope = database.leases.find_one()["_id"]
        for _document in database.resource_versions.find({"scope": scope, "to_seq": OPEN}, batch_size=1000):
            rows += 1
        taken = time.monotonic() - start
        best = taken if best is None else min(best, taken)
    return best


def main():
    verb, url, name = sys.argv[1:]
    database = pymongo.MongoClient(url)[name]
    print("%.4f" % (load if verb == "load" else stream)(database))


main()
