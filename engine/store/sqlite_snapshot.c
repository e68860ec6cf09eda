#include "store/sqlite.h"

#include <stdio.h>
#include <string.h>

#define PUBLISHED "status IN (3,4)"
#define ALL_SNAPSHOTS                                                                                                  \
  "n.id, n.seq, n.timestamp_ms, n.final_status, c.name, n.subscription_id, n.resource_group, n.coverage, n.missing,"   \
  " n.stamps, n.redaction_key, n.resources, n.added, n.changed, n.removed, n.hashes_xor, n.previous_chain,"            \
  " n.changes_hash, n.chain, n.status FROM snapshot n JOIN scope c ON c.id = n.scope WHERE "
#define SNAPSHOT_FIELDS ALL_SNAPSHOTS "n." PUBLISHED
_Static_assert(AZD_SNAPSHOT_PARTIAL == 3 && AZD_SNAPSHOT_COMPLETE == 4, "PUBLISHED names them");

int sq_scope_id(struct sq_conn *conn, struct azd_str scope, int64_t *id, struct azd_error *error) {
  int rc = sq_int(conn, id, error, "SELECT id FROM scope WHERE name=?", "s", scope);
  if (rc == AZD_ENOTFOUND)
    azd_fail(error, rc, "%s knows no scope %.*s: collect it first", conn->store->path, AZD_STR_FORMAT(scope));
  return rc;
}

int sq_last_seq(struct sq_conn *conn, int64_t scope_id, int64_t *seq, struct azd_error *error) {
  static const char sql[] = "SELECT seq FROM snapshot WHERE scope=? AND " PUBLISHED " ORDER BY seq DESC LIMIT 1";
  *seq = 0;
  int rc = sq_int(conn, seq, error, sql, "i", scope_id);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

static int read_row(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_snapshot *s,
                    struct azd_error *error) {
  struct azd_str id = sq_str(stmt, 0);
  *s = (struct azd_snapshot){.seq = sq_i64(stmt, 1),
                             .timestamp_ms = sq_i64(stmt, 2),
                             .status = (enum azd_snapshot_status)sq_i64(stmt, 3),
                             .resources = sq_i64(stmt, 11),
                             .added = sq_i64(stmt, 12),
                             .changed = sq_i64(stmt, 13),
                             .removed = sq_i64(stmt, 14),
                             .thinned = sq_i64(stmt, 19) >= AZD_SNAPSHOT_THINNING};
  snprintf(s->id, sizeof s->id, "%.*s", AZD_STR_FORMAT(id));
  struct azd_str *strings[] = {&s->scope,   &s->subscription_id, &s->resource_group, &s->coverage,
                               &s->missing, &s->stamps,          &s->redaction_key};
  for (int i = 0; i < 7; i++) {
    *strings[i] = sq_keep(stmt, 4 + i, arena);
    if (!strings[i]->data) return azd_fail(error, AZD_ENOMEM, "no memory for a snapshot");
  }
  uint8_t *hashes[] = {s->hashes_xor, s->previous_chain, s->changes_hash, s->chain};
  for (int i = 0; i < 4; i++) {
    int rc = sq_bytes(conn, stmt, 15 + i, hashes[i], AZD_HASH_BYTES, error);
    if (rc) return rc;
  }
  return 0;
}

static int read_one(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_snapshot *snapshot,
                    struct azd_error *error) {
  int rc = sq_step(conn, stmt, error);
  if (rc == 0) return AZD_ENOTFOUND;
  if (rc < 0) return rc;
  rc = read_row(conn, stmt, arena, snapshot, error);
  sq_done(stmt);
  return rc;
}

int sq_published(struct sq_conn *conn, int64_t scope_id, int64_t seq, struct azd_snapshot *snapshot,
                 struct azd_arena *arena, struct azd_error *error) {
  static const char sql[] = "SELECT " SNAPSHOT_FIELDS " AND n.scope=? AND n.seq=?";
  sqlite3_stmt *stmt;
  int rc = sq_query(conn, &stmt, error, sql, "ii", scope_id, seq);
  if (!rc) rc = read_one(conn, stmt, arena, snapshot, error);
  if (rc == AZD_ENOTFOUND)
    azd_fail(error, rc, "%s has no published snapshot %lld of this scope", conn->store->path, (long long)seq);
  return rc;
}

int sq_snapshot_insert(struct sq_conn *conn, int64_t scope_id, const struct azd_snapshot *s,
                       enum azd_snapshot_status now, struct azd_error *error) {
  static const char sql[] = "INSERT INTO snapshot VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
  return sq_run(conn, error, sql, "iisiiissssssiiiibbbb", scope_id, s->seq, azd_str_of(s->id), s->timestamp_ms,
                (int64_t)now, (int64_t)s->status, s->subscription_id, s->resource_group, s->coverage, s->missing,
                s->stamps, s->redaction_key, s->resources, s->added, s->changed, s->removed,
                sq_blob(s->hashes_xor, AZD_HASH_BYTES), sq_blob(s->previous_chain, AZD_HASH_BYTES),
                sq_blob(s->changes_hash, AZD_HASH_BYTES), sq_blob(s->chain, AZD_HASH_BYTES));
}

static int query_for(struct sq_conn *conn, const struct azd_snapshot_query *query, sqlite3_stmt **stmt,
                     struct azd_error *error) {
  static const char by_id[] = "SELECT " SNAPSHOT_FIELDS " AND n.id=?";
  static const char by_seq[] = "SELECT " SNAPSHOT_FIELDS " AND n.scope=? AND n.seq=?";
  static const char last[] = "SELECT " SNAPSHOT_FIELDS " AND n.scope=? ORDER BY n.seq DESC LIMIT 1";
  static const char by_time[] =
      "SELECT " SNAPSHOT_FIELDS " AND n.scope=? AND n.timestamp_ms<=? ORDER BY n.timestamp_ms DESC, n.seq DESC LIMIT 1";
  int64_t scope_id = 0;
  if (query->by == AZD_BY_ID && !query->scope.size) return sq_query(conn, stmt, error, by_id, "s", query->id);
  int rc = sq_scope_id(conn, query->scope, &scope_id, error);
  if (rc) return rc;
  switch (query->by) {
  case AZD_BY_LAST: return sq_query(conn, stmt, error, last, "i", scope_id);
  case AZD_BY_SEQ: return sq_query(conn, stmt, error, by_seq, "ii", scope_id, query->seq);
  case AZD_BY_TIME: return sq_query(conn, stmt, error, by_time, "ii", scope_id, query->at_ms);
  case AZD_BY_ID: return sq_query(conn, stmt, error, by_id, "s", query->id);
  }
  return azd_fail(error, AZD_EINVAL, "a snapshot is looked up by last, seq, id or time");
}

int sq_snapshot(struct azd_store *base, const struct azd_snapshot_query *query, struct azd_arena *arena,
                struct azd_snapshot *snapshot, struct azd_error *error) {
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = query_for(conn, query, &stmt, error);
  if (!rc) {
    rc = read_one(conn, stmt, arena, snapshot, error);
    bool other = !rc && query->scope.size && !azd_str_equal(query->scope, snapshot->scope);
    if (rc == AZD_ENOTFOUND || other)
      rc = azd_fail(error, AZD_ENOTFOUND, "%s has no such snapshot: `azdrift snapshots` lists them", base->name);
  }
  sq_read_end(conn);
  return rc;
}

/* All rows of stmt; it is done then. */
static int read_all(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_arena *arena, struct azd_snapshot **snapshots,
                    size_t *count, struct azd_error *error) {
  size_t capacity = 0;
  int rc;
  while ((rc = sq_step(conn, stmt, error)) > 0) {
    *snapshots = sq_array_room(arena, *snapshots, *count, &capacity, sizeof **snapshots);
    rc = *snapshots ? read_row(conn, stmt, arena, &(*snapshots)[*count], error)
                    : azd_fail(error, AZD_ENOMEM, "no memory for snapshots");
    if (rc) {
      sq_done(stmt);
      return rc;
    }
    ++*count;
  }
  return rc;
}

static int64_t most_of(size_t limit) {
  return limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

int sq_snapshots(struct azd_store *base, struct azd_str scope, int64_t before_seq, size_t limit,
                 struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  static const char of_scope[] = "SELECT " SNAPSHOT_FIELDS " AND n.scope=? AND n.seq<? ORDER BY n.seq DESC LIMIT ?";
  static const char of_all[] = "SELECT " SNAPSHOT_FIELDS " ORDER BY n.timestamp_ms DESC, n.seq DESC LIMIT ?";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0, most = most_of(limit);
  *count = 0;
  *snapshots = NULL;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  if (scope.size) rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc && scope.size)
    rc = sq_query(conn, &stmt, error, of_scope, "iii", scope_id, before_seq ? before_seq : INT64_MAX, most);
  else if (!rc)
    rc = sq_query(conn, &stmt, error, of_all, "i", most);
  if (!rc) rc = read_all(conn, stmt, arena, snapshots, count, error);
  sq_read_end(conn);
  return rc;
}

int sq_chain(struct azd_store *base, struct azd_str scope, int64_t after_seq, size_t limit, struct azd_arena *arena,
             struct azd_snapshot **snapshots, size_t *count, struct azd_error *error) {
  static const char sql[] =
      "SELECT " ALL_SNAPSHOTS "n.status IN (3,4,5,6) AND n.scope=? AND n.seq>? ORDER BY n.seq LIMIT ?";
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  int64_t scope_id = 0;
  *count = 0;
  *snapshots = NULL;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = sq_query(conn, &stmt, error, sql, "iii", scope_id, after_seq, most_of(limit));
  if (!rc) rc = read_all(conn, stmt, arena, snapshots, count, error);
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc;
}

int sq_scopes(struct azd_store *base, struct azd_arena *arena, const char ***scopes, size_t *count,
              struct azd_error *error) {
  struct sq_conn *conn;
  sqlite3_stmt *stmt;
  size_t capacity = 0;
  *count = 0;
  *scopes = NULL;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_query(conn, &stmt, error, "SELECT name FROM scope ORDER BY name", "");
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    *scopes = sq_array_room(arena, *scopes, *count, &capacity, sizeof **scopes);
    struct azd_str name = *scopes ? sq_keep(stmt, 0, arena) : (struct azd_str){0};
    rc = name.data ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for scopes");
    if (rc)
      sq_done(stmt);
    else
      (*scopes)[(*count)++] = name.data;
  }
  sq_read_end(conn);
  return rc;
}
