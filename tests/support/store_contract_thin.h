/* Cases of the storage contract about thinning out (store/maintain.h): whatever is kept reads the same before and
 * after, nothing more than what must go goes, and stopping anywhere harms nothing. Included by store_contract.h. */
#ifndef AZD_TESTS_STORE_CONTRACT_THIN_H
#define AZD_TESTS_STORE_CONTRACT_THIN_H

#include "store/maintain.h"

enum { THIN_RUNS = 24 };

/* A history with a model of it: what each run showed, and every version with its interval. */
struct thin_history {
  int64_t seqs[THIN_RUNS];
  int states[THIN_RUNS][WORLD_RESOURCES];
  bool kept[THIN_RUNS];
  int runs;
};

static void thin_run(struct world *w, struct thin_history *h, unsigned *seed) {
  static const int nothing[WORLD_RESOURCES];
  const int *before = h->runs ? h->states[h->runs - 1] : nothing;
  int *states = h->states[h->runs];
  memcpy(states, before, sizeof h->states[0]);
  for (int i = 0; i < WORLD_RESOURCES; i++)
    if (rand_r(seed) % 4 == 0) states[i] = rand_r(seed) % 5; /* 0: gone */
  h->kept[h->runs] = true;
  h->seqs[h->runs++] = world_commit(w, before, states);
}

/* Versions and tombstones that the model says must be there: those that a kept run shows, tombstones of those. */
static int thin_expected(const struct thin_history *h) {
  int expected = 0;
  for (int i = 0; i < WORLD_RESOURCES; i++)
    for (int from = 0, to; from < h->runs; from = to) {
      bool is_shown = false;
      for (to = from; to < h->runs && h->states[to][i] == h->states[from][i]; to++) is_shown = is_shown || h->kept[to];
      if (!h->states[from][i] || !is_shown) continue;
      expected += 1 + (to < h->runs && !h->states[to][i]);
    }
  return expected;
}

static void thin_assert_as_modelled(struct world *w, const struct thin_history *h) {
  struct azd_snapshot s;
  struct azd_store_stats stats;
  int kept = 0;
  for (int r = 0; r < h->runs; r++) {
    struct azd_snapshot_query query = {.by = AZD_BY_SEQ, .scope = SCOPE, .seq = h->seqs[r]};
    kept += h->kept[r];
    if (h->kept[r]) {
      world_assert_at(w, h->seqs[r], h->states[r]);
      continue;
    }
    assert_int_equal(azd_store_snapshot(w->store, &query, &w->arena, &s, ERR), AZD_ENOTFOUND);
    assert_non_null(strstr(ERR->text, "thinned out"));
  }
  must(azd_store_stats(w->store, &stats, ERR));
  assert_int_equal(stats.snapshots, kept);
  assert_int_equal(stats.versions, thin_expected(h));
  world_assert_sound(w);
}

/* Chooses some that go, of those that are kept; the last never goes, nor what is pinned. */
static size_t thin_choose(struct thin_history *h, int pinned, unsigned *seed, int64_t *seqs) {
  size_t count = 0;
  for (int r = 0; r < h->runs; r++) {
    if (!h->kept[r] || rand_r(seed) % 3 == 0) continue;
    seqs[count++] = h->seqs[r];
    if (r + 1 < h->runs && r != pinned) h->kept[r] = false;
  }
  return count;
}

static void thin_to_the_end(struct world *w, int64_t limit) {
  int64_t deleted;
  bool done = false;
  while (!done) {
    must(azd_store_thin_step(w->store, SCOPE, limit, &deleted, &done, ERR));
    assert_true(deleted <= limit);
    assert_true(done || deleted > 0);
  }
}

static void what_is_kept_reads_the_same_after_thinning_out(void **state) {
  const struct store_factory *factory = *state;
  int rounds = factory->remote ? 3 : 12;
  for (int round = 0; round < rounds; round++) {
    unsigned seed = 7919u * (unsigned)(round + 1);
    struct thin_history h = {0};
    struct azd_thin_count counted;
    struct azd_store_stats before, after;
    struct world w;
    int64_t seqs[THIN_RUNS];
    size_t marked;
    int first_pinned = 0;
    world_init(&w, factory);
    for (int pass = 0; pass < 2; pass++) {
      for (int r = 0; r < THIN_RUNS / 2; r++) thin_run(&w, &h, &seed);
      int pinned = rand_r(&seed) % h.runs;
      while (!h.kept[pinned]) pinned++;
      if (pass == 0)
        must(azd_store_baseline_set(w.store, SCOPE, &(struct azd_str){"t", 1}, 1, h.seqs[pinned], false, AZD_STR("x"),
                                    AZD_STR("y"), NULL, ERR));
      else
        must(azd_store_accept(w.store, SCOPE,
                              &(struct azd_accepted){.id = AZD_STR("/r"),
                                                     .type = AZD_STR("t"),
                                                     .states = &(struct azd_accepted_state){.seq = h.seqs[pinned]},
                                                     .state_count = 1,
                                                     .revision = AZD_ACCEPTED_ANY},
                              ERR));
      if (pass == 0) first_pinned = pinned;
      bool first_was_kept = h.kept[first_pinned];
      size_t count = thin_choose(&h, pinned, &seed, seqs);
      h.kept[first_pinned] = first_was_kept;
      must(azd_store_stats(w.store, &before, ERR));
      must(azd_store_thin_count(w.store, SCOPE, seqs, count, &counted, ERR));
      must(azd_store_thin(w.store, SCOPE, seqs, count, &marked, ERR));
      assert_int_equal(counted.snapshots, marked);
      thin_to_the_end(&w, 1 + rand_r(&seed) % 40);
      must(azd_store_stats(w.store, &after, ERR));
      assert_int_equal(counted.versions, before.versions - after.versions);
      assert_int_equal(counted.body_bytes, before.body_bytes - after.body_bytes);
      thin_assert_as_modelled(&w, &h);
    }
    world_free(&w);
  }
}

/* Died after any number of steps: what is kept reads as ever, runs go on, and the next to come finishes. */
static void thinning_out_may_stop_anywhere(void **state) {
  const struct store_factory *factory = *state;
  for (int steps = 0; steps < (factory->remote ? 3 : 8); steps++) {
    unsigned seed = 104729u * (unsigned)(steps + 1);
    struct thin_history h = {0};
    struct world w;
    int64_t seqs[THIN_RUNS], deleted;
    bool done = false;
    world_init(&w, factory);
    for (int r = 0; r < THIN_RUNS / 2; r++) thin_run(&w, &h, &seed);
    size_t count = thin_choose(&h, -1, &seed, seqs);
    must(azd_store_thin(w.store, SCOPE, seqs, count, NULL, ERR));
    for (int n = 0; n < steps && !done; n++) must(azd_store_thin_step(w.store, SCOPE, 9, &deleted, &done, ERR));
    world_reopen(&w);
    for (int r = 0; r < h.runs; r++)
      if (h.kept[r]) world_assert_at(&w, h.seqs[r], h.states[r]);
    world_assert_sound(&w);
    thin_run(&w, &h, &seed);
    thin_to_the_end(&w, 9);
    thin_assert_as_modelled(&w, &h);
    world_free(&w);
  }
}

/* The map of an engine that was away while what it knows was thinned out: a resource that is gone is gone. */
static void map_from_before_thinning_out_is_loaded_anew(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  world_init(&w, *state);
  int64_t first = world_first(&w, 30, states);
  struct azd_map *old = azd_map_new();
  must(azd_store_map_load(w.store, SCOPE, old, ERR));
  memcpy(next, states, sizeof next);
  next[3] = 0, next[4] = 2;
  int64_t second = world_commit(&w, states, next);
  next[5] = 2;
  memcpy(states, next, sizeof next);
  states[5] = 1;
  world_commit(&w, states, next);
  must(azd_store_thin(w.store, SCOPE, (int64_t[]){first, second}, 2, NULL, ERR));
  thin_to_the_end(&w, 100);
  must(azd_store_map_load(w.store, SCOPE, old, ERR));
  must(azd_store_map_load(w.store, SCOPE, w.map, ERR));
  assert_int_equal(azd_map_count(old), 29);
  for (size_t i = 0; i < azd_map_count(old); i++)
    assert_memory_equal(&azd_map_entries(old)[i], &azd_map_entries(w.map)[i], sizeof(struct azd_map_entry));
  azd_map_free(old);
  world_free(&w);
}

static void last_snapshot_and_baselines_are_never_thinned_out(void **state) {
  struct world w;
  int states[WORLD_RESOURCES], next[WORLD_RESOURCES];
  size_t marked;
  world_init(&w, *state);
  int64_t first = world_first(&w, 30, states);
  memcpy(next, states, sizeof next);
  next[3] = 2;
  int64_t second = world_commit(&w, states, next), seqs[] = {first, second, 99};
  must(azd_store_baseline_set(w.store, SCOPE, &(struct azd_str){"t", 1}, 1, first, false, AZD_STR("x"), AZD_STR("y"),
                              NULL, ERR));
  must(azd_store_thin(w.store, SCOPE, seqs, 3, &marked, ERR));
  assert_int_equal(marked, 0);
  world_assert_at(&w, first, states);
  world_assert_at(&w, second, next);
  /* The other way round: what is thinned out cannot become a baseline. */
  must(azd_store_baseline_clear(w.store, SCOPE, (struct azd_str){0}, ERR));
  int64_t third = world_commit(&w, next, states);
  must(azd_store_thin(w.store, SCOPE, &second, 1, &marked, ERR));
  assert_int_equal(marked, 1);
  assert_int_equal(azd_store_baseline_set(w.store, SCOPE, &(struct azd_str){"t", 1}, 1, second, false, AZD_STR("x"),
                                          AZD_STR("y"), NULL, ERR),
                   AZD_ENOTFOUND);
  thin_to_the_end(&w, 100);
  world_assert_at(&w, third, states);
  world_assert_sound(&w);
  world_free(&w);
}

#define STORE_CONTRACT_THIN_CASES                                                                                      \
  STORE_CASE(what_is_kept_reads_the_same_after_thinning_out), STORE_CASE(thinning_out_may_stop_anywhere),              \
      STORE_CASE(map_from_before_thinning_out_is_loaded_anew),                                                         \
      STORE_CASE(last_snapshot_and_baselines_are_never_thinned_out)

#endif
