/* Thinning out: which gaps the snapshots that stay leave between them, and what is in those. */
#include "store/driver.h"

#include <stdlib.h>

int azd_store_marks(struct azd_store *store, struct azd_str scope, struct azd_arena *arena, struct azd_mark **marks,
                    size_t *count, struct azd_error *error) {
  return store->ops->marks(store, scope, arena, marks, count, error);
}

static int compare_seqs(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* Sorted, for looking up in. */
static int sorted_copy(struct azd_arena *arena, const int64_t *seqs, size_t count, int64_t **sorted,
                       struct azd_error *error) {
  *sorted = azd_arena_alloc(arena, (count + 1) * sizeof **sorted);
  if (!*sorted) return azd_fail(error, AZD_ENOMEM, "no memory for thinning out");
  if (count) memcpy(*sorted, seqs, count * sizeof **sorted), qsort(*sorted, count, sizeof **sorted, compare_seqs);
  return 0;
}

static bool is_among(int64_t seq, const int64_t *sorted, size_t count) {
  return count && bsearch(&seq, sorted, count, sizeof seq, compare_seqs);
}

int azd_store_thin(struct azd_store *store, struct azd_str scope, const int64_t *seqs, size_t count, size_t *marked,
                   struct azd_error *error) {
  size_t ignored;
  if (!marked) marked = &ignored;
  *marked = 0;
  if (store->read_only) return azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
  return count ? store->ops->thin_mark(store, scope, seqs, count, marked, error) : 0;
}

/* The next gap from *at on that has a snapshot which goes. */
static bool next_gap(const struct azd_mark *marks, size_t count, size_t *at, struct azd_gap *gap, int64_t *going) {
  int64_t after = 0;
  for (size_t i = *at; i-- > 0;)
    if (marks[i].state == AZD_MARK_KEPT) {
      after = marks[i].seq;
      break;
    }
  *going = 0;
  for (; *at < count; ++*at) {
    const struct azd_mark *mark = &marks[*at];
    *going += mark->state == AZD_MARK_THINNING;
    if (mark->state != AZD_MARK_KEPT) continue;
    if (*going) {
      *gap = (struct azd_gap){after, mark->seq};
      return true;
    }
    after = mark->seq;
  }
  return false; /* the last snapshot is always kept: nothing goes behind it */
}

int azd_store_thin_step(struct azd_store *store, struct azd_str scope, int64_t limit, int64_t *deleted, bool *done,
                        struct azd_error *error) {
  struct azd_arena arena;
  struct azd_mark *marks;
  struct azd_gap gap;
  size_t count, at = 0;
  int64_t going;
  *deleted = 0;
  *done = false;
  if (store->read_only) return azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
  if (limit < 1 || limit > AZD_THIN_BATCH_MAX)
    return azd_fail(error, AZD_EINVAL, "a step deletes 1 to %d versions", AZD_THIN_BATCH_MAX);
  azd_arena_init(&arena, 0);
  int rc = azd_store_marks(store, scope, &arena, &marks, &count, error);
  while (!rc && *deleted < limit) {
    int64_t here = 0, left = limit - *deleted;
    *done = !next_gap(marks, count, &at, &gap, &going);
    if (*done) break;
    rc = store->ops->thin_some(store, scope, gap, left, &here, error);
    *deleted += here;
    if (!rc && here < left) rc = store->ops->thin_finish(store, scope, gap, error);
  }
  azd_arena_free(&arena);
  return rc;
}

/* What a baseline or an accepted state stands on. */
int azd_store_pinned(struct azd_store *store, struct azd_str scope, struct azd_arena *arena, int64_t **seqs,
                     size_t *count, struct azd_error *error) {
  struct azd_baseline *baselines;
  struct azd_accepted *accepted;
  size_t baseline_count, accepted_count, most;
  int rc = store->ops->baselines(store, scope, arena, &baselines, &baseline_count, error);
  if (!rc) rc = store->ops->accepted(store, scope, NULL, arena, &accepted, &accepted_count, error);
  if (rc) return rc;
  most = baseline_count;
  for (size_t i = 0; i < accepted_count; i++) most += accepted[i].state_count;
  *seqs = azd_arena_alloc(arena, (most + 1) * sizeof **seqs);
  if (!*seqs) return azd_fail(error, AZD_ENOMEM, "no memory for thinning out");
  *count = 0;
  for (size_t i = 0; i < baseline_count; i++) (*seqs)[(*count)++] = baselines[i].seq;
  for (size_t i = 0; i < accepted_count; i++)
    for (size_t k = 0; k < accepted[i].state_count; k++) (*seqs)[(*count)++] = accepted[i].states[k].seq;
  qsort(*seqs, *count, sizeof **seqs, compare_seqs);
  return 0;
}

int azd_store_thin_count(struct azd_store *store, struct azd_str scope, const int64_t *seqs, size_t seq_count,
                         struct azd_thin_count *counted, struct azd_error *error) {
  struct azd_arena arena;
  struct azd_mark *marks;
  struct azd_gap gap;
  int64_t *wanted, *pinned, going;
  size_t count, pinned_count = 0, at = 0;
  *counted = (struct azd_thin_count){0};
  azd_arena_init(&arena, 0);
  int rc = sorted_copy(&arena, seqs, seq_count, &wanted, error);
  if (!rc) rc = azd_store_pinned(store, scope, &arena, &pinned, &pinned_count, error);
  if (!rc) rc = azd_store_marks(store, scope, &arena, &marks, &count, error);
  for (size_t i = 0; !rc && i + 1 < count; i++)
    if (marks[i].state == AZD_MARK_KEPT && is_among(marks[i].seq, wanted, seq_count) &&
        !is_among(marks[i].seq, pinned, pinned_count)) {
      marks[i].state = AZD_MARK_THINNING;
      counted->snapshots++;
    }
  while (!rc && next_gap(marks, count, &at, &gap, &going)) {
    struct azd_thin_count here = {0};
    rc = store->ops->thin_count(store, scope, gap, &here, error);
    counted->versions += here.versions;
    counted->body_bytes += here.body_bytes;
  }
  azd_arena_free(&arena);
  return rc;
}
