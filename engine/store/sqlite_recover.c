/* What a commit that died left behind: a snapshot in closing is finished, staged versions without one are swept. Both
 * go in transactions of a batch, and both may be done by two at once or be cut off and begun again: each step finds
 * what is still to do. */
#include "store/sqlite.h"

int sq_close_some(struct sq_conn *conn, int64_t scope_id, int64_t seq, int64_t limit, int64_t *closed,
                  struct azd_error *error) {
  /* CROSS JOIN and INDEXED BY: without statistics the planner would go over every open version instead. */
  static const char sql[] =
      "UPDATE version SET to_seq=?2 WHERE id IN (SELECT p.id FROM version s INDEXED BY version_from CROSS JOIN version "
      "p"
      " INDEXED BY version_key ON p.scope=s.scope AND p.khash=s.khash AND p.from_seq=s.prev_from AND"
      " p.to_seq=9223372036854775807 WHERE s.scope=?1 AND s.from_seq=?2 AND s.prev_from>0 LIMIT ?3)";
  int rc = sq_run(conn, error, sql, "iii", scope_id, seq, limit);
  if (!rc) *closed = sqlite3_changes64(conn->db);
  return rc;
}

/* One batch. *done: the snapshot is published. */
static int forward_step(struct sq_conn *conn, int64_t scope_id, int64_t seq, bool *done, struct azd_error *error) {
  int64_t status = 0, closed = 0;
  int rc = sq_int(conn, &status, error, "SELECT status FROM snapshot WHERE scope=? AND seq=?", "ii", scope_id, seq);
  *done = true;
  if (rc == AZD_ENOTFOUND || (!rc && status != AZD_SNAPSHOT_CLOSING)) return 0;
  if (!rc) rc = sq_close_some(conn, scope_id, seq, AZD_STORE_BATCH, &closed, error);
  *done = closed < AZD_STORE_BATCH;
  if (!rc && *done)
    rc = sq_run(conn, error, "UPDATE snapshot SET status=final_status WHERE scope=? AND seq=?", "ii", scope_id, seq);
  return rc;
}

int sq_roll_forward(struct sq_store *store, int64_t scope_id, int64_t seq, struct azd_error *error) {
  bool done = false;
  int rc = 0;
  while (!rc && !done) {
    rc = sq_write_begin(store, error);
    if (rc) return rc;
    rc = forward_step(store->writer, scope_id, seq, &done, error);
    rc = sq_write_end(store, rc, error);
  }
  return rc;
}

int sq_sweep(struct sq_store *store, int64_t scope_id, int64_t first, int64_t last, struct azd_error *error) {
  static const char sql[] = "DELETE FROM version WHERE id IN (SELECT v.id FROM version v WHERE v.scope=? AND"
                            " v.from_seq BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM snapshot n WHERE n.scope=v.scope"
                            " AND n.seq=v.from_seq) LIMIT ?)";
  int64_t deleted = AZD_STORE_BATCH;
  int rc = 0;
  while (!rc && deleted == AZD_STORE_BATCH) {
    rc = sq_write_begin(store, error);
    if (rc) return rc;
    rc = sq_run(store->writer, error, sql, "iiii", scope_id, first, last, (int64_t)AZD_STORE_BATCH);
    deleted = sqlite3_changes64(store->writer->db);
    rc = sq_write_end(store, rc, error);
  }
  return rc;
}

/* The oldest snapshot in closing; AZD_ENOTFOUND. */
static int closing(struct sq_store *store, int64_t scope_id, int64_t *seq, struct azd_error *error) {
  struct sq_conn *conn;
  int rc = sq_read_begin(store, &conn, error);
  if (rc) return rc;
  rc =
      sq_int(conn, seq, error,
             "SELECT seq FROM snapshot WHERE scope=? AND status=1 AND status IN " SQ_UNFINISHED " ORDER BY seq LIMIT 1",
             "i", scope_id);
  sq_read_end(conn);
  return rc;
}
_Static_assert(AZD_SNAPSHOT_CLOSING == 1, "the statement above names it");

static int bounds(struct sq_store *store, const struct azd_lease *lease, int64_t *scope_id, int64_t *last,
                  struct azd_error *error) {
  struct sq_conn *conn;
  int rc = sq_read_begin(store, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, azd_str_of(lease->scope), scope_id, error);
  if (!rc) rc = sq_last_seq(conn, *scope_id, last, error);
  sq_read_end(conn);
  return rc;
}

int sq_recover(struct azd_store *base, const struct azd_lease *lease, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0, last = 0, seq = 0;
  int rc = bounds(store, lease, &scope_id, &last, error);
  while (!rc && !(rc = closing(store, scope_id, &seq, error))) rc = sq_roll_forward(store, scope_id, seq, error);
  if (rc && rc != AZD_ENOTFOUND) return rc;
  rc = bounds(store, lease, &scope_id, &last, error);
  return rc ? rc : sq_sweep(store, scope_id, last + 1, lease->seq - 1, error);
}
