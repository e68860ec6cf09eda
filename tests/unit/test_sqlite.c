/* What can happen to the one file of the SQLite store: each fault has a clear error and loses nothing that was
 * committed. */
#include "support/store_sqlite.h"

#include "base/clock.h"
#include "store/maintain.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int open_code(const char *place, bool read_only) {
  struct azd_store *store = NULL;
  int rc = azd_store_open(&(struct azd_store_options){.url = place, .read_only = read_only}, &store, ERR);
  if (!rc) azd_store_close(store);
  return rc;
}

static void assert_refused(const char *place, bool read_only, int code, const char *says) {
  assert_int_equal(open_code(place, read_only), code);
  assert_non_null(strstr(ERR->text, place));
  if (!strstr(ERR->text, says)) fail_msg("'%s' does not say '%s'", ERR->text, says);
}

static void write_file(const char *place, const char *bytes, size_t count) {
  FILE *file = fopen(place, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, count, file), count);
  fclose(file);
}

/* ---- opening ---- */

static void missing_file_and_folder_are_said(void **state) {
  char place[512];
  (void)state;
  fresh_file(place, sizeof place);
  assert_refused(place, true, AZD_ENOTFOUND, "collect first");
  assert_refused("/nowhere/at/all/azdrift.db", false, AZD_ENOTFOUND, "No such file");
  assert_int_equal(open_code(AZD_BINARY_DIR, false), AZD_EINVAL);
  assert_non_null(strstr(ERR->text, "is not a file"));
}

static void what_is_no_store_is_left_alone(void **state) {
  char place[512], text[5000];
  (void)state;
  fresh_file(place, sizeof place);
  memset(text, 'x', sizeof text);
  write_file(place, text, sizeof text);
  assert_refused(place, false, AZD_EPARSE, "not an azdrift store");
  assert_refused(place, true, AZD_EPARSE, "not an azdrift store");
  write_file(place, "{\"a\":1}", 7);
  assert_refused(place, false, AZD_EPARSE, "not an azdrift store");
  struct stat file;
  assert_int_equal(stat(place, &file), 0);
  assert_int_equal(file.st_size, 7);
  unlink(place);
  surgery(place, "CREATE TABLE theirs(a); INSERT INTO theirs VALUES(1)");
  assert_refused(place, false, AZD_EPARSE, "another program");
  drop_file(place);
}

enum { SCHEMA = 3 }; /* of today */

static void newer_schema_is_refused(void **state) {
  struct world w;
  world_init(&w, &sqlite);
  (void)state;
  surgery(w.place, "INSERT INTO migration VALUES(4, 0)");
  assert_refused(w.place, false, AZD_EUNSUPPORTED, "newer azdrift (schema 4");
  assert_refused(w.place, true, AZD_EUNSUPPORTED, "newer azdrift (schema 4");
  world_free(&w);
}

/* A file as schema 1 had it, with a word accepted in it. */
static const char back_to_schema_1[] =
    "CREATE TABLE accepted_1(scope INTEGER NOT NULL, khash BLOB NOT NULL, type TEXT NOT NULL, resource_id TEXT NOT "
    "NULL,"
    " seq INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL, set_ms INTEGER NOT NULL, until_ms INTEGER NOT NULL,"
    " who TEXT NOT NULL, why TEXT NOT NULL, PRIMARY KEY(scope, khash)) WITHOUT ROWID;"
    "INSERT INTO accepted_1 SELECT a.scope, a.khash, type, resource_id, seq, body, hash, set_ms, until_ms, who, why"
    " FROM accepted a JOIN accepted_state s ON s.khash=a.khash;"
    "DROP TABLE accepted; DROP TABLE accepted_state; ALTER TABLE accepted_1 RENAME TO accepted;"
    "ALTER TABLE drift_life DROP COLUMN earlier; DROP INDEX snapshot_unfinished; DELETE FROM migration WHERE version > "
    "1";

static void older_schema_is_migrated_with_what_was_accepted(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  char id[256];
  struct azd_accepted *accepted;
  size_t count;
  (void)state;
  world_init(&w, &sqlite);
  int64_t seq = world_first(&w, 3, states);
  struct azd_accepted_state until = {.seq = seq, .until_ms = 77};
  struct azd_accepted one = {.id = world_id(1, id, sizeof id),
                             .type = world_type(1),
                             .states = &until,
                             .state_count = 1,
                             .who = AZD_STR("eve"),
                             .why = AZD_STR("planned")};
  must(azd_store_accept(w.store, SCOPE, &one, ERR));
  azd_store_close(w.store);
  w.store = NULL;
  surgery(w.place, back_to_schema_1);
  assert_refused(w.place, true, AZD_EUNSUPPORTED, "older schema (1): run `azdrift db migrate`");
  w.store = world_open_at(w.place);
  assert_int_equal(azd_store_schema(w.store).found, 1);
  assert_int_equal(azd_store_schema(w.store).version, SCHEMA);
  world_assert_at(&w, seq, states);
  world_assert_sound(&w);
  must(azd_store_accepted(w.store, SCOPE, NULL, &w.arena, &accepted, &count, ERR));
  assert_int_equal(count, 1);
  assert_string_equal(accepted[0].why.data, "planned");
  assert_int_equal(accepted[0].revision, 1);
  assert_int_equal(accepted[0].state_count, 1);
  assert_int_equal(accepted[0].states[0].seq, seq);
  assert_int_equal(accepted[0].states[0].until_ms, 77);
  world_reopen(&w);
  assert_int_equal(azd_store_schema(w.store).found, SCHEMA);
  world_free(&w);
}

static void missing_index_is_named_and_made_anew(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_check check;
  (void)state;
  world_init(&w, &sqlite);
  int64_t seq = world_first(&w, 30, states);
  surgery(w.place, "DROP INDEX version_to");
  must(azd_store_check(w.store, SCOPE, true, NULL, NULL, &check, ERR));
  assert_int_equal(check.findings, 1);
  assert_string_equal(check.first, "the index version_to is missing: `azdrift db rebuild indexes` makes it");
  must(azd_store_rebuild_indexes(w.store, ERR));
  world_assert_sound(&w);
  world_assert_at(&w, seq, states);
  world_free(&w);
}

static void url_of_a_store_that_is_not_built_in_is_refused_without_its_password(void **state) {
  (void)state;
  assert_int_equal(open_code("redis://user:s3cret@host/x", false), AZD_EUNSUPPORTED);
  assert_null(strstr(ERR->text, "s3cret"));
}

static void file_is_for_its_owner_alone(void **state) {
  struct world w;
  struct stat file;
  int states[WORLD_RESOURCES];
  char name[600];
  (void)state;
  mode_t mask = umask(0);
  world_init(&w, &sqlite);
  world_first(&w, 3, states);
  umask(mask);
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%s%s", w.place, suffixes[i]);
    assert_int_equal(stat(name, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
  }
  world_free(&w);
}

/* As root every file can be written: the test becomes somebody else in a child. */
static int as_nobody(int (*body)(const char *place), const char *place) {
  pid_t pid = fork();
  if (pid == 0) {
    if (geteuid() == 0 && seteuid(65534)) _exit(99);
    _exit(body(place));
  }
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100;
}

static int read_only_file(const char *place) {
  struct azd_store *store = NULL;
  struct azd_lease lease;
  struct azd_store_stats stats;
  if (open_code(place, false) != AZD_EDENIED) return 1;
  if (!strstr(ERR->text, "permissions")) return 2;
  if (azd_store_open(&(struct azd_store_options){.url = place, .read_only = true}, &store, ERR)) {
    fprintf(stderr, "%s\n", ERR->text);
    return 3;
  }
  if (azd_store_stats(store, &stats, ERR) || stats.open_versions != 5) return 4;
  if (azd_store_acquire(store, SCOPE, AZD_STR("x"), 1000, &lease, ERR) != AZD_EDENIED) return 5;
  azd_store_close(store);
  return 0;
}

static int unreadable_file(const char *place) {
  return open_code(place, true) == AZD_EDENIED ? 0 : 1;
}

static void read_only_file_is_read_and_never_written(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  char folder[512];
  (void)state;
  world_init(&w, &sqlite);
  world_first(&w, 5, states);
  azd_store_close(w.store);
  /* A folder of its own that nobody can write to. */
  snprintf(folder, sizeof folder, "/tmp/azdrift-ro-%d", (int)getpid());
  char place[600];
  snprintf(place, sizeof place, "%s/store.db", folder);
  assert_int_equal(mkdir(folder, 0755), 0);
  struct azd_buf copy;
  azd_buf_init(&copy, 0);
  FILE *from = fopen(w.place, "r");
  for (int c; (c = fgetc(from)) != EOF;) azd_buf_append_char(&copy, (char)c);
  fclose(from);
  write_file(place, copy.data, copy.size);
  azd_buf_free(&copy);
  assert_int_equal(chmod(place, 0444), 0);
  assert_int_equal(chmod(folder, 0555), 0);
  assert_int_equal(as_nobody(read_only_file, place), 0);
  assert_int_equal(chmod(place, 0), 0);
  assert_int_equal(as_nobody(unreadable_file, place), 0);
  chmod(folder, 0755);
  unlink(place);
  rmdir(folder);
  w.store = world_open_at(w.place);
  world_free(&w);
}

static void empty_file_is_opened_by_many_at_once(void **state) {
  char place[512];
  pid_t children[6];
  int status;
  (void)state;
  fresh_file(place, sizeof place);
  for (int i = 0; i < 6; i++) {
    children[i] = fork();
    if (children[i] == 0) {
      int rc = open_code(place, false);
      if (rc) fprintf(stderr, "%s\n", ERR->text);
      _exit(rc != 0);
    }
  }
  for (int i = 0; i < 6; i++) {
    waitpid(children[i], &status, 0);
    assert_int_equal(status, 0);
  }
  assert_int_equal(open_code(place, true), 0);
  drop_file(place);
}

static void locked_file_is_given_up_after_its_time(void **state) {
  struct world w;
  struct azd_store *impatient;
  struct azd_lease lease;
  sqlite3 *other;
  (void)state;
  world_init(&w, &sqlite);
  must(azd_store_open(&(struct azd_store_options){.url = w.place, .busy_timeout_ms = 50}, &impatient, ERR));
  assert_int_equal(sqlite3_open(w.place, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(azd_store_acquire(impatient, SCOPE, AZD_STR("x"), 1000, &lease, ERR), AZD_EBUSY);
  assert_non_null(strstr(ERR->text, "try again"));
  assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(other);
  must(azd_store_acquire(impatient, SCOPE, AZD_STR("x"), 1000, &lease, ERR));
  azd_store_close(impatient);
  world_free(&w);
}

/* ---- a lease and the clock ---- */

static int acquire_as(struct world *w, const char *owner) {
  struct azd_lease lease;
  return azd_store_acquire(w->store, SCOPE, azd_str_of(owner), 60000, &lease, ERR);
}

/* A machine began with its clock in 2031, collected, died, and came back in 2026. */
static void lease_from_a_future_that_was_none_is_over(void **state) {
  struct world w;
  (void)state;
  world_init(&w, &sqlite);
  assert_int_equal(acquire_as(&w, "engine-a"), 0);
  assert_int_equal(acquire_as(&w, "engine-b"), AZD_EBUSY);
  surgery(w.place, "UPDATE lease SET expires_ms=1924992000000");
  assert_int_equal(acquire_as(&w, "engine-b"), 0);
  struct azd_lease lease;
  assert_int_equal(azd_store_acquire(w.store, SCOPE, AZD_STR("x"), AZD_LEASE_MAX_MS + 1, &lease, ERR), AZD_EINVAL);
  world_free(&w);
}

/* ---- damage ---- */

static int64_t findings_of(struct world *w, char *first, size_t bytes) {
  struct azd_check check;
  must(azd_store_check(w->store, (struct azd_str){0}, true, NULL, NULL, &check, ERR));
  snprintf(first, bytes, "%s", check.first);
  return check.findings;
}

/* Pages of zeros in the middle of the file: whatever reads them says so, and nothing reads as less than it was. */
static void damaged_pages_are_never_read_as_data(void **state) {
  struct world w;
  struct stat file;
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  char zeros[8192] = {0};
  (void)state;
  world_init(&w, &sqlite);
  world_commit_many(&w, 3000, 1);
  azd_store_close(w.store);
  assert_int_equal(stat(w.place, &file), 0);
  int fd = open(w.place, O_RDWR);
  for (off_t at = 40 * 8192; at + 8192 < file.st_size; at += 20 * 8192)
    assert_int_equal(pwrite(fd, zeros, sizeof zeros, at), sizeof zeros);
  close(fd);
  int rc = azd_store_open(&(struct azd_store_options){.url = w.place}, &w.store, ERR);
  if (!rc) {
    rc = azd_store_versions(w.store, &(struct azd_version_query){.scope = SCOPE, .seq = 1, .bodies = true}, &cursor,
                            ERR);
    while (!rc && (rc = azd_version_next(cursor, &version, ERR)) > 0) rc = 0;
    azd_version_close(cursor);
  }
  assert_int_equal(rc, AZD_ECORRUPT);
  assert_non_null(strstr(ERR->text, "backup"));
  world_free(&w);
}

static void chain_names_the_first_break(void **state) {
  static const struct {
    const char *sql, *says;
  } breaks[] = {
      {"UPDATE snapshot SET id='01a20697-88d1-7e9f-b40b-36cf73c39682' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET timestamp_ms=1 WHERE seq=3", "snapshot 3"},
      {"UPDATE snapshot SET final_status=3 WHERE seq=3", "snapshot 3"},
      {"UPDATE snapshot SET subscription_id='x' WHERE seq=1", "snapshot 1"},
      {"UPDATE snapshot SET resource_group='x' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET coverage='{}' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET missing='[1]' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET stamps='{}' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET redaction_key='k2' WHERE seq=4", "snapshot 4"},
      {"UPDATE snapshot SET resources=resources+1 WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET added=added+1 WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET changed=changed+1 WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET removed=removed+1 WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET hashes_xor=zeroblob(32) WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET previous_chain=zeroblob(32) WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET changes_hash=zeroblob(32) WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET chain=zeroblob(32) WHERE seq=2", "snapshot 2"},
      {"DELETE FROM snapshot WHERE seq=1", "snapshot 2"},
      {"DELETE FROM snapshot WHERE seq=2", "snapshot 3"},
      {"DELETE FROM snapshot WHERE seq=4", "snapshot 3"}, /* what run 4 ended is missing in it */
      {"UPDATE snapshot SET seq=9 WHERE seq=2; UPDATE snapshot SET seq=2 WHERE seq=3; UPDATE snapshot SET seq=3 WHERE "
       "seq=9",
       "snapshot 2"},
      {"UPDATE version SET from_seq=2 WHERE id=(SELECT min(id) FROM version WHERE from_seq=1)", "snapshot 1"},
      {"UPDATE version SET resource_id='/else' WHERE id=(SELECT min(id) FROM version WHERE from_seq=2)",
       "its id or type is not the one it was stored under"},
      {"UPDATE version SET body=x'527b7d' WHERE from_seq=2 AND to_seq>2", "snapshot 2"},
      {"UPDATE version SET hash=zeroblob(32) WHERE id=(SELECT min(id) FROM version WHERE from_seq=3)", "snapshot 3"},
      {"DELETE FROM version WHERE id=(SELECT min(id) FROM version WHERE from_seq=1)", "snapshot 1"},
      {"UPDATE version SET to_seq=4 WHERE id=(SELECT max(id) FROM version WHERE from_seq=1 AND to_seq>4)",
       "snapshot 4"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
    struct world w;
    int states[5][WORLD_RESOURCES] = {{0}};
    char first[256];
    world_init(&w, &sqlite);
    for (int run = 1; run < 5; run++) {
      for (int k = 0; k < WORLD_RESOURCES; k++) states[run][k] = k % 4 < run ? (k % 5 == 0 ? run : 1) : 0;
      world_commit(&w, states[run - 1], states[run]);
    }
    assert_int_equal(findings_of(&w, first, sizeof first), 0);
    surgery(w.place, breaks[i].sql);
    assert_true(findings_of(&w, first, sizeof first) > 0);
    if (!strstr(first, breaks[i].says)) fail_msg("%s: found '%s' first", breaks[i].sql, first);
    world_free(&w);
  }
}

/* Runs 2 and 3 are thinned out: their fields are chained as ever, and what run 4 shows has to follow from run 1. */
static void chain_holds_what_was_thinned_out(void **state) {
  static const struct {
    const char *sql, *says;
  } breaks[] = {
      {"UPDATE snapshot SET coverage='{}' WHERE seq=2", "snapshot 2"},
      {"UPDATE snapshot SET changes_hash=zeroblob(32) WHERE seq=3", "snapshot 3"},
      {"DELETE FROM snapshot WHERE seq=3", "snapshot 4"},
      {"UPDATE snapshot SET status=4 WHERE seq=2", "snapshot 2"},
      {"UPDATE version SET body=x'527b7d' WHERE id=(SELECT max(id) FROM version WHERE from_seq=4)", "snapshot 4"},
      {"DELETE FROM version WHERE id=(SELECT max(id) FROM version WHERE from_seq=2)", "snapshot 4"},
      {"UPDATE version SET hash=zeroblob(32) WHERE id=(SELECT max(id) FROM version WHERE from_seq=2)", "snapshot 4"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
    struct world w;
    int states[5][WORLD_RESOURCES] = {{0}};
    char first[256];
    int64_t deleted;
    bool done = false;
    world_init(&w, &sqlite);
    for (int run = 1; run < 5; run++) {
      for (int k = 0; k < WORLD_RESOURCES; k++) states[run][k] = k % 4 < run ? (k % 5 == 0 ? run : 1) : 0;
      world_commit(&w, states[run - 1], states[run]);
    }
    must(azd_store_thin(w.store, SCOPE, (int64_t[]){2, 3}, 2, NULL, ERR));
    while (!done) must(azd_store_thin_step(w.store, SCOPE, 100, &deleted, &done, ERR));
    assert_int_equal(findings_of(&w, first, sizeof first), 0);
    surgery(w.place, breaks[i].sql);
    assert_true(findings_of(&w, first, sizeof first) > 0);
    if (!strstr(first, breaks[i].says)) fail_msg("%s: found '%s' first", breaks[i].sql, first);
    world_free(&w);
  }
}

/* A run that died while it closed: its snapshot stands as closing, half of its predecessors are closed. */
static void commit_that_died_while_closing_is_rolled_forward(void **state) {
  struct world w;
  struct azd_snapshot before, after;
  struct azd_snapshot_query last = {.by = AZD_BY_LAST, .scope = SCOPE};
  struct azd_version_cursor *cursor;
  struct azd_version version;
  int rc, seen = 0;
  (void)state;
  world_init(&w, &sqlite);
  world_commit_many(&w, WORLD_MANY, 1);
  world_commit_many(&w, WORLD_MANY, 2);
  must(azd_store_snapshot(w.store, &last, &w.arena, &after, ERR));
  surgery(w.place,
          "UPDATE snapshot SET status=1 WHERE seq=2; UPDATE version SET to_seq=9223372036854775807 WHERE to_seq=2"
          " AND id%2=0");
  must(azd_store_snapshot(w.store, &last, &w.arena, &before, ERR));
  assert_int_equal(before.seq, 1);
  struct azd_map *map = azd_map_new();
  must(azd_store_map_load(w.store, SCOPE, map, ERR));
  assert_int_equal(azd_map_count(map), WORLD_MANY);
  assert_int_equal(azd_map_seq(map), 1);
  must(azd_store_versions(w.store, &(struct azd_version_query){.scope = SCOPE, .seq = 1}, &cursor, ERR));
  while ((rc = azd_version_next(cursor, &version, ERR)) > 0) {
    seen++;
    assert_int_equal(version.from_seq, 1);
    assert_true(version.to_seq == AZD_SEQ_OPEN); /* an end that is not published is no end */
  }
  assert_int_equal(rc, 0);
  assert_int_equal(seen, WORLD_MANY);
  azd_version_close(cursor);
  struct azd_lease lease = world_acquire(&w, "engine-b");
  assert_int_equal(lease.seq, 3);
  must(azd_store_snapshot(w.store, &last, &w.arena, &before, ERR));
  assert_int_equal(before.seq, 2);
  assert_memory_equal(before.chain, after.chain, AZD_HASH_BYTES);
  must(azd_store_map_load(w.store, SCOPE, map, ERR));
  assert_int_equal(azd_map_count(map), WORLD_MANY);
  world_assert_sound(&w);
  azd_map_free(map);
  world_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(missing_file_and_folder_are_said),
      cmocka_unit_test(what_is_no_store_is_left_alone),
      cmocka_unit_test(newer_schema_is_refused),
      cmocka_unit_test(older_schema_is_migrated_with_what_was_accepted),
      cmocka_unit_test(missing_index_is_named_and_made_anew),
      cmocka_unit_test(url_of_a_store_that_is_not_built_in_is_refused_without_its_password),
      cmocka_unit_test(file_is_for_its_owner_alone),
      cmocka_unit_test(read_only_file_is_read_and_never_written),
      cmocka_unit_test(empty_file_is_opened_by_many_at_once),
      cmocka_unit_test(locked_file_is_given_up_after_its_time),
      cmocka_unit_test(lease_from_a_future_that_was_none_is_over),
      cmocka_unit_test(damaged_pages_are_never_read_as_data),
      cmocka_unit_test(chain_names_the_first_break),
      cmocka_unit_test(chain_holds_what_was_thinned_out),
      cmocka_unit_test(commit_that_died_while_closing_is_rolled_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
