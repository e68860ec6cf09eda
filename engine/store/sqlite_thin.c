/* Thinning out (maintain.h): each step one transaction, of a bounded number of rows. */
#include "store/sqlite.h"

static enum azd_mark_state state_of(int64_t status) {
  return status == AZD_SNAPSHOT_CLOSING    ? AZD_MARK_CLOSING
         : status == AZD_SNAPSHOT_THINNING ? AZD_MARK_THINNING
         : status == AZD_SNAPSHOT_THINNED  ? AZD_MARK_THINNED
                                           : AZD_MARK_KEPT;
}

static int read_marks(struct sq_conn *conn, int64_t scope_id, struct azd_arena *arena, struct azd_mark **marks,
                      size_t *count, struct azd_error *error) {
  static const char sql[] =
      "SELECT seq, timestamp_ms, status FROM snapshot WHERE scope=? AND status IN (1,3,4,5,6) ORDER BY seq";
  sqlite3_stmt *stmt;
  size_t capacity = 0;
  int rc = sq_query(conn, &stmt, error, sql, "i", scope_id);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    *marks = sq_array_room(arena, *marks, *count, &capacity, sizeof **marks);
    rc = *marks ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for snapshots");
    if (rc) {
      sq_done(stmt);
      break;
    }
    (*marks)[(*count)++] =
        (struct azd_mark){.seq = sq_i64(stmt, 0), .timestamp_ms = sq_i64(stmt, 1), .state = state_of(sq_i64(stmt, 2))};
  }
  return rc;
}

int sq_marks(struct azd_store *base, struct azd_str scope, struct azd_arena *arena, struct azd_mark **marks,
             size_t *count, struct azd_error *error) {
  struct sq_conn *conn;
  int64_t scope_id = 0;
  *marks = NULL;
  *count = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = read_marks(conn, scope_id, arena, marks, count, error);
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

/* Begins a transaction in the scope. */
static int begin(struct sq_store *store, struct azd_str scope, int64_t *scope_id, struct azd_error *error) {
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, scope_id, error);
  return rc ? sq_write_end(store, rc, error) : 0;
}

/* In one transaction with the look at the baselines: a baseline that is set afterwards does not find the snapshot. */
int sq_thin_mark(struct azd_store *base, struct azd_str scope, const int64_t *seqs, size_t count, size_t *marked,
                 struct azd_error *error) {
  static const char sql[] = "UPDATE snapshot SET status=5 WHERE scope=?1 AND seq=?2 AND seq<?3 AND status IN (3,4)"
                            " AND NOT EXISTS (SELECT 1 FROM baseline b WHERE b.scope=?1 AND b.seq=?2)"
                            " AND NOT EXISTS (SELECT 1 FROM accepted_state a WHERE a.scope=?1 AND a.seq=?2)";
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0, last = 0;
  int rc = begin(store, scope, &scope_id, error);
  if (rc) return rc;
  rc = sq_last_seq(store->writer, scope_id, &last, error);
  for (size_t i = 0; !rc && i < count; i++) {
    rc = sq_run(store->writer, error, sql, "iii", scope_id, seqs[i], last);
    *marked += rc ? 0 : (size_t)sqlite3_changes(store->writer->db);
  }
  return sq_write_end(store, rc, error);
}

/* A tombstone stays while the version it follows does, which is open at the beginning of the gap. */
#define WITHIN                                                                                                         \
  " FROM version INDEXED BY version_to WHERE scope=?1 AND to_seq>?2 AND to_seq<=?3 AND from_seq>?2"                    \
  " AND (from_seq<to_seq OR prev_from>?2)"

int sq_thin_some(struct azd_store *base, struct azd_str scope, struct azd_gap gap, int64_t limit, int64_t *deleted,
                 struct azd_error *error) {
  static const char sql[] = "DELETE FROM version WHERE id IN (SELECT id" WITHIN " LIMIT ?4)";
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  int rc = begin(store, scope, &scope_id, error);
  if (rc) return rc;
  rc = sq_run(store->writer, error, sql, "iiii", scope_id, gap.after, gap.before, limit);
  if (!rc) *deleted = sqlite3_changes64(store->writer->db);
  rc = sq_write_end(store, rc, error);
  if (rc) *deleted = 0;
  return rc;
}

int sq_thin_count(struct azd_store *base, struct azd_str scope, struct azd_gap gap, struct azd_thin_count *counted,
                  struct azd_error *error) {
  static const char sql[] = "SELECT count(*), coalesce(sum(length(body)), 0)" WITHIN;
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = sq_query(conn, &stmt, error, sql, "iii", scope_id, gap.after, gap.before);
  if (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    counted->versions = sq_i64(stmt, 0);
    counted->body_bytes = sq_i64(stmt, 1);
    sq_done(stmt);
    rc = 0;
  }
  sq_read_end(conn);
  return rc;
}

int sq_thin_finish(struct azd_store *base, struct azd_str scope, struct azd_gap gap, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  int rc = begin(store, scope, &scope_id, error);
  if (rc) return rc;
  rc = sq_run(store->writer, error, "UPDATE snapshot SET status=6 WHERE scope=? AND seq>? AND seq<? AND status=5",
              "iii", scope_id, gap.after, gap.before);
  return sq_write_end(store, rc, error);
}
_Static_assert(AZD_SNAPSHOT_THINNING == 5 && AZD_SNAPSHOT_THINNED == 6, "the statements above name them");
