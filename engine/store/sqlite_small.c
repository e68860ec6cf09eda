/* Small named documents, and the dictionaries of the codec. */
#include "base/clock.h"
#include "store/sqlite.h"

int sq_small_put(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_str bytes, int64_t expect,
                 struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int64_t revision = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_int(store->writer, &revision, error, "SELECT revision FROM small WHERE kind=? AND id=?", "ss", kind, id);
  if (rc == AZD_ENOTFOUND) rc = 0;
  if (!rc && expect != AZD_SMALL_ANY && revision != expect)
    rc = azd_fail(error, AZD_ECONFLICT, "%.*s %.*s has revision %lld, not %lld: read it again", AZD_STR_FORMAT(kind),
                  AZD_STR_FORMAT(id), (long long)revision, (long long)expect);
  if (!rc)
    rc = sq_run(store->writer, error, "INSERT OR REPLACE INTO small(kind, id, revision, bytes) VALUES(?,?,?,?)", "ssib",
                kind, id, revision + 1, bytes);
  return sq_write_end(store, rc, error);
}

static int read_small(sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_small *small, struct azd_error *error) {
  *small = (struct azd_small){.kind = sq_keep(stmt, 0, arena),
                              .id = sq_keep(stmt, 1, arena),
                              .bytes = sq_keep(stmt, 2, arena),
                              .revision = sq_i64(stmt, 3)};
  if (small->kind.data && small->id.data && small->bytes.data) return 0;
  return azd_fail(error, AZD_ENOMEM, "no memory for a document");
}

int sq_small_get(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_arena *arena,
                 struct azd_small *small, struct azd_error *error) {
  static const char sql[] = "SELECT kind, id, bytes, revision FROM small WHERE kind=? AND id=?";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_query(conn, &stmt, error, sql, "ss", kind, id);
  if (!rc) {
    rc = sq_step(conn, stmt, error);
    if (rc == 0)
      rc = azd_fail(error, AZD_ENOTFOUND, "%s has no %.*s %.*s", base->name, AZD_STR_FORMAT(kind), AZD_STR_FORMAT(id));
    else if (rc > 0) {
      rc = read_small(stmt, arena, small, error);
      sq_done(stmt);
    }
  }
  sq_read_end(conn);
  return rc;
}

int sq_small_list(struct azd_store *base, struct azd_str kind, struct azd_arena *arena, struct azd_small **smalls,
                  size_t *count, struct azd_error *error) {
  static const char sql[] = "SELECT kind, id, bytes, revision FROM small WHERE kind=? ORDER BY id";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  size_t capacity = 0;
  *smalls = NULL;
  *count = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_query(conn, &stmt, error, sql, "s", kind);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    *smalls = sq_array_room(arena, *smalls, *count, &capacity, sizeof **smalls);
    rc = *smalls ? read_small(stmt, arena, &(*smalls)[*count], error)
                 : azd_fail(error, AZD_ENOMEM, "no memory for documents");
    if (rc)
      sq_done(stmt);
    else
      ++*count;
  }
  sq_read_end(conn);
  return rc;
}

int sq_small_delete(struct azd_store *base, struct azd_str kind, struct azd_str id, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_run(store->writer, error, "DELETE FROM small WHERE kind=? AND id=?", "ss", kind, id);
  return sq_write_end(store, rc, error);
}

/* ---- dictionaries: the one made last is current ---- */

static int load_all(struct sq_conn *conn, struct azd_codec *codec, struct azd_error *error) {
  sqlite3_stmt *stmt;
  int rc = sq_query(conn, &stmt, error, "SELECT id, bytes FROM dictionary ORDER BY made_ms, id", "");
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    uint8_t id[AZD_DICT_ID_BYTES];
    struct azd_str bytes = sq_str(stmt, 1);
    azd_dict_id(bytes, id);
    bool same = azd_str_equal(sq_str(stmt, 0), sq_blob(id, sizeof id));
    rc = same ? azd_codec_add(codec, bytes, true, error)
              : azd_fail(error, AZD_ECORRUPT, "%s: a compression dictionary is damaged: restore the file from a backup",
                         conn->store->path);
    if (rc) sq_done(stmt);
  }
  return rc;
}

int sq_dictionaries_load(struct azd_store *base, struct azd_error *error) {
  struct sq_conn *conn;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = load_all(conn, base->codec, error);
  sq_read_end(conn);
  return rc;
}

int sq_dictionary_put(struct azd_store *base, struct azd_str bytes, struct azd_error *error) {
  static const char sql[] =
      "INSERT INTO dictionary(id, bytes, made_ms) SELECT ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM dictionary)";
  struct sq_store *store = (struct sq_store *)base;
  uint8_t id[AZD_DICT_ID_BYTES];
  azd_dict_id(bytes, id);
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_run(store->writer, error, sql, "bbi", sq_blob(id, sizeof id), bytes, azd_clock_wall_ms());
  rc = sq_write_end(store, rc, error);
  return rc ? rc : sq_dictionaries_load(base, error);
}
