/* Leases, by this machine's clock: all engines of one file share it. The clock only saves work: what keeps two runs
 * apart is the token, checked in every writing transaction of a commit. */
#include "base/clock.h"
#include "base/owner.h"
#include "store/sqlite.h"

static int scope_id_made(struct sq_conn *conn, struct azd_str scope, int64_t *id, struct azd_error *error) {
  int rc = sq_run(conn, error, "INSERT INTO scope(name) VALUES(?) ON CONFLICT DO NOTHING", "s", scope);
  return rc ? rc : sq_scope_id(conn, scope, id, error);
}

/* A lease is over where its time is, where its process is known to be dead, and where it ends later than any lease can:
 * then the clock was ahead when it was taken, and has been set back since. */
static bool is_over(struct azd_str owner, int64_t expires_ms, int64_t now_ms) {
  return expires_ms <= now_ms || expires_ms - now_ms > AZD_LEASE_MAX_MS || azd_owner_is_dead(owner);
}

/* AZD_EBUSY where somebody else's lease is alive. */
static int free_for(struct sq_conn *conn, int64_t scope_id, const struct azd_lease *wanted, int64_t now_ms,
                    int64_t *token, struct azd_error *error) {
  sqlite3_stmt *stmt;
  *token = 0;
  int rc = sq_query(conn, &stmt, error, "SELECT owner, token, expires_ms FROM lease WHERE scope=?", "i", scope_id);
  if (!rc) rc = sq_step(conn, stmt, error);
  if (rc <= 0) return rc;
  struct azd_str owner = sq_str(stmt, 0);
  int64_t expires_ms = sq_i64(stmt, 2);
  *token = sq_i64(stmt, 1);
  rc = 0;
  if (!azd_str_equal(owner, azd_str_of(wanted->owner)) && !is_over(owner, expires_ms, now_ms)) {
    char until[AZD_TIME_BYTES];
    rc = azd_fail(error, AZD_EBUSY, "%s is being collected by %.*s until %s: wait for it, or stop it", wanted->scope,
                  AZD_STR_FORMAT(azd_owner_people(owner)), azd_time_format(expires_ms, until));
  }
  sq_done(stmt);
  return rc;
}

int sq_acquire(struct azd_store *base, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error) {
  static const char upsert[] =
      "INSERT INTO lease(scope, owner, token, expires_ms) VALUES(?,?,?,?) ON CONFLICT(scope) DO"
      " UPDATE SET owner=excluded.owner, token=excluded.token, expires_ms=excluded.expires_ms";
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0, token = 0, now_ms = azd_clock_wall_ms(), last = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = scope_id_made(store->writer, azd_str_of(lease->scope), &scope_id, error);
  if (!rc) rc = free_for(store->writer, scope_id, lease, now_ms, &token, error);
  if (!rc)
    rc = sq_int(store->writer, &last, error, "SELECT coalesce(max(seq), 0) FROM snapshot WHERE scope=?", "i", scope_id);
  lease->seq = (token > last ? token : last) + 1;
  lease->expires_ms = now_ms + ttl_ms;
  if (!rc)
    rc =
        sq_run(store->writer, error, upsert, "isii", scope_id, azd_str_of(lease->owner), lease->seq, lease->expires_ms);
  return sq_write_end(store, rc, error);
}

int sq_fenced(struct sq_conn *conn, int64_t scope_id, const struct azd_lease *lease, struct azd_error *error) {
  int64_t token = 0;
  int rc = sq_int(conn, &token, error, "SELECT token FROM lease WHERE scope=?", "i", scope_id);
  if (rc && rc != AZD_ENOTFOUND) return rc;
  if (token == lease->seq) return 0;
  return azd_fail(error, AZD_ECONFLICT, "run %lld of %s has lost its lease to run %lld: nothing of it is kept",
                  (long long)lease->seq, lease->scope, (long long)token);
}

int sq_renew(struct azd_store *base, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0, expires_ms = azd_clock_wall_ms() + ttl_ms;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, azd_str_of(lease->scope), &scope_id, error);
  if (!rc) rc = sq_fenced(store->writer, scope_id, lease, error);
  if (!rc) rc = sq_run(store->writer, error, "UPDATE lease SET expires_ms=? WHERE scope=?", "ii", expires_ms, scope_id);
  rc = sq_write_end(store, rc, error);
  if (!rc) lease->expires_ms = expires_ms;
  return rc;
}

int sq_release(struct azd_store *base, const struct azd_lease *lease, struct azd_error *error) {
  static const char sql[] =
      "UPDATE lease SET expires_ms=0 WHERE scope=(SELECT id FROM scope WHERE name=?) AND token=? AND owner=?";
  struct sq_store *store = (struct sq_store *)base;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_run(store->writer, error, sql, "sis", azd_str_of(lease->scope), lease->seq, azd_str_of(lease->owner));
  return sq_write_end(store, rc, error);
}
