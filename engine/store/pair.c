/* Pairs of versions between two moments, and between the baseline and a moment, from what an implementation lists as
 * touched. The baseline is a sequence of plain differences, one for each seq that is the baseline of some types;
 * resources with a state of their own that was accepted are left out of these and come last. */
#include "base/clock.h"
#include "store/driver.h"

#include <stdlib.h>

typedef uint8_t type_prefix[AZD_KEY_TYPE_BYTES];

/* Types that are compared from one seq. */
struct group {
  int64_t seq;
  type_prefix *types; /* sorted; in the cursor's arena; count 0: all */
  size_t count;
};

struct azd_pair_cursor {
  struct azd_store *store;
  struct azd_arena arena; /* what lives as long as the cursor */
  struct azd_str scope;
  int64_t to_seq;
  bool bodies;
  struct group *groups;
  size_t group_count, group; /* group: the one whose touched versions are being read */

  struct azd_version_cursor *touched; /* NULL: none open */
  int64_t low_seq;                    /* the older of its two moments */
  bool reversed;                      /* before is the newer */
  struct azd_version row[2];          /* read ahead, each in its own arena */
  struct azd_arena row_arena[2];
  int ahead; /* which of them holds a row not given out yet; -1: none */

  const struct azd_baseline *baselines;
  size_t baseline_count;
  struct azd_accepted *accepted; /* those that hold now, in key order, the state that holds first */
  struct azd_key *accepted_keys;
  size_t accepted_count, next_accepted;
};

static int compare_prefix(const void *a, const void *b) {
  return memcmp(a, b, AZD_KEY_TYPE_BYTES);
}
static int compare_key(const void *a, const void *b) {
  return azd_key_compare(a, b);
}

/* ---- one difference: touched versions into pairs ---- */

static int open_group(struct azd_pair_cursor *cursor, struct azd_error *error) {
  const struct group *group = &cursor->groups[cursor->group];
  cursor->reversed = group->seq > cursor->to_seq;
  cursor->low_seq = cursor->reversed ? cursor->to_seq : group->seq;
  cursor->ahead = -1;
  struct azd_touched_query query = {.scope = cursor->scope,
                                    .from_seq = cursor->low_seq,
                                    .to_seq = cursor->reversed ? group->seq : cursor->to_seq,
                                    .types = (const type_prefix *)group->types,
                                    .type_count = group->count,
                                    .bodies = cursor->bodies};
  return cursor->store->ops->touched(cursor->store, &query, &cursor->touched, error);
}

/* 1: row[slot] holds the next touched version, in memory of its own. */
static int read_row(struct azd_pair_cursor *cursor, int slot, struct azd_error *error) {
  int rc = azd_version_next(cursor->touched, &cursor->row[slot], error);
  if (rc <= 0) return rc;
  azd_arena_reset(&cursor->row_arena[slot]);
  rc = azd_version_keep(&cursor->row[slot], &cursor->row_arena[slot]);
  return rc ? azd_fail(error, rc, "no memory for a version") : 1;
}

static void place(const struct azd_pair_cursor *cursor, const struct azd_version *row, struct azd_pair *pair) {
  bool older = row->from_seq <= cursor->low_seq;
  if (older != cursor->reversed)
    pair->before = *row, pair->has_before = true;
  else
    pair->after = *row, pair->has_after = true;
}

/* 1: pair is what the group shows next, equal hashes included. */
static int next_touched(struct azd_pair_cursor *cursor, struct azd_pair *pair, struct azd_error *error) {
  int first = cursor->ahead, rc;
  *pair = (struct azd_pair){0};
  if (first < 0) {
    first = 0;
    rc = read_row(cursor, first, error);
    if (rc <= 0) return rc;
  }
  cursor->ahead = -1;
  place(cursor, &cursor->row[first], pair);
  rc = read_row(cursor, 1 - first, error);
  if (rc < 0) return rc;
  if (rc > 0 && azd_key_compare(&cursor->row[0].key, &cursor->row[1].key) == 0)
    place(cursor, &cursor->row[1 - first], pair);
  else if (rc > 0)
    cursor->ahead = 1 - first;
  return 1;
}

static bool differs(const struct azd_pair *pair) {
  if (!pair->has_before || !pair->has_after) return pair->has_before || pair->has_after;
  return memcmp(pair->before.hash, pair->after.hash, AZD_HASH_BYTES) != 0;
}

/* ---- what was accepted for one resource ---- */

static bool is_accepted(const struct azd_pair_cursor *cursor, const struct azd_pair *pair) {
  const struct azd_key *key = pair->has_before ? &pair->before.key : &pair->after.key;
  return cursor->accepted_count &&
         bsearch(key, cursor->accepted_keys, cursor->accepted_count, sizeof *key, compare_key) != NULL;
}

/* Answers whether the resource is there at seq. */
static int state_at(struct azd_pair_cursor *cursor, const struct azd_key *key, int64_t seq, int slot, bool *there,
                    struct azd_version *version, struct azd_error *error) {
  struct azd_error absent;
  azd_arena_reset(&cursor->row_arena[slot]);
  int rc = azd_store_version(cursor->store, cursor->scope, key, seq, &cursor->row_arena[slot], version, &absent);
  *there = rc == 0;
  if (rc && rc != AZD_ENOTFOUND) return azd_fail(error, rc, "%s", absent.text);
  return 0;
}

static int next_accepted(struct azd_pair_cursor *cursor, struct azd_pair *pair, struct azd_error *error) {
  while (cursor->next_accepted < cursor->accepted_count) {
    const struct azd_accepted *a = &cursor->accepted[cursor->next_accepted];
    const struct azd_key *key = &cursor->accepted_keys[cursor->next_accepted++];
    const struct azd_accepted_state *state = &a->states[0];
    *pair = (struct azd_pair){.accepted = true};
    int rc = state_at(cursor, key, state->seq, 0, &pair->has_before, &pair->before, error);
    if (!rc) rc = state_at(cursor, key, cursor->to_seq, 1, &pair->has_after, &pair->after, error);
    if (rc) return rc;
    if (state->body.size) { /* a state that never was as a whole: part of a drift was accepted */
      pair->has_before = true;
      pair->before.key = *key, pair->before.id = a->id, pair->before.type = a->type, pair->before.body = state->body;
      pair->before.from_seq = state->seq, pair->before.to_seq = AZD_SEQ_OPEN;
      if (state->redaction.size) pair->before.redaction = state->redaction;
      memcpy(pair->before.hash, state->hash, AZD_HASH_BYTES);
    }
    if (differs(pair)) return 1;
  }
  return 0;
}

/* ---- the cursor ---- */

int azd_pair_next(struct azd_pair_cursor *cursor, struct azd_pair *pair, struct azd_error *error) {
  for (;;) {
    if (!cursor->touched) {
      if (cursor->group == cursor->group_count) return next_accepted(cursor, pair, error);
      int rc = open_group(cursor, error);
      if (rc) return rc;
    }
    int rc = next_touched(cursor, pair, error);
    if (rc < 0) return rc;
    if (rc > 0) {
      if (differs(pair) && !is_accepted(cursor, pair)) return 1;
      continue;
    }
    azd_version_close(cursor->touched);
    cursor->touched = NULL;
    cursor->group++;
  }
}

void azd_pair_close(struct azd_pair_cursor *cursor) {
  if (!cursor) return;
  azd_version_close(cursor->touched);
  azd_arena_free(&cursor->row_arena[0]);
  azd_arena_free(&cursor->row_arena[1]);
  azd_arena_free(&cursor->arena);
  free(cursor);
}

static bool asked_for(const struct azd_diff_query *query, const type_prefix prefix) {
  type_prefix each;
  for (size_t i = 0; i < query->type_count; i++) {
    azd_key_type_prefix(query->types[i], each);
    if (!memcmp(each, prefix, sizeof each)) return true;
  }
  return query->type_count == 0;
}

static int plain_group(struct azd_pair_cursor *cursor, const struct azd_diff_query *query) {
  cursor->groups = azd_arena_alloc(&cursor->arena, sizeof *cursor->groups);
  type_prefix *types = azd_arena_alloc(&cursor->arena, (query->type_count + 1) * sizeof *types);
  if (!cursor->groups || !types) return AZD_ENOMEM;
  for (size_t i = 0; i < query->type_count; i++) azd_key_type_prefix(query->types[i], types[i]);
  qsort(types, query->type_count, sizeof *types, compare_prefix);
  cursor->groups[0] = (struct group){.seq = query->from_seq, .types = types, .count = query->type_count};
  cursor->group_count = query->from_seq == query->to_seq ? 0 : 1;
  return 0;
}

static int compare_baselines(const void *a, const void *b) {
  const struct azd_baseline *x = a, *y = b;
  return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static int baseline_groups(struct azd_pair_cursor *cursor, const struct azd_diff_query *query,
                           struct azd_error *error) {
  struct azd_baseline *baselines;
  size_t count;
  int rc = azd_store_baselines(cursor->store, cursor->scope, &cursor->arena, &baselines, &count, error);
  if (rc) return rc;
  if (count) qsort(baselines, count, sizeof *baselines, compare_baselines);
  cursor->baselines = baselines;
  cursor->baseline_count = count;
  cursor->groups = azd_arena_alloc(&cursor->arena, (count + 1) * sizeof *cursor->groups);
  type_prefix *types = azd_arena_alloc(&cursor->arena, (count + 1) * sizeof *types);
  if (!cursor->groups || !types) return azd_fail(error, AZD_ENOMEM, "no memory for baselines");
  for (size_t i = 0; i < count; i++, types++) {
    azd_key_type_prefix(baselines[i].type, *types);
    if (!asked_for(query, *types) || baselines[i].seq == query->to_seq) continue;
    struct group *last = cursor->group_count ? &cursor->groups[cursor->group_count - 1] : NULL;
    if (!last || last->seq != baselines[i].seq) {
      last = &cursor->groups[cursor->group_count++];
      *last = (struct group){.seq = baselines[i].seq, .types = types};
    }
    memmove(last->types + last->count++, types, sizeof *types); /* skipped ones leave gaps: close them */
  }
  for (size_t i = 0; i < cursor->group_count; i++)
    qsort(cursor->groups[i].types, cursor->groups[i].count, sizeof *cursor->groups[i].types, compare_prefix);
  return 0;
}

/* Whether the baseline that a was accepted on is still its type's. */
static bool is_of_baseline(const struct azd_pair_cursor *cursor, const struct azd_accepted *a,
                           const struct azd_key *key) {
  type_prefix each;
  if (!a->baseline_ms) return true;
  for (size_t i = 0; i < cursor->baseline_count; i++) {
    if (cursor->baselines[i].set_ms != a->baseline_ms) continue;
    azd_key_type_prefix(cursor->baselines[i].type, each);
    if (!memcmp(each, key->bytes, sizeof each)) return true;
  }
  return false;
}

/* Skips states whose time is over. */
static bool holds(struct azd_accepted *a, int64_t now_ms) {
  while (a->state_count && a->states[0].until_ms && a->states[0].until_ms <= now_ms) a->states++, a->state_count--;
  return a->state_count != 0;
}

static int accepted_states(struct azd_pair_cursor *cursor, const struct azd_diff_query *query,
                           struct azd_error *error) {
  struct azd_accepted *all;
  size_t count;
  int64_t now_ms = query->now_ms ? query->now_ms : azd_clock_wall_ms();
  int rc = azd_store_accepted(cursor->store, cursor->scope, NULL, &cursor->arena, &all, &count, error);
  if (rc) return rc;
  cursor->accepted = all;
  cursor->accepted_keys = azd_arena_alloc(&cursor->arena, (count + 1) * sizeof *cursor->accepted_keys);
  if (!cursor->accepted_keys) return azd_fail(error, AZD_ENOMEM, "no memory for what was accepted");
  for (size_t i = 0; i < count; i++) {
    struct azd_key key = azd_key_of(all[i].type, all[i].id);
    if (!asked_for(query, key.bytes) || !is_of_baseline(cursor, &all[i], &key) || !holds(&all[i], now_ms)) continue;
    cursor->accepted_keys[cursor->accepted_count] = key;
    cursor->accepted[cursor->accepted_count++] = all[i];
  }
  return 0;
}

int azd_store_diff(struct azd_store *store, const struct azd_diff_query *query, struct azd_pair_cursor **out,
                   struct azd_error *error) {
  struct azd_snapshot end;
  struct azd_pair_cursor *cursor = calloc(1, sizeof *cursor);
  if (!cursor) return azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  *cursor = (struct azd_pair_cursor){.store = store, .to_seq = query->to_seq, .bodies = query->bodies, .ahead = -1};
  azd_arena_init(&cursor->arena, 0);
  azd_arena_init(&cursor->row_arena[0], 0);
  azd_arena_init(&cursor->row_arena[1], 0);
  cursor->scope = azd_arena_keep(&cursor->arena, query->scope);
  struct azd_snapshot_query moment = {.by = AZD_BY_SEQ, .scope = query->scope, .seq = query->to_seq};
  int rc = azd_store_snapshot(store, &moment, &cursor->arena, &end, error);
  if (!rc && query->from_baseline) {
    rc = baseline_groups(cursor, query, error);
    if (!rc) rc = accepted_states(cursor, query, error);
  } else if (!rc && plain_group(cursor, query)) {
    rc = azd_fail(error, AZD_ENOMEM, "no memory for a cursor");
  }
  if (rc)
    azd_pair_close(cursor);
  else
    *out = cursor;
  return rc;
}
