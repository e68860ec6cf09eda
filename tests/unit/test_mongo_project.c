/* The projection `resources` as a person with mongosh sees it: asked with the driver itself, beside the store. */
#include "lib/mongod.h"
#include "support/shell_query.h"
#include "support/store_world.h"

static struct mongod *server;
static char why_not[512], database[64];
static mongoc_client_t *person; /* who looks at the database */

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "project_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

static void leave_database(const char *place) {
  (void)place;
}

static const struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};

static mongoc_collection_t *collection_of(const char *name) {
  return mongoc_client_get_collection(person, database, name);
}

/* The only document of resources that filter finds; the caller destroys it. NULL: none. */
static bson_t *find_one(bson_t *filter) {
  mongoc_collection_t *resources = collection_of("resources");
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(resources, filter, NULL, NULL);
  const bson_t *doc;
  bson_t *found = NULL;
  while (mongoc_cursor_next(cursor, &doc)) {
    assert_null(found);
    found = bson_copy(doc);
  }
  assert_false(mongoc_cursor_error(cursor, NULL));
  mongoc_cursor_destroy(cursor);
  mongoc_collection_destroy(resources);
  bson_destroy(filter);
  return found;
}

static int64_t count_all(void) {
  mongoc_collection_t *resources = collection_of("resources");
  bson_t all = BSON_INITIALIZER;
  int64_t count = mongoc_collection_count_documents(resources, &all, NULL, NULL, NULL, NULL);
  mongoc_collection_destroy(resources);
  return count;
}

static bool value_at(const bson_t *doc, const char *path, bson_iter_t *value) {
  bson_iter_t start;
  return bson_iter_init(&start, doc) && bson_iter_find_descendant(&start, path, value);
}

static int64_t project(struct world *w, bool anew) {
  int64_t written;
  must(azd_store_project(w->store, SCOPE, anew, &written, ERR));
  return written;
}

/* What stands in resources is states, no more and no less. */
static void assert_shows(const int *states) {
  int64_t expected = 0;
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    char id[256];
    bson_iter_t revision;
    bson_t *doc = find_one(BCON_NEW("id", BCON_UTF8(world_id(i, id, sizeof id).data)));
    expected += states[i] != 0;
    if (!states[i] && doc) fail_msg("%s is still there", id);
    if (!states[i]) continue;
    if (!doc || !value_at(doc, "body.properties.revision", &revision)) fail_msg("%s is not there", id);
    assert_int_equal(bson_iter_as_int64(&revision), states[i]);
    bson_destroy(doc);
  }
  assert_int_equal(count_all(), expected);
}

/* One run that puts resource 0 with this body; the map knows what is there. */
static void commit_body(struct world *w, int i, struct azd_str bytes) {
  struct azd_commit *commit;
  struct world_put put;
  struct azd_lease lease = world_acquire(w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease.seq);
  must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
  must(azd_commit_begin(w->store, &lease, &commit, ERR));
  world_fill_bytes(w, &put, i, bytes);
  must(azd_commit_put(commit, &put.version, 1, NULL, ERR));
  azd_buf_free(&put.body);
  must(azd_commit_publish(commit, &snapshot, ERR));
  must(azd_store_release(w->store, &lease, ERR));
}

/* ---- cases ---- */

static void resources_are_found_by_what_is_in_them(void **state) {
  struct world w;
  bson_iter_t value;
  world_init(&w, *state);
  commit_body(&w, 1,
              AZD_STR("{\"location\":\"westeurope\",\"properties\":{\"minimumTlsVersion\":\"TLS1_0\",\"n\":[1,2.5]}}"));
  commit_body(&w, 6, AZD_STR("{\"location\":\"westeurope\",\"properties\":{\"minimumTlsVersion\":\"TLS1_2\"}}"));
  assert_int_equal(project(&w, false), 2);
  bson_t *doc = find_one(BCON_NEW("body.properties.minimumTlsVersion", BCON_UTF8("TLS1_0")));
  assert_non_null(doc);
  assert_true(value_at(doc, "id", &value));
  assert_non_null(strstr(bson_iter_utf8(&value, NULL), "/thing-1"));
  assert_true(value_at(doc, "body.properties.n.1", &value) && bson_iter_double(&value) == 2.5);
  assert_true(value_at(doc, "resource_group", &value));
  assert_string_equal(bson_iter_utf8(&value, NULL), "rg-1");
  assert_false(value_at(doc, "left_out", &value));
  bson_destroy(doc);
  world_free(&w);
}

static void it_follows_what_is_published(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], before[WORLD_RESOURCES];
  unsigned random = 7;
  world_init(&w, *state);
  world_first(&w, 40, states);
  assert_int_equal(project(&w, false), 40);
  assert_shows(states);
  for (int run = 2; run < 12; run++) {
    memcpy(before, states, sizeof states);
    for (int i = 0; i < WORLD_RESOURCES; i++) {
      random = random * 1103515245 + 12345;
      if (random >> 16 & 3) continue;
      states[i] = states[i] ? (random >> 18 & 1 ? 0 : run) : run;
    }
    world_commit(&w, before, states);
    if (run % 3 == 0) continue; /* some runs are caught up with later */
    project(&w, false);
    assert_shows(states);
    assert_int_equal(project(&w, false), 0);
  }
  world_free(&w);
}

static void a_commit_is_not_shown_before_it_is_published(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_commit *commit;
  world_init(&w, *state);
  world_first(&w, 3, states);
  project(&w, false);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  must(world_put_one(&w, commit, 0, 9, NULL));
  assert_int_equal(project(&w, false), 0);
  assert_int_equal(project(&w, true), 3);
  assert_shows(states);
  azd_commit_abort(commit);
  must(azd_store_release(w.store, &lease, ERR));
  world_free(&w);
}

static void assert_note(const bson_t *doc, const char *path, const char *is) {
  bson_iter_t notes, each, field;
  assert_true(value_at(doc, "left_out", &notes) && bson_iter_recurse(&notes, &each));
  while (bson_iter_next(&each)) {
    assert_true(bson_iter_recurse(&each, &field) && bson_iter_find(&field, "path"));
    if (strcmp(bson_iter_utf8(&field, NULL), path) != 0) continue;
    assert_true(bson_iter_next(&field));
    if (!strstr(bson_iter_utf8(&field, NULL), is)) fail_msg("%s: %s", path, bson_iter_utf8(&field, NULL));
    return;
  }
  fail_msg("nothing is said of %s", path);
}

static void every_value_is_carried_or_spoken_of(void **state) {
  struct world w;
  bson_iter_t value;
  bson_decimal128_t decimal, expected;
  world_init(&w, *state);
  commit_body(
      &w, 0,
      AZD_STR("{\"\":\"empty\",\"$schema\":\"s\",\"a.b\":1,\"big\":9223372036854775808,\"deci\":0.12345678901234567890,"
              "\"half\":-0.5,\"huge\":1e+400,\"int\":2147483648,\"least\":-9223372036854775808,"
              "\"long\":123456789012345678901234567890123456789,\"n\\u0000l\":true,\"nothing\":null,"
              "\"nul\":\"a\\u0000b\",\"odd/~\":{\"x\\u0000\":1},\"small\":5,\"text\":\"\\u00e9\\ud83d\\ude00\"}"));
  assert_int_equal(project(&w, false), 1);
  bson_t *doc = find_one(bson_new());
  assert_true(value_at(doc, "body.big", &value) && bson_iter_decimal128(&value, &decimal));
  bson_decimal128_from_string("9223372036854775808", &expected);
  assert_memory_equal(&decimal, &expected, sizeof decimal);
  assert_true(value_at(doc, "body.deci", &value) && bson_iter_type(&value) == BSON_TYPE_DECIMAL128);
  assert_true(value_at(doc, "body.half", &value) && bson_iter_double(&value) == -0.5);
  assert_true(value_at(doc, "body.huge", &value) && bson_iter_type(&value) == BSON_TYPE_DECIMAL128);
  assert_true(value_at(doc, "body.int", &value) && bson_iter_int64(&value) == INT64_C(2147483648));
  assert_true(value_at(doc, "body.least", &value) && bson_iter_int64(&value) == INT64_MIN);
  assert_true(value_at(doc, "body.small", &value) && bson_iter_type(&value) == BSON_TYPE_INT32);
  assert_true(value_at(doc, "body.long", &value));
  assert_string_equal(bson_iter_utf8(&value, NULL), "123456789012345678901234567890123456789");
  assert_note(doc, "/long", "as text");
  assert_note(doc, "/n\xef\xbf\xbdl", "left out");
  assert_note(doc, "/odd~1~0/x\xef\xbf\xbd", "left out");
  assert_true(value_at(doc, "body.nothing", &value) && bson_iter_type(&value) == BSON_TYPE_NULL);
  uint32_t bytes;
  assert_true(value_at(doc, "body.nul", &value) && bson_iter_utf8(&value, &bytes) && bytes == 3);
  bson_iter_t body, member;
  assert_true(value_at(doc, "body", &body) && bson_iter_recurse(&body, &member));
  for (int i = 0; i < 3; i++) { /* names with a meaning of their own stand as they are */
    static const char *const names[] = {"", "$schema", "a.b"};
    assert_true(bson_iter_next(&member));
    assert_string_equal(bson_iter_key(&member), names[i]);
  }
  bson_destroy(doc);
  world_free(&w);
}

/* What goes deeper than the server allows becomes text where it does, not earlier. */
static void deep_bodies_end_in_text(void **state) {
  enum { DEPTH = 150 };
  struct world w;
  struct azd_buf body, path;
  bson_iter_t value;
  world_init(&w, *state);
  azd_buf_init(&body, 0);
  azd_buf_init(&path, 0);
  for (int i = 0; i < DEPTH; i++) azd_buf_append_text(&body, "{\"a\":");
  azd_buf_append_text(&body, "7");
  for (int i = 0; i < DEPTH; i++) azd_buf_append_char(&body, '}');
  azd_buf_append_text(&path, "body");
  for (int i = 0; i < 98; i++) azd_buf_append_text(&path, ".a");
  azd_buf_append_char(&path, '\0');
  commit_body(&w, 0, azd_buf_str(&body));
  assert_int_equal(project(&w, false), 1);
  bson_t *doc = find_one(bson_new());
  assert_true(value_at(doc, path.data, &value));
  assert_true(BSON_ITER_HOLDS_UTF8(&value));
  assert_int_equal(strncmp(bson_iter_utf8(&value, NULL), "{\"a\":{\"a\":", 10), 0);
  bson_destroy(doc);
  azd_buf_free(&body);
  azd_buf_free(&path);
  world_free(&w);
}

static void bodies_that_are_too_large_are_left_out(void **state) {
  struct world w;
  struct azd_buf body;
  bson_iter_t value;
  world_init(&w, *state);
  azd_buf_init(&body, 0);
  azd_buf_append_text(&body, "{\"a\":[0");
  while (body.size < 17 * 1024 * 1024) azd_buf_append_text(&body, ",\"some text that is easily compressed\"");
  azd_buf_append_text(&body, "]}");
  commit_body(&w, 0, azd_buf_str(&body));
  assert_int_equal(project(&w, false), 1);
  bson_t *doc = find_one(bson_new());
  assert_non_null(doc);
  assert_false(value_at(doc, "body", &value));
  assert_note(doc, "/body", "larger than");
  bson_destroy(doc);
  azd_buf_free(&body);
  world_free(&w);
}

/* Behind the store's back. */
static void change(const char *collection, bson_t *filter, bson_t *update) {
  mongoc_collection_t *of = collection_of(collection);
  if (update)
    assert_true(mongoc_collection_update_many(of, filter, update, NULL, NULL, NULL));
  else
    assert_true(mongoc_collection_delete_many(of, filter, NULL, NULL, NULL));
  mongoc_collection_destroy(of);
  bson_destroy(filter);
  if (update) bson_destroy(update);
}

static void made_anew_it_is_right_whatever_was_done_to_it(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], before[WORLD_RESOURCES];
  char id[256];
  world_init(&w, *state);
  world_first(&w, 30, states);
  project(&w, false);
  memcpy(before, states, sizeof states);
  states[4] = 0;
  world_commit(&w, before, states);
  project(&w, false);
  change("resources", BCON_NEW("id", BCON_UTF8(world_id(2, id, sizeof id).data)),
         BCON_NEW("$set", "{", "body.properties.revision", BCON_INT32(99), "}"));
  change("resources", BCON_NEW("id", BCON_UTF8(world_id(9, id, sizeof id).data)), NULL);
  /* What nobody has any more comes back with another key. */
  mongoc_collection_t *of = collection_of("resources");
  bson_t *ghost = find_one(BCON_NEW("id", BCON_UTF8(world_id(3, id, sizeof id).data)));
  bson_t changed = BSON_INITIALIZER;
  bson_iter_t field;
  const uint8_t *old_id;
  uint8_t other_id[24];
  assert_true(value_at(ghost, "_id", &field));
  bson_iter_binary(&field, NULL, &(uint32_t){0}, &old_id);
  memcpy(other_id, old_id, sizeof other_id);
  other_id[23] ^= 1;
  bson_append_binary(&changed, "_id", -1, BSON_SUBTYPE_BINARY, other_id, sizeof other_id);
  bson_copy_to_excluding_noinit(ghost, &changed, "_id", NULL);
  assert_true(mongoc_collection_insert_one(of, &changed, NULL, NULL, NULL));
  bson_destroy(&changed);
  bson_destroy(ghost);
  mongoc_collection_destroy(of);
  assert_int_equal(project(&w, false), 0); /* it looks at nothing that did not change */
  assert_int_equal(project(&w, true), 29);
  assert_shows(states);
  change("resources", bson_new(), NULL);
  assert_int_equal(project(&w, true), 29);
  assert_shows(states);
  world_free(&w);
}

/* Where retention took a run in between, its word that something went may be gone with it. */
static void a_gap_in_the_runs_is_no_gap_in_what_is_shown(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], before[WORLD_RESOURCES];
  world_init(&w, *state);
  world_first(&w, 10, states);
  project(&w, false);
  memcpy(before, states, sizeof states);
  states[3] = 0;
  world_commit(&w, before, states);
  memcpy(before, states, sizeof states);
  states[5] = 8;
  world_commit(&w, before, states);
  change("snapshots", BCON_NEW("seq", BCON_INT64(2)), NULL);
  change("resource_versions", BCON_NEW("from_seq", BCON_INT64(2), "to_seq", BCON_INT64(2)), NULL);
  assert_int_equal(project(&w, false), 9);
  assert_shows(states);
  world_free(&w);
}

/* Another engine is further than we are: what it wrote stays. */
static void newer_documents_stay(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  char id[256];
  bson_iter_t value;
  world_init(&w, *state);
  world_first(&w, 5, states);
  project(&w, false);
  change("resources", BCON_NEW("id", BCON_UTF8(world_id(2, id, sizeof id).data)),
         BCON_NEW("$set", "{", "from_seq", BCON_INT64(7), "by", BCON_UTF8("another"), "}"));
  project(&w, true);
  bson_t *doc = find_one(BCON_NEW("id", BCON_UTF8(world_id(2, id, sizeof id).data)));
  assert_true(value_at(doc, "by", &value));
  bson_destroy(doc);
  world_free(&w);
}

static void switched_off_nothing_is_written(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  int64_t written;
  world_init(&w, *state);
  world_first(&w, 5, states);
  azd_store_close(w.store);
  must(azd_store_open(&(struct azd_store_options){.url = w.place, .no_projection = true}, &w.store, ERR));
  must(azd_store_project(w.store, SCOPE, true, &written, ERR));
  assert_int_equal(written, 0);
  assert_int_equal(count_all(), 0);
  world_free(&w);
}

/* ---- docs/data-model.md ---- */

static void a_world_to_ask_about(struct world *w) {
  int states[WORLD_RESOURCES], before[WORLD_RESOURCES];
  world_first(w, 20, states);
  memcpy(before, states, sizeof states);
  states[1] = states[2] = 5; /* changed */
  states[3] = 0;             /* gone */
  states[30] = 1;            /* new */
  world_commit(w, before, states);
  commit_body(w, 41, AZD_STR("{\"properties\":{\"minimumTlsVersion\":\"TLS1_0\"}}"));
  project(w, false);
  struct azd_drift drifts[2] = {{.kind = AZD_STR("changed"),
                                 .type = AZD_STR("Microsoft.Sql/servers"),
                                 .resource_id = AZD_STR("/x"),
                                 .severity = AZD_STR("high"),
                                 .status = AZD_DRIFT_OPEN,
                                 .first_seen_seq = 2,
                                 .document = AZD_STR("{}")}};
  drifts[0].id = drifts[0].fingerprint = AZD_STR("f1");
  drifts[1] = drifts[0];
  drifts[1].id = drifts[1].fingerprint = AZD_STR("f2");
  drifts[1].status = AZD_DRIFT_MUTED;
  struct azd_report report = {.id = AZD_STR("r1"),
                              .scope = SCOPE,
                              .revision = 1,
                              .timestamp_ms = 2000,
                              .from_seq = 1,
                              .to_seq = 2,
                              .has_drift = true,
                              .header = AZD_STR("{}")};
  must(azd_store_report_put(w->store, &report, drifts, 2, NULL, 0, ERR));
  world_acquire(w, "engine-b"); /* and keeps it */
}

static void the_ten_queries_of_the_page_run(void **state) {
  static const int expected[] = {1, WORLD_TYPES, 3, 3, 3, 1, 10, 1, 1, 1};
  static const struct shell_name names[] = {{"scope", "\"/subscriptions/11111111-2222-3333-4444-555555555555\""},
                                            {"open", "{\"$numberLong\":\"9223372036854775807\"}"},
                                            {NULL, NULL}};
  struct world w;
  char line[512];
  size_t found = 0;
  world_init(&w, *state);
  a_world_to_ask_about(&w);
  FILE *page = fopen(AZD_SOURCE_DIR "/docs/data-model.md", "r");
  assert_non_null(page);
  while (fgets(line, sizeof line, page)) {
    const bson_t *doc;
    bson_error_t failure;
    int rows = 0;
    if (strncmp(line, "db.", 3) != 0) continue;
    line[strcspn(line, "\n")] = '\0';
    mongoc_cursor_t *cursor = shell_run(person, database, line, names);
    while (mongoc_cursor_next(cursor, &doc)) rows++;
    if (mongoc_cursor_error(cursor, &failure)) fail_msg("%s: %s", line, failure.message);
    mongoc_cursor_destroy(cursor);
    assert_true(found < sizeof expected / sizeof *expected);
    if (rows != expected[found]) fail_msg("%s: %d instead of %d", line, rows, expected[found]);
    found++;
  }
  fclose(page);
  assert_int_equal(found, sizeof expected / sizeof *expected);
  world_free(&w);
}

static int start_server(void **state) {
  char url[256];
  (void)state;
  server = mongod_start(&(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR}, why_not);
  if (!server) return 0;
  mongod_url(server, NULL, NULL, "admin", url, sizeof url);
  person = mongoc_client_new(url);
  return person ? 0 : -1;
}

static int stop_server(void **state) {
  (void)state;
  if (person) mongoc_client_destroy(person);
  mongod_stop(server);
  return 0;
}

#define CASE(name) cmocka_unit_test_prestate(name, (void *)(uintptr_t)&mongodb)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(resources_are_found_by_what_is_in_them),
      CASE(it_follows_what_is_published),
      CASE(a_commit_is_not_shown_before_it_is_published),
      CASE(every_value_is_carried_or_spoken_of),
      CASE(deep_bodies_end_in_text),
      CASE(bodies_that_are_too_large_are_left_out),
      CASE(made_anew_it_is_right_whatever_was_done_to_it),
      CASE(a_gap_in_the_runs_is_no_gap_in_what_is_shown),
      CASE(newer_documents_stay),
      CASE(switched_off_nothing_is_written),
      CASE(the_ten_queries_of_the_page_run),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
