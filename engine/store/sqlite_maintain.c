/* How much is in the file, and whether it is sound. */
#include "store/sqlite.h"

#include <stdio.h>

#define PUBLISHED "status IN (3,4)"
_Static_assert(AZD_SNAPSHOT_PARTIAL == 3 && AZD_SNAPSHOT_COMPLETE == 4, "PUBLISHED names them");

int sq_stats(struct azd_store *base, struct azd_store_stats *stats, struct azd_error *error) {
  struct sq_conn *conn;
  *stats = (struct azd_store_stats){0};
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  if (!rc) rc = sq_int(conn, &stats->schema_version, error, "SELECT max(version) FROM migration", "");
  if (!rc) rc = sq_int(conn, &stats->scopes, error, "SELECT count(*) FROM scope", "");
  if (!rc) rc = sq_int(conn, &stats->snapshots, error, "SELECT count(*) FROM snapshot WHERE " PUBLISHED, "");
  if (!rc) rc = sq_int(conn, &stats->versions, error, "SELECT count(*) FROM version", "");
  if (!rc)
    rc = sq_int(conn, &stats->open_versions, error,
                "SELECT count(*) FROM version v WHERE v.to_seq=9223372036854775807 AND EXISTS (SELECT 1 FROM snapshot n"
                " WHERE n.scope=v.scope AND n.seq=v.from_seq AND n." PUBLISHED ")",
                "");
  if (!rc) rc = sq_int(conn, &stats->reports, error, "SELECT count(*) FROM report", "");
  if (!rc) rc = sq_int(conn, &stats->drifts, error, "SELECT count(*) FROM drift_life", "");
  if (!rc) rc = sq_int(conn, &stats->dictionaries, error, "SELECT count(*) FROM dictionary", "");
  if (!rc) rc = sq_int(conn, &stats->body_bytes, error, "SELECT coalesce(sum(length(body)), 0) FROM version", "");
  if (!rc)
    rc = sq_int(conn, &stats->disk_bytes, error,
                "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()", "");
  sq_read_end(conn);
  return rc;
}

/* ---- one scope ---- */

static int read_scope_stats(struct sq_conn *conn, int64_t scope_id, struct azd_scope_stats *stats,
                            struct azd_error *error) {
  static const char moments[] = "SELECT count(*), coalesce(min(timestamp_ms), 0), coalesce(max(timestamp_ms), 0),"
                                " coalesce(max(seq), 0) FROM snapshot WHERE scope=? AND " PUBLISHED;
  static const char contents[] = "SELECT count(*), coalesce(sum(to_seq>?2), 0), coalesce(sum(length(body)), 0) FROM"
                                 " version INDEXED BY version_from WHERE scope=?1 AND from_seq<=?2";
  sqlite3_stmt *stmt;
  int rc = sq_query(conn, &stmt, error, moments, "i", scope_id);
  if (!rc) rc = sq_step(conn, stmt, error);
  if (rc <= 0) return rc;
  stats->snapshots = sq_i64(stmt, 0), stats->first_ms = sq_i64(stmt, 1);
  stats->last_ms = sq_i64(stmt, 2), stats->last_seq = sq_i64(stmt, 3);
  sq_done(stmt);
  rc = sq_query(conn, &stmt, error, contents, "ii", scope_id, stats->last_seq);
  if (!rc) rc = sq_step(conn, stmt, error);
  if (rc <= 0) return rc;
  stats->versions = sq_i64(stmt, 0), stats->open_versions = sq_i64(stmt, 1), stats->body_bytes = sq_i64(stmt, 2);
  sq_done(stmt);
  return 0;
}

int sq_scope_stats(struct azd_store *base, struct azd_str scope, struct azd_scope_stats *stats,
                   struct azd_error *error) {
  struct sq_conn *conn;
  int64_t scope_id = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = read_scope_stats(conn, scope_id, stats, error);
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

/* ---- is the file sound ---- */

/* What a file made today would have: each must stand in this one, word for word. */
static int check_schema(struct sq_conn *conn, void (*on_finding)(void *, const char *), void *context,
                        struct azd_error *error) {
  sqlite3 *model = NULL;
  sqlite3_stmt *each = NULL;
  int code = sq_schema_model(&model);
  if (!code)
    code =
        sqlite3_prepare_v2(model, "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL", -1, &each, NULL);
  int rc = code ? azd_fail(error, AZD_ENOMEM, "%s: no memory for checking its tables", conn->store->path) : 0;
  while (!rc && sqlite3_step(each) == SQLITE_ROW) {
    struct azd_str type = sq_str(each, 0), name = sq_str(each, 1);
    int64_t same = 0;
    char text[200];
    rc = sq_int(conn, &same, error, "SELECT sql=? FROM sqlite_schema WHERE type=? AND name=?", "sss", sq_str(each, 2),
                type, name);
    bool missing = rc == AZD_ENOTFOUND;
    if (missing) rc = 0;
    if (rc || same) continue;
    snprintf(text, sizeof text, "the %s %s %s", type.data, name.data,
             !missing                                ? "was changed: restore the file from a backup"
             : azd_str_equal(type, AZD_STR("index")) ? "is missing: `azdrift db rebuild indexes` makes it"
                                                     : "is missing: restore the file from a backup");
    on_finding(context, text);
  }
  sqlite3_finalize(each);
  sqlite3_close(model);
  return rc;
}

/* integrity_check also compares each index with its table. */
static int check_pages(struct sq_conn *conn, void (*on_finding)(void *, const char *), void *context,
                       struct azd_error *error) {
  sqlite3_stmt *stmt;
  int rc = sq_query(conn, &stmt, error, "PRAGMA integrity_check(100)", "");
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    struct azd_str finding = sq_str(stmt, 0);
    rc = 0;
    if (!azd_str_equal(finding, AZD_STR("ok"))) on_finding(context, finding.data);
  }
  return rc;
}

int sq_self_check(struct azd_store *base, void (*on_finding)(void *, const char *), void *context,
                  struct azd_error *error) {
  struct sq_conn *conn;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = check_pages(conn, on_finding, context, error);
  if (!rc) rc = check_schema(conn, on_finding, context, error);
  sq_read_end(conn);
  return rc;
}

/* ---- indexes ---- */

int sq_rebuild_indexes(struct azd_store *base, struct azd_error *error) {
  struct sq_store *store = (struct sq_store *)base;
  sqlite3 *model = NULL;
  sqlite3_stmt *each = NULL;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  int code = sq_schema_model(&model);
  if (!code)
    code = sqlite3_prepare_v2(model, "SELECT sql, name FROM sqlite_schema WHERE type='index' AND sql IS NOT NULL", -1,
                              &each, NULL);
  if (code) rc = azd_fail(error, AZD_ENOMEM, "%s: no memory for its indexes", store->path);
  while (!rc && sqlite3_step(each) == SQLITE_ROW) {
    int64_t is_there = 0;
    rc = sq_int(store->writer, &is_there, error, "SELECT count(*) FROM sqlite_schema WHERE type='index' AND name=?",
                "s", sq_str(each, 1));
    if (!rc && !is_there) rc = sq_exec(store->writer, sq_str(each, 0).data, "making an index", error);
  }
  sqlite3_finalize(each);
  sqlite3_close(model);
  if (!rc) rc = sq_exec(store->writer, "REINDEX", "rebuilding its indexes", error);
  return sq_write_end(store, rc, error);
}
