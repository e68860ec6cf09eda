/* What every implementation of store/store.h must do: one list of cases, run against the factory in *state. */
#ifndef AZD_TESTS_STORE_CONTRACT_H
#define AZD_TESTS_STORE_CONTRACT_H

#include "store_world.h"

#include <pthread.h>

/* ---- commits ---- */

static void first_commit_is_read_back_as_given(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  world_init(&w, *state);
  assert_int_equal(world_last(&w), 0);
  int64_t seq = world_first(&w, 40, states);
  struct azd_snapshot s;
  must(azd_store_snapshot(w.store, &(struct azd_snapshot_query){.by = AZD_BY_LAST, .scope = SCOPE}, &w.arena, &s, ERR));
  assert_int_equal(s.seq, seq);
  assert_int_equal(s.resources, 40);
  assert_int_equal(s.added, 40);
  assert_int_equal(s.changed + s.removed, 0);
  assert_int_equal(s.timestamp_ms, 1000 * seq);
  assert_int_equal(s.status, AZD_SNAPSHOT_COMPLETE);
  assert_string_equal(s.coverage.data, "{\"complete\":true,\"types\":[]}");
  assert_string_equal(s.missing.data, "[]");
  assert_string_equal(s.stamps.data, "{\"bundle\":\"b1\"}");
  assert_string_equal(s.redaction_key.data, "k1");
  assert_string_equal(s.scope.data, SCOPE.data);
  assert_int_equal(strlen(s.id), 36);
  world_assert_at(&w, seq, states);
  struct azd_version v;
  struct azd_key key = world_key(3);
  char id[256];
  must(azd_store_version(w.store, SCOPE, &key, seq, &w.arena, &v, ERR));
  assert_string_equal(v.id.data, world_id(3, id, sizeof id).data);
  assert_string_equal(v.type.data, "Microsoft.Sql/servers");
  assert_string_equal(v.view.data, "list");
  assert_string_equal(v.api_version.data, "2024-01-01");
  assert_string_equal(v.resource_group.data, "rg-3");
  assert_string_equal(v.redaction.data, "k1");
  world_free(&w);
}

static void reopened_store_shows_the_same(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  world_init(&w, *state);
  int64_t seq = world_first(&w, 20, states);
  world_reopen(&w);
  assert_int_equal(world_last(&w), seq);
  world_assert_at(&w, seq, states);
  world_assert_sound(&w);
  world_free(&w);
}

static void aborted_commit_leaves_nothing(void **state) {
  struct world w;
  int states[WORLD_RESOURCES];
  struct azd_commit *commit;
  struct azd_store_stats before, after;
  world_init(&w, *state);
  int64_t seq = world_first(&w, 20, states);
  must(azd_store_stats(w.store, &before, ERR));
  struct azd_lease lease = world_acquire(&w, "engine-a");
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 0; i < 10; i++) must(world_put_one(&w, commit, i, 7, NULL));
  azd_commit_abort(commit);
  must(azd_store_stats(w.store, &after, ERR));
  assert_int_equal(after.versions, before.versions);
  assert_int_equal(world_last(&w), seq);
  world_assert_at(&w, seq, states);
  world_free(&w);
}

static void snapshot_is_invisible_until_it_is_published(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_commit *commit;
  world_init(&w, *state);
  int64_t seq = world_first(&w, 30, states);
  struct azd_store *reader = world_open_at(w.place), *writer = w.store;
  struct azd_lease lease = world_acquire(&w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_PARTIAL, 5);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  for (int i = 0; i < WORLD_RESOURCES; i++) next[i] = i < 10 ? 2 : i < 20 ? 0 : i < 30 ? 1 : 3;
  world_put_states(&w, commit, next, states);
  w.store = reader;
  assert_int_equal(world_last(&w), seq);
  world_assert_at(&w, seq, states);
  must(azd_commit_publish(commit, &snapshot, ERR));
  assert_int_equal(world_last(&w), lease.seq);
  world_assert_at(&w, lease.seq, next);
  world_assert_at(&w, seq, states);
  assert_int_equal(snapshot.added, 30);
  assert_int_equal(snapshot.changed, 10);
  assert_int_equal(snapshot.removed, 10);
  assert_int_equal(snapshot.resources, 50);
  w.store = writer;
  azd_store_close(reader);
  world_free(&w);
}

static void cursor_sees_one_moment_however_many_commits_follow(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_version_cursor *cursor;
  struct azd_version version;
  world_init(&w, *state);
  int64_t seq = world_first(&w, WORLD_RESOURCES, states);
  struct azd_version_query query = {.scope = SCOPE, .seq = seq, .bodies = true};
  must(azd_store_versions(w.store, &query, &cursor, ERR));
  for (int i = 0; i < 10; i++) assert_int_equal(azd_version_next(cursor, &version, ERR), 1);
  for (int i = 0; i < WORLD_RESOURCES; i++) next[i] = i % 3;
  world_commit(&w, states, next);
  int seen = 10, rc;
  while ((rc = azd_version_next(cursor, &version, ERR)) > 0) {
    seen++;
    world_assert_body(&w, &version, world_index(version.id), 1);
  }
  assert_int_equal(rc, 0);
  assert_int_equal(seen, WORLD_RESOURCES);
  azd_version_close(cursor);
  world_free(&w);
}

static void key_put_twice_in_a_run_is_a_counted_duplicate(void **state) {
  struct world w;
  struct azd_commit *commit;
  size_t duplicates;
  int states[WORLD_RESOURCES] = {[4] = 1};
  world_init(&w, *state);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 5);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  must(world_put_one(&w, commit, 4, 1, &duplicates));
  assert_int_equal(duplicates, 0);
  must(world_put_one(&w, commit, 4, 9, &duplicates));
  assert_int_equal(duplicates, 1);
  must(azd_commit_publish(commit, &snapshot, ERR));
  assert_int_equal(snapshot.resources, 1);
  world_assert_at(&w, lease.seq, states);
  world_assert_sound(&w);
  world_free(&w);
}

static void published_commit_has_ended(void **state) {
  struct world w;
  struct azd_commit *commit;
  int states[WORLD_RESOURCES];
  world_init(&w, *state);
  int64_t seq = world_first(&w, 10, states);
  /* The same seq once more: its lease was for one run. */
  struct azd_lease lease = {.seq = seq};
  memcpy(lease.scope, SCOPE.data, SCOPE.size);
  strcpy(lease.owner, "engine-a");
  struct azd_snapshot again = world_snapshot(AZD_SNAPSHOT_COMPLETE, 6);
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &lease, &commit, ERR));
  must(world_put_one(&w, commit, 50, 1, NULL));
  assert_int_equal(azd_commit_publish(commit, &again, ERR), AZD_ECONFLICT);
  azd_commit_abort(commit);
  world_assert_at(&w, seq, states);
  world_assert_sound(&w);
  world_free(&w);
}

static void stale_map_is_refused(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_commit *commit;
  world_init(&w, *state);
  world_first(&w, 20, states);
  struct azd_map *old = azd_map_new();
  must(azd_store_map_load(w.store, SCOPE, old, ERR));
  memcpy(next, states, sizeof next);
  next[0] = 2, next[1] = 0;
  int64_t seq = world_commit(&w, states, next);
  struct azd_map *fresh = w.map;
  for (int stale_case = 0; stale_case < 2; stale_case++) {
    struct azd_lease lease = world_acquire(&w, "engine-a");
    struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 7);
    must(azd_commit_begin(w.store, &lease, &commit, ERR));
    w.map = old; /* follows a version that is closed; or, next, claims that a known resource is new */
    if (stale_case == 1) w.map = azd_map_new();
    must(world_put_one(&w, commit, stale_case == 1 ? 5 : 0, 3, NULL));
    assert_int_equal(azd_commit_publish(commit, &snapshot, ERR), AZD_ECONFLICT);
    azd_commit_abort(commit);
    if (stale_case == 1) azd_map_free(w.map);
    w.map = fresh;
    assert_int_equal(world_last(&w), seq);
    world_assert_at(&w, seq, next);
  }
  azd_map_free(old);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- leases and late writers ---- */

static void second_engine_waits_for_the_lease(void **state) {
  struct world w;
  struct azd_lease other;
  world_init(&w, *state);
  struct azd_lease lease = world_acquire(&w, "engine-a");
  assert_int_equal(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-b"), 1000, &other, ERR), AZD_EBUSY);
  assert_non_null(strstr(ERR->text, "engine-a"));
  must(azd_store_renew(w.store, &lease, 600000, ERR));
  must(azd_store_release(w.store, &lease, ERR));
  must(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-b"), 1000, &other, ERR));
  assert_true(other.seq > lease.seq);
  assert_int_equal(azd_store_renew(w.store, &lease, 1000, ERR), AZD_ECONFLICT);
  /* The first one's release must not let go of the second one's lease. */
  must(azd_store_release(w.store, &lease, ERR));
  assert_int_equal(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-c"), 1000, &other, ERR), AZD_EBUSY);
  world_free(&w);
}

static void expired_lease_is_taken_over(void **state) {
  struct world w;
  struct azd_lease first, second;
  int rc;
  world_init(&w, *state);
  must(azd_store_acquire(w.store, SCOPE, AZD_STR("engine-a"), 1, &first, ERR));
  do rc = azd_store_acquire(w.store, SCOPE, AZD_STR("engine-b"), 1000, &second, ERR);
  while (rc == AZD_EBUSY); /* until the store's clock has passed a millisecond */
  assert_int_equal(rc, 0);
  assert_true(second.seq > first.seq);
  world_free(&w);
}

static void scopes_do_not_know_each_other(void **state) {
  struct world w;
  struct azd_lease lease, other;
  int states[WORLD_RESOURCES];
  world_init(&w, *state);
  world_first(&w, 10, states);
  lease = world_acquire(&w, "engine-a");
  must(azd_store_acquire(w.store, AZD_STR("/subscriptions/other"), AZD_STR("engine-b"), 1000, &other, ERR));
  assert_int_equal(other.seq, 1);
  assert_int_equal(lease.seq, 2);
  struct azd_map *map = azd_map_new();
  must(azd_store_map_load(w.store, AZD_STR("/subscriptions/other"), map, ERR));
  assert_int_equal(azd_map_count(map), 0);
  azd_map_free(map);
  const char **scopes;
  size_t count;
  must(azd_store_scopes(w.store, &w.arena, &scopes, &count, ERR));
  assert_int_equal(count, 2);
  assert_string_equal(scopes[0], SCOPE.data);
  assert_string_equal(scopes[1], "/subscriptions/other");
  world_free(&w);
}

/* A is stopped past its lease before the fence, B collects, A wakes and goes on. */
static void late_writer_is_refused_at_the_fence(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_commit *late;
  world_init(&w, *state);
  world_first(&w, 30, states);
  struct azd_store *ours = w.store, *theirs = world_open_at(w.place);
  struct azd_lease a = world_acquire(&w, "engine-a");
  must(azd_store_release(w.store, &a, ERR)); /* what running past the lease comes to */
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(w.store, &a, &late, ERR));
  for (int i = 0; i < 5; i++) must(world_put_one(&w, late, i, 8, NULL));

  memcpy(next, states, sizeof next);
  for (int i = 0; i < 10; i++) next[i] = 5;
  w.store = theirs;
  struct azd_map *a_map = w.map;
  w.map = azd_map_new();
  int64_t seq = world_commit(&w, states, next);
  azd_map_free(w.map);
  w.map = a_map;
  w.store = ours;

  struct azd_snapshot snapshot = world_snapshot(AZD_SNAPSHOT_COMPLETE, 9);
  assert_int_equal(azd_commit_publish(late, &snapshot, ERR), AZD_ECONFLICT);
  assert_int_equal(azd_commit_put(late, NULL, 0, NULL, ERR), AZD_ECONFLICT); /* and stays refused */
  azd_commit_abort(late);
  assert_true(seq > a.seq);
  assert_int_equal(world_last(&w), seq);
  world_assert_at(&w, seq, next);
  world_assert_sound(&w);
  azd_store_close(theirs);
  world_free(&w);
}

/* A's versions are in the store already when it dies: the next acquire sweeps them. */
static void versions_of_a_dead_run_are_swept(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  struct azd_commit *dead;
  struct azd_store_stats stats;
  world_init(&w, *state);
  int64_t first = world_first(&w, 30, states);
  struct azd_store *dying = world_open_at(w.place), *living = w.store;
  w.store = dying;
  struct azd_lease a = world_acquire(&w, "engine-a");
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  must(azd_commit_begin(dying, &a, &dead, ERR));
  /* More than fits into one batch, so that some are on disk before publication. */
  struct world_put put;
  world_fill(&w, &put, 31, 1);
  for (int i = 0; i < AZD_STORE_BATCH + 10; i++) {
    azd_random(put.version.key.bytes, sizeof put.version.key.bytes);
    must(azd_commit_put(dead, &put.version, 1, NULL, ERR));
  }
  azd_buf_free(&put.body);
  w.store = living;
  must(azd_store_stats(living, &stats, ERR));
  assert_true(stats.versions > 30);
  assert_int_equal(stats.open_versions, 30);
  world_assert_at(&w, first, states);

  must(azd_store_release(living, &a, ERR));
  memcpy(next, states, sizeof next);
  next[40] = 1;
  int64_t seq = world_commit(&w, states, next);
  must(azd_store_stats(living, &stats, ERR));
  assert_int_equal(stats.versions, 31);
  world_assert_at(&w, seq, next);
  azd_commit_abort(dead);
  azd_store_close(dying);
  world_assert_sound(&w);
  world_free(&w);
}

/* ---- against a model ---- */

enum { MODEL_RUNS = 40 };

struct model {
  int states[MODEL_RUNS + 1][WORLD_RESOURCES]; /* [0]: nothing */
  int64_t seq[MODEL_RUNS + 1];
  int runs;
};

static uint64_t next_random(uint64_t *random) { /* xorshift64*: the same story for the same seed */
  *random ^= *random >> 12, *random ^= *random << 25, *random ^= *random >> 27;
  return *random * UINT64_C(2685821657736338717);
}

static void model_run(struct world *w, struct model *m, uint64_t *random) {
  const int *before = m->states[m->runs];
  int *after = m->states[m->runs + 1];
  unsigned rate = (unsigned)(next_random(random) % 4); /* from quiet runs to wild ones */
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    after[i] = before[i];
    if (next_random(random) % (rate == 0 ? 30 : rate * 4) == 0) after[i] = (int)(next_random(random) % 4);
  }
  uint64_t fate = next_random(random) % 6;
  if (fate == 0) { /* a run that is given up half way */
    struct azd_commit *commit;
    struct azd_lease lease = world_acquire(w, "engine-a");
    must(azd_store_map_load(w->store, SCOPE, w->map, ERR));
    must(azd_commit_begin(w->store, &lease, &commit, ERR));
    world_put_states(w, commit, after, before);
    azd_commit_abort(commit);
    return;
  }
  if (fate == 1) world_reopen(w);
  m->seq[m->runs + 1] = world_commit(w, before, after);
  m->runs++;
}

/* The pairs of a diff are exactly what differs between two states of the model. */
static void assert_diff(struct world *w, const struct model *m, int from, int to, int only_type) {
  struct azd_pair_cursor *cursor;
  struct azd_pair pair;
  struct azd_str type = world_type(only_type < 0 ? 0 : only_type);
  int seen[WORLD_RESOURCES] = {0}, rc;
  struct azd_diff_query query = {.scope = SCOPE,
                                 .from_seq = m->seq[from],
                                 .to_seq = m->seq[to],
                                 .types = &type,
                                 .type_count = only_type >= 0,
                                 .bodies = true};
  must(azd_store_diff(w->store, &query, &cursor, ERR));
  while ((rc = azd_pair_next(cursor, &pair, ERR)) > 0) {
    int i = world_index(pair.has_before ? pair.before.id : pair.after.id);
    assert_int_equal(seen[i]++, 0);
    assert_int_equal(pair.has_before, m->states[from][i] != 0);
    assert_int_equal(pair.has_after, m->states[to][i] != 0);
    if (pair.has_before) world_assert_body(w, &pair.before, i, m->states[from][i]);
    if (pair.has_after) world_assert_body(w, &pair.after, i, m->states[to][i]);
  }
  if (rc) fail_msg("diff: %s", ERR->text);
  azd_pair_close(cursor);
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    bool asked = only_type < 0 || i % WORLD_TYPES == only_type;
    assert_int_equal(seen[i], asked && m->states[from][i] != m->states[to][i]);
  }
}

/* Each state a resource had, newest first, with a tombstone wherever it ended. */
static void assert_history(struct world *w, const struct model *m, int i) {
  struct azd_version_cursor *cursor;
  struct azd_version version;
  struct azd_key key = world_key(i);
  must(azd_store_history(w->store, SCOPE, &key, true, &cursor, ERR));
  for (int run = m->runs; run > 0; run--) {
    int now = m->states[run][i], before = m->states[run - 1][i];
    if (now == before) continue;
    assert_int_equal(azd_version_next(cursor, &version, ERR), 1);
    assert_int_equal(version.from_seq, m->seq[run]);
    if (now)
      world_assert_body(w, &version, i, now);
    else
      assert_int_equal(version.to_seq, version.from_seq);
    int end = run + 1;
    while (end <= m->runs && m->states[end][i] == now) end++;
    if (now) assert_int_equal(version.to_seq, end > m->runs ? AZD_SEQ_OPEN : m->seq[end]);
  }
  assert_int_equal(azd_version_next(cursor, &version, ERR), 0);
  azd_version_close(cursor);
}

static void assert_map(struct world *w, const struct model *m, struct azd_map *map) {
  size_t open = 0;
  for (int i = 0; i < WORLD_RESOURCES; i++) {
    char bytes[512];
    uint8_t hash[AZD_HASH_BYTES];
    struct azd_key key = world_key(i);
    const struct azd_map_entry *entry = azd_map_find(map, &key);
    assert_int_equal(entry != NULL, m->states[m->runs][i] != 0);
    if (!entry) continue;
    struct azd_str body = world_body(i, m->states[m->runs][i], bytes, sizeof bytes);
    azd_sha256_of(body.data, body.size, hash);
    assert_memory_equal(entry->hash, hash, sizeof hash);
    open++;
  }
  assert_int_equal(azd_map_count(map), open);
  assert_int_equal(azd_map_seq(map), m->seq[m->runs]);
  (void)w;
}

static void assert_types(struct world *w, const struct model *m, int run) {
  struct azd_type_count *types;
  size_t count, expected = 0;
  int per_type[WORLD_TYPES] = {0};
  must(azd_store_types(w->store, SCOPE, m->seq[run], &w->arena, &types, &count, ERR));
  for (int i = 0; i < WORLD_RESOURCES; i++) per_type[i % WORLD_TYPES] += m->states[run][i] != 0;
  for (int t = 0; t < WORLD_TYPES; t++) {
    expected += per_type[t] != 0;
    for (size_t k = 0; k < count; k++)
      if (azd_str_equal(types[k].type, world_type(t))) assert_int_equal(types[k].versions, per_type[t]);
  }
  assert_int_equal(count, expected);
}

static void intervals_agree_with_a_model_after_random_runs(void **state) {
  uint64_t seeds = ((const struct store_factory *)*state)->remote ? 1 : 4;
  for (uint64_t seed = 1; seed <= seeds; seed++) {
    struct world w;
    struct model m = {0};
    uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);
    world_init(&w, *state);
    struct azd_map *slow = azd_map_new(); /* one that follows now and then, by what opened and closed */
    while (m.runs < MODEL_RUNS) {
      model_run(&w, &m, &random);
      if (m.runs && next_random(&random) % 5 == 0) {
        must(azd_store_map_load(w.store, SCOPE, slow, ERR));
        assert_map(&w, &m, slow);
      }
    }
    for (int run = 1; run <= m.runs; run++) world_assert_at(&w, m.seq[run], m.states[run]);
    for (int run = 1; run < m.runs; run++) assert_diff(&w, &m, run, run + 1, -1);
    for (int n = 0; n < 60; n++) {
      int from = 1 + (int)(next_random(&random) % MODEL_RUNS), to = 1 + (int)(next_random(&random) % MODEL_RUNS);
      assert_diff(&w, &m, from, to, (int)(next_random(&random) % (WORLD_TYPES + 1)) - 1);
    }
    for (int i = 0; i < WORLD_RESOURCES; i++) assert_history(&w, &m, i);
    for (int run = 1; run <= m.runs; run += 7) assert_types(&w, &m, run);
    must(azd_store_map_load(w.store, SCOPE, slow, ERR));
    assert_map(&w, &m, slow);
    must(azd_store_train(w.store, SCOPE, NULL, ERR));
    world_assert_sound(&w);
    azd_map_free(slow);
    world_free(&w);
  }
}

#include "store_contract_exact.h"
#include "store_contract_leases.h"
#include "store_contract_life.h"
#include "store_contract_thin.h"
#include "store_contract_threads.h"

#define STORE_CONTRACT_CASES                                                                                           \
  STORE_CASE(first_commit_is_read_back_as_given), STORE_CASE(reopened_store_shows_the_same),                           \
      STORE_CASE(aborted_commit_leaves_nothing), STORE_CASE(snapshot_is_invisible_until_it_is_published),              \
      STORE_CASE(cursor_sees_one_moment_however_many_commits_follow),                                                  \
      STORE_CASE(key_put_twice_in_a_run_is_a_counted_duplicate), STORE_CASE(published_commit_has_ended),               \
      STORE_CASE(stale_map_is_refused), STORE_CASE(second_engine_waits_for_the_lease),                                 \
      STORE_CASE(expired_lease_is_taken_over), STORE_CASE(scopes_do_not_know_each_other),                              \
      STORE_CASE(late_writer_is_refused_at_the_fence), STORE_CASE(versions_of_a_dead_run_are_swept),                   \
      STORE_CASE(intervals_agree_with_a_model_after_random_runs), STORE_CONTRACT_LEASES_CASES,                         \
      STORE_CONTRACT_LIFE_CASES, STORE_CONTRACT_THIN_CASES, STORE_CONTRACT_THREADS_CASES, STORE_CONTRACT_EXACT_CASES

#endif
