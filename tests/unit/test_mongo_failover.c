/* Elections under way: commits of one engine, then two engines on twenty scopes, while the primary of a replica set is
 * killed or steps down again and again. What was told to be published is there once and whole, every chain verifies,
 * and commits go on soon after each election. With AZD_TORTURE set: 20 of each, and five minutes with a kill every 20
 * s; only then are the gaps held to their bounds, for they are those of a machine with nothing else to do. */
#include "lib/mongod.h"
#include "support/store_tally.h"

static struct mongod *server;
static char why_not[512];

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  char database[64];
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "failover_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

static void leave_database(const char *place) {
  (void)place;
}

static struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};

static void at_random(int below_ms) {
  uint16_t random;
  azd_random(&random, sizeof random);
  poll(NULL, 0, random % below_ms);
}

/* ---- one engine ---- */

static int primary(void) {
  int member = mongod_primary(server);
  if (member < 0) fail_msg("the set has no primary");
  return member;
}

static void kill_primary(void) {
  int member = primary();
  mongod_kill(server, member);
  assert_true(mongod_restart(server, member));
}

static void step_primary_down(void) {
  assert_true(mongod_step_down(server, primary()));
}

static void commit_under(const struct store_factory *factory, void (*fault)(void), const char *what) {
  struct world w;
  struct tally t;
  struct tally_reader reader;
  struct tally_writer writer;
  int total = tally_rounds(2, 20);
  world_init(&w, factory);
  tally_init(&t);
  tally_start_writer(&t, &writer, w.store, "engine-a");
  tally_start_reader(&t, &reader, w.place);
  for (int round = 0; round < total; round++) {
    tally_wait(&t, 2);
    at_random(100);
    fault();
  }
  tally_wait(&t, 2);
  atomic_store(&t.stop, 1);
  pthread_join(writer.thread, NULL);
  tally_end_reader(&reader);
  tally_settle(&t, w.store);
  tally_tell(&t, what, total);
  tally_free(&t);
  world_free(&w);
}

static void killed_primary_loses_nothing_that_was_published(void **state) {
  commit_under(*state, kill_primary, "primary killed");
}

static void primary_that_steps_down_loses_nothing_that_was_published(void **state) {
  commit_under(*state, step_primary_down, "primary stepped down");
}

/* ---- two engines, twenty scopes ---- */

enum { ENGINES = 2, WRITERS_EACH = 2, SCOPES = 20, KILLS_MAX = 64 };
enum { MEDIAN_GAP_MS = MONGOD_ELECTION_MS + 1500, WORST_GAP_MS = MONGOD_ELECTION_MS + 5000 };

struct engine {
  struct tally tally; /* its own books, on the same scopes */
  struct azd_store *store;
  struct tally_writer writers[WRITERS_EACH];
};

static int compare_ms(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

/* The longest time between two publications of an engine that touches [from, to). */
static int64_t gap_ms(const struct tally *t, int64_t from_ns, int64_t to_ns) {
  int64_t longest_ns = 0;
  for (int i = 1; i < t->told_count; i++) {
    int64_t began_ns = t->told[i - 1].at_ns, ended_ns = t->told[i].at_ns;
    if (ended_ns <= from_ns || began_ns >= to_ns) continue;
    if (ended_ns - began_ns > longest_ns) longest_ns = ended_ns - began_ns;
  }
  return longest_ns / 1000000;
}

/* Kills the primary, and starts it again; answers when it was killed. The next comes every_ms later. */
static int64_t kill_and_go_on(int every_ms) {
  enum { DOWN_MS = 3000 }; /* longer than an election takes: the set goes on with two */
  int member = primary();
  int64_t at_ns = azd_clock_mono_ns(), next_ns = at_ns + (int64_t)every_ms * 1000000;
  mongod_kill(server, member);
  poll(NULL, 0, DOWN_MS);
  assert_true(mongod_restart(server, member));
  while (azd_clock_mono_ns() < next_ns) poll(NULL, 0, 20);
  return at_ns;
}

static void start_engines(struct engine *engines, const struct tally *all, const char *place) {
  static const char *const owners[ENGINES][WRITERS_EACH] = {{"engine-a", "engine-a'"}, {"engine-b", "engine-b'"}};
  for (int e = 0; e < ENGINES; e++) {
    tally_init(&engines[e].tally);
    memcpy(engines[e].tally.scopes, all->scopes, sizeof all->scopes);
    engines[e].tally.scope_count = all->scope_count;
    engines[e].store = world_open_at(place);
    for (int i = 0; i < WRITERS_EACH; i++)
      tally_start_writer(&engines[e].tally, &engines[e].writers[i], engines[e].store, owners[e][i]);
  }
}

/* Into one book, for one reckoning. */
static void end_engines(struct engine *engines, struct tally *all) {
  for (int e = 0; e < ENGINES; e++) atomic_store(&engines[e].tally.stop, 1);
  for (int e = 0; e < ENGINES; e++) {
    struct tally *t = &engines[e].tally;
    for (int i = 0; i < WRITERS_EACH; i++) pthread_join(engines[e].writers[i].thread, NULL);
    memcpy(all->told + all->told_count, t->told, (size_t)t->told_count * sizeof *t->told);
    all->told_count += t->told_count;
    all->tried += t->tried;
    all->survived += t->survived;
    all->refused += t->refused;
    all->unknown += t->unknown;
    if (t->unexpected) tally_unexpected(all, &t->error);
    azd_store_close(engines[e].store);
  }
}

/* quiet_ns, kills_ns[0]: when nothing was killed. */
static void tell_gaps(const struct engine *engines, int64_t quiet_ns, const int64_t *kills_ns, int kills) {
  int64_t gaps[ENGINES * KILLS_MAX], quiet = 0;
  int count = 0;
  for (int e = 0; e < ENGINES; e++) {
    int64_t usual = gap_ms(&engines[e].tally, quiet_ns, kills_ns[0]);
    if (usual > quiet) quiet = usual;
    for (int k = 0; k < kills; k++) gaps[count++] = gap_ms(&engines[e].tally, kills_ns[k], kills_ns[k + 1]);
  }
  qsort(gaps, (size_t)count, sizeof *gaps, compare_ms);
  int64_t median = gaps[count / 2], worst = gaps[count - 1];
  print_message("longest time without a publication, an engine and a kill: median %lld ms (at most %d), worst %lld ms "
                "(at most %d); without a kill %lld ms\n",
                (long long)median, MEDIAN_GAP_MS, (long long)worst, WORST_GAP_MS, (long long)quiet);
  if (!getenv("AZD_TORTURE")) return;
  assert_true(median <= MEDIAN_GAP_MS + quiet);
  assert_true(worst <= WORST_GAP_MS + quiet);
}

static void two_engines_on_twenty_scopes_outlive_their_primaries(void **state) {
  enum { EVERY_MS = 20000, SHORT_MS = 8000 };
  static char names[SCOPES][64];
  struct world w;
  struct tally all;
  struct tally_reader reader;
  struct engine engines[ENGINES];
  int64_t kills_ns[KILLS_MAX + 1];
  int kills = tally_rounds(2, 15), every_ms = tally_rounds(SHORT_MS, EVERY_MS);
  world_init(&w, *state);
  tally_init(&all);
  all.scope_count = SCOPES;
  for (int i = 0; i < SCOPES; i++) {
    snprintf(names[i], sizeof names[i], "/subscriptions/00000000-0000-0000-0000-0000000000%02d", i);
    all.scopes[i] = azd_str_of(names[i]);
  }
  start_engines(engines, &all, w.place);
  tally_start_reader(&all, &reader, w.place);
  for (int e = 0; e < ENGINES; e++) tally_wait(&engines[e].tally, SCOPES / ENGINES);
  int64_t quiet_ns = azd_clock_mono_ns();
  for (int e = 0; e < ENGINES; e++) tally_wait(&engines[e].tally, SCOPES);
  for (int k = 0; k < kills; k++) kills_ns[k] = kill_and_go_on(every_ms);
  kills_ns[kills] = azd_clock_mono_ns();
  for (int e = 0; e < ENGINES; e++) tally_wait(&engines[e].tally, 2);
  atomic_store(&all.stop, 1);
  tally_end_reader(&reader);
  end_engines(engines, &all);
  tally_settle(&all, w.store);
  tally_tell(&all, "two engines on 20 scopes: primary killed", kills);
  tell_gaps(engines, quiet_ns, kills_ns, kills);
  for (int e = 0; e < ENGINES; e++) tally_free(&engines[e].tally);
  tally_free(&all);
  world_free(&w);
}

static int start(void **state) {
  (void)state;
  server = mongod_start(&(struct mongod_options){.kind = MONGOD_REPLICA_SET, .folder = AZD_BINARY_DIR}, why_not);
  return 0;
}

static int stop(void **state) {
  (void)state;
  mongod_stop(server);
  return 0;
}

#define FAULT(name) cmocka_unit_test_prestate(name, &mongodb)

int main(void) {
  const struct CMUnitTest tests[] = {
      FAULT(primary_that_steps_down_loses_nothing_that_was_published),
      FAULT(killed_primary_loses_nothing_that_was_published),
      FAULT(two_engines_on_twenty_scopes_outlive_their_primaries),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
