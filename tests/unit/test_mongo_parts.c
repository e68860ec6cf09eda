/* Bodies that are larger than a document of MongoDB may be, even compressed: they come back to the byte from both
 * stores, and their parts go when their version does. */
#include "lib/mongod.h"
#include "store/mongo.h"
#include "support/store_world.h"

#include <unistd.h>

enum { LARGE_BYTES = 24 * 1024 * 1024 }; /* of random text: 18 MB compressed, two parts */

static struct mongod *server;
static char why_not[512];

static void fresh_database(char *place, size_t place_bytes) {
  static int made;
  char database[64];
  if (!server) {
    print_message("skipped: %s\n", why_not);
    skip();
  }
  snprintf(database, sizeof database, "parts_%d", made++);
  mongod_url(server, NULL, NULL, database, place, place_bytes);
}

static void leave_database(const char *place) {
  (void)place;
}

static void fresh_file(char *place, size_t place_bytes) {
  snprintf(place, place_bytes, "%s/parts-%d.db", AZD_BINARY_DIR, (int)getpid());
}

static void remove_file(const char *place) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  for (int i = 0; i < 3; i++) {
    char path[600];
    snprintf(path, sizeof path, "%s%s", place, suffixes[i]);
    unlink(path);
  }
}

static const struct store_factory mongodb = {
    .name = "mongodb", .remote = true, .fresh = fresh_database, .drop = leave_database};
static const struct store_factory sqlite = {.name = "sqlite", .fresh = fresh_file, .drop = remove_file};

/* Canonical JSON that does not get small. */
static void large_body(struct azd_buf *body, uint64_t random) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  azd_buf_init(body, 0);
  azd_buf_append_text(body, "{\"value\":\"");
  while (body->size < LARGE_BYTES) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    for (int shift = 16; shift < 64; shift += 6) azd_buf_append_char(body, letters[random >> shift & 63]);
  }
  azd_buf_append_text(body, "\"}");
  assert_int_equal(azd_buf_status(body), 0);
}

static struct azd_commit *begin(struct world *w, struct azd_lease *lease) {
  struct azd_commit *commit;
  *lease = world_acquire(w, "engine-a");
  must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
  must(azd_commit_begin(w->store, lease, &commit, ERR));
  return commit;
}

static void put(struct world *w, struct azd_commit *commit, int i, struct azd_str bytes) {
  struct world_put one;
  world_fill_bytes(w, &one, i, bytes);
  must(azd_commit_put(commit, &one.version, 1, NULL, ERR));
  azd_buf_free(&one.body);
}

static void publish(struct world *w, struct azd_commit *commit, struct azd_lease *lease) {
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease->seq);
  must(azd_commit_publish(commit, &snapshot, ERR));
  must(azd_store_release(w->store, lease, ERR));
}

static void assert_reads(struct world *w, const struct azd_version *version, const struct azd_buf *expected) {
  azd_buf_clear(&w->scratch);
  must(azd_codec_decode(azd_store_codec(w->store), w->work, version->body, &w->scratch, ERR));
  assert_int_equal(w->scratch.size, expected->size);
  assert_memory_equal(w->scratch.data, expected->data, expected->size);
}

static void large_bodies_come_back_to_the_byte(void **state) {
  struct world w;
  struct azd_buf first, second;
  struct azd_lease lease;
  struct azd_version version;
  struct azd_version_cursor *cursor;
  struct azd_key key = world_key(1);
  int rc, seen = 0;
  world_init(&w, *state);
  large_body(&first, 1);
  large_body(&second, 2);
  for (int run = 0; run < 2; run++) {
    struct azd_commit *commit = begin(&w, &lease);
    put(&w, commit, 1, azd_buf_str(run ? &second : &first));
    if (!run) must(world_put_one(&w, commit, 2, 7, NULL)); /* a small one beside it */
    publish(&w, commit, &lease);
  }
  for (int any = 0; any < 2; any++) {
    struct azd_version_query query = {.scope = SCOPE, .seq = 2, .bodies = true, .any_order = any};
    must(azd_store_versions(w.store, &query, &cursor, ERR));
    while ((rc = azd_version_next(cursor, &version, ERR)) > 0) {
      if (world_index(version.id) == 1)
        assert_reads(&w, &version, &second);
      else
        world_assert_body(&w, &version, 2, 7);
      seen++;
    }
    assert_int_equal(rc, 0);
    azd_version_close(cursor);
  }
  assert_int_equal(seen, 4);
  must(azd_store_version(w.store, SCOPE, &key, 1, &w.arena, &version, ERR));
  assert_reads(&w, &version, &first);
  must(azd_store_history(w.store, SCOPE, &key, true, &cursor, ERR));
  assert_int_equal(azd_version_next(cursor, &version, ERR), 1);
  assert_reads(&w, &version, &second);
  assert_int_equal(azd_version_next(cursor, &version, ERR), 1);
  assert_reads(&w, &version, &first);
  assert_int_equal(azd_version_next(cursor, &version, ERR), 0);
  azd_version_close(cursor);
  world_assert_sound(&w);
  azd_buf_free(&first);
  azd_buf_free(&second);
  world_free(&w);
}

static mongoc_collection_t *collection_of(const struct world *w, mongoc_client_t **client, const char *name) {
  mongoc_uri_t *uri = mongoc_uri_new(w->place);
  *client = mongoc_client_new_from_uri(uri);
  mongoc_collection_t *of = mongoc_client_get_collection(*client, mongoc_uri_get_database(uri), name);
  mongoc_uri_destroy(uri);
  return of;
}

static int64_t count_parts(const struct world *w) {
  mongoc_client_t *client;
  mongoc_collection_t *parts = collection_of(w, &client, MG_PARTS);
  bson_t all = BSON_INITIALIZER;
  int64_t count = mongoc_collection_count_documents(parts, &all, NULL, NULL, NULL, NULL);
  mongoc_collection_destroy(parts);
  mongoc_client_destroy(client);
  return count;
}

static void parts_of_runs_that_were_given_up_are_swept(void **state) {
  struct world w;
  struct azd_buf body;
  struct azd_lease lease;
  world_init(&w, *state);
  large_body(&body, 3);
  struct azd_commit *commit = begin(&w, &lease);
  put(&w, commit, 1, azd_buf_str(&body));
  publish(&w, commit, &lease);
  assert_int_equal(count_parts(&w), 2);
  commit = begin(&w, &lease);
  put(&w, commit, 6, azd_buf_str(&body));
  azd_commit_abort(commit);
  must(azd_store_release(w.store, &lease, ERR));
  assert_int_equal(count_parts(&w), 4);
  lease = world_acquire(&w, "engine-b");
  assert_int_equal(count_parts(&w), 2); /* those of the published one stay */
  must(azd_store_release(w.store, &lease, ERR));
  azd_buf_free(&body);
  world_free(&w);
}

static void missing_part_is_said(void **state) {
  struct world w;
  struct azd_buf body;
  struct azd_lease lease;
  struct azd_version version;
  struct azd_key key = world_key(1);
  mongoc_client_t *client;
  world_init(&w, *state);
  large_body(&body, 4);
  struct azd_commit *commit = begin(&w, &lease);
  put(&w, commit, 1, azd_buf_str(&body));
  publish(&w, commit, &lease);
  mongoc_collection_t *parts = collection_of(&w, &client, MG_PARTS);
  bson_t all = BSON_INITIALIZER;
  assert_true(mongoc_collection_delete_one(parts, &all, NULL, NULL, NULL));
  mongoc_collection_destroy(parts);
  mongoc_client_destroy(client);
  assert_int_equal(azd_store_version(w.store, SCOPE, &key, 1, &w.arena, &version, ERR), AZD_ECORRUPT);
  assert_non_null(strstr(ERR->text, "1 of its 2 parts"));
  azd_buf_free(&body);
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

#define CASE(name, factory) cmocka_unit_test_prestate(name, (void *)(uintptr_t)&factory)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(large_bodies_come_back_to_the_byte, sqlite),
      CASE(large_bodies_come_back_to_the_byte, mongodb),
      CASE(parts_of_runs_that_were_given_up_are_swept, mongodb),
      CASE(missing_part_is_said, mongodb),
  };
  return cmocka_run_group_tests(tests, start_server, stop_server);
}
