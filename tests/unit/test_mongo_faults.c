/* What may happen to a commit in MongoDB: the engine killed at any moment, ended on either side of the fence,
 * late with what it writes, the primary killed under it. Nothing that was published is lost, no half snapshot is ever
 * seen, the chain holds. With AZD_TORTURE set: 100 and 20 kills instead of a few. */
#include "lib/mongod.h"
#include "support/store_world.h"

#include <mongoc/mongoc.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mongod *server;
static char why_not[512];

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  char database[64];
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "faults_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

static void leave_database(const char *place) {
  (void)place;
}

static struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};

static int rounds(int shortened, int full) {
  return getenv("AZD_TORTURE") ? full : shortened;
}

/* ---- runs: each puts every resource into one state, and says which by its timestamp ---- */

static int put_all(struct world *w, struct azd_commit *commit, int state, struct azd_error *error) {
  int rc = 0;
  for (int i = 0; !rc && i < WORLD_RESOURCES; i++) {
    struct world_put put;
    world_fill(w, &put, i, state);
    rc = azd_commit_put(commit, &put.version, 1, NULL, error);
    azd_buf_free(&put.body);
  }
  return rc;
}

static int run_once(struct world *w, const char *owner, int state, struct azd_error *error) {
  struct azd_lease lease;
  struct azd_commit *commit = NULL;
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, state);
  int rc = azd_store_acquire(w->store, SCOPE, azd_str_of(owner), 600000, &lease, error);
  if (!rc) rc = azd_store_map_load(w->store, SCOPE, w->map, error);
  if (!rc) rc = azd_commit_begin(w->store, &lease, &commit, error);
  if (!rc) rc = put_all(w, commit, state, error);
  if (!rc) rc = azd_commit_publish(commit, &snapshot, error);
  if (rc) azd_commit_abort(commit);
  return rc;
}

/* Every published snapshot is one state, whole; states and seqs rise; answers the newest state. */
static int assert_whole(struct world *w) {
  struct azd_snapshot *snapshots;
  size_t count;
  int newest = 0;
  must(azd_store_snapshots(w->store, SCOPE, 0, 100000, &w->arena, &snapshots, &count, ERR));
  for (size_t i = 0; i < count; i++) {
    int states[WORLD_RESOURCES], state = (int)snapshots[i].timestamp_ms;
    for (int k = 0; k < WORLD_RESOURCES; k++) states[k] = state;
    if (i < 5) world_assert_at(w, snapshots[i].seq, states); /* the older ones were looked at before */
    if (i) assert_true(snapshots[i].seq < snapshots[i - 1].seq && state < snapshots[i - 1].timestamp_ms);
    if (state > newest) newest = state;
  }
  world_assert_sound(w);
  return newest;
}

/* ---- the engine killed ---- */

/* In a process of its own: runs until it is killed, and tells each state that it was told is published. */
static void engine_main(const char *place, int state, int out) {
  struct world w = {.map = azd_map_new(), .work = azd_codec_work_new()};
  struct azd_error error;
  if (azd_store_open(&(struct azd_store_options){.url = place}, &w.store, &error)) _exit(2);
  for (;; state++) {
    if (run_once(&w, "engine-a", state, &error)) _exit(3);
    if (write(out, &state, sizeof state) != sizeof state) _exit(4);
  }
}

/* Reads what the engine tells until it has told one and delay_ms have passed; kills it; answers the last it told. */
static int kill_engine(const char *place, int from_state, int delay_ms) {
  int pipes[2], told = 0, state;
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(pipes[0]);
    engine_main(place, from_state, pipes[1]);
  }
  close(pipes[1]);
  if (read(pipes[0], &state, sizeof state) == sizeof state) told = state;
  struct pollfd nothing = {.fd = -1};
  poll(&nothing, 1, delay_ms); /* the moment of the kill: any */
  kill(pid, SIGKILL);
  int status;
  waitpid(pid, &status, 0);
  while (read(pipes[0], &state, sizeof state) == sizeof state) told = state;
  close(pipes[0]);
  assert_true(WIFSIGNALED(status));
  assert_true(told >= from_state);
  return told;
}

static void killed_engine_loses_nothing_that_was_published(void **state) {
  struct world w;
  char place[512];
  int newest = 0, rolled = 0, total = rounds(6, 100);
  fresh_database(place, sizeof place);
  for (int round = 0; round < total; round++) {
    uint16_t random;
    azd_random(&random, sizeof random);
    int told = kill_engine(place, newest + 1, random % 40);
    w = (struct world){.factory = *state, .store = world_open_at(place)};
    w.map = azd_map_new(), w.work = azd_codec_work_new();
    azd_arena_init(&w.arena, 0);
    azd_buf_init(&w.scratch, 0);
    newest = assert_whole(&w); /* before anybody has cleared up */
    assert_true(newest >= told);
    struct azd_lease lease = world_acquire(&w, "engine-a");
    must(azd_store_release(w.store, &lease, ERR));
    int after = assert_whole(&w);
    rolled += after > newest;
    assert_true(after >= newest && after <= told + 1);
    newest = after;
    world_free(&w);
  }
  print_message(
      "engine killed %d times: %d snapshots published, %d of them finished by the next, 0 lost, 0 half seen\n", total,
      newest, rolled);
}

/* ---- ended on either side of the fence ---- */

/* Between the fence and the end, as a process that dies there leaves it: the snapshot in closing, nothing closed. */
static void reopen_last(const char *place, int64_t seq) {
  mongoc_uri_t *uri = mongoc_uri_new(place);
  mongoc_client_t *client = mongoc_client_new_from_uri(uri);
  const char *database = mongoc_uri_get_database(uri);
  mongoc_collection_t *snapshots = mongoc_client_get_collection(client, database, "snapshots");
  mongoc_collection_t *versions = mongoc_client_get_collection(client, database, "resource_versions");
  bson_t *filter = BCON_NEW("seq", BCON_INT64(seq));
  bson_t *update = BCON_NEW("$set", "{", "status", BCON_UTF8("closing"), "final", BCON_UTF8("complete"), "}");
  assert_true(mongoc_collection_update_one(snapshots, filter, update, NULL, NULL, NULL));
  bson_t *closed = BCON_NEW("to_seq", BCON_INT64(seq), "from_seq", "{", "$lt", BCON_INT64(seq), "}");
  bson_t *open = BCON_NEW("$set", "{", "to_seq", BCON_INT64(INT64_MAX), "}");
  assert_true(mongoc_collection_update_many(versions, closed, open, NULL, NULL, NULL));
  bson_destroy(filter), bson_destroy(update), bson_destroy(closed), bson_destroy(open);
  mongoc_collection_destroy(snapshots);
  mongoc_collection_destroy(versions);
  mongoc_client_destroy(client);
  mongoc_uri_destroy(uri);
}

static void run_that_died_after_its_fence_is_finished_by_the_next(void **state) {
  struct world w;
  world_init(&w, *state);
  must(run_once(&w, "engine-a", 1, ERR));
  must(run_once(&w, "engine-a", 2, ERR));
  int64_t second = world_last(&w);
  reopen_last(w.place, second);
  assert_int_equal(world_last(&w), second - 1); /* readers do not see it */
  assert_int_equal(assert_whole(&w), 1);
  must(run_once(&w, "engine-a", 3, ERR)); /* the map follows what the next one found and finished */
  assert_int_equal(assert_whole(&w), 3);
  struct azd_snapshot_query query = {.by = AZD_BY_SEQ, .scope = SCOPE, .seq = second};
  struct azd_snapshot finished;
  must(azd_store_snapshot(w.store, &query, &w.arena, &finished, ERR));
  assert_int_equal(finished.timestamp_ms, 2);
  world_free(&w);
}

/* A version of a sealed run, sent before the run was told and arriving after. */
static void write_late(const struct world *w, int64_t seq) {
  mongoc_client_t *client = mongoc_client_new(w->place);
  mongoc_uri_t *uri = mongoc_uri_new(w->place);
  mongoc_collection_t *versions =
      mongoc_client_get_collection(client, mongoc_uri_get_database(uri), "resource_versions");
  struct azd_key key = world_key(3);
  uint8_t id[AZD_VERSION_ID_BYTES], hash[AZD_HASH_BYTES] = {7};
  azd_version_id(SCOPE, &key, seq, id);
  bson_t *doc = BCON_NEW("_id", BCON_BIN(BSON_SUBTYPE_BINARY, id, sizeof id), "scope", BCON_UTF8(SCOPE.data),
                         "from_seq", BCON_INT64(seq), "to_seq", BCON_INT64(INT64_MAX), "prev_from", BCON_INT64(0),
                         "hash", BCON_BIN(BSON_SUBTYPE_BINARY, hash, sizeof hash));
  assert_true(mongoc_collection_insert_one(versions, doc, NULL, NULL, NULL));
  bson_destroy(doc);
  mongoc_collection_destroy(versions);
  mongoc_uri_destroy(uri);
  mongoc_client_destroy(client);
}

static void what_a_sealed_run_writes_late_is_never_seen_and_goes(void **state) {
  struct world w;
  struct azd_store_stats stats;
  struct azd_version_cursor *cursor;
  struct azd_version version;
  struct azd_key key = world_key(3);
  world_init(&w, *state);
  must(run_once(&w, "engine-a", 1, ERR));
  struct azd_lease lost = world_acquire(&w, "engine-a"); /* never published: the next run seals it */
  must(run_once(&w, "engine-a", 2, ERR));
  write_late(&w, lost.seq);
  assert_int_equal(assert_whole(&w), 2);
  must(azd_store_history(w.store, SCOPE, &key, true, &cursor, ERR));
  for (int i = 0; i < 2; i++) assert_int_equal(azd_version_next(cursor, &version, ERR), 1);
  assert_int_equal(azd_version_next(cursor, &version, ERR), 0);
  azd_version_close(cursor);
  struct azd_map *fresh = azd_map_new();
  must(azd_store_map_load(w.store, SCOPE, fresh, ERR));
  assert_int_equal(azd_map_count(fresh), WORLD_RESOURCES);
  azd_map_free(fresh);
  must(azd_store_stats(w.store, &stats, ERR));
  assert_int_equal(stats.open_versions, WORLD_RESOURCES);
  assert_int_equal(stats.versions, 2 * WORLD_RESOURCES + 1);
  must(run_once(&w, "engine-a", 3, ERR)); /* its lease sweeps */
  must(azd_store_stats(w.store, &stats, ERR));
  assert_int_equal(stats.versions, 3 * WORLD_RESOURCES);
  assert_int_equal(assert_whole(&w), 3);
  world_free(&w);
}

/* ---- the primary killed ---- */

struct committing {
  struct world *world;
  atomic_int published, stop;
  int refused, rc;
  struct azd_error error;
};

static void *commit_on(void *opaque) {
  struct committing *c = opaque;
  for (int state = 1; !c->rc && !atomic_load(&c->stop); state++) {
    int rc = run_once(c->world, "engine-a", state, &c->error);
    if (!rc)
      atomic_store(&c->published, state);
    else if (rc == AZD_ECONFLICT || rc == AZD_EBUSY) /* told so, and nothing of it is seen */
      c->refused++;
    else
      c->rc = rc;
  }
  return NULL;
}

static void killed_primary_loses_nothing_that_was_published(void **state) {
  struct world w;
  pthread_t thread;
  int total = rounds(2, 20);
  world_init(&w, *state);
  struct committing committing = {.world = &w};
  assert_int_equal(pthread_create(&thread, NULL, commit_on, &committing), 0);
  for (int round = 0; round < total; round++) {
    struct pollfd nothing = {.fd = -1};
    int before = atomic_load(&committing.published), primary = mongod_primary(server);
    assert_true(primary >= 0);
    mongod_kill(server, primary);
    for (int waited = 0; waited < 6000 && atomic_load(&committing.published) < before + 3; waited++)
      poll(&nothing, 1, 10);
    assert_true(mongod_restart(server, primary));
    if (atomic_load(&committing.published) < before + 3) fail_msg("no commit within a minute of the kill");
  }
  atomic_store(&committing.stop, 1);
  pthread_join(thread, NULL);
  if (committing.rc) fail_msg("a commit failed: %s", committing.error.text);
  assert_true(assert_whole(&w) >= atomic_load(&committing.published));
  print_message("primary killed %d times: %d commits survived, %d refused, 0 lost, 0 half seen\n", total,
                atomic_load(&committing.published), committing.refused);
  world_free(&w);
}

/* ---- what the store asks, as the server's profiler saw it ---- */

static void profile(const char *place, int level) {
  mongoc_uri_t *uri = mongoc_uri_new(place);
  mongoc_client_t *client = mongoc_client_new_from_uri(uri);
  bson_t *command = BCON_NEW("profile", BCON_INT32(level));
  assert_true(mongoc_client_command_simple(client, mongoc_uri_get_database(uri), command, NULL, NULL, NULL));
  bson_destroy(command);
  mongoc_client_destroy(client);
  mongoc_uri_destroy(uri);
}

static int64_t number(const bson_t *doc, const char *name) {
  bson_iter_t field;
  return bson_iter_init_find(&field, doc, name) ? bson_iter_as_int64(&field) : 0;
}

static void assert_read_well(const bson_t *seen) {
  bson_iter_t plan;
  char *text = bson_as_relaxed_extended_json(seen, NULL);
  assert_true(bson_iter_init_find(&plan, seen, "planSummary"));
  int64_t returned = number(seen, "nreturned"), examined = number(seen, "docsExamined");
  bool good = !strstr(bson_iter_utf8(&plan, NULL), "COLLSCAN") && examined * 10 <= returned * 11 + 10;
  if (!good) fail_msg("%lld examined, %lld returned: %.1500s", (long long)examined, (long long)returned, text);
  bson_free(text);
}

/* Every find on versions and snapshots, of a scope with a history and another scope beside it. */
static void every_query_goes_by_an_index_and_examines_what_it_returns(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  world_init(&w, *state);
  int64_t seq = world_first(&w, 50, states);
  for (int run = 2; run < 8; run++) {
    memcpy(next, states, sizeof next);
    for (int i = 0; i < 10; i++) next[(run * 7 + i) % 50] = run;
    seq = world_commit(&w, states, next);
    memcpy(states, next, sizeof states);
  }
  profile(w.place, 2);
  struct azd_pair_cursor *pairs;
  struct azd_pair pair;
  int rc;
  world_assert_at(&w, seq, states);
  must(azd_store_diff(w.store, &(struct azd_diff_query){.scope = SCOPE, .from_seq = seq - 1, .to_seq = seq}, &pairs,
                      ERR));
  while ((rc = azd_pair_next(pairs, &pair, ERR)) > 0) continue;
  assert_int_equal(rc, 0);
  azd_pair_close(pairs);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  next[3] = 99;
  world_commit(&w, states, next);
  profile(w.place, 0);

  mongoc_uri_t *uri = mongoc_uri_new(w.place);
  mongoc_client_t *client = mongoc_client_new_from_uri(uri);
  mongoc_collection_t *seen = mongoc_client_get_collection(client, mongoc_uri_get_database(uri), "system.profile");
  bson_t *filter =
      BCON_NEW("command.find", "{", "$in", "[", BCON_UTF8("resource_versions"), BCON_UTF8("snapshots"), "]", "}");
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(seen, filter, NULL, NULL);
  const bson_t *doc;
  int count = 0;
  for (; mongoc_cursor_next(cursor, &doc); count++) assert_read_well(doc);
  assert_true(count >= 10);
  mongoc_cursor_destroy(cursor);
  bson_destroy(filter);
  mongoc_collection_destroy(seen);
  mongoc_client_destroy(client);
  mongoc_uri_destroy(uri);
  world_free(&w);
}

/* ---- the groups ---- */

static int start(enum mongod_kind kind) {
  server = mongod_start(&(struct mongod_options){.kind = kind, .folder = AZD_BINARY_DIR}, why_not);
  return 0;
}

static int start_standalone(void **state) {
  (void)state;
  return start(MONGOD_STANDALONE);
}

static int start_set(void **state) {
  (void)state;
  return start(MONGOD_REPLICA_SET);
}

static int stop(void **state) {
  (void)state;
  mongod_stop(server);
  server = NULL;
  return 0;
}

int main(void) {
  const struct CMUnitTest standalone[] = {
      cmocka_unit_test_prestate(killed_engine_loses_nothing_that_was_published, &mongodb),
      cmocka_unit_test_prestate(run_that_died_after_its_fence_is_finished_by_the_next, &mongodb),
      cmocka_unit_test_prestate(what_a_sealed_run_writes_late_is_never_seen_and_goes, &mongodb),
      cmocka_unit_test_prestate(every_query_goes_by_an_index_and_examines_what_it_returns, &mongodb),
  };
  const struct CMUnitTest set[] = {
      cmocka_unit_test_prestate(killed_primary_loses_nothing_that_was_published, &mongodb),
  };
  int failures = cmocka_run_group_tests(standalone, start_standalone, stop);
  return failures + cmocka_run_group_tests(set, start_set, stop);
}
