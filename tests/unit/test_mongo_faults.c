/* What may happen to a commit in a MongoDB of one server: the engine killed or frozen at any moment and on either side
 * of the fence, late with what it writes, the server killed under it, documents changed by hand. Nothing that was
 * published is lost, no half snapshot is ever seen, the chain holds. With AZD_TORTURE set: 100 kills instead of a few.
 */
#include "lib/mongod.h"
#include "support/frozen_engine.h"
#include "support/store_tally.h"

#include <mongoc/mongoc.h>

#include <poll.h>
#include <signal.h>
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

static int random_ms(int below) {
  uint16_t random;
  azd_random(&random, sizeof random);
  return random % below;
}

/* A moment of a fault, which is the point of it: nothing is waited for. */
static void at_random(int below_ms) {
  struct pollfd nothing = {.fd = -1};
  poll(&nothing, 1, random_ms(below_ms));
}

static struct azd_lease acquired(struct azd_store *store, const char *owner) {
  struct azd_lease lease;
  must(azd_store_acquire(store, SCOPE, azd_str_of(owner), 600000, &lease, ERR));
  return lease;
}

/* One run of the world's store, which must go through. */
static int64_t run_in(struct world *w) {
  struct tally_hand hand;
  int64_t seq;
  tally_hand_init(&hand, w->store);
  must(tally_run(&hand, SCOPE, "engine-a", &seq, ERR));
  tally_hand_free(&hand);
  return seq;
}

/* Every published snapshot is whole and the chain holds; answers the newest seq. */
static int64_t assert_whole(struct azd_store *store) {
  struct tally t;
  struct tally_hand hand;
  tally_init(&t);
  tally_settle(&t, store);
  if (t.unexpected) fail_msg("%s", t.error.text);
  assert_int_equal(t.half_seen, 0);
  assert_int_equal(t.doubled, 0);
  assert_int_equal(t.reads, t.snapshots < 20 ? t.snapshots : 20);
  tally_free(&t);
  tally_hand_init(&hand, store);
  int64_t last = tally_last(&hand, SCOPE);
  tally_hand_free(&hand);
  return last;
}

/* ---- the engine killed ---- */

/* In a process of its own: runs until it is killed, and tells each seq that it was told is published. */
static void engine_main(const char *place, int out) {
  struct azd_store *store;
  struct tally_hand hand;
  struct azd_error error;
  int64_t seq;
  if (azd_store_open(&(struct azd_store_options){.url = place}, &store, &error)) _exit(2);
  tally_hand_init(&hand, store);
  for (;;) {
    if (tally_run(&hand, SCOPE, "engine-a", &seq, &error)) _exit(3);
    if (write(out, &seq, sizeof seq) != sizeof seq) _exit(4);
  }
}

/* Waits until it has told one, and for a moment more; kills it; books all that it told. */
static int64_t kill_engine(const char *place, struct tally *t) {
  int pipes[2], status;
  int64_t told = 0;
  assert_int_equal(pipe(pipes), 0);
  pid_t pid = fork();
  if (pid == 0) {
    close(pipes[0]);
    engine_main(place, pipes[1]);
  }
  close(pipes[1]);
  for (int count = 0; read(pipes[0], &told, sizeof told) == sizeof told; count++) {
    t->survived++;
    t->tried++;
    t->told[t->told_count++] = (struct tally_told){.seq = told};
    if (count) continue;
    at_random(40);
    kill(pid, SIGKILL);
  }
  t->tried++;
  t->unknown++; /* what it was about when it died */
  close(pipes[0]);
  waitpid(pid, &status, 0);
  assert_true(WIFSIGNALED(status));
  return told;
}

static void killed_engine_loses_nothing_that_was_published(void **state) {
  struct tally t;
  char place[512];
  int rolled = 0, total = tally_rounds(6, 100);
  (void)state;
  fresh_database(place, sizeof place);
  tally_init(&t);
  for (int round = 0; round < total; round++) {
    int64_t told = kill_engine(place, &t);
    struct azd_store *store = world_open_at(place);
    int64_t before = assert_whole(store); /* before anybody has cleared up */
    assert_true(before >= told);
    struct azd_lease lease = acquired(store, "engine-a");
    must(azd_store_release(store, &lease, ERR));
    int64_t after = assert_whole(store);
    assert_true(after >= before && after < lease.seq);
    rolled += after > before;
    azd_store_close(store);
  }
  struct azd_store *store = world_open_at(place);
  tally_settle(&t, store);
  tally_tell(&t, "engine killed", total);
  print_message("%d of them between fence and publication: finished by the next\n", rolled);
  azd_store_close(store);
  tally_free(&t);
}

/* ---- the server killed ---- */

static void killed_server_loses_nothing_that_was_published(void **state) {
  struct world w;
  struct tally t;
  struct tally_reader reader;
  struct tally_writer writer;
  int total = tally_rounds(4, 100);
  world_init(&w, *state);
  tally_init(&t);
  tally_start_writer(&t, &writer, w.store, "engine-a");
  tally_start_reader(&t, &reader, w.place);
  for (int round = 0; round < total; round++) {
    tally_wait(&t, 2);
    at_random(60);
    mongod_kill(server, 0);
    assert_true(mongod_restart(server, 0));
  }
  tally_wait(&t, 2);
  atomic_store(&t.stop, 1);
  pthread_join(writer.thread, NULL);
  tally_end_reader(&reader);
  tally_settle(&t, w.store);
  tally_tell(&t, "server killed", total);
  tally_free(&t);
  world_free(&w);
}

/* Whoever waits for a server that is gone is told so in the end, and what it had is there when the server is. */
static void server_that_stays_away_is_said_and_loses_nothing(void **state) {
  struct world w;
  struct tally_hand hand;
  struct azd_error error = {0};
  char url[600];
  int64_t seq, failed;
  world_init(&w, *state);
  seq = run_in(&w);
  azd_store_close(w.store);
  snprintf(url, sizeof url, "%s?serverSelectionTimeoutMS=200", w.place);
  must(azd_store_open(&(struct azd_store_options){.url = url, .busy_timeout_ms = 500}, &w.store, ERR));
  tally_hand_init(&hand, w.store);
  mongod_kill(server, 0);
  int64_t began_ns = azd_clock_mono_ns();
  assert_int_equal(tally_run(&hand, SCOPE, "engine-a", &failed, &error), AZD_EIO);
  assert_true(azd_clock_mono_ns() - began_ns < INT64_C(20000000000)); /* not the driver's half minutes */
  if (!strstr(error.text, "is MongoDB running there")) fail_msg("'%s'", error.text);
  assert_true(mongod_restart(server, 0));
  assert_int_equal(assert_whole(w.store), seq);
  assert_true(run_in(&w) > seq);
  tally_hand_free(&hand);
  world_free(&w);
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
  int64_t first = run_in(&w), second = run_in(&w);
  reopen_last(w.place, second);
  assert_int_equal(assert_whole(w.store), first); /* readers do not see it */
  int64_t third = run_in(&w);                     /* the map follows what the next one found and finished */
  assert_int_equal(assert_whole(w.store), third);
  struct azd_snapshot_query query = {.by = AZD_BY_SEQ, .scope = SCOPE, .seq = second};
  struct azd_snapshot finished;
  must(azd_store_snapshot(w.store, &query, &w.arena, &finished, ERR));
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
  run_in(&w);
  struct azd_lease lost = world_acquire(&w, "engine-a"); /* never published: the next run seals it */
  int64_t second = run_in(&w);
  write_late(&w, lost.seq);
  assert_int_equal(assert_whole(w.store), second);
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
  int64_t third = run_in(&w); /* its lease sweeps */
  must(azd_store_stats(w.store, &stats, ERR));
  assert_int_equal(stats.versions, 3 * WORLD_RESOURCES);
  assert_int_equal(assert_whole(w.store), third);
  world_free(&w);
}

/* ---- the engine frozen ---- */

/* Closing versions fails for ever: whoever publishes stands between fence and publication. */
static void hold_closing(const char *place, bool hold) {
  mongoc_uri_t *uri = mongoc_uri_new(place);
  char command[256];
  snprintf(command, sizeof command,
           "{\"configureFailPoint\":\"failCommand\",\"mode\":\"%s\",\"data\":{\"failCommands\":[\"update\"],"
           "\"namespace\":\"%s.resource_versions\",\"closeConnection\":true}}",
           hold ? "alwaysOn" : "off", mongoc_uri_get_database(uri));
  char *reply = mongod_run(server, 0, "admin", command);
  assert_non_null(reply);
  bson_free(reply);
  mongoc_uri_destroy(uri);
}

static bool is_closing(const char *place, int64_t seq) {
  mongoc_uri_t *uri = mongoc_uri_new(place);
  char command[160];
  snprintf(command, sizeof command,
           "{\"count\":\"snapshots\",\"query\":{\"status\":\"closing\",\"seq\":{\"$numberLong\":\"%lld\"}}}",
           (long long)seq);
  char *reply = mongod_run(server, 0, mongoc_uri_get_database(uri), command);
  bool found = reply && strstr(reply, "\"n\" : 1");
  bson_free(reply);
  mongoc_uri_destroy(uri);
  return found;
}

static void engine_frozen_before_its_fence_is_refused(void **state) {
  struct world w;
  world_init(&w, *state);
  int64_t first = run_in(&w);
  struct frozen frozen = frozen_start(w.place, FROZEN_BEFORE_FENCE, WORLD_RESOURCES);
  frozen_wait_stopped(&frozen);
  assert_int_equal(assert_whole(w.store), first);
  frozen_take_over(&w, "engine-b");
  int64_t next = run_in(&w);
  assert_true(next > frozen.seq);
  assert_int_equal(frozen_wake(&frozen), AZD_ECONFLICT);
  assert_int_equal(assert_whole(w.store), next);
  assert_int_equal(run_in(&w), next + 1); /* and its seq stays nobody's */
  assert_int_equal(assert_whole(w.store), next + 1);
  world_free(&w);
}

/* Its commit is decided: the next one finishes it, and the one who wakes finds it done. */
static void engine_frozen_after_its_fence_is_finished_by_the_next(void **state) {
  struct world w;
  world_init(&w, *state);
  int64_t first = run_in(&w);
  hold_closing(w.place, true);
  struct frozen frozen = frozen_start(w.place, FROZEN_BY_PARENT, WORLD_RESOURCES);
  for (int waited = 0; waited < 3000 && !is_closing(w.place, frozen.seq); waited++) poll(NULL, 0, 10);
  assert_true(is_closing(w.place, frozen.seq));
  frozen_stop(&frozen);
  hold_closing(w.place, false);
  assert_int_equal(assert_whole(w.store), first); /* a reader in the closing phase */
  frozen_take_over(&w, "engine-b");
  assert_int_equal(assert_whole(w.store), frozen.seq);
  int64_t next = run_in(&w);
  assert_int_equal(frozen_wake(&frozen), 0); /* it was published, whoever did the work */
  assert_int_equal(assert_whole(w.store), next);
  world_free(&w);
}

/* A server's clock was years ahead when it gave a lease; it has been set right, or another server is asked. */
static void lease_from_a_future_that_was_none_is_over(void **state) {
  struct world w;
  struct azd_lease lease;
  world_init(&w, *state);
  lease = acquired(w.store, "engine-b");
  mongoc_uri_t *uri = mongoc_uri_new(w.place);
  assert_int_equal(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-a"), 1000, &lease, ERR), AZD_EBUSY);
  char *reply = mongod_run(server, 0, mongoc_uri_get_database(uri),
                           "{\"update\":\"leases\",\"updates\":[{\"q\":{},\"u\":{\"$set\":{\"expires\":{\"$date\":"
                           "\"2131-01-01T00:00:00Z\"}}}}]}");
  assert_non_null(reply);
  must(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-a"), 1000, &lease, ERR));
  bson_free(reply);
  mongoc_uri_destroy(uri);
  world_free(&w);
}

/* ---- changed by hand ---- */

#define ZERO_HASH "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static void chain_names_the_first_break(void **state) {
  static const struct {
    const char *command, *says;
  } breaks[] = {
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'coverage':'{}'}}}]}", "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':3},'u':{'$set':{'timestamp':{'$date':'2020-01-01T00:00:00Z'}}}}]}",
       "snapshot 3"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'resources':{'$numberLong':'59'}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':3},'u':{'$set':{'status':'partial'}}}]}", "snapshot 3"},
      {"{'update':'snapshots','updates':[{'q':{'seq':1},'u':{'$set':{'subscription_id':'x'}}}]}", "snapshot 1"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'resource_group':'x'}}}]}", "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'missing':'[1]'}}}]}", "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'stamps':'{}'}}}]}", "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':4},'u':{'$set':{'redaction_key':'k2'}}}]}", "snapshot 4"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'added':{'$numberLong':'59'}}}}]}", "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'changed':{'$numberLong':'59'}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'removed':{'$numberLong':'59'}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'hashes_xor':{'$binary':{'base64':'" ZERO_HASH
       "','subType':'00'}}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'previous_chain':{'$binary':{'base64':'" ZERO_HASH
       "','subType':'00'}}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'changes_hash':{'$binary':{'base64':'" ZERO_HASH
       "','subType':'00'}}}}}]}",
       "snapshot 2"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'chain':{'$binary':{'base64':'" ZERO_HASH
       "','subType':'00'}}}}}]}",
       "snapshot 2"},
      {"{'delete':'snapshots','deletes':[{'q':{'seq':2},'limit':1}]}", "snapshot 3"},
      {"{'delete':'snapshots','deletes':[{'q':{'seq':4},'limit':1}]}", "run 4, whose snapshot is gone"},
      {"{'update':'snapshots','updates':[{'q':{'seq':2},'u':{'$set':{'seq':{'$numberLong':'9'}}}},{'q':{'seq':3},'u':{'"
       "$set"
       "':{'seq':{'$numberLong':'2'}}}},{'q':{'seq':9},'u':{'$set':{'seq':{'$numberLong':'3'}}}}]}",
       "snapshot 2"},
      {"{'update':'resource_versions','updates':[{'q':{'from_seq':3},'u':{'$set':{'hash':{'$binary':{'base64':"
       "'" ZERO_HASH "','subType':'00'}}}}}]}",
       "snapshot 3"},
      {"{'update':'resource_versions','updates':[{'q':{'from_seq':3},'u':{'$set':{'id':'/else'}}}]}",
       "its id or type is not the one it was stored under"},
      {"{'update':'resource_versions','updates':[{'q':{'from_seq':1},'u':{'$set':{'from_seq':{'$numberLong':'2'}}}}]}",
       "snapshot 1"},
      {"{'update':'resource_versions','updates':[{'q':{'from_seq':2},'u':{'$set':{'body':{'$binary':{'base64':'Unt9',"
       "'subType':'00'}}}}}]}",
       "snapshot 2"},
      {"{'delete':'resource_versions','deletes':[{'q':{'from_seq':3},'limit':1}]}", "snapshot 3"},
      {"{'update':'resource_versions','updates':[{'q':{'from_seq':1},'u':{'$set':{'to_seq':{'$numberLong':'3'}}}}]}",
       "snapshot 2"},
  };
  for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
    struct world w;
    struct azd_check check;
    char command[640];
    snprintf(command, sizeof command, "%s", breaks[i].command);
    for (char *c = command; *c; c++)
      if (*c == '\'') *c = '"';
    world_init(&w, *state);
    for (int run = 0; run < 4; run++) run_in(&w);
    world_assert_sound(&w);
    mongoc_uri_t *uri = mongoc_uri_new(w.place);
    char *reply = mongod_run(server, 0, mongoc_uri_get_database(uri), command);
    if (!reply || !strstr(reply, "\"n\" : ")) fail_msg("%s: %s", command, reply ? reply : "refused");
    must(azd_store_check(w.store, (struct azd_str){0}, true, NULL, NULL, &check, ERR));
    if (!check.findings || !strstr(check.first, breaks[i].says))
      fail_msg("%s: found '%s' first, of %lld", command, check.first, (long long)check.findings);
    bson_free(reply);
    mongoc_uri_destroy(uri);
    world_free(&w);
  }
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

/* ---- the group ---- */

static int start(void **state) {
  (void)state;
  server = mongod_start(&(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR}, why_not);
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
      FAULT(killed_engine_loses_nothing_that_was_published),
      FAULT(killed_server_loses_nothing_that_was_published),
      FAULT(server_that_stays_away_is_said_and_loses_nothing),
      FAULT(run_that_died_after_its_fence_is_finished_by_the_next),
      FAULT(what_a_sealed_run_writes_late_is_never_seen_and_goes),
      FAULT(engine_frozen_before_its_fence_is_refused),
      FAULT(engine_frozen_after_its_fence_is_finished_by_the_next),
      FAULT(lease_from_a_future_that_was_none_is_over),
      FAULT(chain_names_the_first_break),
      FAULT(every_query_goes_by_an_index_and_examines_what_it_returns),
  };
  return cmocka_run_group_tests(tests, start, stop);
}
