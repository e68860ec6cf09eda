/* The contract's cases with several threads and engines at once; ThreadSanitizer runs them too. */
#ifndef AZD_TESTS_STORE_CONTRACT_THREADS_H
#define AZD_TESTS_STORE_CONTRACT_THREADS_H

#include "store_world.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- readers while commits of every size are published ---- */

struct reading {
  struct azd_store *store;
  atomic_bool *stop;
  int64_t reads;
  int rc;
  struct azd_error error;
};

/* Streams the newest snapshot again and again: the end of the stream verifies count and hashes. */
static void *read_newest(void *opaque) {
  struct reading *reading = opaque;
  struct azd_arena arena;
  struct azd_snapshot last;
  azd_arena_init(&arena, 0);
  do {
    struct azd_version_cursor *cursor = NULL;
    struct azd_version version;
    struct azd_snapshot_query query = {.by = AZD_BY_LAST, .scope = SCOPE};
    azd_arena_reset(&arena);
    int rc = azd_store_snapshot(reading->store, &query, &arena, &last, &reading->error);
    if (!rc) {
      struct azd_version_query versions = {.scope = SCOPE, .seq = last.seq, .any_order = reading->reads % 2};
      rc = azd_store_versions(reading->store, &versions, &cursor, &reading->error);
    }
    while (!rc && (rc = azd_version_next(cursor, &version, &reading->error)) > 0) rc = 0;
    azd_version_close(cursor);
    reading->rc = rc;
    reading->reads += rc == 0;
  } while (!reading->rc && !atomic_load(reading->stop));
  azd_arena_free(&arena);
  return NULL;
}

static void readers_see_whole_snapshots_while_commits_are_published(void **state) {
  struct world w;
  atomic_bool stop = false;
  pthread_t threads[2];
  struct reading readings[2];
  world_init(&w, *state);
  int many = w.factory->remote ? WORLD_MANY / 4 : WORLD_MANY;
  world_commit_many(&w, many, 1);
  struct azd_store *other = world_open_at(w.place);
  for (int i = 0; i < 2; i++) {
    readings[i] = (struct reading){.store = i ? w.store : other, .stop = &stop};
    assert_int_equal(pthread_create(&threads[i], NULL, read_newest, &readings[i]), 0);
  }
  for (int run = 2; run < 4; run++) world_commit_many(&w, many, run); /* each closes more than a batch */
  atomic_store(&stop, true);
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    if (readings[i].rc) fail_msg("reader %d: %s", i, readings[i].error.text);
    assert_true(readings[i].reads > 0);
  }
  azd_store_close(other);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- puts from several threads ---- */

struct putting {
  struct world *world;
  struct azd_commit *commit;
  int first, rc;
  size_t duplicates;
};

static void *put_some(void *opaque) {
  struct putting *putting = opaque;
  struct azd_codec_work *work = azd_codec_work_new();
  struct azd_error error;
  for (int i = putting->first; !putting->rc && i < putting->first + 400; i++) {
    char id[256], bytes[512];
    struct azd_buf body;
    struct azd_str text = world_body(i, 1, bytes, sizeof bytes);
    size_t duplicates = 0;
    azd_buf_init(&body, 0);
    putting->rc = azd_codec_encode(azd_store_codec(putting->world->store), work, text, &body, &error);
    struct azd_new_version version = {
        .key = world_key(i), .id = world_id(i, id, sizeof id), .type = world_type(i), .body = azd_buf_str(&body)};
    azd_sha256_of(text.data, text.size, version.hash);
    version.previous = azd_map_find(putting->world->map, &version.key);
    if (!putting->rc) putting->rc = azd_commit_put(putting->commit, &version, 1, &duplicates, &error);
    putting->duplicates += duplicates;
    azd_buf_free(&body);
  }
  azd_codec_work_free(work);
  return NULL;
}

static void several_threads_put_into_one_commit(void **state) {
  struct world w;
  pthread_t threads[4];
  struct putting puttings[4];
  size_t duplicates = 0;
  world_init(&w, *state);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 5);
  struct azd_commit *commit;
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 0; i < 4; i++) { /* each overlaps its neighbour by half */
    puttings[i] = (struct putting){.world = &w, .commit = commit, .first = i * 200};
    assert_int_equal(pthread_create(&threads[i], NULL, put_some, &puttings[i]), 0);
  }
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    assert_int_equal(puttings[i].rc, 0);
    duplicates += puttings[i].duplicates;
  }
  must(azd_commit_publish(commit, &snapshot, ERR));
  assert_int_equal(snapshot.resources, 1000);
  assert_int_equal(duplicates, 600);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- two engines on one scope ---- */

struct engine {
  const struct world *world;
  const char *name;
  int64_t ttl_ms; /* of 1 ms: it loses its lease again and again, in the middle of everything */
  int published, refused, rc;
  struct azd_error error;
};

static int engine_run(struct engine *engine, struct world *own, int state) {
  struct azd_lease lease;
  struct azd_commit *commit = NULL;
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, state);
  int rc = azd_store_acquire(own->store, SCOPE, azd_str_of(engine->name), engine->ttl_ms, &lease, &engine->error);
  if (rc) return rc;
  rc = azd_store_map_load(own->store, SCOPE, own->map, &engine->error);
  if (!rc) rc = azd_commit_begin(own->store, &lease, &commit, &engine->error);
  for (int i = state % 3; !rc && i < WORLD_RESOURCES; i += 3) {
    struct world_put put;
    char bytes[512];
    struct azd_str text = world_body(i, state, bytes, sizeof bytes);
    azd_buf_init(&put.body, 0);
    rc = azd_codec_encode(azd_store_codec(own->store), own->work, text, &put.body, &engine->error);
    put.version = (struct azd_new_version){.key = world_key(i),
                                           .id = world_id(i, put.id, sizeof put.id),
                                           .type = world_type(i),
                                           .body = azd_buf_str(&put.body)};
    azd_sha256_of(text.data, text.size, put.version.hash);
    put.version.previous = azd_map_find(own->map, &put.version.key);
    if (!rc) rc = azd_commit_put(commit, &put.version, 1, NULL, &engine->error);
    azd_buf_free(&put.body);
  }
  if (!rc) rc = azd_commit_publish(commit, &snapshot, &engine->error);
  if (rc)
    azd_commit_abort(commit);
  else
    azd_store_release(own->store, &lease, &engine->error);
  return rc;
}

static void *engine_main(void *opaque) {
  struct engine *engine = opaque;
  struct world own = {.store = NULL, .map = azd_map_new(), .work = azd_codec_work_new()};
  engine->rc = azd_store_open(&(struct azd_store_options){.url = engine->world->place}, &own.store, &engine->error);
  int state = engine->name[0];
  while (!engine->rc && engine->published < 15) {
    int rc = engine_run(engine, &own, state += 7);
    if (!rc)
      engine->published++;
    else if (rc == AZD_ECONFLICT)
      engine->refused++;
    else if (rc != AZD_EBUSY)
      engine->rc = rc;
  }
  azd_store_close(own.store);
  azd_map_free(own.map);
  azd_codec_work_free(own.work);
  return NULL;
}

static void two_engines_on_one_scope_lose_nothing(void **state) {
  struct world w;
  struct engine engines[2];
  pthread_t threads[2];
  struct azd_snapshot *snapshots;
  size_t count;
  world_init(&w, *state);
  for (int i = 0; i < 2; i++) {
    engines[i] = (struct engine){.world = &w, .name = i ? "bob" : "alice", .ttl_ms = i ? 600000 : 1};
    assert_int_equal(pthread_create(&threads[i], NULL, engine_main, &engines[i]), 0);
  }
  for (int i = 0; i < 2; i++) {
    pthread_join(threads[i], NULL);
    if (engines[i].rc) fail_msg("%s: %s", engines[i].name, engines[i].error.text);
  }
  must(azd_store_snapshots(w.store, SCOPE, 0, 1000, &w.arena, &snapshots, &count, ERR));
  assert_int_equal(count, 30);
  for (size_t i = 1; i < count; i++) assert_true(snapshots[i].seq < snapshots[i - 1].seq);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- the map under many hands ---- */

struct marking {
  const struct azd_map *map;
  struct azd_map_marks *marks;
  atomic_int *seen_before;
};

static void *mark_all(void *opaque) {
  struct marking *marking = opaque;
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    struct azd_key key = world_key(i);
    const struct azd_map_entry *entry = azd_map_find(marking->map, &key);
    if (!entry) continue;
    if (azd_map_mark(marking->marks, (size_t)(entry - azd_map_entries(marking->map))))
      atomic_fetch_add(marking->seen_before, 1);
  }
  return NULL;
}

static void map_is_looked_up_and_marked_by_many_threads(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_map_marks marks;
  atomic_int seen_before = 0;
  pthread_t threads[4];
  size_t first;
  world_init(&w, *state);
  world_first(&w, 50, states);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  assert_int_equal(azd_map_marks_init(&marks, w.map), 0);
  struct marking marking = {.map = w.map, .marks = &marks, .seen_before = &seen_before};
  for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, mark_all, &marking), 0);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  assert_int_equal(seen_before, 150);
  for (size_t i = 0; i < azd_map_count(w.map); i++) assert_true(azd_map_marked(&marks, i));
  assert_int_equal(azd_map_of_type(w.map, world_type(2), &first), 10);
  for (size_t i = first; i < first + 10; i++) {
    struct azd_key of_type = azd_key_of(world_type(2), AZD_STR(""));
    assert_memory_equal(azd_map_entries(w.map)[i].key.bytes, of_type.bytes, AZD_KEY_TYPE_BYTES);
  }
  assert_int_equal(azd_map_of_type(w.map, AZD_STR("Microsoft.None/things"), &first), 0);
  azd_map_marks_free(&marks);
  world_free(&w);
}

#define STORE_CONTRACT_THREADS_CASES                                                                                   \
  STORE_CASE(readers_see_whole_snapshots_while_commits_are_published),                                                 \
      STORE_CASE(several_threads_put_into_one_commit), STORE_CASE(two_engines_on_one_scope_lose_nothing),              \
      STORE_CASE(map_is_looked_up_and_marked_by_many_threads)

#endif
