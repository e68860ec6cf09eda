/* The SQLite store when the ground gives way: the disk full, the engine killed at any moment, frozen past its lease on
 * either side of the fence. With AZD_TORTURE set: 100 kills instead of 20. The program has mounts of its own, where it
 * may, so that a disk can be full of it and is gone with it. */
#include "support/frozen_engine.h"
#include "support/store_sqlite.h"

#include "base/clock.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

static bool own_mounts;

/* ---- the disk is full ---- */

static void full_disk_fails_the_commit_and_nothing_else(void **state) {
  struct world w;
  struct azd_commit *commit;
  struct rlimit limit, was;
  struct stat file;
  int states[WORLD_RESOURCES];
  (void)state;
  signal(SIGXFSZ, SIG_IGN); /* a file at its size limit answers EFBIG, as a full disk ENOSPC */
  world_init(&w, &sqlite);
  int64_t seq = world_first(&w, 30, states);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 5);
  char wal[600];
  snprintf(wal, sizeof wal, "%s-wal", w.place);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 100; i < 2000; i++) must(world_put_one(&w, commit, i, 1, NULL));
  assert_int_equal(stat(wal, &file), 0);
  getrlimit(RLIMIT_FSIZE, &was);
  limit = was;
  limit.rlim_cur = (rlim_t)file.st_size + 50000;
  setrlimit(RLIMIT_FSIZE, &limit);
  int rc = azd_commit_publish(commit, &snapshot, ERR);
  setrlimit(RLIMIT_FSIZE, &was);
  assert_int_equal(rc, AZD_EIO);
  assert_non_null(strstr(ERR->text, w.place));
  assert_int_equal(world_last(&w), seq);
  world_assert_at(&w, seq, states);
  must(azd_commit_publish(commit, &snapshot, ERR)); /* space is back: the same commit goes through */
  assert_int_equal(snapshot.resources, 30 + 1900);
  world_assert_sound(&w);
  world_free(&w);
}

/* A disk of its own, small and real: its writes fail with ENOSPC. */
static void small_disk(char *folder, size_t bytes, const char *size) {
  static int made;
  char options[64];
  if (!own_mounts) {
    print_message("skipped: no file system may be mounted here; the case above has a file at its limit instead\n");
    skip();
  }
  snprintf(folder, bytes, "%s/small-disk-%d-%d", AZD_BINARY_DIR, (int)getpid(), made++);
  snprintf(options, sizeof options, "size=%s,mode=700", size);
  assert_int_equal(mkdir(folder, 0700), 0);
  assert_int_equal(mount("tmpfs", folder, "tmpfs", 0, options), 0);
}

static void drop_disk(const char *folder) {
  assert_int_equal(umount2(folder, MNT_DETACH), 0);
  assert_int_equal(rmdir(folder), 0);
}

/* Leaves no byte free. */
static void fill_disk(const char *path) {
  static const char zeros[65536];
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  for (size_t bytes = sizeof zeros; bytes; bytes /= 2)
    while (write(fd, zeros, bytes) == (ssize_t)bytes) continue;
  close(fd);
}

static void disk_without_space_fails_the_commit_and_nothing_else(void **state) {
  struct world w;
  struct azd_commit *commit;
  char folder[400], filler[420];
  int states[WORLD_RESOURCES];
  (void)state;
  small_disk(folder, sizeof folder, "8m");
  world_init(&w, &sqlite);
  azd_store_close(w.store);
  snprintf(w.place, sizeof w.place, "%s/store.db", folder);
  snprintf(filler, sizeof filler, "%s/filler", folder);
  w.store = world_open_at(w.place);
  int64_t seq = world_first(&w, 30, states);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 5);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 100; i < 3000; i++) must(world_put_one(&w, commit, i, 1, NULL));
  fill_disk(filler);
  assert_int_equal(azd_commit_publish(commit, &snapshot, ERR), AZD_EIO);
  assert_non_null(strstr(ERR->text, w.place));
  assert_non_null(strstr(ERR->text, "no space left: free some"));
  struct azd_lease other;
  assert_int_equal(azd_store_acquire(w.store, AZD_STR("/subscriptions/other"), AZD_STR("x"), 1000, &other, ERR),
                   AZD_EIO);
  assert_int_equal(world_last(&w), seq); /* what is there is read */
  world_assert_at(&w, seq, states);
  azd_commit_abort(commit);
  world_reopen(&w); /* and opened */
  world_assert_at(&w, seq, states);
  assert_int_equal(unlink(filler), 0);
  lease = world_acquire(&w, "engine-a");
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 100; i < 3000; i++) must(world_put_one(&w, commit, i, 1, NULL));
  must(azd_commit_publish(commit, &snapshot, ERR));
  assert_int_equal(snapshot.resources, 30 + 2900);
  world_assert_sound(&w);
  world_free(&w);
  drop_disk(folder);
}

static void store_on_a_full_disk_cannot_be_made_and_says_so(void **state) {
  struct azd_store *store = NULL;
  char folder[400], place[420];
  (void)state;
  small_disk(folder, sizeof folder, "1m");
  snprintf(place, sizeof place, "%s/filler", folder);
  fill_disk(place);
  snprintf(place, sizeof place, "%s/store.db", folder);
  int rc = azd_store_open(&(struct azd_store_options){.url = place}, &store, ERR);
  if (rc != AZD_EIO || !strstr(ERR->text, "no space left")) fail_msg("%s: %s", azd_err_name(rc), ERR->text);
  drop_disk(folder);
}

/* ---- frozen ---- */

static void engine_frozen_before_its_fence_is_refused(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  (void)state;
  world_init(&w, &sqlite);
  int64_t first = world_first(&w, WORLD_RESOURCES, states);
  struct frozen frozen = frozen_start(w.place, FROZEN_BEFORE_FENCE, WORLD_RESOURCES);
  frozen_wait_stopped(&frozen);
  assert_int_equal(world_last(&w), first);
  frozen_take_over(&w, "engine-b");
  for (int i = 0; i < WORLD_RESOURCES; i++) next[i] = 7;
  int64_t second = world_commit(&w, states, next);
  assert_true(second > frozen.seq);
  assert_int_equal(frozen_wake(&frozen), AZD_ECONFLICT);
  assert_int_equal(world_last(&w), second);
  world_assert_at(&w, second, next);
  world_assert_at(&w, first, states);
  world_assert_sound(&w);
  world_free(&w);
}

static bool is_closing(const char *place, int64_t seq) {
  sqlite3 *db;
  sqlite3_stmt *stmt;
  assert_int_equal(sqlite3_open(place, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 10000);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT 1 FROM snapshot WHERE seq=? AND status=1", -1, &stmt, NULL), 0);
  sqlite3_bind_int64(stmt, 1, seq);
  bool found = sqlite3_step(stmt) == SQLITE_ROW;
  sqlite3_finalize(stmt);
  sqlite3_close(db);
  return found;
}

/* Stops the engine between fence and publication, and between two of its transactions, so that others can write. False:
 * it was through before it could be stopped. */
static bool stop_while_closing(struct world *w, const struct frozen *frozen) {
  while (!is_closing(w->place, frozen->seq)) {
    if (world_last(w) >= frozen->seq) return false;
  }
  for (;;) {
    struct azd_lease other;
    frozen_stop(frozen);
    if (!is_closing(w->place, frozen->seq)) return false;
    int rc = azd_store_acquire(w->store, AZD_STR("/subscriptions/other"), AZD_STR("x"), 1000, &other, ERR);
    if (!rc) return true;
    assert_int_equal(rc, AZD_EBUSY); /* it holds the lock of a file, asleep: said after a while */
    assert_non_null(strstr(ERR->text, "another process has been writing"));
    assert_int_equal(kill(frozen->pid, SIGCONT), 0);
  }
}

static void engine_frozen_after_its_fence_is_finished_by_the_next(void **state) {
  enum { RESOURCES = 2 * AZD_STORE_BATCH + 100, ROUNDS = 20 };
  struct world w;
  bool caught = false;
  (void)state;
  world_init(&w, &sqlite);
  world_commit_many(&w, RESOURCES, 1);
  azd_store_close(w.store);
  must(azd_store_open(&(struct azd_store_options){.url = w.place, .busy_timeout_ms = 20}, &w.store, ERR));
  for (int round = 0; !caught && round < ROUNDS; round++) {
    int64_t before = world_last(&w);
    struct frozen frozen = frozen_start(w.place, FROZEN_BY_PARENT, RESOURCES);
    caught = stop_while_closing(&w, &frozen);
    if (caught) {
      assert_int_equal(world_last(&w), before); /* a reader in the closing phase */
      must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
      assert_int_equal(azd_map_seq(w.map), before);
      assert_int_equal(azd_map_count(w.map), RESOURCES);
      frozen_take_over(&w, "engine-b");
    }
    assert_int_equal(frozen_wake(&frozen), 0); /* it was published, whoever did the work */
    assert_int_equal(world_last(&w), frozen.seq);
  }
  assert_true(caught);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  assert_int_equal(azd_map_count(w.map), RESOURCES);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- kill -9 ---- */

/* Commits for ever, a byte into the pipe after each publication; every third one is larger than a batch. */
static void commit_until_killed(const char *place, int out) {
  struct world w = {.store = world_open_at(place), .map = azd_map_new(), .work = azd_codec_work_new()};
  for (int run = 0;; run++) {
    struct azd_commit *commit;
    struct world_put put;
    struct azd_lease lease = world_acquire(&w, "doomed");
    struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease.seq);
    must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
    must(azd_commit_begin(w.store, &lease, &commit, ERR));
    int count = run % 3 == 2 ? WORLD_MANY : 400;
    for (int i = 0; i < count; i++) {
      world_fill(&w, &put, i, (int)lease.seq);
      must(azd_commit_put(commit, &put.version, 1, NULL, ERR));
      azd_buf_free(&put.body);
    }
    must(azd_commit_publish(commit, &snapshot, ERR));
    uint8_t seq[8];
    memcpy(seq, &lease.seq, sizeof seq);
    if (write(out, seq, sizeof seq) != sizeof seq) _exit(1);
  }
}

struct books {
  int tried, survived, finished, lost, half_seen;
};

/* Waits for a few publications, then a random while (by burning it: the moment is the point), then kills. Answers the
 * last seq the child said was published. */
static int64_t run_and_kill(const char *place, uint64_t *random, struct books *books) {
  int pipes[2];
  int64_t seq = 0;
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(pipes[0]);
    commit_until_killed(place, pipes[1]);
  }
  close(pipes[1]);
  *random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
  int publications = 1 + (int)(*random >> 33) % 3;
  for (int i = 0; i < publications; i++) assert_int_equal(read(pipes[0], &seq, sizeof seq), sizeof seq);
  int64_t until_ns = azd_clock_mono_ns() + (int64_t)(*random >> 40) % 200 * 1000000;
  while (azd_clock_mono_ns() < until_ns) continue;
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  for (; read(pipes[0], &seq, sizeof seq) == sizeof seq; publications++) continue;
  close(pipes[0]);
  books->survived += publications;
  books->tried += publications + 1;
  return seq;
}

/* Nothing that was said to be published is gone, nothing is half there, and the next engine goes on. */
static void look_after_kill(const char *place, int64_t said, struct books *books) {
  struct azd_check check;
  struct azd_store_stats stats;
  struct world w = {.factory = &sqlite, .store = world_open_at(place), .map = azd_map_new()};
  azd_arena_init(&w.arena, 0);
  books->lost += world_last(&w) < said;
  must(azd_store_check(w.store, SCOPE, false, NULL, NULL, &check, ERR));
  if (check.findings) print_message("%s\n", check.first);
  books->half_seen += check.findings != 0;
  struct azd_lease lease = world_acquire(&w, "doomed"); /* recovers */
  must(azd_store_release(w.store, &lease, ERR));
  books->finished += world_last(&w) > said;
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_store_stats(w.store, &stats, ERR));
  assert_int_equal(stats.open_versions, azd_map_count(w.map));
  azd_store_close(w.store);
  azd_map_free(w.map);
  azd_arena_free(&w.arena);
}

static void killed_at_any_moment_only_whole_snapshots_remain(void **state) {
  enum { KILLS_EACH = 10 }; /* then another file: all of it is checked after each */
  char place[512];
  uint64_t random;
  int rounds = tally_rounds(10, 100);
  struct books books = {0};
  (void)state;
  azd_random(&random, sizeof random);
  for (int round = 0; round < rounds; round++) {
    if (round % KILLS_EACH == 0) fresh_file(place, sizeof place);
    int64_t said = run_and_kill(place, &random, &books);
    look_after_kill(place, said, &books);
    if (round % KILLS_EACH == KILLS_EACH - 1) drop_file(place);
  }
  print_message(
      "engine killed %d times: %d commits tried, %d survived, %d more finished that nobody had heard of: %d lost, "
      "%d half seen\n",
      rounds, books.tried, books.survived, books.finished, books.lost, books.half_seen);
  assert_int_equal(books.lost, 0);
  assert_int_equal(books.half_seen, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(full_disk_fails_the_commit_and_nothing_else),
      cmocka_unit_test(disk_without_space_fails_the_commit_and_nothing_else),
      cmocka_unit_test(store_on_a_full_disk_cannot_be_made_and_says_so),
      cmocka_unit_test(engine_frozen_before_its_fence_is_refused),
      cmocka_unit_test(engine_frozen_after_its_fence_is_finished_by_the_next),
      cmocka_unit_test(killed_at_any_moment_only_whole_snapshots_remain),
  };
  own_mounts = !unshare(CLONE_NEWNS) && !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
