#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- what went wrong, for people ---- */

static int full(const char *name, const char *doing, struct azd_error *error) {
  return azd_fail(error, AZD_EIO, "%s: %s: no space left: free some, nothing that was committed is lost", name, doing);
}

int sq_fail(struct sq_conn *conn, int code, const char *doing, struct azd_error *error) {
  const char *name = conn->store->path, *detail = sqlite3_errmsg(conn->db);
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED:
    return azd_fail(error, AZD_EBUSY, "%s: %s: another process has been writing for more than %d s: try again", name,
                    doing, (int)(conn->store->busy_timeout_ms / 1000));
  case SQLITE_NOTADB:
    return azd_fail(error, AZD_EPARSE, "%s is not an azdrift store: name another file, or move this one away", name);
  case SQLITE_CORRUPT:
    return azd_fail(error, AZD_ECORRUPT,
                    "%s: %s: the file is damaged (%s): restore it from a backup, or move it away and "
                    "collect anew",
                    name, doing, detail);
  case SQLITE_FULL: return full(name, doing, error);
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH:
    return azd_fail(error, AZD_EDENIED,
                    "%s: %s: the file or its folder cannot be written: change its permissions, or name "
                    "another file",
                    name, doing);
  case SQLITE_CANTOPEN:
    return azd_fail(error, AZD_EIO, "%s: %s: cannot be opened (%s): check that the folder exists and may be used", name,
                    doing, detail);
  case SQLITE_NOMEM: return azd_fail(error, AZD_ENOMEM, "%s: %s: out of memory", name, doing);
  case SQLITE_CONSTRAINT: return azd_fail(error, AZD_ECONFLICT, "%s: %s: %s", name, doing, detail);
  case SQLITE_TOOBIG: return azd_fail(error, AZD_ELIMIT, "%s: %s: %s", name, doing, detail);
  case SQLITE_IOERR: {
    int os = sqlite3_system_errno(conn->db);
    if (os == ENOSPC || os == EDQUOT) return full(name, doing, error); /* of the files beside it, mostly */
    return azd_fail(error, AZD_EIO, "%s: %s: %s (%s)", name, doing, detail, os ? strerror(os) : "no system error");
  }
  default: return azd_fail(error, AZD_EIO, "%s: %s: %s (SQLite %d)", name, doing, detail, code);
  }
}

/* ---- connections ---- */

/* The path as a file: URI, so that a `?` or `%` in it stays part of the name. */
static char *uri_of(const struct sq_store *store) {
  struct azd_buf uri;
  azd_buf_init(&uri, 0);
  azd_buf_append_text(&uri, "file:");
  for (const char *c = store->path; *c; c++) {
    if (*c == '?' || *c == '%' || *c == '#')
      azd_buf_printf(&uri, "%%%02X", *c);
    else
      azd_buf_append_char(&uri, *c);
  }
  azd_buf_append_text(&uri, store->immutable ? "?immutable=1" : "");
  azd_buf_append_char(&uri, '\0');
  if (!azd_buf_status(&uri)) return uri.data;
  azd_buf_free(&uri);
  return NULL;
}

int sq_conn_open(struct sq_store *store, bool write, struct sq_conn **conn, struct azd_error *error) {
  static const char settings[] = "PRAGMA synchronous=FULL; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                                 "PRAGMA wal_autocheckpoint=2000;";
  struct sq_conn *made = calloc(1, sizeof *made);
  char *uri = uri_of(store);
  int rc = AZD_ENOMEM;
  if (!made || !uri) {
    azd_fail(error, rc, "%s: no memory for a connection", store->path);
    goto out;
  }
  made->store = store;
  int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | (write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  int code = sqlite3_open_v2(uri, &made->db, flags, NULL);
  if (!code) code = sqlite3_extended_result_codes(made->db, 1);
  if (!code) code = sqlite3_busy_timeout(made->db, store->busy_timeout_ms);
  if (!code) sqlite3_db_config(made->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  if (!code) code = sqlite3_exec(made->db, settings, NULL, NULL, NULL);
  if (!code)
    code = sqlite3_exec(made->db, write ? "PRAGMA cache_size=-32768" : "PRAGMA cache_size=-8192", NULL, NULL, NULL);
  if (code) {
    rc = sq_fail(made, code, "opening", error);
    goto out;
  }
  if (write && sqlite3_db_readonly(made->db, "main") == 1) {
    rc = sq_fail(made, SQLITE_READONLY, "opening", error);
    goto out;
  }
  *conn = made;
  made = NULL;
  rc = 0;
out:
  free(uri);
  sq_conn_close(made);
  return rc;
}

void sq_conn_close(struct sq_conn *conn) {
  if (!conn) return;
  for (size_t i = 0; i < conn->cached; i++) sqlite3_finalize(conn->cache[i].stmt);
  sqlite3_close(conn->db);
  free(conn);
}

/* ---- transactions ---- */

int sq_write_begin(struct sq_store *store, struct azd_error *error) {
  pthread_mutex_lock(&store->writing);
  int rc = sq_run(store->writer, error, "BEGIN IMMEDIATE", "");
  if (rc) pthread_mutex_unlock(&store->writing);
  return rc;
}

int sq_write_end(struct sq_store *store, int rc, struct azd_error *error) {
  if (!rc) rc = sq_run(store->writer, error, "COMMIT", "");
  if (rc) {
    /* Some failures (disk full) have rolled back already: then this one says so, and that is fine. */
    if (!sqlite3_get_autocommit(store->writer->db)) sq_run(store->writer, NULL, "ROLLBACK", "");
    sq_intern_clear(&store->kinds);
    sq_intern_clear(&store->places);
  }
  pthread_mutex_unlock(&store->writing);
  return rc;
}

int sq_read_begin(struct sq_store *store, struct sq_conn **conn, struct azd_error *error) {
  pthread_mutex_lock(&store->pooling);
  struct sq_conn *taken = store->idle;
  if (taken) {
    store->idle = taken->next;
    store->idle_count--;
  }
  pthread_mutex_unlock(&store->pooling);
  int rc = taken ? 0 : sq_conn_open(store, false, &taken, error);
  if (!rc) rc = sq_run(taken, error, "BEGIN", "");
  if (rc)
    sq_conn_close(taken);
  else
    *conn = taken;
  return rc;
}

void sq_read_end(struct sq_conn *conn) {
  if (!conn) return;
  struct sq_store *store = conn->store;
  bool healthy = sq_run(conn, NULL, "COMMIT", "") == 0;
  pthread_mutex_lock(&store->pooling);
  if (healthy && store->idle_count < SQ_IDLE_READERS) {
    conn->next = store->idle;
    store->idle = conn;
    store->idle_count++;
    conn = NULL;
  }
  pthread_mutex_unlock(&store->pooling);
  sq_conn_close(conn);
}

/* ---- statements ---- */

static int prepared(struct sq_conn *conn, const char *sql, sqlite3_stmt **stmt, struct azd_error *error) {
  for (size_t i = 0; i < conn->cached; i++)
    if (conn->cache[i].sql == sql) {
      *stmt = conn->cache[i].stmt;
      return 0;
    }
  AZD_ASSERT(conn->cached < SQ_STATEMENTS);
  int code = sqlite3_prepare_v3(conn->db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
  if (code) return sq_fail(conn, code, "preparing", error);
  conn->cache[conn->cached].sql = sql;
  conn->cache[conn->cached++].stmt = *stmt;
  return 0;
}

static int bind(sqlite3_stmt *stmt, const char *format, va_list arguments, sqlite3_destructor_type life) {
  int code = 0;
  for (int i = 1; *format && !code; format++, i++) {
    if (*format == 'i') {
      code = sqlite3_bind_int64(stmt, i, va_arg(arguments, int64_t));
      continue;
    }
    struct azd_str s = va_arg(arguments, struct azd_str);
    const char *data = s.data ? s.data : "";
    if (*format == 's')
      code = sqlite3_bind_text64(stmt, i, data, s.size, life, SQLITE_UTF8);
    else
      code = sqlite3_bind_blob64(stmt, i, data, s.size, life);
  }
  return code;
}

int sq_run(struct sq_conn *conn, struct azd_error *error, const char *sql, const char *format, ...) {
  sqlite3_stmt *stmt;
  int rc = prepared(conn, sql, &stmt, error);
  if (rc) return rc;
  va_list arguments;
  va_start(arguments, format);
  int code = bind(stmt, format, arguments, SQLITE_STATIC);
  va_end(arguments);
  if (code) return sq_fail(conn, code, "binding", error);
  while ((code = sqlite3_step(stmt)) == SQLITE_ROW) continue;
  if (code != SQLITE_DONE) rc = sq_fail(conn, code, "writing", error);
  sqlite3_reset(stmt);
  return rc;
}

int sq_exec(struct sq_conn *conn, const char *sql, const char *doing, struct azd_error *error) {
  int code = sqlite3_exec(conn->db, sql, NULL, NULL, NULL);
  return code ? sq_fail(conn, code, doing, error) : 0;
}

static int vquery(struct sq_conn *conn, sqlite3_stmt **stmt, struct azd_error *error, const char *sql,
                  const char *format, va_list arguments) {
  int rc = prepared(conn, sql, stmt, error);
  if (rc) return rc;
  int code = bind(*stmt, format, arguments, SQLITE_TRANSIENT);
  return code ? sq_fail(conn, code, "binding", error) : 0;
}

int sq_query(struct sq_conn *conn, sqlite3_stmt **stmt, struct azd_error *error, const char *sql, const char *format,
             ...) {
  va_list arguments;
  va_start(arguments, format);
  int rc = vquery(conn, stmt, error, sql, format, arguments);
  va_end(arguments);
  return rc;
}

int sq_step(struct sq_conn *conn, sqlite3_stmt *stmt, struct azd_error *error) {
  int code = sqlite3_step(stmt);
  if (code == SQLITE_ROW) return 1;
  int rc = code == SQLITE_DONE ? 0 : sq_fail(conn, code, "reading", error);
  sqlite3_reset(stmt);
  return rc;
}

int sq_int(struct sq_conn *conn, int64_t *value, struct azd_error *error, const char *sql, const char *format, ...) {
  sqlite3_stmt *stmt;
  va_list arguments;
  va_start(arguments, format);
  int rc = vquery(conn, &stmt, error, sql, format, arguments);
  va_end(arguments);
  if (!rc) rc = sq_step(conn, stmt, error);
  if (rc <= 0) return rc ? rc : AZD_ENOTFOUND;
  *value = sq_i64(stmt, 0);
  sq_done(stmt);
  return 0;
}

struct azd_str sq_str(sqlite3_stmt *stmt, int column) {
  /* Text first, then its size: the order SQLite asks for. */
  const void *data = sqlite3_column_type(stmt, column) == SQLITE_BLOB ? sqlite3_column_blob(stmt, column)
                                                                      : sqlite3_column_text(stmt, column);
  return (struct azd_str){data ? data : "", (size_t)sqlite3_column_bytes(stmt, column)};
}

struct azd_str sq_keep(sqlite3_stmt *stmt, int column, struct azd_arena *arena) {
  return azd_arena_keep(arena, sq_str(stmt, column));
}

int sq_bytes(struct sq_conn *conn, sqlite3_stmt *stmt, int column, void *out, size_t bytes, struct azd_error *error) {
  struct azd_str s = sq_str(stmt, column);
  if (s.size != bytes)
    return azd_fail(error, AZD_ECORRUPT, "%s: a field of %zu bytes where %zu belong: restore the file from a backup",
                    conn->store->path, s.size, bytes);
  memcpy(out, s.data, bytes);
  return 0;
}

void *sq_array_room(struct azd_arena *arena, void *items, size_t count, size_t *capacity, size_t each) {
  if (count < *capacity) return items;
  size_t wanted = *capacity ? *capacity * 2 : 16;
  void *grown = azd_arena_alloc(arena, wanted * each);
  if (!grown) return NULL;
  if (count) memcpy(grown, items, count * each);
  *capacity = wanted;
  return grown;
}
