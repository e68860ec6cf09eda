/* The collect job against a real store: what of a page is new, what is left alone, what never reaches the disk. */
#include "drift/collect.h"
#include "support/drift_world.h"

#include <pthread.h>
#include <zlib.h>

#define SECRET             "Sup3r-s3cret-value-of-nobody"
#define PLAIN              "Pl4in-v4lue-of-everybody-else"
#define SUBSCRIPTION_LOWER "/subscriptions/11111111-2222-3333-4444-555555555555"

static const char redacting[] =
    "rules { type = \"*\", owner = \"t\", { redact = \"properties.adminPassword\", why = \"a secret\" } }";

/* One collection of one scope. */
struct run {
  struct azd_lease lease;
  struct azd_commit *commit;
  struct azd_collect *collect;
};

struct world {
  struct store_place place;
  struct azd_bundle *bundle;
  struct azd_map *map;
  struct azd_collect_worker *worker;
  struct run run;
};

static int set_up(void **state) {
  struct world *world = calloc(1, sizeof *world);
  store_place_open(&world->place);
  world->bundle = bundle_of(redacting, NULL);
  world->map = azd_map_new();
  world->worker = azd_collect_worker_new();
  assert_non_null(world->map);
  assert_non_null(world->worker);
  *state = world;
  return 0;
}

static int tear_down(void **state) {
  struct world *world = *state;
  azd_collect_worker_free(world->worker);
  azd_map_free(world->map);
  azd_bundle_unref(world->bundle);
  store_place_close(&world->place);
  free(world);
  return 0;
}

static void run_begin(struct world *world) {
  struct run *run = &world->run;
  must(azd_store_acquire(world->place.store, AZD_STR(SUBSCRIPTION_LOWER), AZD_STR("test"), 60000, &run->lease, ERR));
  must(azd_store_map_load(world->place.store, AZD_STR(SUBSCRIPTION_LOWER), world->map, ERR));
  must(azd_commit_begin(world->place.store, &run->lease, &run->commit, ERR));
  const struct azd_collect_options options = {
      .scope = AZD_STR(SUBSCRIPTION_LOWER),
      .subscription = AZD_STR("11111111-2222-3333-4444-555555555555"),
      .group_marker = AZD_STR("/resourcegroups/"),
      .shape = &azure_shape,
      .ruleset = azd_bundle_ruleset(world->bundle),
      .redaction_key = redaction_key,
      .redaction_id = AZD_STR("k1-r1"),
      .map = world->map,
      .store = world->place.store,
  };
  run->collect = azd_collect_new(&options, ERR);
  assert_non_null(run->collect);
}

static struct azd_snapshot run_end(struct world *world) {
  struct run *run = &world->run;
  struct azd_snapshot snapshot = {.status = AZD_SNAPSHOT_COMPLETE, .timestamp_ms = run->lease.seq * 1000};
  snapshot.coverage = snapshot.missing = snapshot.stamps = AZD_STR("{}");
  must(azd_collect_flush(run->collect, run->commit, ERR));
  assert_int_equal(azd_collect_waiting_bytes(run->collect), 0);
  must(azd_commit_publish(run->commit, &snapshot, ERR));
  azd_collect_free(run->collect);
  must(azd_store_release(world->place.store, &run->lease, ERR));
  return snapshot;
}

static const struct azd_page list_page = {
    .type = {ACCOUNTS, sizeof ACCOUNTS - 1},
    .view = {"list", 4},
    .api_version = {"2023-05-01", 10},
    .next = {{"/nextLink", 9}, {"/@odata.nextLink", 16}},
};

static int try_page(struct world *world, struct azd_page page, const char *text, struct azd_page_result *result) {
  page.bytes = azd_str_of(text);
  return azd_collect_page(world->run.collect, world->worker, &page, result, ERR);
}

static struct azd_page_result read_page(struct world *world, struct azd_page page, const char *text) {
  struct azd_page_result result;
  must(try_page(world, page, text, &result));
  return result;
}

static struct azd_page_result read_list(struct world *world, const char *text) {
  return read_page(world, list_page, text);
}

#define ITEM(name, rest) "{\"id\":\"" ACCOUNT(name) "\"" rest "}"
#define PAGE(items)      "{\"value\":[" items "]}"

/* The stored version of an account in the newest snapshot; its body decoded into body. */
static struct azd_version version_of(struct world *world, struct azd_arena *arena, const char *id,
                                     struct azd_buf *body) {
  struct azd_version version;
  struct azd_key key = azd_key_of(AZD_STR(ACCOUNTS), azd_str_of(id));
  struct azd_codec_work *work = azd_codec_work_new();
  must(azd_store_version(world->place.store, AZD_STR(SUBSCRIPTION_LOWER), &key, world->run.lease.seq, arena, &version,
                         ERR));
  azd_buf_clear(body);
  must(azd_codec_decode(azd_store_codec(world->place.store), work, version.body, body, ERR));
  azd_codec_work_free(work);
  return version;
}

static size_t bodies_hold(struct world *world, const char *text) {
  return store_place_bodies_hold(&world->place, AZD_STR(SUBSCRIPTION_LOWER), world->run.lease.seq, text);
}

static void assert_nowhere(struct world *world, const char *text) {
  assert_int_equal(store_place_holds(&world->place, text), 0);
  assert_int_equal(bodies_hold(world, text), 0);
}

static void only_what_differs_becomes_a_version(void **state) {
  struct world *world = *state;
  run_begin(world);
  struct azd_page_result read = read_list(world, PAGE(ITEM("a", ",\"p\":1.50,\"b\":2") "," ITEM("b", ",\"p\":1")));
  assert_int_equal(read.items, 2);
  assert_int_equal(read.fresh, 2);
  assert_int_equal(run_end(world).added, 2);
  /* The same value in another order and spelling is the same resource. */
  run_begin(world);
  read = read_list(world,
                   PAGE("{\"b\":2, \"p\" : 1.5,\"id\":\"" ACCOUNT("a") "\"}," ITEM("b", ",\"p\":2") "," ITEM("c", "")));
  assert_int_equal(read.items, 3);
  assert_int_equal(read.fresh, 2);
  struct azd_snapshot snapshot = run_end(world);
  assert_int_equal(snapshot.added, 1);
  assert_int_equal(snapshot.changed, 1);
  assert_int_equal(snapshot.resources, 3);
}

static void a_version_says_how_it_was_read(void **state) {
  struct world *world = *state;
  struct azd_arena arena;
  struct azd_buf body;
  azd_arena_init(&arena, 0);
  azd_buf_init(&body, 0);
  run_begin(world);
  read_list(world, PAGE("{\"z\":1,\"id\":\"" ACCOUNT("a") "/\",\"a\":2}"));
  run_end(world);
  struct azd_version version = version_of(world, &arena, ACCOUNT("A"), &body);
  assert_str(version.id, ACCOUNT("a"));
  assert_str(version.type, ACCOUNTS);
  assert_str(version.view, "list");
  assert_str(version.api_version, "2023-05-01");
  assert_str(version.subscription_id, "11111111-2222-3333-4444-555555555555");
  assert_str(version.resource_group, "RG-one");
  assert_str(version.redaction, "k1-r1");
  assert_str(azd_buf_str(&body), "{\"a\":2,\"id\":\"" ACCOUNT("a") "/\",\"z\":1}");
  azd_buf_free(&body);
  azd_arena_free(&arena);
}

static void a_repeated_resource_counts_once_and_its_first_word_holds(void **state) {
  struct world *world = *state;
  struct azd_arena arena;
  struct azd_buf body;
  azd_arena_init(&arena, 0);
  azd_buf_init(&body, 0);
  for (int round = 1; round <= 2; round++) { /* as a resource that the map does not know, and as one that it does */
    char first[160], second[160];
    snprintf(first, sizeof first, PAGE(ITEM("a", ",\"p\":%d")), round * 10);
    snprintf(second, sizeof second, PAGE("{\"id\":\"%s/\",\"p\":99}"), ACCOUNT("A"));
    run_begin(world);
    assert_int_equal(read_list(world, first).fresh, 1);
    struct azd_page_result again = read_list(world, second);
    assert_int_equal(again.repeated, 1);
    assert_int_equal(again.fresh, 0);
    assert_int_equal(run_end(world).resources, 1);
    version_of(world, &arena, ACCOUNT("a"), &body);
    assert_lacks(azd_buf_str(&body), "99");
  }
  azd_buf_free(&body);
  azd_arena_free(&arena);
}

static void what_lies_outside_the_scope_is_dropped(void **state) {
  struct world *world = *state;
  run_begin(world);
  struct azd_page_result read = read_list(
      world, PAGE("{\"id\":\"/subscriptions/99999999-2222-3333-4444-555555555555/providers/A.b/c/d\"},"
                  "{\"id\":\"" SUBSCRIPTION "6/providers/A.b/c/d\"}," /* begins alike, and is another subscription */
                  "{\"id\":\"/providers/Microsoft.Authorization/policyDefinitions/built-in\"},"
                  "{\"name\":\"no id\"}," ITEM("a", "")));
  assert_int_equal(read.items, 1);
  assert_int_equal(read.not_owned, 3);
  assert_int_equal(read.nameless, 1);
  assert_int_equal(run_end(world).resources, 1);
}

static void what_arm_filled_in_twice_is_counted(void **state) {
  struct world *world = *state;
  run_begin(world);
  assert_int_equal(read_list(world, PAGE(ITEM("a", ",\"p\":1,\"p\":2"))).duplicate_keys, 1);
  run_end(world);
}

static void secrets_are_gone_before_anything_is_hashed_or_stored(void **state) {
  struct world *world = *state;
  struct azd_arena arena;
  struct azd_buf body;
  azd_arena_init(&arena, 0);
  azd_buf_init(&body, 0);
  run_begin(world);
  struct azd_page_result read =
      read_list(world, PAGE(ITEM("a", ",\"properties\":{\"adminPassword\":\"" SECRET "\",\"size\":\"" PLAIN "\"}")));
  assert_int_equal(read.redacted, 1);
  run_end(world);
  struct azd_version version = version_of(world, &arena, ACCOUNT("a"), &body);
  assert_lacks(azd_buf_str(&body), SECRET);
  assert_has(azd_buf_str(&body), "\"adminPassword\":{\"$redacted\":\"");
  uint8_t hash[AZD_SHA256_BYTES];
  azd_sha256_of(body.data, body.size, hash);
  assert_memory_equal(hash, version.hash, sizeof hash);
  assert_nowhere(world, SECRET);
  assert_int_equal(bodies_hold(world, PLAIN), 1); /* what is no secret is found, so the search can find */
  /* The same secret is no change; another one is. */
  run_begin(world);
  assert_int_equal(
      read_list(world, PAGE(ITEM("a", ",\"properties\":{\"adminPassword\":\"" SECRET "\",\"size\":\"" PLAIN "\"}")))
          .fresh,
      0);
  run_end(world);
  run_begin(world);
  assert_int_equal(
      read_list(world, PAGE(ITEM("a", ",\"properties\":{\"adminPassword\":\"rotated-since\",\"size\":\"" PLAIN "\"}")))
          .fresh,
      1);
  run_end(world);
  azd_buf_free(&body);
  azd_arena_free(&arena);
}

static size_t pack(const char *text, unsigned char *out, size_t bytes) {
  z_stream stream = {.next_in = (unsigned char *)text,
                     .avail_in = (unsigned)strlen(text),
                     .next_out = out,
                     .avail_out = (unsigned)bytes};
  assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  size_t size = stream.total_out;
  deflateEnd(&stream);
  return size;
}

static void packed_pages_are_read_and_cut_ones_refused(void **state) {
  struct world *world = *state;
  unsigned char packed[1024];
  size_t size = pack(PAGE(ITEM("a", ",\"p\":1")), packed, sizeof packed);
  struct azd_page page = list_page;
  struct azd_page_result result;
  page.packed = true;
  page.bytes = (struct azd_str){(char *)packed, size - 5};
  run_begin(world);
  assert_int_equal(azd_collect_page(world->run.collect, world->worker, &page, &result, ERR), AZD_EPARSE);
  page.bytes.size = size;
  must(azd_collect_page(world->run.collect, world->worker, &page, &result, ERR));
  assert_int_equal(result.fresh, 1);
  assert_int_equal(run_end(world).resources, 1);
}

static void a_page_that_unpacks_without_end_is_refused(void **state) {
  struct world *world = *state;
  size_t plain = (size_t)AZD_PAGE_MAX_BYTES + 1024 * 1024, room = 1024 * 1024;
  char *text = malloc(plain + 1);
  unsigned char *packed = malloc(room);
  memset(text, ' ', plain);
  text[plain] = '\0';
  struct azd_page page = list_page;
  struct azd_page_result result;
  page.packed = true;
  page.bytes = (struct azd_str){(char *)packed, pack(text, packed, room)};
  run_begin(world);
  assert_int_equal(azd_collect_page(world->run.collect, world->worker, &page, &result, ERR), AZD_ELIMIT);
  page.packed = false;
  page.bytes = (struct azd_str){text, plain};
  assert_int_equal(azd_collect_page(world->run.collect, world->worker, &page, &result, ERR), AZD_ELIMIT);
  run_end(world);
  free(text);
  free(packed);
}

static void what_is_no_page_is_refused_and_leaves_the_run_whole(void **state) {
  struct world *world = *state;
  struct azd_page_result result;
  struct azd_page get = list_page;
  get.single = true;
  get.id = AZD_STR(ACCOUNT("a"));
  run_begin(world);
  static const char *const not_lists[] = {
      "", "{\"value\":[{\"id\":\"x\"", "<html>", ITEM("a", ""), "{\"value\":null}", "5", "{\"value\":[1]}"};
  for (size_t i = 0; i < sizeof not_lists / sizeof *not_lists; i++)
    if (try_page(world, list_page, not_lists[i], &result) != AZD_EPARSE) fail_msg("taken for a list: %s", not_lists[i]);
  assert_int_equal(try_page(world, get, ITEM("b", ""), &result),
                   AZD_EPARSE); /* another resource than the one asked for */
  assert_has(azd_str_of(ERR->text), "asked for " ACCOUNT("a"));
  assert_int_equal(try_page(world, get, PAGE(ITEM("a", "")), &result), AZD_EPARSE);
  assert_int_equal(try_page(world, get, "{\"name\":\"a\"}", &result), AZD_EPARSE);
  assert_int_equal(azd_collect_waiting_bytes(world->run.collect), 0);
  /* A single one answers to its id in any case. */
  assert_int_equal(
      read_page(world, get, "{\"id\":\"" SUBSCRIPTION "/RESOURCEGROUPS/rg-ONE/providers/" ACCOUNTS "/A\"}").fresh, 1);
  assert_int_equal(run_end(world).resources, 1);
}

static void the_next_link_is_looked_for_where_it_may_stand(void **state) {
  struct world *world = *state;
  run_begin(world);
  assert_str(read_list(world, "{\"value\":[],\"nextLink\":\"https://a/1\"}").next, "https://a/1");
  assert_str(read_list(world, "{\"value\":[],\"nextLink\":null,\"@odata.nextLink\":\"https://a/2\"}").next,
             "https://a/2");
  assert_str(read_list(world, "{\"value\":[],\"nextLink\":\"\"}").next, "");
  /* Neither text nor null: taken for the end of the list, it would hide what stands on the next page. */
  struct azd_page_result result;
  assert_int_equal(try_page(world, list_page, "{\"value\":[],\"nextLink\":{\"href\":\"x\"}}", &result), AZD_EPARSE);
  run_end(world);
}

static void an_inventory_stores_nothing_and_names_everything(void **state) {
  struct world *world = *state;
  struct azd_page page = list_page;
  page.inventory = page.names = true;
  run_begin(world);
  struct azd_page_result read =
      read_page(world, page, PAGE(ITEM("a", "") ",{\"id\":\"" SUBSCRIPTION "/providers/A.b/c/d/\"}"));
  assert_int_equal(read.items, 2);
  assert_int_equal(read.fresh, 0);
  static const char names[] = ACCOUNT("a") "\0" ACCOUNTS "\0" SUBSCRIPTION "/providers/A.b/c/d\0A.b/c";
  assert_int_equal(read.names.size, sizeof names);
  assert_memory_equal(read.names.data, names, sizeof names);
  assert_int_equal(run_end(world).resources, 0);
}

struct places {
  size_t list[16], count, most;
};

static bool note_place(void *context, size_t place) {
  struct places *places = context;
  places->list[places->count++] = place;
  return places->count < places->most;
}

static void what_no_page_showed_is_missing_until_it_is_kept(void **state) {
  struct world *world = *state;
  struct places missing = {.most = 16};
  run_begin(world);
  read_list(world,
            PAGE(ITEM("a", "") "," ITEM("b", "") "," ITEM("c", "") ",{\"id\":\"" SUBSCRIPTION "/providers/A.b/c/d\"}"));
  run_end(world);
  run_begin(world);
  read_list(world, PAGE(ITEM("b", "")));
  azd_collect_missing(world->run.collect, AZD_STR("MICROSOFT.storage/storageaccounts"), note_place, &missing);
  assert_int_equal(missing.count, 2);
  struct azd_key a = azd_key_of(AZD_STR(ACCOUNTS), AZD_STR(ACCOUNT("a"))),
                 c = azd_key_of(AZD_STR(ACCOUNTS), AZD_STR(ACCOUNT("c")));
  for (size_t i = 0; i < missing.count; i++) {
    const struct azd_key *key = &azd_map_entries(world->map)[missing.list[i]].key;
    assert_true(!azd_key_compare(key, &a) || !azd_key_compare(key, &c));
  }
  azd_collect_keep(world->run.collect, missing.list[0]);
  struct places left = {.most = 1};
  azd_collect_missing(world->run.collect, AZD_STR(ACCOUNTS), note_place, &left);
  assert_int_equal(left.count, 1);
  assert_int_equal(left.list[0], missing.list[1]);
  /* Nobody said that it is gone: it stays open. */
  assert_int_equal(run_end(world).resources, 4);
}

static void the_same_run_may_see_thousands_of_new_resources(void **state) {
  struct world *world = *state;
  struct azd_buf text;
  azd_buf_init(&text, 0);
  run_begin(world);
  for (int round = 0; round < 2; round++) {
    azd_buf_clear(&text);
    azd_buf_append_text(&text, "{\"value\":[");
    for (int i = 0; i < 5000; i++) azd_buf_printf(&text, "%s{\"id\":\"%s%d\"}", i ? "," : "", ACCOUNT("n"), i);
    azd_buf_append_text(&text, "]}");
    azd_buf_append_char(&text, 0);
    struct azd_page_result read = read_list(world, text.data);
    assert_int_equal(read.fresh, round ? 0 : 5000);
    assert_int_equal(read.repeated, round ? 5000 : 0);
  }
  assert_int_equal(run_end(world).resources, 5000);
  azd_buf_free(&text);
}

/* ---- several workers at once ---- */

enum { READERS = 4, PAGES_EACH = 40, PER_PAGE = 25 };

struct reader {
  struct world *world;
  int number;
  uint32_t fresh, repeated, items;
  int status;
  pthread_t thread;
};

/* Each resource stands in the pages of two readers; every third has a secret. */
static void *read_pages(void *argument) {
  struct reader *reader = argument;
  struct azd_collect_worker *memory = azd_collect_worker_new();
  struct azd_page page = list_page;
  struct azd_page_result result;
  struct azd_error error;
  struct azd_buf text;
  azd_buf_init(&text, 0);
  for (int p = 0; p < PAGES_EACH && !reader->status; p++) {
    azd_buf_clear(&text);
    azd_buf_append_text(&text, "{\"value\":[");
    for (int i = 0; i < PER_PAGE; i++)
      azd_buf_printf(&text, "%s{\"id\":\"%s%d-%d-%d\",\"properties\":{\"adminPassword\":\"" SECRET "\",\"reader\":1}}",
                     i ? "," : "", ACCOUNT("n"), reader->number / 2, p, i);
    azd_buf_append_text(&text, "]}");
    page.bytes = azd_buf_str(&text);
    reader->status = azd_collect_page(reader->world->run.collect, memory, &page, &result, &error);
    reader->fresh += result.fresh;
    reader->repeated += result.repeated;
    reader->items += result.items;
  }
  azd_buf_free(&text);
  azd_collect_worker_free(memory);
  return NULL;
}

static void several_workers_read_pages_while_a_store_worker_writes(void **state) {
  struct world *world = *state;
  for (int round = 0; round < 2; round++) {
    struct reader readers[READERS];
    uint32_t fresh = 0, repeated = 0, items = 0;
    run_begin(world);
    for (int i = 0; i < READERS; i++) {
      readers[i] = (struct reader){.world = world, .number = i};
      assert_int_equal(pthread_create(&readers[i].thread, NULL, read_pages, &readers[i]), 0);
    }
    for (int i = 0; i < 50; i++) must(azd_collect_flush(world->run.collect, world->run.commit, ERR));
    for (int i = 0; i < READERS; i++) {
      pthread_join(readers[i].thread, NULL);
      assert_int_equal(readers[i].status, 0);
      fresh += readers[i].fresh;
      repeated += readers[i].repeated;
      items += readers[i].items;
    }
    const uint32_t all = READERS / 2 * PAGES_EACH * PER_PAGE;
    assert_int_equal(items, all * 2);
    assert_int_equal(repeated, all);
    assert_int_equal(fresh, round ? 0 : all);
    struct azd_snapshot snapshot = run_end(world);
    assert_int_equal(snapshot.resources, all);
    assert_int_equal(snapshot.added, round ? 0 : all);
  }
  assert_nowhere(world, SECRET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(only_what_differs_becomes_a_version),
      TEST(a_version_says_how_it_was_read),
      TEST(a_repeated_resource_counts_once_and_its_first_word_holds),
      TEST(what_lies_outside_the_scope_is_dropped),
      TEST(what_arm_filled_in_twice_is_counted),
      TEST(secrets_are_gone_before_anything_is_hashed_or_stored),
      TEST(packed_pages_are_read_and_cut_ones_refused),
      TEST(a_page_that_unpacks_without_end_is_refused),
      TEST(what_is_no_page_is_refused_and_leaves_the_run_whole),
      TEST(the_next_link_is_looked_for_where_it_may_stand),
      TEST(an_inventory_stores_nothing_and_names_everything),
      TEST(what_no_page_showed_is_missing_until_it_is_kept),
      TEST(the_same_run_may_see_thousands_of_new_resources),
      TEST(several_workers_read_pages_while_a_store_worker_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
