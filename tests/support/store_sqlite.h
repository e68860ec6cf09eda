/* Stores in files of the build folder, and what a test does to them behind their backs. */
#ifndef AZD_TESTS_STORE_SQLITE_H
#define AZD_TESTS_STORE_SQLITE_H

#include "store_world.h"

#include <sqlite3.h>
#include <unistd.h>

static void fresh_file(char *place, size_t place_bytes) {
  static int made;
  snprintf(place, place_bytes, "%s/sqlite-%d-%d.db", AZD_BINARY_DIR, (int)getpid(), made++);
}

static void drop_file(const char *place) {
  char name[600];
  unlink(place);
  snprintf(name, sizeof name, "%s-wal", place);
  unlink(name);
  snprintf(name, sizeof name, "%s-shm", place);
  unlink(name);
}

static struct store_factory sqlite = {.name = "sqlite", .fresh = fresh_file, .drop = drop_file};

/* SQL on the file behind the store's back. */
static inline void surgery(const char *place, const char *sql) {
  sqlite3 *db;
  char *message = NULL;
  assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s: %s", sql, message);
  sqlite3_close(db);
}

#endif
