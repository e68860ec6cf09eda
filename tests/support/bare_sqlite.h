/* What SQLite itself takes for the rows that the store writes: the same columns, the same three indexes, one
 * transaction, no lease, no chain, no map, no checks. The measure for bench_store. Asserts on failure. */
#ifndef AZD_TESTS_BARE_SQLITE_H
#define AZD_TESTS_BARE_SQLITE_H

#include "base/str.h"

#include <sqlite3.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct bare {
  sqlite3 *db;
  sqlite3_stmt *insert, *close;
  char path[128];
};

static void bare_need(const struct bare *bare, int code) {
  if (code == SQLITE_OK || code == SQLITE_DONE) return;
  fprintf(stderr, "bare SQLite: %s\n", sqlite3_errmsg(bare->db));
  exit(1);
}

static void bare_run(const struct bare *bare, const char *sql) {
  bare_need(bare, sqlite3_exec(bare->db, sql, NULL, NULL, NULL));
}

static void bare_open(struct bare *bare) {
  snprintf(bare->path, sizeof bare->path, "/tmp/bench-bare-%d.db", (int)getpid());
  bare_need(bare, sqlite3_open(bare->path, &bare->db));
  bare_run(bare, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-65536;"
                 "PRAGMA wal_autocheckpoint=2000");
  bare_run(bare,
           "CREATE TABLE v(scope INTEGER, khash BLOB, from_seq INTEGER, to_seq INTEGER, id TEXT, type TEXT, api TEXT,"
           " hash BLOB, body BLOB);"
           "CREATE UNIQUE INDEX k ON v(scope, khash, from_seq); CREATE INDEX f ON v(scope, from_seq);"
           "CREATE INDEX t ON v(scope, to_seq, khash, hash, from_seq)");
  bare_need(bare, sqlite3_prepare_v2(bare->db, "INSERT INTO v VALUES(1,?,?,9223372036854775807,?,?,'2024-01-01',?,?)",
                                     -1, &bare->insert, NULL));
  bare_need(bare, sqlite3_prepare_v2(bare->db,
                                     "UPDATE v SET to_seq=? WHERE scope=1 AND khash=? AND from_seq=? AND"
                                     " to_seq=9223372036854775807",
                                     -1, &bare->close, NULL));
}

static void bare_insert(const struct bare *bare, const uint8_t *key, int64_t seq, struct azd_str id,
                        struct azd_str type, const uint8_t *hash, struct azd_str body) {
  sqlite3_stmt *s = bare->insert;
  sqlite3_bind_blob(s, 1, key, 16, SQLITE_STATIC);
  sqlite3_bind_int64(s, 2, seq);
  sqlite3_bind_text(s, 3, id.data, (int)id.size, SQLITE_STATIC);
  sqlite3_bind_text(s, 4, type.data, (int)type.size, SQLITE_STATIC);
  sqlite3_bind_blob(s, 5, hash, 32, SQLITE_STATIC);
  sqlite3_bind_blob(s, 6, body.data, (int)body.size, SQLITE_STATIC);
  bare_need(bare, sqlite3_step(s));
  sqlite3_reset(s);
}

static void bare_end(const struct bare *bare, const uint8_t *key, int64_t from_seq, int64_t seq) {
  sqlite3_stmt *s = bare->close;
  sqlite3_bind_int64(s, 1, seq);
  sqlite3_bind_blob(s, 2, key, 16, SQLITE_STATIC);
  sqlite3_bind_int64(s, 3, from_seq);
  bare_need(bare, sqlite3_step(s));
  sqlite3_reset(s);
}

static void bare_close(struct bare *bare) {
  char name[160];
  sqlite3_finalize(bare->insert);
  sqlite3_finalize(bare->close);
  sqlite3_close(bare->db);
  unlink(bare->path);
  snprintf(name, sizeof name, "%s-wal", bare->path), unlink(name);
  snprintf(name, sizeof name, "%s-shm", bare->path), unlink(name);
}

#endif
