#include "base/clock.h"
#include "store/sqlite.h"

/* The bounds of the keys of one type. */
struct key_range {
  uint8_t low[AZD_KEY_BYTES], high[AZD_KEY_BYTES];
};

static struct key_range range_of(struct azd_str type) {
  struct key_range range;
  memset(range.low, 0, sizeof range.low);
  memset(range.high, 0xff, sizeof range.high);
  if (type.size) {
    azd_key_type_prefix(type, range.low);
    memcpy(range.high, range.low, AZD_KEY_TYPE_BYTES);
  }
  return range;
}

/* What was accepted for resources of a type (empty: of all). */
static int forget_accepted(struct sq_conn *conn, int64_t scope_id, struct azd_str type, struct azd_error *error) {
  struct key_range range = range_of(type);
  return sq_forget_accepted(conn, scope_id, range.low, range.high, error);
}

static int set_one(struct sq_conn *conn, int64_t scope_id, struct azd_str type, int64_t seq, bool only_missing,
                   struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *error) {
  static const char missing[] =
      "INSERT INTO baseline(scope, type_key, type, seq, set_ms, who, why) VALUES(?,?,?,?,?,?,?)"
      " ON CONFLICT DO NOTHING";
  /* set_ms grows even where the clock does not: it tells what was accepted before from what was after. */
  static const char always[] =
      "INSERT INTO baseline(scope, type_key, type, seq, set_ms, who, why) VALUES(?,?,?,?,?,?,?)"
      " ON CONFLICT DO UPDATE SET type=excluded.type, seq=excluded.seq, set_ms=max(excluded.set_ms, set_ms+1),"
      " who=excluded.who, why=excluded.why";
  uint8_t type_key[AZD_KEY_TYPE_BYTES];
  azd_key_type_prefix(type, type_key);
  int rc = sq_run(conn, error, only_missing ? missing : always, "ibsiiss", scope_id, sq_blob(type_key, sizeof type_key),
                  type, seq, azd_clock_wall_ms(), who, why);
  if (rc || !sqlite3_changes(conn->db)) return rc;
  ++*changed;
  return only_missing ? 0 : forget_accepted(conn, scope_id, type, error);
}

int sq_baseline_set(struct azd_store *base, struct azd_str scope, const struct azd_str *types, size_t count,
                    int64_t seq, bool only_missing, struct azd_str who, struct azd_str why, size_t *changed,
                    struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  int64_t scope_id = 0;
  *changed = 0;
  azd_arena_init(&arena, 0);
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, &scope_id, error);
  if (!rc) rc = sq_published(store->writer, scope_id, seq, &snapshot, &arena, error);
  for (size_t i = 0; !rc && i < count; i++)
    rc = set_one(store->writer, scope_id, types[i], seq, only_missing, who, why, changed, error);
  rc = sq_write_end(store, rc, error);
  azd_arena_free(&arena);
  return rc;
}

int sq_baseline_clear(struct azd_store *base, struct azd_str scope, struct azd_str type, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  uint8_t type_key[AZD_KEY_TYPE_BYTES];
  azd_key_type_prefix(type, type_key);
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, &scope_id, error);
  if (!rc && type.size)
    rc = sq_run(store->writer, error, "DELETE FROM baseline WHERE scope=? AND type_key=?", "ib", scope_id,
                sq_blob(type_key, sizeof type_key));
  else if (!rc)
    rc = sq_run(store->writer, error, "DELETE FROM baseline WHERE scope=?", "i", scope_id);
  if (!rc) rc = forget_accepted(store->writer, scope_id, type, error);
  return sq_write_end(store, rc, error);
}

int sq_baselines(struct azd_store *base, struct azd_str scope, struct azd_arena *arena, struct azd_baseline **baselines,
                 size_t *count, struct azd_error *error) {
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  size_t capacity = 0;
  *baselines = NULL;
  *count = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc)
    rc = sq_query(conn, &stmt, error, "SELECT type, seq, set_ms, who, why FROM baseline WHERE scope=? ORDER BY type",
                  "i", scope_id);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    rc = 0;
    *baselines = sq_array_room(arena, *baselines, *count, &capacity, sizeof **baselines);
    struct azd_baseline *b = *baselines ? &(*baselines)[*count] : NULL;
    if (b)
      *b = (struct azd_baseline){.type = sq_keep(stmt, 0, arena),
                                 .seq = sq_i64(stmt, 1),
                                 .set_ms = sq_i64(stmt, 2),
                                 .who = sq_keep(stmt, 3, arena),
                                 .why = sq_keep(stmt, 4, arena)};
    if (!b || !b->type.data || !b->who.data || !b->why.data)
      rc = azd_fail(error, AZD_ENOMEM, "no memory for baselines");
    if (rc)
      sq_done(stmt);
    else
      ++*count;
  }
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}
