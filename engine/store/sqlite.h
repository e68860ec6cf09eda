/* The store in one SQLite file (WAL, synchronous=FULL). Private to engine/store/sqlite*.c.
 *
 * One connection writes, under a mutex of this process and BEGIN IMMEDIATE against others; readers each take a
 * connection of their own from a small pool, so a long stream neither waits for a commit nor holds one up. Thread: any;
 * a connection belongs to who took it. Blocks: on disk, and up to busy_timeout_ms on another writer. */
#ifndef AZD_STORE_SQLITE_H
#define AZD_STORE_SQLITE_H

#include "store/driver.h"

#include <pthread.h>
#include <sqlite3.h>

enum { SQ_STATEMENTS = 96, SQ_IDLE_READERS = 8, SQ_SCHEMA_VERSION = 3 };

/* Status of a snapshot that somebody still works at: closing, thinning. Word for word, so that SQLite takes the index
 * on them. */
#define SQ_UNFINISHED "(1,5)"

struct sq_store;

struct sq_conn {
  struct sq_store *store;
  sqlite3 *db;
  struct {
    const char *sql; /* found again by its address: always a literal */
    sqlite3_stmt *stmt;
  } cache[SQ_STATEMENTS];
  size_t cached;
  struct sq_conn *next; /* in the pool */
};

/* Texts that many versions share (type, view ..., subscription, group) are kept once; this remembers their row ids. */
struct sq_intern {
  struct sq_intern_entry {
    char *text; /* owned; NULL: free slot */
    size_t bytes;
    int64_t id;
  } * entries;
  size_t count, slot_count;
};

struct sq_store {
  struct azd_store base;
  char *path;
  bool immutable; /* read only, in a folder where SQLite could not make its -shm file */
  int32_t busy_timeout_ms;
  pthread_mutex_t writing; /* guards what stands below up to the empty line */
  struct sq_conn *writer;  /* NULL when read only */
  struct sq_intern kinds, places;

  pthread_mutex_t pooling;
  struct sq_conn *idle;
  size_t idle_count;
};

extern const struct azd_store_ops sq_ops;

/* ---- sqlite.c ---- */
int sq_store_open(const struct azd_store_options *options, const char *path, struct azd_store **store,
                  struct azd_error *error);
void sq_close(struct azd_store *store);

/* ---- sqlite_schema.c ---- */
/* Is it ours, and of a version we know? Makes the tables in an empty file. Within no transaction. */
int sq_schema_ready(struct sq_conn *conn, bool read_only, struct azd_error *error);
/* An empty database in memory with the tables and indexes of today. SQLite's code; *model is to be closed in any case.
 */
int sq_schema_model(sqlite3 **model);

/* ---- sqlite_conn.c: connections, transactions, statements ---- */
int sq_conn_open(struct sq_store *store, bool write, struct sq_conn **conn, struct azd_error *error);
void sq_conn_close(struct sq_conn *conn);

int sq_write_begin(struct sq_store *store, struct azd_error *error);
/* Commits when rc is 0, else takes everything back; lets the next writer in; answers rc or the commit's failure. */
int sq_write_end(struct sq_store *store, int rc, struct azd_error *error);

/* A reader in a transaction of its own: it sees one moment until it is given back. */
int sq_read_begin(struct sq_store *store, struct sq_conn **conn, struct azd_error *error);
void sq_read_end(struct sq_conn *conn);

/* What SQLite's code means for people; doing: "reading snapshots". */
int sq_fail(struct sq_conn *conn, int sqlite_code, const char *doing, struct azd_error *error);

/* Prepared once a connection, bound by format: i int64_t, s struct azd_str as text, b struct azd_str as blob.
 * sq_run steps to the end; sq_query leaves the statement to be stepped, and to be given up with sq_done before its end.
 * A negative azd_err, or 0. */
int sq_run(struct sq_conn *conn, struct azd_error *error, const char *sql, const char *format, ...);
int sq_query(struct sq_conn *conn, sqlite3_stmt **stmt, struct azd_error *error, const char *sql, const char *format,
             ...);
/* Statements without results, that need no place in the cache. */
int sq_exec(struct sq_conn *conn, const char *sql, const char *doing, struct azd_error *error);
/* 1: a row; 0: the end, and the statement is done; else the error, and it is done. */
int sq_step(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_error *error);
static inline void sq_done(sqlite3_stmt *stmt) {
  sqlite3_reset(stmt);
}
/* The first column of the first row; AZD_ENOTFOUND (without a sentence) where there is none. */
int sq_int(struct sq_conn *conn, int64_t *value, struct azd_error *error, const char *sql, const char *format, ...);

/* Columns. Borrowed until the next step; NULL reads as empty. */
struct azd_str sq_str(sqlite3_stmt *stmt, int column);
static inline int64_t sq_i64(sqlite3_stmt *stmt, int column) {
  return sqlite3_column_int64(stmt, column);
}
/* Copied into arena. */
struct azd_str sq_keep(sqlite3_stmt *stmt, int column, struct azd_arena *arena);
/* Exactly bytes of a blob, or AZD_ECORRUPT. */
int sq_bytes(struct sq_conn *conn, sqlite3_stmt *stmt, int column, void *out, size_t bytes, struct azd_error *error);
static inline struct azd_str sq_blob(const void *data, size_t bytes) {
  return (struct azd_str){data, bytes};
}

/* Grows an array of items of each bytes in arena by doubling; NULL when memory is exhausted. */
void *sq_array_room(struct azd_arena *arena, void *items, size_t count, size_t *capacity, size_t each);

/* ---- sqlite_intern.c ---- */
/* The row id of texts in kind or place, made where it is new. Within a write transaction. */
int sq_kind_id(struct sq_store *store, const struct azd_new_version *version, int64_t *id, struct azd_error *error);
int sq_place_id(struct sq_store *store, struct azd_str subscription_id, struct azd_str resource_group, int64_t *id,
                struct azd_error *error);
/* What a rolled back transaction gave is forgotten. */
void sq_intern_clear(struct sq_intern *intern);

/* ---- sqlite_snapshot.c ---- */
/* The row id of a scope; AZD_ENOTFOUND with a sentence. */
int sq_scope_id(struct sq_conn *conn, struct azd_str scope, int64_t *id, struct azd_error *error);
/* The last published seq; 0: none. */
int sq_last_seq(struct sq_conn *conn, int64_t scope_id, int64_t *seq, struct azd_error *error);
/* AZD_ENOTFOUND with a sentence where seq is not published. */
int sq_published(struct sq_conn *conn, int64_t scope_id, int64_t seq, struct azd_snapshot *snapshot,
                 struct azd_arena *arena, struct azd_error *error);
int sq_snapshot_insert(struct sq_conn *conn, int64_t scope_id, const struct azd_snapshot *snapshot,
                       enum azd_snapshot_status now, struct azd_error *error);
int sq_snapshot(struct azd_store *, const struct azd_snapshot_query *, struct azd_arena *, struct azd_snapshot *,
                struct azd_error *);
int sq_snapshots(struct azd_store *, struct azd_str scope, int64_t before_seq, size_t limit, struct azd_arena *,
                 struct azd_snapshot **, size_t *, struct azd_error *);
int sq_chain(struct azd_store *, struct azd_str scope, int64_t after_seq, size_t limit, struct azd_arena *,
             struct azd_snapshot **, size_t *, struct azd_error *);
int sq_scopes(struct azd_store *, struct azd_arena *, const char ***, size_t *, struct azd_error *);

/* ---- sqlite_maintain.c ---- */
int sq_stats(struct azd_store *, struct azd_store_stats *, struct azd_error *);
int sq_scope_stats(struct azd_store *, struct azd_str scope, struct azd_scope_stats *, struct azd_error *);
int sq_self_check(struct azd_store *, void (*on_finding)(void *, const char *), void *, struct azd_error *);
int sq_rebuild_indexes(struct azd_store *, struct azd_error *);

/* ---- sqlite_thin.c ---- */
int sq_marks(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_mark **, size_t *,
             struct azd_error *);
int sq_thin_mark(struct azd_store *, struct azd_str scope, const int64_t *, size_t, size_t *, struct azd_error *);
int sq_thin_some(struct azd_store *, struct azd_str scope, struct azd_gap, int64_t limit, int64_t *,
                 struct azd_error *);
int sq_thin_count(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_thin_count *,
                  struct azd_error *);
int sq_thin_finish(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_error *);

/* ---- sqlite_lease.c ---- */
int sq_acquire(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
int sq_renew(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
int sq_release(struct azd_store *, const struct azd_lease *, struct azd_error *);
/* AZD_ECONFLICT where seq is no longer the scope's last token. Within a transaction. */
int sq_fenced(struct sq_conn *conn, int64_t scope_id, const struct azd_lease *lease, struct azd_error *error);

/* ---- sqlite_commit.c, sqlite_recover.c ---- */
int sq_commit_begin(struct azd_store *, const struct azd_lease *, void **, struct azd_error *);
int sq_commit_stage(void *, const struct azd_staged *, size_t, struct azd_error *);
int sq_commit_publish(void *, struct azd_changes *, struct azd_snapshot *, struct azd_error *);
void sq_commit_end(void *);
int sq_recover(struct azd_store *, const struct azd_lease *, struct azd_error *);
/* Closes what the staged rows of seq follow, at most limit of them (-1: all); closed: how many. In a transaction. */
int sq_close_some(struct sq_conn *conn, int64_t scope_id, int64_t seq, int64_t limit, int64_t *closed,
                  struct azd_error *error);
/* Finishes a snapshot in closing, in transactions of AZD_STORE_BATCH; nothing to do is no error. In no transaction. */
int sq_roll_forward(struct sq_store *store, int64_t scope_id, int64_t seq, struct azd_error *error);
/* Deletes staged versions with first <= from_seq <= last that no snapshot owns. In no transaction. */
int sq_sweep(struct sq_store *store, int64_t scope_id, int64_t first, int64_t last, struct azd_error *error);

/* ---- sqlite_read.c ---- */
int sq_map_load(struct azd_store *, struct azd_str scope, struct azd_map *, struct azd_error *);
int sq_versions(struct azd_store *, const struct azd_version_query *, struct azd_version_cursor **, struct azd_error *);
int sq_history(struct azd_store *, struct azd_str scope, const struct azd_key *, bool bodies,
               struct azd_version_cursor **, struct azd_error *);
int sq_touched(struct azd_store *, const struct azd_touched_query *, struct azd_version_cursor **, struct azd_error *);
int sq_version(struct azd_store *, struct azd_str scope, const struct azd_key *, int64_t seq, struct azd_arena *,
               struct azd_version *, struct azd_error *);
int sq_types(struct azd_store *, struct azd_str scope, int64_t seq, struct azd_arena *, struct azd_type_count **,
             size_t *, struct azd_error *);
int sq_scan(struct azd_store *, const struct azd_scan_query *, struct azd_version_cursor **, struct azd_error *);

/* ---- sqlite_baseline.c ---- */
int sq_baseline_set(struct azd_store *, struct azd_str scope, const struct azd_str *types, size_t count, int64_t seq,
                    bool only_missing, struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *);
int sq_baseline_clear(struct azd_store *, struct azd_str scope, struct azd_str type, struct azd_error *);
int sq_baselines(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_baseline **, size_t *,
                 struct azd_error *);
/* ---- sqlite_accepted.c ---- */
/* Of the keys from low to high. */
int sq_forget_accepted(struct sq_conn *conn, int64_t scope_id, const uint8_t low[AZD_KEY_BYTES],
                       const uint8_t high[AZD_KEY_BYTES], struct azd_error *error);
int sq_accept(struct azd_store *, struct azd_str scope, const struct azd_accepted *, struct azd_error *);
int sq_unaccept(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_error *);
int sq_accepted(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_arena *,
                struct azd_accepted **, size_t *, struct azd_error *);

/* ---- sqlite_report.c ---- */
int sq_report_put(struct azd_store *, const struct azd_report *, const struct azd_drift *, size_t,
                  const struct azd_str *resolved, size_t, struct azd_error *);
int sq_report(struct azd_store *, struct azd_str scope, struct azd_str id, struct azd_arena *, struct azd_report *,
              struct azd_error *);
int sq_reports(struct azd_store *, struct azd_str scope, int64_t before_ms, size_t limit, struct azd_arena *,
               struct azd_report **, size_t *, struct azd_error *);
int sq_report_drifts(struct azd_store *, struct azd_str report_id, struct azd_drift_cursor **, struct azd_error *);
int sq_drifts(struct azd_store *, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **,
              struct azd_error *);
int sq_drift(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *,
             struct azd_drift *, struct azd_error *);
int sq_drift_set(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, enum azd_drift_status,
                 struct azd_str who, struct azd_str why, int64_t until_ms, struct azd_error *);

/* ---- sqlite_small.c ---- */
int sq_small_put(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_str bytes, int64_t expect,
                 struct azd_error *);
int sq_small_get(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_arena *, struct azd_small *,
                 struct azd_error *);
int sq_small_list(struct azd_store *, struct azd_str kind, struct azd_arena *, struct azd_small **, size_t *,
                  struct azd_error *);
int sq_small_delete(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_error *);
int sq_dictionaries_load(struct azd_store *, struct azd_error *);
int sq_dictionary_put(struct azd_store *, struct azd_str bytes, struct azd_error *);

#endif
