/* Every question that the store asks of MongoDB, as the server's profiler saw it answered: by an index, and looking at
 * no more documents than it answered or changed (1.1 times, and one to see the end). What reads a whole collection
 * because all of it is wanted stands in a list here, with its reason. */
#include "lib/mongod.h"
#include "store/mongo.h"
#include "support/store_world.h"

static struct mongod *server;
static char why_not[512], database[64];
static int64_t middle, previous; /* published seqs: half way, and the last but one */

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "explain_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

static void leave_database(const char *place) {
  (void)place;
}

static const struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};

/* ---- everything a store is asked ---- */

static void read_versions(struct world *w, const struct azd_version_query *query) {
  struct azd_version_cursor *cursor;
  struct azd_version version;
  int rc;
  must(azd_store_versions(w->store, query, &cursor, ERR));
  while ((rc = azd_version_next(cursor, &version, ERR)) > 0) continue;
  assert_int_equal(rc, 0);
  azd_version_close(cursor);
}

static void read_pairs(struct world *w, const struct azd_diff_query *query) {
  struct azd_pair_cursor *cursor;
  struct azd_pair pair;
  int rc;
  must(azd_store_diff(w->store, query, &cursor, ERR));
  while ((rc = azd_pair_next(cursor, &pair, ERR)) > 0) continue;
  assert_int_equal(rc, 0);
  azd_pair_close(cursor);
}

static void read_drifts(struct azd_drift_cursor *cursor) {
  struct azd_drift drift;
  int rc;
  while ((rc = azd_drift_next(cursor, &drift, ERR)) > 0) continue;
  assert_int_equal(rc, 0);
  azd_drift_close(cursor);
}

static void ask_for_snapshots(struct world *w, int64_t last) {
  struct azd_snapshot one, *many;
  const char **scopes;
  size_t count;
  struct azd_str scope = SCOPE;
  must(azd_store_snapshot(w->store, &(struct azd_snapshot_query){.by = AZD_BY_LAST, .scope = scope}, &w->arena, &one,
                          ERR));
  struct azd_snapshot_query by_id = {.by = AZD_BY_ID, .id = azd_str_of(one.id)};
  must(azd_store_snapshot(w->store, &by_id, &w->arena, &one, ERR));
  struct azd_snapshot_query by_seq = {.by = AZD_BY_SEQ, .scope = scope, .seq = middle};
  must(azd_store_snapshot(w->store, &by_seq, &w->arena, &one, ERR));
  struct azd_snapshot_query by_time = {.by = AZD_BY_TIME, .scope = scope, .at_ms = 1000 * middle + 500};
  must(azd_store_snapshot(w->store, &by_time, &w->arena, &one, ERR));
  must(azd_store_snapshots(w->store, scope, 0, 5, &w->arena, &many, &count, ERR));
  must(azd_store_snapshots(w->store, scope, last - 2, 3, &w->arena, &many, &count, ERR));
  must(azd_store_snapshots(w->store, (struct azd_str){0}, 0, 5, &w->arena, &many, &count, ERR));
  must(azd_store_scopes(w->store, &w->arena, &scopes, &count, ERR));
}

static void ask_for_versions(struct world *w, int64_t last) {
  struct azd_key key = world_key(3);
  struct azd_version version;
  struct azd_version_cursor *cursor;
  struct azd_type_count *types;
  size_t count;
  for (int any = 0; any < 2; any++) {
    read_versions(w, &(struct azd_version_query){.scope = SCOPE, .seq = last, .bodies = true, .any_order = any});
    read_versions(w, &(struct azd_version_query){.scope = SCOPE, .seq = middle, .any_order = any});
  }
  for (int all = 0; all < 2; all++) {
    must(azd_store_history(w->store, all ? (struct azd_str){0} : SCOPE, &key, true, &cursor, ERR));
    while (azd_version_next(cursor, &version, ERR) > 0) continue;
    azd_version_close(cursor);
  }
  must(azd_store_version(w->store, SCOPE, &key, last, &w->arena, &version, ERR));
  must(azd_store_types(w->store, SCOPE, last, &w->arena, &types, &count, ERR));
  read_pairs(w, &(struct azd_diff_query){.scope = SCOPE, .from_seq = previous, .to_seq = last, .bodies = true});
  read_pairs(w, &(struct azd_diff_query){.scope = SCOPE, .from_seq = middle, .to_seq = 1});
  struct azd_map *fresh = azd_map_new();
  must(azd_store_map_load(w->store, SCOPE, fresh, ERR));
  azd_map_free(fresh);
}

static void ask_for_baselines(struct world *w, int64_t last) {
  struct azd_str types[] = {world_type(0), world_type(1)};
  struct azd_baseline *baselines;
  struct azd_accepted *accepted;
  size_t count;
  must(azd_store_baseline_set(w->store, SCOPE, types, 2, previous, false, AZD_STR("eve"), AZD_STR("why"), NULL, ERR));
  must(azd_store_baseline_set(w->store, SCOPE, types, 2, last, true, AZD_STR("eve"), AZD_STR("why"), NULL, ERR));
  must(azd_store_baselines(w->store, SCOPE, &w->arena, &baselines, &count, ERR));
  read_pairs(w, &(struct azd_diff_query){.scope = SCOPE, .from_baseline = true, .to_seq = last, .bodies = true});
  must(azd_store_accepted(w->store, SCOPE, NULL, &w->arena, &accepted, &count, ERR));
  must(azd_store_baseline_clear(w->store, SCOPE, types[0], ERR));
}

static struct azd_drift a_drift(const char *fingerprint, int64_t seq) {
  return (struct azd_drift){.id = azd_str_of(fingerprint),
                            .fingerprint = azd_str_of(fingerprint),
                            .kind = AZD_STR("changed"),
                            .type = AZD_STR("Microsoft.Sql/servers"),
                            .resource_id = AZD_STR("/subscriptions/1/x"),
                            .severity = AZD_STR("high"),
                            .status = AZD_DRIFT_OPEN,
                            .first_seen_seq = seq,
                            .last_seen_seq = seq,
                            .document = AZD_STR("{}")};
}

static void ask_for_reports(struct world *w) {
  struct azd_report report, *reports;
  struct azd_drift_cursor *cursor;
  struct azd_drift drift;
  size_t count;
  char id[16], fingerprints[4][16];
  for (int n = 0; n < 6; n++) {
    struct azd_drift drifts[4];
    for (int i = 0; i < 4; i++) {
      snprintf(fingerprints[i], sizeof fingerprints[i], "f%d-%d", n / 2, i);
      drifts[i] = a_drift(fingerprints[i], n + 1);
    }
    snprintf(id, sizeof id, "r%d", n / 2);
    report = (struct azd_report){.id = azd_str_of(id),
                                 .scope = SCOPE,
                                 .snapshot_id = AZD_STR("s"),
                                 .revision = n % 2 + 1,
                                 .timestamp_ms = 1000 * n,
                                 .from_seq = n,
                                 .to_seq = n + 1,
                                 .has_drift = true,
                                 .header = AZD_STR("{}")};
    must(azd_store_report_put(w->store, &report, drifts, 4, &AZD_STR("f0-0"), 1, ERR));
  }
  must(azd_store_report(w->store, SCOPE, (struct azd_str){0}, &w->arena, &report, ERR));
  must(azd_store_report(w->store, (struct azd_str){0}, AZD_STR("r1"), &w->arena, &report, ERR));
  must(azd_store_reports(w->store, SCOPE, 0, 2, &w->arena, &reports, &count, ERR));
  must(azd_store_reports(w->store, (struct azd_str){0}, 5000, 2, &w->arena, &reports, &count, ERR));
  must(azd_store_report_drifts(w->store, AZD_STR("r1"), &cursor, ERR));
  read_drifts(cursor);
  for (int all = 0; all < 2; all++) {
    must(azd_store_drifts(w->store, all ? (struct azd_str){0} : SCOPE, AZD_DRIFT_OPEN, &cursor, ERR));
    read_drifts(cursor);
  }
  must(azd_store_drift(w->store, SCOPE, AZD_STR("f1-1"), &w->arena, &drift, ERR));
  must(azd_store_drift_set(w->store, SCOPE, AZD_STR("f1-1"), AZD_DRIFT_MUTED, AZD_STR("eve"), AZD_STR("why"), 99, ERR));
}

static void ask_for_the_rest(struct world *w) {
  struct azd_small small, *smalls;
  struct azd_store_stats stats;
  size_t count;
  char id[16];
  for (int i = 0; i < 30; i++) {
    snprintf(id, sizeof id, "%d", i);
    must(azd_store_small_put(w->store, i % 3 ? AZD_STR("a") : AZD_STR("b"), azd_str_of(id), AZD_STR("x"), AZD_SMALL_ANY,
                             ERR));
  }
  must(azd_store_small_get(w->store, AZD_STR("a"), AZD_STR("7"), &w->arena, &small, ERR));
  must(azd_store_small_put(w->store, AZD_STR("a"), AZD_STR("7"), AZD_STR("y"), small.revision, ERR));
  must(azd_store_small_list(w->store, AZD_STR("b"), &w->arena, &smalls, &count, ERR));
  must(azd_store_small_delete(w->store, AZD_STR("a"), AZD_STR("8"), ERR));
  must(azd_store_redaction_key(w->store, AZD_STR("k1"), ERR));
  must(azd_store_train(w->store, SCOPE, NULL, ERR));
  must(azd_store_stats(w->store, &stats, ERR));
  world_assert_sound(w);
}

/* A history of runs, of which some were given up, with the projection behind each. */
static int64_t write_history(struct world *w, int *states) {
  int next[WORLD_RESOURCES];
  struct azd_commit *commit;
  int64_t seq = world_first(w, 50, states);
  for (int run = 2; run < 12; run++) {
    memcpy(next, states, sizeof next);
    for (int i = 0; i < 8; i++) next[(run * 7 + i) % 50] = run;
    next[run % 10] = run % 4 ? run : 0;
    seq = world_commit(w, states, next);
    memcpy(states, next, sizeof next);
    if (run == 7) middle = seq;
    if (run == 10) previous = seq;
    must(azd_store_project(w->store, SCOPE, run == 6, NULL, ERR));
    if (run % 5) continue;
    struct azd_lease lease = world_acquire(w, "engine-a");
    must(azd_store_renew(w->store, &lease, 1000, ERR));
    must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
    must(azd_commit_begin(w->store, &lease, &commit, ERR));
    must(world_put_one(w, commit, 55, run, NULL));
    azd_commit_abort(commit);
  }
  return seq;
}

/* ---- what the profiler saw ---- */

static bson_t *command(mongoc_client_t *client, bson_t *what) {
  bson_t *reply = bson_new(), raw;
  assert_true(mongoc_client_command_simple(client, database, what, NULL, &raw, NULL));
  bson_concat(reply, &raw);
  bson_destroy(&raw);
  bson_destroy(what);
  return reply;
}

static mongoc_client_t *profile(const char *place, int level) {
  mongoc_uri_t *uri = mongoc_uri_new(place);
  mongoc_client_t *client = mongoc_client_new_from_uri(uri);
  bson_destroy(command(client, BCON_NEW("profile", BCON_INT32(level))));
  mongoc_uri_destroy(uri);
  return client;
}

/* All of it is wanted: nothing is looked at in vain. */
static bool reads_everything(const char *collection, const char *verb) {
  static const char *const whole[][2] = {
      {"dictionaries", "find"},       /* known from the start on: a few */
      {"resource_versions", "stats"}, /* `azdrift db stats` adds up sizes, as do the next ones */
      {"body_parts", "stats"},        {"resource_versions", "count"}, {"snapshots", "count"},
      {"drift_reports", "count"},     {"drift_lives", "count"},       {"dictionaries", "count"},
  };
  for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
    if (!strcmp(whole[i][0], collection) && !strcmp(whole[i][1], verb)) return true;
  return false;
}

/* find, count, update ...; an aggregation is one of stats, for there is no other. */
static const char *verb_of(const bson_t *seen) {
  static const char *const verbs[] = {"find", "getMore", "count", "findAndModify", "findandmodify", "q", "insert"};
  bson_iter_t start, found;
  if (!bson_iter_init(&start, seen) || !bson_iter_find(&start, "command")) return "";
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    bson_iter_t inner;
    if (bson_iter_recurse(&start, &inner) && bson_iter_find(&inner, verbs[i])) return verbs[i];
  }
  return bson_iter_recurse(&start, &found) && bson_iter_find(&found, "aggregate") ? "stats" : "";
}

/* 1: badly, which is told. */
static int asked_badly(const bson_t *seen) {
  char *text = bson_as_relaxed_extended_json(seen, NULL);
  struct azd_str name = mg_str(seen, "ns"), plan = mg_str(seen, "planSummary");
  const char *collection = strchr(name.data, '.') + 1, *verb = verb_of(seen);
  int64_t examined = mg_i64(seen, "docsExamined"), of_use = mg_i64(seen, "nreturned") + mg_i64(seen, "nMatched") +
                                                            mg_i64(seen, "ndeleted") + mg_i64(seen, "nUpserted");
  bool whole = reads_everything(collection, verb),
       by_index = strstr(plan.data, "IXSCAN") || strstr(plan.data, "IDHACK") || strstr(plan.data, "COUNT_SCAN");
  bool bad = !whole && (!by_index || examined * 10 > of_use * 11 + 10);
  if (bad) print_error("%lld looked at, %lld of use: %.2000s\n", (long long)examined, (long long)of_use, text);
  bson_free(text);
  return bad;
}

static void every_question_goes_by_an_index(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  world_init(&w, *state);
  mongoc_client_t *client = profile(w.place, 2);
  world_reopen(&w);
  int64_t last = write_history(&w, states);
  ask_for_snapshots(&w, last);
  ask_for_versions(&w, last);
  ask_for_baselines(&w, last);
  ask_for_reports(&w);
  ask_for_the_rest(&w);
  mongoc_client_destroy(client);
  client = profile(w.place, 0);

  char own[128];
  snprintf(own, sizeof own, "%s.system.profile", database);
  mongoc_collection_t *seen = mongoc_client_get_collection(client, database, "system.profile");
  /* Only what had a plan: inserts have none, nor have commands without a question. */
  bson_t *filter =
      BCON_NEW("planSummary", "{", "$exists", BCON_BOOL(true), "$nin", "[", BCON_UTF8("RECORD_STORE_FAST_COUNT"),
               BCON_UTF8("EOF"), "]", "}", "ns", "{", "$ne", BCON_UTF8(own), "}");
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(seen, filter, NULL, NULL);
  const bson_t *doc;
  int count = 0, bad = 0;
  for (; mongoc_cursor_next(cursor, &doc); count++) bad += asked_badly(doc);
  assert_false(mongoc_cursor_error(cursor, NULL));
  assert_int_equal(bad, 0);
  assert_true(count > 300);
  mongoc_cursor_destroy(cursor);
  bson_destroy(filter);
  mongoc_collection_destroy(seen);
  mongoc_client_destroy(client);
  world_free(&w);
}

static int start_server(void **state) {
  (void)state;
  server = mongod_start(&(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR}, why_not);
  return 0;
}

static int stop_server(void **state) {
  (void)state;
  mongod_stop(server);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(every_question_goes_by_an_index, (void *)(uintptr_t)&mongodb),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
