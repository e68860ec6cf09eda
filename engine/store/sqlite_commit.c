/* A commit. Rows wait in memory and go to the file in transactions of at most AZD_STORE_BATCH, each of which checks the
 * lease, so that a first load of any size lets other writers in between. They are invisible: from_seq is above every
 * published seq. Publication is one transaction where what it closes fits in a batch; else the snapshot is inserted as
 * `closing` first (the fence), predecessors are closed batch by batch, and the last batch publishes. Whoever finds a
 * snapshot in closing finishes it (sqlite_recover.c). */
#include "store/sqlite.h"

#include <stdlib.h>

enum { WAITING_BYTES = 8 * 1024 * 1024 };

struct waiting_row {
  struct azd_new_version version; /* strings in the arena; no id: a tombstone */
  int64_t prev_from;
};

struct sq_commit {
  struct sq_store *store;
  struct azd_lease lease;
  int64_t scope_id;
  struct azd_arena arena; /* of the waiting rows */
  struct waiting_row *rows;
  size_t count;
  bool on_disk; /* staged rows were committed, so there may be something to take back */
  bool fenced;  /* the snapshot is in the file: taking back is over */
};

int sq_commit_begin(struct azd_store *base, const struct azd_lease *lease, void **out, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  struct sq_commit *commit = calloc(1, sizeof *commit);
  if (!commit) return azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  commit->store = store;
  commit->lease = *lease;
  azd_arena_init(&commit->arena, 0);
  struct sq_conn *conn;
  int rc = sq_read_begin(store, &conn, error);
  if (!rc) {
    rc = sq_scope_id(conn, azd_str_of(lease->scope), &commit->scope_id, error);
    if (!rc) rc = sq_fenced(conn, commit->scope_id, lease, error);
    sq_read_end(conn);
  }
  if (!rc && !(commit->rows = malloc(AZD_STORE_BATCH * sizeof *commit->rows)))
    rc = azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  if (rc) {
    free(commit);
    return rc;
  }
  *out = commit;
  return 0;
}

/* ---- staging ---- */

static int insert_row(struct sq_commit *commit, const struct waiting_row *row, struct azd_error *error) {
  static const char sql[] = "INSERT INTO version(scope, khash, from_seq, to_seq, prev_from, hash, kind, place,"
                            " resource_id, body) VALUES(?,?,?,?,?,?,?,?,?,?)";
  static const uint8_t no_hash[AZD_HASH_BYTES];
  const struct azd_new_version *v = &row->version;
  bool tombstone = !v->body.size;
  int64_t kind = 0, place = 0;
  int rc = sq_kind_id(commit->store, v, &kind, error);
  if (!rc) rc = sq_place_id(commit->store, v->subscription_id, v->resource_group, &place, error);
  if (rc) return rc;
  return sq_run(commit->store->writer, error, sql, "ibiiibiisb", commit->scope_id, sq_blob(v->key.bytes, AZD_KEY_BYTES),
                commit->lease.seq, tombstone ? commit->lease.seq : AZD_SEQ_OPEN, row->prev_from,
                sq_blob(tombstone ? no_hash : v->hash, AZD_HASH_BYTES), kind, place, v->id, v->body);
}

static int compare_rows(const void *a, const void *b) {
  return azd_key_compare(&((const struct waiting_row *)a)->version.key, &((const struct waiting_row *)b)->version.key);
}

/* Within a transaction. The rows stay waiting until it has committed. In key order the indexes are filled page by page,
 * and rows that are streamed one after another later stand one after another. */
static int insert_waiting(struct sq_commit *commit, struct azd_error *error) {
  int rc = 0;
  if (commit->count) qsort(commit->rows, commit->count, sizeof *commit->rows, compare_rows);
  for (size_t i = 0; !rc && i < commit->count; i++) rc = insert_row(commit, &commit->rows[i], error);
  return rc;
}

static void forget_waiting(struct sq_commit *commit) {
  commit->on_disk = commit->on_disk || commit->count;
  commit->count = 0;
  azd_arena_reset(&commit->arena);
}

static int flush(struct sq_commit *commit, struct azd_error *error) {
  int rc = sq_write_begin(commit->store, error);
  if (rc) return rc;
  rc = sq_fenced(commit->store->writer, commit->scope_id, &commit->lease, error);
  if (!rc) rc = insert_waiting(commit, error);
  rc = sq_write_end(commit->store, rc, error);
  if (!rc) forget_waiting(commit);
  return rc;
}

static int keep_row(struct sq_commit *commit, const struct azd_staged *staged, struct azd_error *error) {
  struct waiting_row *row = &commit->rows[commit->count];
  *row = (struct waiting_row){.prev_from = staged->prev_from};
  if (staged->version)
    row->version = *staged->version;
  else
    row->version = (struct azd_new_version){.id = staged->removal->id, .type = staged->removal->type};
  struct azd_new_version *v = &row->version;
  v->key = staged->key;
  v->previous = NULL;
  struct azd_str *strings[] = {
      &v->id, &v->type, &v->view, &v->api_version, &v->subscription_id, &v->resource_group, &v->redaction, &v->body};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
    *strings[i] = azd_arena_keep(&commit->arena, *strings[i]);
    if (!strings[i]->data) return azd_fail(error, AZD_ENOMEM, "no memory for new versions");
  }
  commit->count++;
  return 0;
}

int sq_commit_stage(void *opaque, const struct azd_staged *rows, size_t count, struct azd_error *error) {
  struct sq_commit *commit = opaque;
  int rc = 0;
  for (size_t i = 0; !rc && i < count; i++) {
    if (commit->count == AZD_STORE_BATCH || commit->arena.used_bytes > WAITING_BYTES) rc = flush(commit, error);
    if (!rc) rc = keep_row(commit, &rows[i], error);
  }
  return rc;
}

/* ---- publication ---- */

/* A new resource must have no open version already: then the map was stale. */
static int nothing_hidden(struct sq_commit *commit, struct azd_error *error) {
  static const char sql[] =
      "SELECT 1 FROM version s INDEXED BY version_from CROSS JOIN version p INDEXED BY version_to ON"
      " p.scope=s.scope AND p.to_seq=9223372036854775807 AND p.khash=s.khash AND"
      " p.from_seq<s.from_seq WHERE s.scope=? AND s.from_seq=? AND s.prev_from=0 LIMIT 1";
  int64_t found;
  int rc = sq_int(commit->store->writer, &found, error, sql, "ii", commit->scope_id, commit->lease.seq);
  if (rc == AZD_ENOTFOUND) return 0;
  return rc ? rc
            : azd_fail(error, AZD_ECONFLICT,
                       "run %lld of %s was told of a new resource that has an open version: "
                       "its map was stale",
                       (long long)commit->lease.seq, commit->lease.scope);
}

static int stale(const struct sq_commit *commit, int64_t found, int64_t wanted, struct azd_error *error) {
  return azd_fail(error, AZD_ECONFLICT,
                  "run %lld of %s follows %lld open versions, and only %lld are open: its map was "
                  "stale",
                  (long long)commit->lease.seq, commit->lease.scope, (long long)wanted, (long long)found);
}

/* What is to be closed, closed now; or, where that is more than a batch, only counted and left for afterwards. */
static int close_or_count(struct sq_commit *commit, int64_t wanted, bool *later, struct azd_error *error) {
  static const char count_sql[] =
      "SELECT count(*) FROM version s INDEXED BY version_from CROSS JOIN version p INDEXED BY"
      " version_key ON p.scope=s.scope AND p.khash=s.khash AND p.from_seq=s.prev_from AND"
      " p.to_seq=9223372036854775807 WHERE s.scope=? AND s.from_seq=? AND s.prev_from>0";
  struct sq_conn *conn = commit->store->writer;
  int64_t found = 0;
  *later = wanted > AZD_STORE_BATCH;
  int rc = *later ? sq_int(conn, &found, error, count_sql, "ii", commit->scope_id, commit->lease.seq)
                  : sq_close_some(conn, commit->scope_id, commit->lease.seq, -1, &found, error);
  return !rc && found != wanted ? stale(commit, found, wanted, error) : rc;
}

/* In a transaction. *later: the snapshot stands as closing, and closing goes on after it. */
static int fence(struct sq_commit *commit, struct azd_changes *changes, struct azd_snapshot *snapshot, bool *later,
                 struct azd_error *error) {
  struct sq_conn *conn = commit->store->writer;
  struct azd_snapshot previous;
  struct azd_arena arena;
  int64_t last = 0;
  azd_arena_init(&arena, 0);
  int rc = sq_fenced(conn, commit->scope_id, &commit->lease, error);
  if (!rc) rc = insert_waiting(commit, error);
  if (!rc) rc = sq_last_seq(conn, commit->scope_id, &last, error);
  if (!rc && last) rc = sq_published(conn, commit->scope_id, last, &previous, &arena, error);
  if (!rc && last) rc = nothing_hidden(commit, error);
  if (!rc) rc = close_or_count(commit, changes->changed + changes->removed, later, error);
  if (!rc) {
    rc = azd_chain_link(snapshot, last ? &previous : NULL, changes);
    if (rc) azd_fail(error, rc, "no memory for the chain");
  }
  if (!rc)
    rc = sq_snapshot_insert(conn, commit->scope_id, snapshot, *later ? AZD_SNAPSHOT_CLOSING : snapshot->status, error);
  azd_arena_free(&arena);
  return rc;
}

/* Is this very snapshot in the file already? Then an earlier call got that far. AZD_ECONFLICT: another one is. */
static int already(struct sq_commit *commit, const struct azd_snapshot *snapshot, bool *found,
                   struct azd_error *error) {
  sqlite3_stmt *stmt;
  *found = false;
  int rc = sq_query(commit->store->writer, &stmt, error, "SELECT id FROM snapshot WHERE scope=? AND seq=?", "ii",
                    commit->scope_id, commit->lease.seq);
  if (!rc) rc = sq_step(commit->store->writer, stmt, error);
  if (rc <= 0) return rc;
  *found = true;
  rc = azd_str_equal(sq_str(stmt, 0), azd_str_of(snapshot->id))
           ? 0
           : azd_fail(error, AZD_ECONFLICT, "run %lld of %s is published already", (long long)commit->lease.seq,
                      commit->lease.scope);
  sq_done(stmt);
  return rc;
}

/* What an earlier call linked. */
static int read_back(struct sq_commit *commit, struct azd_snapshot *snapshot, struct azd_error *error) {
  struct azd_snapshot stored;
  struct azd_arena arena;
  struct sq_conn *conn;
  azd_arena_init(&arena, 0);
  int rc = sq_read_begin(commit->store, &conn, error);
  if (rc) return rc;
  rc = sq_published(conn, commit->scope_id, commit->lease.seq, &stored, &arena, error);
  sq_read_end(conn);
  if (!rc) {
    snapshot->resources = stored.resources;
    snapshot->added = stored.added, snapshot->changed = stored.changed, snapshot->removed = stored.removed;
    memcpy(snapshot->hashes_xor, stored.hashes_xor, AZD_HASH_BYTES);
    memcpy(snapshot->previous_chain, stored.previous_chain, AZD_HASH_BYTES);
    memcpy(snapshot->changes_hash, stored.changes_hash, AZD_HASH_BYTES);
    memcpy(snapshot->chain, stored.chain, AZD_HASH_BYTES);
  }
  azd_arena_free(&arena);
  return rc;
}

int sq_commit_publish(void *opaque, struct azd_changes *changes, struct azd_snapshot *snapshot,
                      struct azd_error *error) {
  struct sq_commit *commit = opaque;
  bool found = false, later = false;
  int rc = sq_write_begin(commit->store, error);
  if (rc) return rc;
  rc = already(commit, snapshot, &found, error);
  if (!rc && !found) rc = fence(commit, changes, snapshot, &later, error);
  rc = sq_write_end(commit->store, rc, error);
  if (rc) return rc;
  commit->fenced = true;
  forget_waiting(commit);
  if (later || found) rc = sq_roll_forward(commit->store, commit->scope_id, commit->lease.seq, error);
  if (!rc && found) rc = read_back(commit, snapshot, error);
  return rc;
}

void sq_commit_end(void *opaque) {
  struct sq_commit *commit = opaque;
  if (commit->on_disk && !commit->fenced)
    sq_sweep(commit->store, commit->scope_id, commit->lease.seq, commit->lease.seq, NULL);
  azd_arena_free(&commit->arena);
  free(commit->rows);
  free(commit);
}
