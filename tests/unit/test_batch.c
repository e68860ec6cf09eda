/* Batches of stored pairs: what a run changed, read from a real store and judged. */
#include "drift/batch.h"
#include "support/drift_world.h"

#define SCOPE "/subscriptions/11111111-2222-3333-4444-555555555555"

static const char rules[] =
    "rules { type = \"*\", owner = \"t\", { ignore = \"noise\", why = \"x\" }, { observe = \"seen\", why = \"y\" } }";
static const char policies[] = "policy \"around\" { type = \"Microsoft.Sql/servers/databases\", watch = \"v\", "
                               "severity = \"info\", message = \"m\",\n"
                               "  on_resource = function(r) return { severity = \"low\", message = "
                               "tostring(r.group.tags.env) .. \" \" .. tostring(r.group.managed_by)\n"
                               "    .. \" \" .. tostring(r.parent.properties.version) .. \" \" .. r.group.name } end,\n"
                               "  examples = { { old = { v = 1 }, new = { v = 2 }, gives = \"low\" } } }\n"
                               "policy \"fragile\" { type = \"" ACCOUNTS
                               "\", watch = \"v\", kind = \"changed\", severity = \"high\", message = \"m\",\n"
                               "  on_change = function(change) return change.new > 5 and \"high\" end,\n"
                               "  examples = { { old = { v = 1 }, new = { v = 6 }, gives = \"high\" } } }\n";

struct world {
  struct store_place place;
  struct azd_bundle *bundle;
  struct azd_map *map;
  struct azd_codec_work *codec;
  struct azd_lease lease;
  struct azd_commit *commit;
  struct azd_batch *batch;
  struct azd_batch_worker *worker;
  struct azd_detect_options options;
  struct azd_batch_result result;
  const struct azd_around *around;
};

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  store_place_open(&world->place);
  world->bundle = bundle_of(rules, policies);
  world->map = azd_map_new();
  world->codec = azd_codec_work_new();
  world->batch = azd_batch_new();
  world->worker = azd_batch_worker_new();
  world->options =
      (struct azd_detect_options){.bundle = world->bundle, .scope = AZD_STR(SCOPE), .now_ms = 1770000000000};
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  azd_batch_free(world->batch);
  azd_batch_worker_free(world->worker);
  azd_codec_work_free(world->codec);
  azd_map_free(world->map);
  azd_bundle_unref(world->bundle);
  store_place_close(&world->place);
  free(world);
  return 0;
}

/* ---- runs ---- */

static void run_begin(struct world *world) {
  must(azd_store_acquire(world->place.store, AZD_STR(SCOPE), AZD_STR("test"), 60000, &world->lease, ERR));
  must(azd_store_map_load(world->place.store, AZD_STR(SCOPE), world->map, ERR));
  must(azd_commit_begin(world->place.store, &world->lease, &world->commit, ERR));
}

static int64_t run_end(struct world *world) {
  struct azd_snapshot snapshot = {.status = AZD_SNAPSHOT_COMPLETE, .timestamp_ms = world->lease.seq * 1000};
  snapshot.coverage = snapshot.missing = snapshot.stamps = AZD_STR("{}");
  must(azd_commit_publish(world->commit, &snapshot, ERR));
  must(azd_store_release(world->place.store, &world->lease, ERR));
  return snapshot.seq;
}

struct put {
  const char *id, *type, *body, *view, *redaction;
};

static void put(struct world *world, struct put put) {
  struct azd_buf body;
  azd_buf_init(&body, 0);
  must(azd_codec_encode(azd_store_codec(world->place.store), world->codec, azd_str_of(put.body), &body, ERR));
  struct azd_new_version version = {
      .id = azd_str_of(put.id),
      .type = azd_str_of(put.type ? put.type : ACCOUNTS),
      .view = azd_str_of(put.view ? put.view : "list"),
      .api_version = AZD_STR("1"),
      .redaction = azd_str_of(put.redaction ? put.redaction : "k1/r1"),
      .body = azd_buf_str(&body),
  };
  version.key = azd_key_of(version.type, version.id);
  version.previous = azd_map_find(world->map, &version.key);
  azd_sha256_of(put.body, strlen(put.body), version.hash);
  must(azd_commit_put(world->commit, &version, 1, NULL, ERR));
  azd_buf_free(&body);
}

static void put_account(struct world *world, const char *id, const char *body) {
  put(world, (struct put){.id = id, .body = body});
}

static void remove_account(struct world *world, const char *id) {
  struct azd_key key = azd_key_of(AZD_STR(ACCOUNTS), azd_str_of(id));
  struct azd_removal removal = {
      .id = azd_str_of(id), .type = AZD_STR(ACCOUNTS), .previous = azd_map_find(world->map, &key)};
  assert_non_null(removal.previous);
  must(azd_commit_remove(world->commit, &removal, 1, NULL, ERR));
}

static struct azd_pair_cursor *open_changes(struct world *world, int64_t from, int64_t to) {
  struct azd_pair_cursor *cursor = NULL;
  const struct azd_diff_query query = {.scope = AZD_STR(SCOPE), .from_seq = from, .to_seq = to, .bodies = true};
  must(azd_store_diff(world->place.store, &query, &cursor, ERR));
  return cursor;
}

static int judge(struct world *world) {
  return azd_batch_judge(world->batch, world->worker, &world->options, azd_store_codec(world->place.store),
                         &world->result, ERR);
}

/* The one batch between two moments, judged. */
static const struct azd_batch_result *judged(struct world *world, int64_t from, int64_t to) {
  struct azd_pair_cursor *cursor = open_changes(world, from, to);
  assert_true(azd_batch_fill(world->batch, cursor, world->around, ERR) >= 0);
  azd_pair_close(cursor); /* a batch stands on its own */
  must(judge(world));
  return &world->result;
}

static const struct azd_batch_drift *drift_of(const struct azd_batch_result *result, const char *id) {
  for (uint32_t i = 0; i < result->count; i++)
    if (azd_str_equal(result->drifts[i].id, azd_str_of(id))) return &result->drifts[i];
  fail_msg("no drift of %s", id);
  return NULL;
}

/* ---- */

static void a_run_is_told_as_added_changed_and_removed(void **state) {
  struct world *world = *state;
  run_begin(world);
  put_account(world, ACCOUNT("kept"), "{\"v\":1}");
  put_account(world, ACCOUNT("changed"), "{\"v\":1}");
  put_account(world, ACCOUNT("gone"), "{\"v\":1}");
  int64_t first = run_end(world);
  run_begin(world);
  put_account(world, ACCOUNT("changed"), "{\"v\":6}");
  put_account(world, ACCOUNT("new"), "{\"v\":1}");
  remove_account(world, ACCOUNT("gone"));
  int64_t second = run_end(world);
  const struct azd_batch_result *result = judged(world, first, second);
  assert_int_equal(result->pairs, 3);
  assert_int_equal(result->count, 3);
  assert_true(result->complete);
  assert_int_equal(drift_of(result, ACCOUNT("new"))->detected.kind, AZD_DRIFT_ADDED);
  assert_int_equal(drift_of(result, ACCOUNT("gone"))->detected.kind, AZD_DRIFT_REMOVED);
  const struct azd_batch_drift *changed = drift_of(result, ACCOUNT("changed"));
  assert_int_equal(changed->detected.severity, AZD_SEVERITY_HIGH);
  assert_has(changed->detected.json, "\"old_value\":1,\"new_value\":6");
  assert_str(changed->type, ACCOUNTS);
  /* the other way round, too */
  assert_int_equal(drift_of(judged(world, second, first), ACCOUNT("new"))->detected.kind, AZD_DRIFT_REMOVED);
  assert_int_equal(judged(world, second, second)->pairs, 0);
}

static void what_is_no_drift_is_counted_and_kept_apart(void **state) {
  struct world *world = *state;
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"noise\":1,\"seen\":1}");
  put_account(world, ACCOUNT("b"), "{\"noise\":1}");
  put_account(world, ACCOUNT("c"), "{\"v\":1,\"seen\":1}");
  int64_t first = run_end(world);
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"noise\":2,\"seen\":2}");
  put_account(world, ACCOUNT("b"), "{\"noise\":2}");
  put_account(world, ACCOUNT("c"), "{\"v\":2,\"seen\":2}");
  int64_t second = run_end(world);
  const struct azd_batch_result *result = judged(world, first, second);
  assert_int_equal(result->pairs, 3);
  assert_int_equal(result->count, 1);
  assert_int_equal(result->ignored, 2);
  assert_int_equal(result->effects, 2);
  assert_has(result->quiet, ACCOUNT("a"));
  assert_lacks(result->quiet, ACCOUNT("b"));
  world->options.show_ignored = true;
  assert_has(judged(world, first, second)->quiet, ACCOUNT("b"));
}

static void a_script_that_fails_makes_the_batch_incomplete(void **state) {
  struct world *world = *state;
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"v\":1}");
  put_account(world, ACCOUNT("b"), "{\"v\":1}");
  int64_t first = run_end(world);
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"v\":\"x\"}");
  put_account(world, ACCOUNT("b"), "{\"v\":\"y\"}");
  const struct azd_batch_result *result = judged(world, first, run_end(world));
  assert_false(result->complete);
  assert_int_equal(result->count, 2);
  assert_has(result->errors, "\"policy\":\"fragile\"");
  assert_has(result->errors, "\"},{\"policy\""); /* one list, not one of each pair */
}

static void a_damaged_body_names_its_resource(void **state) {
  struct world *world = *state;
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"v\":1}");
  int64_t first = run_end(world);
  run_begin(world);
  put_account(world, ACCOUNT("a"), "{\"v\":");
  struct azd_pair_cursor *cursor = open_changes(world, first, run_end(world));
  assert_int_equal(azd_batch_fill(world->batch, cursor, world->around, ERR), 1);
  azd_pair_close(cursor);
  assert_int_equal(judge(world), AZD_ECORRUPT);
  assert_has(azd_str_of(ERR->text), ACCOUNT("a"));
}

static void more_pairs_than_a_batch_come_in_turns(void **state) {
  struct world *world = *state;
  char id[256];
  run_begin(world);
  int64_t first = run_end(world);
  run_begin(world);
  for (int i = 0; i < AZD_BATCH_PAIRS * 2 + 3; i++) {
    snprintf(id, sizeof id, "%s%d", ACCOUNT("n"), i);
    put_account(world, id, "{}");
  }
  struct azd_pair_cursor *cursor = open_changes(world, first, run_end(world));
  uint32_t drifts = 0;
  int filled[4];
  for (int i = 0; i < 4; i++) {
    filled[i] = azd_batch_fill(world->batch, cursor, world->around, ERR);
    must(judge(world));
    drifts += world->result.count;
  }
  azd_pair_close(cursor);
  assert_int_equal(filled[0], AZD_BATCH_PAIRS);
  assert_int_equal(filled[1], AZD_BATCH_PAIRS);
  assert_int_equal(filled[2], 3);
  assert_int_equal(filled[3], 0);
  assert_int_equal(drifts, AZD_BATCH_PAIRS * 2 + 3);
}

static void a_batch_ends_before_it_grows_too_large(void **state) {
  struct world *world = *state;
  /* bytes that do not compress: a stored body is about as large as it was */
  size_t size = AZD_BATCH_BYTES / 3;
  char *body = malloc(size + 16), id[256];
  uint64_t random = 1;
  run_begin(world);
  int64_t first = run_end(world);
  run_begin(world);
  for (int i = 0; i < 8; i++) {
    strcpy(body, "{\"v\":\"");
    for (size_t at = 6; at < size; at++) {
      random = random * 6364136223846793005u + 1442695040888963407u;
      body[at] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-"[random >> 58];
    }
    strcpy(body + size, "\"}");
    snprintf(id, sizeof id, "%s%d", ACCOUNT("n"), i);
    put_account(world, id, body);
  }
  free(body);
  struct azd_pair_cursor *cursor = open_changes(world, first, run_end(world));
  int filled = azd_batch_fill(world->batch, cursor, world->around, ERR);
  assert_in_range(filled, 2, 5);
  azd_pair_close(cursor);
}

static void another_view_is_said(void **state) {
  struct world *world = *state;
  run_begin(world);
  put(world, (struct put){.id = ACCOUNT("a"), .body = "{\"v\":1}", .view = "list"});
  int64_t first = run_end(world);
  run_begin(world);
  put(world, (struct put){.id = ACCOUNT("a"), .body = "{\"v\":2,\"more\":1}", .view = "get"});
  const struct azd_batch_result *result = judged(world, first, run_end(world));
  assert_int_equal(result->not_compared, 1);
  assert_has(drift_of(result, ACCOUNT("a"))->detected.json, "\"old_value\":\"list 1\",\"new_value\":\"get 1\"");
}

/* ---- what stands around ---- */

#define SERVER   GROUP "/providers/Microsoft.Sql/servers/s"
#define DATABASE SERVER "/databases/d"

static struct azd_around around_of(const struct world *world, int64_t seq) {
  return (struct azd_around){.store = world->place.store,
                             .scope = AZD_STR(SCOPE),
                             .seq = seq,
                             .shape = &azure_shape,
                             .group_marker = AZD_STR("/resourcegroups/"),
                             .managed_by = AZD_STR("managedBy")};
}

static void policies_see_the_group_and_the_parent_of_the_newer_moment(void **state) {
  struct world *world = *state;
  run_begin(world);
  put(world,
      (struct put){.id = GROUP, .type = "Microsoft.Resources/resourceGroups", .body = "{\"tags\":{\"env\":\"old\"}}"});
  put(world,
      (struct put){.id = SERVER, .type = "Microsoft.Sql/servers", .body = "{\"properties\":{\"version\":\"12.0\"}}"});
  put(world, (struct put){.id = DATABASE, .type = "Microsoft.Sql/servers/databases", .body = "{\"v\":1}"});
  int64_t first = run_end(world);
  run_begin(world);
  put(world, (struct put){.id = GROUP,
                          .type = "Microsoft.Resources/resourceGroups",
                          .body = "{\"managedBy\":\"aks\",\"tags\":{\"env\":\"prod\"}}"});
  put(world, (struct put){.id = DATABASE, .type = "Microsoft.Sql/servers/databases", .body = "{\"v\":2}"});
  int64_t second = run_end(world);
  struct azd_around around = around_of(world, second);
  world->around = &around;

  assert_has(drift_of(judged(world, first, second), DATABASE)->detected.json, "\"message\":\"prod aks 12.0 RG-one\"");
  /* Without it, or where they are not in the snapshot, policies see nil. */
  around.scope = AZD_STR("/subscriptions/none");
  assert_has(drift_of(judged(world, first, second), DATABASE)->detected.json, "\"message\":\"nil nil nil RG-one\"");
  world->around = NULL;
  assert_has(drift_of(judged(world, first, second), DATABASE)->detected.json, "\"message\":\"nil nil nil RG-one\"");
}

static void a_full_batch_may_have_as_many_neighbours_as_it_can_name(void **state) {
  struct world *world = *state;
  char id[256];
  run_begin(world);
  int64_t first = run_end(world);
  run_begin(world);
  for (int i = 0; i < AZD_BATCH_PAIRS; i++) {
    snprintf(id, sizeof id, SUBSCRIPTION "/resourceGroups/g%d/providers/Microsoft.Sql/servers/s%d/databases/d", i, i);
    put(world, (struct put){.id = id, .type = "Microsoft.Sql/servers/databases", .body = "{}"});
  }
  int64_t second = run_end(world);
  struct azd_around around = around_of(world, second);
  world->around = &around;
  assert_int_equal(judged(world, first, second)->count, AZD_BATCH_PAIRS);
}

static void an_id_says_what_stands_around_it(void **state) {
  const struct azd_around around = around_of(*state, 1);
  static const struct {
    const char *id, *group, *parent;
  } cases[] = {
      {DATABASE, GROUP, SERVER},
      {SERVER, GROUP, ""},
      {DATABASE "/settings/x", GROUP, DATABASE},
      {SERVER "/providers/Microsoft.Authorization/locks/l", GROUP, SERVER},
      {GROUP "/providers/Microsoft.Authorization/locks/l", GROUP, ""},
      {SUBSCRIPTION "/providers/Microsoft.Authorization/locks/l", "", ""},
      {GROUP, "", ""},
      {"", "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_str(azd_group_id(&around, azd_str_of(cases[i].id)), cases[i].group);
    assert_str(azd_parent_id(&around, azd_str_of(cases[i].id)), cases[i].parent);
  }
}

#define DIGEST(hex) "{\"$redacted\":\"" hex "\"}"

/* Between two bodies redacted under these: how many drifts, and how many places were not compared. */
static void redacted_apart(struct world *world, const char *id, const char *before_under, const char *before,
                           const char *after_under, const char *after, uint32_t drifts, uint32_t not_compared) {
  run_begin(world);
  put(world, (struct put){.id = id, .body = before, .redaction = before_under});
  int64_t first = run_end(world);
  run_begin(world);
  put(world, (struct put){.id = id, .body = after, .redaction = after_under});
  const struct azd_batch_result *result = judged(world, first, run_end(world));
  if (result->count != drifts || result->not_compared != not_compared)
    fail_msg("%s: %u drifts, %u not compared", id, result->count, result->not_compared);
  assert_within(result->count ? result->drifts[0].detected.json : AZD_STR(""), "secrets were not compared",
                not_compared && drifts);
}

static void secrets_redacted_another_way_are_not_compared(void **state) {
  struct world *world = *state;
  const char *one = "{\"p\":" DIGEST("0011223344556677") ",\"v\":1}",
             *other = "{\"p\":" DIGEST("8899aabbccddeeff") ",\"v\":1}";
  redacted_apart(world, ACCOUNT("alike"), "k1/r1", one, "k1/r1", other, 1, 0);
  redacted_apart(world, ACCOUNT("key"), "k1/r1", one, "k2/r1", other, 0, 1);
  redacted_apart(world, ACCOUNT("key-and-change"), "k1/r1", one, "k2/r1",
                 "{\"p\":" DIGEST("8899aabbccddeeff") ",\"v\":2}", 1, 1);
  /* Under the same key digests tell a rotation, whatever the rules; text and digest tell nothing. */
  redacted_apart(world, ACCOUNT("rotated"), "k1/r1", one, "k1/r2", other, 1, 0);
  redacted_apart(world, ACCOUNT("now-secret"), "k1/r1", "{\"p\":\"text\",\"v\":1}", "k1/r2", one, 0, 1);
  redacted_apart(world, ACCOUNT("once-secret"), "k1/r1", one, "k1/r2", "{\"p\":{\"a\":1},\"v\":1}", 0, 1);
  /* That a secret came or went is a change all the same. */
  redacted_apart(world, ACCOUNT("came"), "k1/r1", "{\"v\":1}", "k2/r1", one, 1, 0);
  redacted_apart(world, ACCOUNT("went"), "k1/r1", one, "k2/r1", "{\"p\":null,\"v\":1}", 1, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_run_is_told_as_added_changed_and_removed),
      TEST(what_is_no_drift_is_counted_and_kept_apart),
      TEST(a_script_that_fails_makes_the_batch_incomplete),
      TEST(a_damaged_body_names_its_resource),
      TEST(more_pairs_than_a_batch_come_in_turns),
      TEST(a_batch_ends_before_it_grows_too_large),
      TEST(another_view_is_said),
      TEST(policies_see_the_group_and_the_parent_of_the_newer_moment),
      TEST(a_full_batch_may_have_as_many_neighbours_as_it_can_name),
      TEST(an_id_says_what_stands_around_it),
      TEST(secrets_redacted_another_way_are_not_compared),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
