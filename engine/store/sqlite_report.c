#include "base/clock.h"
#include "store/sqlite.h"

#include <stdlib.h>

/* ---- putting ---- */

static int put_header(struct sq_conn *conn, int64_t scope_id, const struct azd_report *r, struct azd_error *error) {
  static const char sql[] = "INSERT OR REPLACE INTO report(id, scope, revision, timestamp_ms, snapshot_id, baseline_id,"
                            " from_seq, to_seq, has_drift, complete, header) VALUES(?,?,?,?,?,?,?,?,?,?,?)";
  int64_t stored = 0;
  int rc = sq_int(conn, &stored, error, "SELECT revision FROM report WHERE id=?", "s", r->id);
  if (rc && rc != AZD_ENOTFOUND) return rc;
  if (!rc && stored >= r->revision)
    return azd_fail(error, AZD_ECONFLICT, "report %.*s is stored with revision %lld already", AZD_STR_FORMAT(r->id),
                    (long long)stored);
  rc = sq_run(conn, error, sql, "siiissiiiis", r->id, scope_id, r->revision, r->timestamp_ms, r->snapshot_id,
              r->baseline_id, r->from_seq, r->to_seq, (int64_t)r->has_drift, (int64_t)r->complete, r->header);
  return rc ? rc : sq_run(conn, error, "DELETE FROM drift WHERE report=?", "s", r->id);
}

static int put_drift(struct sq_conn *conn, int64_t scope_id, const struct azd_report *r, int64_t place,
                     const struct azd_drift *d, struct azd_error *error) {
  static const char shown[] =
      "INSERT INTO drift(report, place, id, fingerprint, kind, type, resource_id, severity, status,"
      " first_seen_seq, first_seen_ms, last_seen_seq, last_seen_ms, until_ms, who, why, document)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
  static const char life[] =
      "INSERT OR REPLACE INTO drift_life(scope, fingerprint, id, kind, type, resource_id, severity,"
      " status, first_seen_seq, first_seen_ms, last_seen_seq, last_seen_ms, until_ms, who, why,"
      " report, earlier) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
  int64_t status = d->status;
  int rc = sq_run(conn, error, shown, "sissssssiiiiiisss", r->id, place, d->id, d->fingerprint, d->kind, d->type,
                  d->resource_id, d->severity, status, d->first_seen_seq, d->first_seen_ms, d->last_seen_seq,
                  d->last_seen_ms, d->until_ms, d->who, d->why, d->document);
  if (rc) return rc;
  return sq_run(conn, error, life, "issssssiiiiiissss", scope_id, d->fingerprint, d->id, d->kind, d->type,
                d->resource_id, d->severity, status, d->first_seen_seq, d->first_seen_ms, d->last_seen_seq,
                d->last_seen_ms, d->until_ms, d->who, d->why, r->id, d->earlier);
}

int sq_report_put(struct azd_store *base, const struct azd_report *report, const struct azd_drift *drifts, size_t count,
                  const struct azd_str *resolved, size_t resolved_count, struct azd_error *error) {
  static const char resolve[] = "UPDATE drift_life SET status=?, last_seen_seq=max(last_seen_seq, ?) WHERE scope=? AND"
                                " fingerprint=?";
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, report->scope, &scope_id, error);
  if (!rc) rc = put_header(store->writer, scope_id, report, error);
  for (size_t i = 0; !rc && i < count; i++)
    rc = put_drift(store->writer, scope_id, report, (int64_t)i, &drifts[i], error);
  for (size_t i = 0; !rc && i < resolved_count; i++)
    rc = sq_run(store->writer, error, resolve, "iiis", (int64_t)AZD_DRIFT_RESOLVED, report->to_seq, scope_id,
                resolved[i]);
  return sq_write_end(store, rc, error);
}

/* ---- reading reports ---- */

#define REPORT_FIELDS                                                                                                  \
  "r.id, c.name, r.snapshot_id, r.baseline_id, r.header, r.revision, r.timestamp_ms, r.from_seq, r.to_seq,"            \
  " r.has_drift, r.complete FROM report r JOIN scope c ON c.id=r.scope"

static int read_report(sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_report *r, struct azd_error *error) {
  *r = (struct azd_report){.revision = sq_i64(stmt, 5),
                           .timestamp_ms = sq_i64(stmt, 6),
                           .from_seq = sq_i64(stmt, 7),
                           .to_seq = sq_i64(stmt, 8),
                           .has_drift = sq_i64(stmt, 9) != 0,
                           .complete = sq_i64(stmt, 10) != 0};
  struct azd_str *strings[] = {&r->id, &r->scope, &r->snapshot_id, &r->baseline_id, &r->header};
  for (int i = 0; i < 5; i++) {
    *strings[i] = sq_keep(stmt, i, arena);
    if (!strings[i]->data) return azd_fail(error, AZD_ENOMEM, "no memory for a report");
  }
  return 0;
}

int sq_report(struct azd_store *base, struct azd_str scope, struct azd_str id, struct azd_arena *arena,
              struct azd_report *report, struct azd_error *error) {
  static const char by_id[] = "SELECT " REPORT_FIELDS " WHERE r.id=?";
  static const char newest[] =
      "SELECT " REPORT_FIELDS " WHERE r.scope=? ORDER BY r.timestamp_ms DESC, r.id DESC LIMIT 1";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  if (id.size)
    rc = sq_query(conn, &stmt, error, by_id, "s", id);
  else {
    rc = sq_scope_id(conn, scope, &scope_id, error);
    if (!rc) rc = sq_query(conn, &stmt, error, newest, "i", scope_id);
  }
  if (!rc) {
    rc = sq_step(conn, stmt, error);
    if (rc == 0)
      rc = azd_fail(error, AZD_ENOTFOUND, "%s has no such report", base->name);
    else if (rc > 0) {
      rc = read_report(stmt, arena, report, error);
      sq_done(stmt);
    }
  }
  sq_read_end(conn);
  return rc;
}

int sq_reports(struct azd_store *base, struct azd_str scope, int64_t before_ms, size_t limit, struct azd_arena *arena,
               struct azd_report **reports, size_t *count, struct azd_error *error) {
  static const char of_scope[] = "SELECT " REPORT_FIELDS " WHERE r.timestamp_ms<? AND r.scope=? ORDER BY r.timestamp_ms"
                                 " DESC, r.id DESC LIMIT ?";
  static const char of_all[] = "SELECT " REPORT_FIELDS " WHERE r.timestamp_ms<? ORDER BY r.timestamp_ms DESC, r.id DESC"
                               " LIMIT ?";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0, before = before_ms ? before_ms : INT64_MAX,
          most = limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
  size_t capacity = 0;
  *reports = NULL;
  *count = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  if (scope.size) rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc)
    rc = scope.size ? sq_query(conn, &stmt, error, of_scope, "iii", before, scope_id, most)
                    : sq_query(conn, &stmt, error, of_all, "ii", before, most);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    *reports = sq_array_room(arena, *reports, *count, &capacity, sizeof **reports);
    rc = *reports ? read_report(stmt, arena, &(*reports)[*count], error)
                  : azd_fail(error, AZD_ENOMEM, "no memory for reports");
    if (rc)
      sq_done(stmt);
    else
      ++*count;
  }
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

/* ---- reading drifts ---- */

#define LIFE_FIELDS(t, report)                                                                                         \
  t ".id, " t ".fingerprint, " t ".kind, " t ".type, " t ".resource_id, " t ".severity, " t ".who, " t ".why, " report \
    ", " t ".status, " t ".first_seen_seq, " t ".first_seen_ms, " t ".last_seen_seq, " t ".last_seen_ms, " t           \
    ".until_ms"

struct drift_cursor {
  struct azd_drift_cursor base;
  struct sq_conn *conn;
  sqlite3_stmt *stmt; /* NULL: at its end */
};

static void fill_drift(sqlite3_stmt *stmt, struct azd_drift *d) {
  *d = (struct azd_drift){.status = (enum azd_drift_status)sq_i64(stmt, 9),
                          .first_seen_seq = sq_i64(stmt, 10),
                          .first_seen_ms = sq_i64(stmt, 11),
                          .last_seen_seq = sq_i64(stmt, 12),
                          .last_seen_ms = sq_i64(stmt, 13),
                          .until_ms = sq_i64(stmt, 14)};
  struct azd_str *strings[] = {&d->id,       &d->fingerprint, &d->kind, &d->type,     &d->resource_id,
                               &d->severity, &d->who,         &d->why,  &d->report_id};
  for (int i = 0; i < 9; i++) *strings[i] = sq_str(stmt, i);
  d->document = sq_str(stmt, 15);
  d->earlier = sq_str(stmt, 16);
}

static int step(struct azd_drift_cursor *base, struct azd_drift *drift, struct azd_error *error) {
  struct drift_cursor *cursor = (struct drift_cursor *)base;
  if (!cursor->stmt) return 0;
  int rc = sq_step(cursor->conn, cursor->stmt, error);
  if (rc > 0)
    fill_drift(cursor->stmt, drift);
  else
    cursor->stmt = NULL;
  return rc;
}

static void close_cursor(struct azd_drift_cursor *base) {
  struct drift_cursor *cursor = (struct drift_cursor *)base;
  if (cursor->stmt) sq_done(cursor->stmt);
  sq_read_end(cursor->conn);
  free(cursor);
}

static int cursor_new(struct azd_store *store, struct drift_cursor **out, struct azd_error *error) {
  struct drift_cursor *cursor = calloc(1, sizeof *cursor);
  if (!cursor) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  cursor->base = (struct azd_drift_cursor){.step = step, .close = close_cursor};
  int rc = sq_read_begin((struct sq_store *)store, &cursor->conn, error);
  if (rc)
    free(cursor);
  else
    *out = cursor;
  return rc;
}

int sq_report_drifts(struct azd_store *store, struct azd_str report_id, struct azd_drift_cursor **out,
                     struct azd_error *error) {
  static const char sql[] =
      "SELECT " LIFE_FIELDS("d", "d.report") ", d.document, '' FROM drift d WHERE d.report=? ORDER BY"
                                             " d.place";
  struct drift_cursor *cursor;
  int rc = cursor_new(store, &cursor, error);
  if (rc) return rc;
  rc = sq_query(cursor->conn, &cursor->stmt, error, sql, "s", report_id);
  if (rc)
    close_cursor(&cursor->base);
  else
    *out = &cursor->base;
  return rc;
}

/* A life whose report was pruned has no document left. */
#define LIFE                                                                                                           \
  "SELECT " LIFE_FIELDS("l",                                                                                           \
                        "l.report") ", coalesce((SELECT d.document FROM drift d WHERE d.fingerprint=l.fingerprint"     \
                                    " AND d.report=l.report), ''), l.earlier FROM drift_life l"

int sq_drifts(struct azd_store *store, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **out,
              struct azd_error *error) {
  static const char of_scope[] = LIFE " WHERE l.scope=? AND (l.status & ?) ORDER BY l.first_seen_seq, l.fingerprint";
  static const char of_all[] = LIFE " WHERE (l.status & ?) ORDER BY l.first_seen_ms, l.fingerprint";
  struct drift_cursor *cursor;
  int64_t scope_id = 0;
  int rc = cursor_new(store, &cursor, error);
  if (rc) return rc;
  if (scope.size) rc = sq_scope_id(cursor->conn, scope, &scope_id, error);
  if (rc == AZD_ENOTFOUND)
    rc = 0; /* nobody has collected it: no drifts */
  else if (!rc)
    rc = scope.size ? sq_query(cursor->conn, &cursor->stmt, error, of_scope, "ii", scope_id, (int64_t)statuses)
                    : sq_query(cursor->conn, &cursor->stmt, error, of_all, "i", (int64_t)statuses);
  if (rc)
    close_cursor(&cursor->base);
  else
    *out = &cursor->base;
  return rc;
}

static int keep_drift(struct azd_drift *d, struct azd_arena *arena) {
  struct azd_str *strings[] = {&d->id,  &d->fingerprint, &d->kind,      &d->type,     &d->resource_id, &d->severity,
                               &d->who, &d->why,         &d->report_id, &d->document, &d->earlier};
  for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
    *strings[i] = azd_arena_keep(arena, *strings[i]);
    if (!strings[i]->data) return AZD_ENOMEM;
  }
  return 0;
}

static int no_drift(const struct azd_store *store, struct azd_str fingerprint, struct azd_error *error) {
  return azd_fail(error, AZD_ENOTFOUND, "%s knows no drift %.*s in this scope", store->name,
                  AZD_STR_FORMAT(fingerprint));
}

int sq_drift(struct azd_store *base, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *arena,
             struct azd_drift *drift, struct azd_error *error) {
  static const char sql[] = LIFE " WHERE l.scope=? AND l.fingerprint=?";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = sq_query(conn, &stmt, error, sql, "is", scope_id, fingerprint);
  if (!rc) {
    rc = sq_step(conn, stmt, error);
    if (rc == 0)
      rc = no_drift(base, fingerprint, error);
    else if (rc > 0) {
      fill_drift(stmt, drift);
      rc = keep_drift(drift, arena) ? azd_fail(error, AZD_ENOMEM, "no memory for a drift") : 0;
      sq_done(stmt);
    }
  }
  sq_read_end(conn);
  return rc;
}

int sq_drift_set(struct azd_store *base, struct azd_str scope, struct azd_str fingerprint, enum azd_drift_status status,
                 struct azd_str who, struct azd_str why, int64_t until_ms, struct azd_error *error) {
  static const char sql[] = "UPDATE drift_life SET status=?, who=?, why=?, until_ms=? WHERE scope=? AND fingerprint=?";
  struct sq_store *store = (struct sq_store *)base;
  int64_t scope_id = 0;
  int rc = sq_write_begin(store, error);
  if (rc) return rc;
  rc = sq_scope_id(store->writer, scope, &scope_id, error);
  if (!rc) rc = sq_run(store->writer, error, sql, "issiis", (int64_t)status, who, why, until_ms, scope_id, fingerprint);
  if (!rc && !sqlite3_changes(store->writer->db)) rc = no_drift(base, fingerprint, error);
  return sq_write_end(store, rc, error);
}
