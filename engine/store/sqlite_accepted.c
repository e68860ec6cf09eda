/* What was accepted for one resource: a row, and a row for each of its states. */
#include "base/clock.h"
#include "store/sqlite.h"

int sq_forget_accepted(struct sq_conn *conn, int64_t scope_id, const uint8_t low[AZD_KEY_BYTES],
                       const uint8_t high[AZD_KEY_BYTES], struct azd_error *error) {
  int rc = sq_run(conn, error, "DELETE FROM accepted_state WHERE scope=? AND khash BETWEEN ? AND ?", "ibb", scope_id,
                  sq_blob(low, AZD_KEY_BYTES), sq_blob(high, AZD_KEY_BYTES));
  return rc ? rc
            : sq_run(conn, error, "DELETE FROM accepted WHERE scope=? AND khash BETWEEN ? AND ?", "ibb", scope_id,
                     sq_blob(low, AZD_KEY_BYTES), sq_blob(high, AZD_KEY_BYTES));
}

/* 0 where there is none. */
static int look_up(struct sq_conn *conn, int64_t *number, struct azd_error *error, const char *sql, int64_t scope_id,
                   struct azd_str key) {
  *number = 0;
  int rc = sq_int(conn, number, error, sql, "ib", scope_id, key);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

/* Whether nobody has spoken since the caller read what it bases its word on. */
static int expect(struct sq_conn *conn, int64_t scope_id, const struct azd_key *key, const struct azd_accepted *a,
                  int64_t *revision, struct azd_error *error) {
  int64_t baseline_ms = 0;
  int rc = look_up(conn, revision, error, "SELECT revision FROM accepted WHERE scope=? AND khash=?", scope_id,
                   sq_blob(key->bytes, AZD_KEY_BYTES));
  if (!rc)
    rc = look_up(conn, &baseline_ms, error, "SELECT set_ms FROM baseline WHERE scope=? AND type_key=?", scope_id,
                 sq_blob(key->bytes, AZD_KEY_TYPE_BYTES));
  if (rc) return rc;
  if (a->revision != AZD_ACCEPTED_ANY && a->revision != *revision)
    return azd_fail(error, AZD_ECONFLICT, "%.*s: something else was accepted meanwhile: read it again",
                    AZD_STR_FORMAT(a->id));
  if (a->baseline_ms && a->baseline_ms != baseline_ms)
    return azd_fail(error, AZD_ECONFLICT, "%.*s: the baseline was set anew meanwhile: read it again",
                    AZD_STR_FORMAT(a->type));
  return 0;
}

static int put_states(struct sq_conn *conn, int64_t scope_id, const struct azd_key *key, const struct azd_accepted *a,
                      struct azd_error *error) {
  static const char sql[] = "INSERT INTO accepted_state(scope, khash, place, until_ms, seq, body, redaction, hash)"
                            " VALUES(?,?,?,?,?,?,?,?)";
  int rc = 0;
  for (size_t i = 0; !rc && i < a->state_count; i++) {
    const struct azd_accepted_state *s = &a->states[i];
    struct azd_snapshot snapshot;
    struct azd_arena arena;
    azd_arena_init(&arena, 0);
    rc = sq_published(conn, scope_id, s->seq, &snapshot, &arena, error);
    azd_arena_free(&arena);
    if (!rc)
      rc = sq_run(conn, error, sql, "ibiiibsb", scope_id, sq_blob(key->bytes, AZD_KEY_BYTES), (int64_t)i, s->until_ms,
                  s->seq, s->body, s->redaction, sq_blob(s->hash, AZD_HASH_BYTES));
  }
  return rc;
}

int sq_accept(struct azd_store *base, struct azd_str scope, const struct azd_accepted *a, struct azd_error *error) {
  static const char sql[] = "INSERT INTO accepted(scope, khash, type, resource_id, revision, baseline_ms, set_ms, who,"
                            " why, evidence) VALUES(?,?,?,?,?,?,?,?,?,?)";
  struct sq_store *store = (struct sq_store *)base;
  struct azd_key key = azd_key_of(a->type, a->id);
  int64_t scope_id = 0, revision = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, &scope_id, error);
  if (!rc) rc = expect(store->writer, scope_id, &key, a, &revision, error);
  if (!rc) rc = sq_forget_accepted(store->writer, scope_id, key.bytes, key.bytes, error);
  if (!rc)
    rc = sq_run(store->writer, error, sql, "ibssiiisss", scope_id, sq_blob(key.bytes, AZD_KEY_BYTES), a->type, a->id,
                revision + 1, a->baseline_ms, a->set_ms ? a->set_ms : azd_clock_wall_ms(), a->who, a->why, a->evidence);
  if (!rc) rc = put_states(store->writer, scope_id, &key, a, error);
  return sq_write_end(store, rc, error);
}

int sq_unaccept(struct azd_store *base, struct azd_str scope, const struct azd_key *key, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, &scope_id, error);
  if (!rc) rc = sq_forget_accepted(store->writer, scope_id, key->bytes, key->bytes, error);
  if (!rc && !sqlite3_changes(store->writer->db))
    rc = azd_fail(error, AZD_ENOTFOUND, "%s: nothing was accepted for this resource", base->name);
  return sq_write_end(store, rc, error);
}

/* ---- reading: a row a state, those of one resource behind each other ---- */

static int read_head(sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_accepted *a) {
  *a = (struct azd_accepted){.type = sq_keep(stmt, 1, arena),
                             .id = sq_keep(stmt, 2, arena),
                             .revision = sq_i64(stmt, 3),
                             .baseline_ms = sq_i64(stmt, 4),
                             .set_ms = sq_i64(stmt, 5),
                             .who = sq_keep(stmt, 6, arena),
                             .why = sq_keep(stmt, 7, arena),
                             .evidence = sq_keep(stmt, 8, arena)};
  a->states = azd_arena_alloc(arena, AZD_ACCEPTED_STATES_MAX * sizeof *a->states);
  return a->type.data && a->id.data && a->who.data && a->why.data && a->evidence.data && a->states ? 0 : AZD_ENOMEM;
}

static int read_state(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_accepted *a,
                      struct azd_error *error) {
  if (a->state_count == AZD_ACCEPTED_STATES_MAX)
    return azd_fail(error, AZD_ECORRUPT, "%.*s has more than %d accepted states", AZD_STR_FORMAT(a->id),
                    AZD_ACCEPTED_STATES_MAX);
  struct azd_accepted_state *s = &a->states[a->state_count++];
  *s = (struct azd_accepted_state){.until_ms = sq_i64(stmt, 9),
                                   .seq = sq_i64(stmt, 10),
                                   .body = sq_keep(stmt, 11, arena),
                                   .redaction = sq_keep(stmt, 12, arena)};
  if (!s->body.data || !s->redaction.data) return AZD_ENOMEM;
  return sq_bytes(conn, stmt, 13, s->hash, AZD_HASH_BYTES, error);
}

int sq_accepted(struct azd_store *base, struct azd_str scope, const struct azd_key *key, struct azd_arena *arena,
                struct azd_accepted **accepted, size_t *count, struct azd_error *error) {
#define ACCEPTED                                                                                                       \
  "SELECT a.khash, a.type, a.resource_id, a.revision, a.baseline_ms, a.set_ms, a.who, a.why, a.evidence, s.until_ms,"  \
  " s.seq, s.body, s.redaction, s.hash FROM accepted a JOIN accepted_state s ON s.scope=a.scope AND s.khash=a.khash"   \
  " WHERE a.scope=? AND a.khash BETWEEN ? AND ? ORDER BY a.khash, s.place"
  struct azd_key low, high, last = {{0}};
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  size_t capacity = 0;
  *accepted = NULL;
  *count = 0;
  memset(&low, 0, sizeof low);
  memset(&high, 0xff, sizeof high);
  if (key) low = high = *key;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc)
    rc = sq_query(conn, &stmt, error, ACCEPTED, "ibb", scope_id, sq_blob(low.bytes, AZD_KEY_BYTES),
                  sq_blob(high.bytes, AZD_KEY_BYTES));
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    struct azd_key here;
    rc = sq_bytes(conn, stmt, 0, here.bytes, AZD_KEY_BYTES, error);
    if (!rc && (!*count || azd_key_compare(&here, &last) != 0)) {
      *accepted = sq_array_room(arena, *accepted, *count, &capacity, sizeof **accepted);
      rc = *accepted ? read_head(stmt, arena, &(*accepted)[*count]) : AZD_ENOMEM;
      if (!rc) ++*count;
      last = here;
    }
    if (!rc) rc = read_state(conn, stmt, arena, &(*accepted)[*count - 1], error);
    if (rc == AZD_ENOMEM) azd_fail(error, rc, "no memory for what was accepted");
    if (rc) sq_done(stmt);
  }
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}
