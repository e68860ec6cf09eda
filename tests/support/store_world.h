/* Helpers of the storage tests: a small world of resources, its states, and commits of them through the public
 * contract. An implementation is opened through a factory; everything here asserts on failure, with the store's own
 * sentence. */
#ifndef AZD_TESTS_STORE_WORLD_H
#define AZD_TESTS_STORE_WORLD_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "store/chain.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>

/* Where an implementation's stores come from. fresh makes place name an empty one; open opens it, again if need be. */
struct store_factory {
  const char *name;
  bool remote; /* each verb goes to a server and back: the long cases take a shorter course */
  void (*fresh)(char *place, size_t place_bytes);
  void (*drop)(const char *place);
};

enum { WORLD_RESOURCES = 60, WORLD_TYPES = 5 };

struct world {
  const struct store_factory *factory;
  char place[512];
  struct azd_store *store;
  struct azd_map *map;
  struct azd_codec_work *work;
  struct azd_arena arena;
  struct azd_buf scratch;
  int64_t now_ms; /* when the baseline is asked; 0: now */
};

static const struct azd_str SCOPE = {"/subscriptions/11111111-2222-3333-4444-555555555555", 51};

#define must(call)                                                                                                     \
  do {                                                                                                                 \
    struct azd_error *e_ = &world_error;                                                                               \
    e_->text[0] = '\0';                                                                                                \
    int rc_ = (call);                                                                                                  \
    if (rc_) fail_msg("%s: %s: %s", #call, azd_err_name(rc_), e_->text);                                               \
  } while (0)
static struct azd_error world_error;
#define ERR (&world_error)

static inline struct azd_store *world_open_at(const char *place) {
  struct azd_store *store = NULL;
  must(azd_store_open(&(struct azd_store_options){.url = place}, &store, ERR));
  return store;
}

static inline void world_init(struct world *world, const struct store_factory *factory) {
  *world = (struct world){.factory = factory};
  factory->fresh(world->place, sizeof world->place);
  world->store = world_open_at(world->place);
  world->map = azd_map_new();
  world->work = azd_codec_work_new();
  assert_non_null(world->map);
  assert_non_null(world->work);
  azd_arena_init(&world->arena, 0);
  azd_buf_init(&world->scratch, 0);
}

static inline void world_reopen(struct world *world) {
  azd_store_close(world->store);
  world->store = world_open_at(world->place);
}

static inline void world_free(struct world *world) {
  azd_store_close(world->store);
  world->factory->drop(world->place);
  azd_map_free(world->map);
  azd_codec_work_free(world->work);
  azd_arena_free(&world->arena);
  azd_buf_free(&world->scratch);
}

/* ---- resources: number i in state s (0: absent, else any number) ---- */

static inline struct azd_str world_type(int i) {
  static const char *const types[WORLD_TYPES] = {"Microsoft.Network/virtualNetworks",
                                                 "Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults",
                                                 "Microsoft.Sql/servers", "Microsoft.Compute/virtualMachines"};
  return azd_str_of(types[i % WORLD_TYPES]);
}

static inline struct azd_str world_id(int i, char *out, size_t bytes) {
  int size =
      snprintf(out, bytes, "%s/resourceGroups/rg-%d/providers/%s/thing-%d", SCOPE.data, i % 7, world_type(i).data, i);
  return (struct azd_str){out, (size_t)size};
}

static inline struct azd_key world_key(int i) {
  char id[256];
  return azd_key_of(world_type(i), world_id(i, id, sizeof id));
}

static inline struct azd_str world_body(int i, int state, char *out, size_t bytes) {
  int size =
      snprintf(out, bytes,
               "{\"id\":\"thing-%d\",\"location\":\"westeurope\",\"properties\":{\"provisioningState\":\"Succeeded\","
               "\"revision\":%d,\"addressSpace\":{\"addressPrefixes\":[\"10.%d.0.0/16\"]}},\"tags\":{}}",
               i, state, i);
  return (struct azd_str){out, (size_t)size};
}

/* Everything that is given to a put of resource i in a state lives in here. */
struct world_put {
  char id[256], group[16], bytes[512];
  struct azd_buf body;
  struct azd_new_version version;
};

static inline void world_fill_bytes(struct world *world, struct world_put *put, int i, struct azd_str bytes) {
  azd_buf_init(&put->body, 0);
  must(azd_codec_encode(azd_store_codec(world->store), world->work, bytes, &put->body, ERR));
  snprintf(put->group, sizeof put->group, "rg-%d", i % 7);
  put->version = (struct azd_new_version){.key = world_key(i),
                                          .id = world_id(i, put->id, sizeof put->id),
                                          .type = world_type(i),
                                          .view = AZD_STR("list"),
                                          .api_version = AZD_STR("2024-01-01"),
                                          .subscription_id = AZD_STR("11111111-2222-3333-4444-555555555555"),
                                          .resource_group = azd_str_of(put->group),
                                          .redaction = AZD_STR("k1"),
                                          .body = azd_buf_str(&put->body)};
  azd_sha256_of(bytes.data, bytes.size, put->version.hash);
  put->version.previous = azd_map_find(world->map, &put->version.key);
}

static inline void world_fill(struct world *world, struct world_put *put, int i, int state) {
  world_fill_bytes(world, put, i, world_body(i, state, put->bytes, sizeof put->bytes));
}

static inline int world_put_one(struct world *world, struct azd_commit *commit, int i, int state, size_t *duplicates) {
  struct world_put put;
  world_fill(world, &put, i, state);
  int rc = azd_commit_put(commit, &put.version, 1, duplicates, ERR);
  azd_buf_free(&put.body);
  return rc;
}

static inline int world_remove_one(struct world *world, struct azd_commit *commit, int i) {
  char id[256];
  struct azd_key key = world_key(i);
  const struct azd_map_entry *previous = azd_map_find(world->map, &key);
  assert_non_null(previous);
  struct azd_removal removal = {.id = world_id(i, id, sizeof id), .type = world_type(i), .previous = previous};
  return azd_commit_remove(commit, &removal, 1, NULL, ERR);
}

static inline struct azd_snapshot world_snapshot(enum azd_snapshot_status status, int64_t timestamp_ms) {
  return (struct azd_snapshot){.status = status,
                               .timestamp_ms = timestamp_ms,
                               .subscription_id = AZD_STR("11111111-2222-3333-4444-555555555555"),
                               .coverage = AZD_STR("{\"complete\":true,\"types\":[]}"),
                               .missing = AZD_STR("[]"),
                               .stamps = AZD_STR("{\"bundle\":\"b1\"}"),
                               .redaction_key = AZD_STR("k1")};
}

static inline struct azd_lease world_acquire(struct world *world, const char *owner) {
  struct azd_lease lease;
  must(azd_store_acquire(world->store, SCOPE, azd_str_of(owner), 600000, &lease, ERR));
  return lease;
}

/* Puts what differs from the map: states[i] 0 is absent, -1 is "was not asked". */
static inline void world_put_states(struct world *world, struct azd_commit *commit, const int *states,
                                    const int *before) {
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    if (states[i] == before[i]) continue;
    if (states[i])
      must(world_put_one(world, commit, i, states[i], NULL));
    else
      must(world_remove_one(world, commit, i));
  }
}

/* One whole run from before (what the map shows) to states; answers its seq. */
static inline int64_t world_commit(struct world *world, const int *before, const int *states) {
  struct azd_commit *commit = NULL;
  struct azd_lease lease = world_acquire(world, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease.seq);
  must(azd_store_map_load(world->store, SCOPE, world->map, ERR));
  must(azd_commit_begin(world->store, &lease, &commit, ERR));
  world_put_states(world, commit, states, before);
  must(azd_commit_publish(commit, &snapshot, ERR));
  must(azd_store_release(world->store, &lease, ERR));
  return lease.seq;
}

/* A first commit of resources [0, count) in state 1. */
static inline int64_t world_first(struct world *world, int count, int *states) {
  static const int nothing[WORLD_RESOURCES];
  for (int i = 0; i < WORLD_RESOURCES; i++) states[i] = i < count;
  return world_commit(world, nothing, states);
}

/* More than a batch, so that it is staged and closed in several steps. */
enum { WORLD_MANY = AZD_STORE_BATCH + 500 };

/* One run that puts all of [0, count) in a state. */
static inline void world_commit_many(struct world *w, int count, int state) {
  struct azd_commit *commit;
  struct world_put put;
  struct azd_lease lease = world_acquire(w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 1000 * lease.seq);
  must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
  must(azd_commit_begin(w->store, &lease, &commit, ERR));
  for (int i = 0; i < count; i++) {
    world_fill(w, &put, i, state);
    must(azd_commit_put(commit, &put.version, 1, NULL, ERR));
    azd_buf_free(&put.body);
  }
  must(azd_commit_publish(commit, &snapshot, ERR));
  must(azd_store_release(w->store, &lease, ERR));
  assert_int_equal(snapshot.resources, count);
}

/* ---- asserting what is stored ---- */

static inline int world_index(struct azd_str id) {
  const char *dash = id.data + id.size;
  while (dash > id.data && dash[-1] != '-') dash--;
  return atoi(dash);
}

static inline void world_assert_body(struct world *world, const struct azd_version *version, int i, int state) {
  char bytes[512];
  struct azd_str expected = world_body(i, state, bytes, sizeof bytes);
  azd_buf_clear(&world->scratch);
  must(azd_codec_decode(azd_store_codec(world->store), world->work, version->body, &world->scratch, ERR));
  assert_int_equal(world->scratch.size, expected.size);
  assert_memory_equal(world->scratch.data, expected.data, expected.size);
}

static inline int64_t world_last(struct world *world) {
  struct azd_snapshot last;
  struct azd_snapshot_query query = {.by = AZD_BY_LAST, .scope = SCOPE};
  int rc = azd_store_snapshot(world->store, &query, &world->arena, &last, ERR);
  return rc == AZD_ENOTFOUND ? 0 : last.seq;
}

static inline void world_assert_order(struct world *world, int64_t seq, const int *states, bool any_order) {
  bool seen_before[WORLD_RESOURCES] = {false};
  struct azd_version_cursor *cursor;
  struct azd_version version;
  struct azd_key last = {{0}};
  int expected = 0, seen = 0, rc;
  for (int i = 0; i < WORLD_RESOURCES; i++) expected += states[i] != 0;
  struct azd_version_query query = {.scope = SCOPE, .seq = seq, .bodies = true, .any_order = any_order};
  must(azd_store_versions(world->store, &query, &cursor, ERR));
  while ((rc = azd_version_next(cursor, &version, ERR)) > 0) {
    int i = world_index(version.id);
    assert_true(seen++ == 0 || any_order || azd_key_compare(&last, &version.key) < 0);
    assert_false(seen_before[i]);
    seen_before[i] = true;
    last = version.key;
    assert_true(states[i] != 0);
    assert_true(version.from_seq <= seq && seq < version.to_seq);
    world_assert_body(world, &version, i, states[i]);
  }
  if (rc) fail_msg("reading %lld: %s", (long long)seq, ERR->text);
  azd_version_close(cursor);
  assert_int_equal(seen, expected);
}

/* Everything a reader sees at seq is states, in key order and in any, with its bodies. */
static inline void world_assert_at(struct world *world, int64_t seq, const int *states) {
  world_assert_order(world, seq, states, false);
  world_assert_order(world, seq, states, true);
}

static inline void world_assert_sound(struct world *world) {
  struct azd_check check;
  must(azd_store_check(world->store, (struct azd_str){0}, true, NULL, NULL, &check, ERR));
  if (check.findings) fail_msg("check: %lld findings, first: %s", (long long)check.findings, check.first);
}

#endif
