/* Reading versions. A cursor first lets an index answer which rows, in which order (16 bytes a row, sorted by SQLite
 * where the index is not in that order already), and then fetches row by row: bodies are never sorted. It keeps its
 * connection, and with it one moment of the file, until it is closed. */
#include "store/sqlite.h"

#include <stdlib.h>

struct sq_cursor {
  struct azd_version_cursor base;
  struct sq_conn *conn;
  sqlite3_stmt *order; /* answers version ids and keys */
  sqlite3_stmt *row;
  bool bodies;
  int failure;
  int64_t last_published;               /* of the scope: an end beyond it is not visible yet */
  uint8_t (*types)[AZD_KEY_TYPE_BYTES]; /* owned, sorted; only these */
  size_t type_count;
  bool verify; /* count and xor against the snapshot's */
  int64_t expected, seen;
  uint8_t xored[AZD_HASH_BYTES]; /* ends at zero */
};

#define ROW_FIELDS                                                                                                     \
  "SELECT v.khash, v.from_seq, v.to_seq, v.hash, v.resource_id, k.type, k.view, k.api_version, k.redaction,"           \
  " p.subscription_id, p.resource_group, v.prev_from, "
#define ROW_FROM " FROM version v JOIN kind k ON k.id=v.kind JOIN place p ON p.id=v.place WHERE v.id=?"
static const char row_with_body[] = ROW_FIELDS "v.body" ROW_FROM;
static const char row_without_body[] = ROW_FIELDS "x''" ROW_FROM;

static int fill(struct sq_conn *conn, sqlite3_stmt *row, int64_t last_published, struct azd_version *v,
                struct azd_error *error) {
  *v = (struct azd_version){.from_seq = sq_i64(row, 1),
                            .to_seq = sq_i64(row, 2),
                            .id = sq_str(row, 4),
                            .type = sq_str(row, 5),
                            .view = sq_str(row, 6),
                            .api_version = sq_str(row, 7),
                            .redaction = sq_str(row, 8),
                            .subscription_id = sq_str(row, 9),
                            .resource_group = sq_str(row, 10),
                            .prev_from = sq_i64(row, 11),
                            .body = sq_str(row, 12)};
  if (v->to_seq > last_published) v->to_seq = AZD_SEQ_OPEN;
  int rc = sq_bytes(conn, row, 0, v->key.bytes, AZD_KEY_BYTES, error);
  return rc ? rc : sq_bytes(conn, row, 3, v->hash, AZD_HASH_BYTES, error);
}

/* Leaves row standing on the version's row. */
static int fetch(struct sq_conn *conn, int64_t id, bool bodies, int64_t last_published, sqlite3_stmt **row,
                 struct azd_version *version, struct azd_error *error) {
  const char *sql = bodies ? row_with_body : row_without_body;
  int rc = sq_query(conn, row, error, sql, "i", id);
  if (!rc) rc = sq_step(conn, *row, error);
  if (rc == 0)
    rc = azd_fail(error, AZD_ECORRUPT,
                  "%s: an index names version %lld, which is not there: run `azdrift db "
                  "check`, or restore the file from a backup",
                  conn->store->path, (long long)id);
  return rc < 0 ? rc : fill(conn, *row, last_published, version, error);
}

static int compare_types(const void *a, const void *b) {
  return memcmp(a, b, AZD_KEY_TYPE_BYTES);
}

static bool wanted(const struct sq_cursor *cursor) {
  if (!cursor->type_count) return true;
  struct azd_str key = sq_str(cursor->order, 1);
  return key.size == AZD_KEY_BYTES &&
         bsearch(key.data, cursor->types, cursor->type_count, AZD_KEY_TYPE_BYTES, compare_types);
}

static int verified(const struct sq_cursor *cursor, struct azd_error *error) {
  static const uint8_t zero[AZD_HASH_BYTES];
  if (!cursor->verify || (cursor->seen == cursor->expected && !memcmp(cursor->xored, zero, AZD_HASH_BYTES))) return 0;
  return azd_fail(error, AZD_ECORRUPT,
                  "%s: a snapshot of %lld resources reads as %lld, or with other hashes: run `azdrift "
                  "verify`, and restore the file from a backup",
                  cursor->conn->store->path, (long long)cursor->expected, (long long)cursor->seen);
}

static int step(struct azd_version_cursor *base, struct azd_version *version, struct azd_error *error) {
  struct sq_cursor *cursor = (struct sq_cursor *)base;
  int rc = cursor->failure;
  if (rc) return azd_fail(error, rc, "%s: this cursor has failed before", cursor->conn->store->path);
  if (cursor->row) sq_done(cursor->row);
  if (!cursor->order) return 0;
  while ((rc = sq_step(cursor->conn, cursor->order, error)) > 0)
    if (wanted(cursor)) break;
  if (rc > 0) {
    int64_t id = sq_i64(cursor->order, 0);
    if (sqlite3_column_count(cursor->order) > 3) cursor->last_published = sq_i64(cursor->order, 3);
    rc = fetch(cursor->conn, id, cursor->bodies, cursor->last_published, &cursor->row, version, error);
    if (!rc) {
      cursor->seen++;
      for (int i = 0; i < AZD_HASH_BYTES; i++) cursor->xored[i] ^= version->hash[i];
      return 1;
    }
  } else {
    cursor->order = NULL;
    if (!rc) rc = verified(cursor, error);
  }
  cursor->failure = rc;
  return rc;
}

static void close_cursor(struct azd_version_cursor *base) {
  struct sq_cursor *cursor = (struct sq_cursor *)base;
  if (cursor->order) sq_done(cursor->order);
  if (cursor->row) sq_done(cursor->row);
  sq_read_end(cursor->conn);
  free(cursor->types);
  free(cursor);
}

static int cursor_new(struct azd_store *store, bool bodies, struct sq_cursor **out, struct azd_error *error) {
  struct sq_cursor *cursor = calloc(1, sizeof *cursor);
  if (!cursor) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  cursor->base = (struct azd_version_cursor){.step = step, .close = close_cursor, .store = store};
  cursor->bodies = bodies;
  int rc = sq_read_begin((struct sq_store *)store, &cursor->conn, error);
  if (rc)
    free(cursor);
  else
    *out = cursor;
  return rc;
}

static int cursor_done(struct sq_cursor *cursor, int rc, struct azd_version_cursor **out) {
  if (rc)
    close_cursor(&cursor->base);
  else
    *out = &cursor->base;
  return rc;
}

/* ---- the map ---- */

/* ?2: the last published seq. Versions that a commit in closing has ended already are still open at it. */
static int load_full(struct sq_conn *conn, int64_t scope_id, int64_t last, struct azd_map_load *load,
                     struct azd_error *error) {
  static const char sql[] =
      "SELECT khash, hash, from_seq FROM version INDEXED BY version_to WHERE scope=?1 AND to_seq>?2"
      " AND from_seq<=?2";
  sqlite3_stmt *stmt;
  struct azd_map_entry entry;
  int rc = sq_query(conn, &stmt, error, sql, "ii", scope_id, last);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    rc = sq_bytes(conn, stmt, 0, entry.key.bytes, AZD_KEY_BYTES, error);
    if (!rc) rc = sq_bytes(conn, stmt, 1, entry.hash, AZD_HASH_BYTES, error);
    entry.from_seq = sq_i64(stmt, 2);
    if (!rc && (rc = azd_map_load_add(load, &entry))) azd_fail(error, rc, "no memory for the map of open versions");
    if (rc) sq_done(stmt);
  }
  return rc;
}

static int load_opened(struct sq_conn *conn, int64_t scope_id, int64_t since, int64_t last, struct azd_map_load *load,
                       struct azd_error *error) {
  static const char sql[] = "SELECT khash, hash, from_seq FROM version INDEXED BY version_from WHERE scope=?1 AND"
                            " from_seq>?2 AND from_seq<=?3 AND to_seq>?3";
  sqlite3_stmt *stmt;
  struct azd_map_entry entry;
  int rc = sq_query(conn, &stmt, error, sql, "iii", scope_id, since, last);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    rc = sq_bytes(conn, stmt, 0, entry.key.bytes, AZD_KEY_BYTES, error);
    if (!rc) rc = sq_bytes(conn, stmt, 1, entry.hash, AZD_HASH_BYTES, error);
    entry.from_seq = sq_i64(stmt, 2);
    if (!rc && (rc = azd_map_load_add(load, &entry))) azd_fail(error, rc, "no memory for the map of open versions");
    if (rc) sq_done(stmt);
  }
  return rc;
}

static int load_closed(struct sq_conn *conn, int64_t scope_id, int64_t since, int64_t last, struct azd_map_load *load,
                       struct azd_error *error) {
  static const char sql[] =
      "SELECT khash FROM version INDEXED BY version_to WHERE scope=?1 AND to_seq>?2 AND to_seq<=?3"
      " AND from_seq<=?2";
  sqlite3_stmt *stmt;
  struct azd_key key;
  int rc = sq_query(conn, &stmt, error, sql, "iii", scope_id, since, last);
  while (!rc && (rc = sq_step(conn, stmt, error)) > 0) {
    rc = sq_bytes(conn, stmt, 0, key.bytes, AZD_KEY_BYTES, error);
    if (!rc && (rc = azd_map_load_drop(load, &key))) azd_fail(error, rc, "no memory for the map of open versions");
    if (rc) sq_done(stmt);
  }
  return rc;
}

static int load_map(struct sq_conn *conn, int64_t scope_id, struct azd_map *map, struct azd_error *error) {
  int64_t last = 0, since = azd_map_seq(map);
  int rc = sq_last_seq(conn, scope_id, &last, error);
  if (rc || last == since) return rc;
  bool full = since == 0 || since > last; /* beyond the last: of another file */
  if (!full) {
    /* What was thinned out in between is known again only from a snapshot that was kept. */
    rc = sq_int(conn, &since, error, "SELECT seq FROM snapshot WHERE scope=? AND seq=? AND status IN (3,4)", "ii",
                scope_id, since);
    if (rc && rc != AZD_ENOTFOUND) return rc;
    full = rc == AZD_ENOTFOUND;
  }
  struct azd_map_load *load = azd_map_load_begin(map, full);
  if (!load) return azd_fail(error, AZD_ENOMEM, "no memory for the map of open versions");
  rc = full ? load_full(conn, scope_id, last, load, error) : load_opened(conn, scope_id, since, last, load, error);
  if (!rc && !full) rc = load_closed(conn, scope_id, since, last, load, error);
  if (rc) {
    azd_map_load_cancel(load);
    return rc;
  }
  rc = azd_map_load_end(load, last);
  if (rc == AZD_ECORRUPT)
    return azd_fail(error, rc, "%s: a resource with two open versions: run `azdrift db check`", conn->store->path);
  return rc ? azd_fail(error, rc, "no memory for the map of open versions") : 0;
}

int sq_map_load(struct azd_store *base, struct azd_str scope, struct azd_map *map, struct azd_error *error) {
  struct sq_conn *conn;
  int64_t scope_id;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  rc = rc ? rc : load_map(conn, scope_id, map, error);
  sq_read_end(conn);
  return rc == AZD_ENOTFOUND ? 0 : rc; /* a scope nobody has collected: the empty map is right */
}

/* ---- versions open at a seq ---- */

/* The last snapshot, while nobody is closing anything, is exactly what is open: an index has it in key order. */
static int query_open(struct sq_conn *conn, int64_t scope_id, int64_t seq, const uint8_t *type_prefix,
                      sqlite3_stmt **order, int64_t *last, struct azd_error *error) {
  static const char now[] = "SELECT id, khash FROM version INDEXED BY version_to WHERE scope=? AND"
                            " to_seq=9223372036854775807 AND khash BETWEEN ? AND ? AND from_seq<=? ORDER BY khash";
  static const char then[] = "SELECT id, khash FROM version INDEXED BY version_to WHERE scope=?1 AND to_seq>?4 AND"
                             " khash BETWEEN ?2 AND ?3 AND from_seq<=?4 ORDER BY khash";
  uint8_t low[AZD_KEY_BYTES], high[AZD_KEY_BYTES];
  int64_t closing = 0;
  memset(low, 0, sizeof low);
  memset(high, 0xff, sizeof high);
  if (type_prefix) memcpy(low, type_prefix, AZD_KEY_TYPE_BYTES), memcpy(high, type_prefix, AZD_KEY_TYPE_BYTES);
  int rc = sq_last_seq(conn, scope_id, last, error);
  if (!rc)
    rc = sq_int(conn, &closing, error,
                "SELECT count(*) FROM snapshot WHERE scope=? AND status=1 AND status IN " SQ_UNFINISHED, "i", scope_id);
  if (rc) return rc;
  return sq_query(conn, order, error, seq == *last && !closing ? now : then, "ibbi", scope_id, sq_blob(low, sizeof low),
                  sq_blob(high, sizeof high), seq);
}

static int open_versions(struct sq_cursor *cursor, const struct azd_version_query *query, struct azd_error *error) {
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  int64_t scope_id;
  uint8_t prefix[AZD_KEY_TYPE_BYTES];
  azd_arena_init(&arena, 0);
  int rc = sq_scope_id(cursor->conn, query->scope, &scope_id, error);
  if (!rc) rc = sq_published(cursor->conn, scope_id, query->seq, &snapshot, &arena, error);
  if (!rc) {
    cursor->verify = !query->type.size;
    cursor->expected = snapshot.resources;
    memcpy(cursor->xored, snapshot.hashes_xor, AZD_HASH_BYTES);
    azd_key_type_prefix(query->type, prefix);
    rc = query_open(cursor->conn, scope_id, query->seq, query->type.size ? prefix : NULL, &cursor->order,
                    &cursor->last_published, error);
  }
  azd_arena_free(&arena);
  return rc;
}

int sq_versions(struct azd_store *store, const struct azd_version_query *query, struct azd_version_cursor **out,
                struct azd_error *error) {
  struct sq_cursor *cursor;
  int rc = cursor_new(store, query->bodies, &cursor, error);
  return rc ? rc : cursor_done(cursor, open_versions(cursor, query, error), out);
}

int sq_version(struct azd_store *base, struct azd_str scope, const struct azd_key *key, int64_t seq,
               struct azd_arena *arena, struct azd_version *version, struct azd_error *error) {
  static const char sql[] =
      "SELECT id FROM version INDEXED BY version_key WHERE scope=?1 AND khash=?2 AND from_seq<=?3 AND"
      " to_seq>?3 ORDER BY from_seq DESC LIMIT 1";
  struct sq_conn *conn;
  sqlite3_stmt *row = NULL;
  int64_t scope_id = 0, last = 0, id = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = sq_last_seq(conn, scope_id, &last, error);
  if (!rc && seq > last)
    rc = azd_fail(error, AZD_ENOTFOUND, "%s has no published snapshot %lld", base->name, (long long)seq);
  if (!rc) {
    rc = sq_int(conn, &id, error, sql, "ibi", scope_id, sq_blob(key->bytes, AZD_KEY_BYTES), seq);
    if (rc == AZD_ENOTFOUND) azd_fail(error, rc, "%s does not show this resource at %lld", base->name, (long long)seq);
  }
  if (!rc) rc = fetch(conn, id, true, last, &row, version, error);
  if (!rc && azd_version_keep(version, arena)) rc = azd_fail(error, AZD_ENOMEM, "no memory for a version");
  if (row) sq_done(row);
  sq_read_end(conn);
  return rc;
}

/* ---- history of one resource ---- */

int sq_history(struct azd_store *store, struct azd_str scope, const struct azd_key *key, bool bodies,
               struct azd_version_cursor **out, struct azd_error *error) {
  /* The fourth column is what fetch needs to know of the version's scope. */
#define LAST_OF_ITS_SCOPE "(SELECT coalesce(max(n.seq), 0) FROM snapshot n WHERE n.scope=v.scope AND n.status IN (3,4))"
  static const char of_scope[] =
      "SELECT id, khash, 0, last FROM (SELECT v.*, " LAST_OF_ITS_SCOPE " AS last FROM version v WHERE v.scope=? AND"
      " v.khash=?) WHERE from_seq<=last ORDER BY from_seq DESC";
  static const char of_all[] =
      "SELECT id, khash, 0, last FROM (SELECT v.*, " LAST_OF_ITS_SCOPE " AS last FROM version v WHERE v.scope IN"
      " (SELECT id FROM scope) AND v.khash=?) WHERE from_seq<=last ORDER BY scope, from_seq DESC";
  struct sq_cursor *cursor;
  int64_t scope_id = 0;
  int rc = cursor_new(store, bodies, &cursor, error);
  if (rc) return rc;
  struct azd_str bytes = sq_blob(key->bytes, AZD_KEY_BYTES);
  if (!scope.size) return cursor_done(cursor, sq_query(cursor->conn, &cursor->order, error, of_all, "b", bytes), out);
  rc = sq_scope_id(cursor->conn, scope, &scope_id, error);
  if (!rc) rc = sq_query(cursor->conn, &cursor->order, error, of_scope, "ib", scope_id, bytes);
  return cursor_done(cursor, rc, out);
}

/* ---- what was opened or closed between two seqs ---- */

static int open_touched(struct sq_cursor *cursor, const struct azd_touched_query *query, struct azd_error *error) {
  static const char sql[] =
      "SELECT id, khash, 0 AS side FROM version INDEXED BY version_to WHERE scope=?1 AND to_seq>?2 AND to_seq<=?3 AND"
      " from_seq<=?2 UNION ALL SELECT id, khash, 1 FROM version INDEXED BY version_from WHERE scope=?1 AND from_seq>?2 "
      "AND"
      " from_seq<=?3 AND to_seq>?3 ORDER BY 2, 3";
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  int64_t scope_id;
  azd_arena_init(&arena, 0);
  int rc = sq_scope_id(cursor->conn, query->scope, &scope_id, error);
  if (!rc) rc = sq_published(cursor->conn, scope_id, query->from_seq, &snapshot, &arena, error);
  if (!rc) rc = sq_published(cursor->conn, scope_id, query->to_seq, &snapshot, &arena, error);
  if (!rc) rc = sq_last_seq(cursor->conn, scope_id, &cursor->last_published, error);
  if (!rc) rc = sq_query(cursor->conn, &cursor->order, error, sql, "iii", scope_id, query->from_seq, query->to_seq);
  azd_arena_free(&arena);
  return rc;
}

int sq_touched(struct azd_store *store, const struct azd_touched_query *query, struct azd_version_cursor **out,
               struct azd_error *error) {
  struct sq_cursor *cursor;
  int rc = cursor_new(store, query->bodies, &cursor, error);
  if (rc) return rc;
  if (query->type_count) {
    cursor->types = malloc(query->type_count * sizeof *cursor->types);
    if (!cursor->types) return cursor_done(cursor, azd_fail(error, AZD_ENOMEM, "no memory for a cursor"), out);
    memcpy(cursor->types, query->types, query->type_count * sizeof *cursor->types);
    cursor->type_count = query->type_count;
  }
  return cursor_done(cursor, open_touched(cursor, query, error), out);
}

/* ---- types ---- */

/* Counts runs of keys of one type; the type's text comes from the first row of its run. */
static int count_types(struct sq_conn *conn, sqlite3_stmt *order, struct azd_arena *arena,
                       struct azd_type_count **types, size_t *count, struct azd_error *error) {
  uint8_t run[AZD_KEY_TYPE_BYTES] = {0};
  struct azd_key key;
  struct azd_version version;
  sqlite3_stmt *row = NULL;
  size_t capacity = 0;
  int rc;
  while ((rc = sq_step(conn, order, error)) > 0) {
    rc = sq_bytes(conn, order, 1, key.bytes, AZD_KEY_BYTES, error);
    if (rc) break;
    if (*count && !memcmp(run, key.bytes, AZD_KEY_TYPE_BYTES)) {
      (*types)[*count - 1].versions++;
      continue;
    }
    memcpy(run, key.bytes, AZD_KEY_TYPE_BYTES);
    *types = sq_array_room(arena, *types, *count, &capacity, sizeof **types);
    rc = *types ? fetch(conn, sq_i64(order, 0), false, AZD_SEQ_OPEN - 1, &row, &version, error) : AZD_ENOMEM;
    if (rc) break;
    struct azd_type_count *type = &(*types)[(*count)++];
    *type = (struct azd_type_count){.type = azd_arena_keep(arena, version.type), .versions = 1};
    sq_done(row);
    if (!type->type.data && (rc = AZD_ENOMEM)) break;
  }
  if (rc == AZD_ENOMEM) azd_fail(error, rc, "no memory for types");
  if (rc) sq_done(order);
  return rc;
}

int sq_types(struct azd_store *base, struct azd_str scope, int64_t seq, struct azd_arena *arena,
             struct azd_type_count **types, size_t *count, struct azd_error *error) {
  struct azd_snapshot snapshot;
  struct sq_conn *conn;
  sqlite3_stmt *order;
  int64_t scope_id, last;
  *types = NULL;
  *count = 0;
  int rc = sq_read_begin((struct sq_store *)base, &conn, error);
  if (rc) return rc;
  rc = sq_scope_id(conn, scope, &scope_id, error);
  if (!rc) rc = sq_published(conn, scope_id, seq, &snapshot, arena, error);
  if (!rc) rc = query_open(conn, scope_id, seq, NULL, &order, &last, error);
  if (!rc) rc = count_types(conn, order, arena, types, count, error);
  sq_read_end(conn);
  return rc;
}

/* ---- everything, as it is stored ---- */

int sq_scan(struct azd_store *store, const struct azd_scan_query *query, struct azd_version_cursor **out,
            struct azd_error *error) {
  static const char sql[] = "SELECT id, khash FROM version INDEXED BY version_key WHERE scope=? AND (khash, from_seq)>"
                            "(?,?) ORDER BY khash, from_seq";
  struct sq_cursor *cursor;
  int64_t scope_id = 0;
  int rc = cursor_new(store, query->bodies, &cursor, error);
  if (rc) return rc;
  cursor->last_published = AZD_SEQ_OPEN - 1;
  rc = sq_scope_id(cursor->conn, query->scope, &scope_id, error);
  if (!rc)
    rc = sq_query(cursor->conn, &cursor->order, error, sql, "ibi", scope_id,
                  sq_blob(query->after_key.bytes, AZD_KEY_BYTES), query->after_from);
  return cursor_done(cursor, rc == AZD_ENOTFOUND ? 0 : rc, out);
}
