/* Every version of a scope as it is stored: does it stand under its own key, do the versions of one resource follow
 * each other, does a run stand behind each beginning and end? A run that is published meanwhile is no fault: what lies
 * above the last snapshot is left to the next check, but for ends, which only a snapshot can have made. */
#include "store/check.h"

#include <stdio.h>
#include <stdlib.h>

struct scanning {
  struct azd_checking *checking;
  struct azd_str scope;
  const struct azd_mark *marks;
  size_t mark_count;
  int64_t last;        /* the seq of the last snapshot that was published when the scan began */
  int64_t unknown_end; /* an end above it, to be asked for again; 0: none */
  struct azd_key key;  /* of the version before */
  int64_t to_seq;      /* its end; 0: there is none before */
};

static int compare_marks(const void *a, const void *b) {
  int64_t x = ((const struct azd_mark *)a)->seq, y = ((const struct azd_mark *)b)->seq;
  return (x > y) - (x < y);
}

static bool has_snapshot(const struct azd_mark *marks, size_t count, int64_t seq) {
  struct azd_mark wanted = {.seq = seq};
  return count && bsearch(&wanted, marks, count, sizeof *marks, compare_marks);
}

static void found(const struct scanning *s, const struct azd_version *v, const char *what) {
  char text[256];
  snprintf(text, sizeof text, "%.*s, version %lld of %.*s: %s", AZD_STR_FORMAT(s->scope), (long long)v->from_seq,
           v->id.size > 100 ? 100 : (int)v->id.size, v->id.data, what);
  azd_checking_found(s->checking, text);
}

static void check_one(struct scanning *s, const struct azd_version *v) {
  struct azd_key key = azd_key_of(v->type, v->id);
  if (!has_snapshot(s->marks, s->mark_count, v->from_seq)) {
    s->checking->check->left_over++; /* of a run that died, or has not ended yet: nobody sees it */
    return;
  }
  if (azd_key_compare(&key, &v->key)) found(s, v, "its id or type is not the one it was stored under");
  if (s->to_seq && azd_key_compare(&s->key, &v->key) == 0 && v->from_seq < s->to_seq && v->from_seq <= s->last)
    found(s, v, "it begins before the version it follows has ended");
  if (v->to_seq < v->from_seq)
    found(s, v, "it ends before it begins");
  else if (v->to_seq != AZD_SEQ_OPEN && !has_snapshot(s->marks, s->mark_count, v->to_seq)) {
    if (v->to_seq > s->last)
      s->unknown_end = v->to_seq;
    else
      found(s, v, "it was ended by a run that has no snapshot");
  }
  s->key = v->key;
  s->to_seq = v->to_seq;
}

static int check_unknown_end(struct scanning *s, struct azd_error *error) {
  struct azd_arena arena;
  struct azd_mark *marks;
  size_t count;
  char text[256];
  if (!s->unknown_end) return 0;
  azd_arena_init(&arena, 0);
  int rc = azd_store_marks(s->checking->store, s->scope, &arena, &marks, &count, error);
  if (!rc && !has_snapshot(marks, count, s->unknown_end)) {
    snprintf(text, sizeof text, "%.*s: versions were ended by run %lld, whose snapshot is gone",
             AZD_STR_FORMAT(s->scope), (long long)s->unknown_end);
    azd_checking_found(s->checking, text);
  }
  azd_arena_free(&arena);
  return rc;
}

static int check_pins(struct scanning *s, struct azd_arena *arena, struct azd_error *error) {
  int64_t *pinned;
  size_t count;
  char text[256];
  int rc = azd_store_pinned(s->checking->store, s->scope, arena, &pinned, &count, error);
  for (size_t i = 0; !rc && i < count; i++) {
    bool is_there = false;
    for (size_t k = 0; k < s->mark_count; k++)
      is_there = is_there || (s->marks[k].seq == pinned[i] && s->marks[k].state == AZD_MARK_KEPT);
    /* Pins are sorted; one that came with a newer snapshot is none of ours. */
    if (is_there || pinned[i] > s->last || (i && pinned[i] == pinned[i - 1])) continue;
    snprintf(text, sizeof text, "%.*s: a baseline stands on snapshot %lld, which is not there",
             AZD_STR_FORMAT(s->scope), (long long)pinned[i]);
    azd_checking_found(s->checking, text);
  }
  return rc;
}

int azd_check_intervals(struct azd_checking *checking, struct azd_str scope, struct azd_error *error) {
  struct scanning s = {.checking = checking, .scope = scope};
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  struct azd_mark *marks = NULL;
  struct azd_arena arena;
  struct azd_error failure = {0};
  azd_arena_init(&arena, 0);
  int rc = azd_store_marks(checking->store, scope, &arena, &marks, &s.mark_count, error);
  s.marks = marks;
  for (size_t i = 0; i < s.mark_count; i++)
    if (marks[i].state == AZD_MARK_KEPT) s.last = marks[i].seq;
  if (!rc) rc = azd_store_scan(checking->store, &(struct azd_scan_query){.scope = scope}, &cursor, &failure);
  while (!rc && (rc = azd_version_next(cursor, &version, &failure)) > 0) {
    rc = 0;
    check_one(&s, &version);
  }
  azd_version_close(cursor);
  if (rc == AZD_ECORRUPT) {
    azd_checking_found(checking, failure.text);
    rc = 0;
  } else if (rc && failure.text[0]) {
    azd_fail(error, rc, "%s", failure.text);
  }
  if (!rc) rc = check_unknown_end(&s, error);
  if (!rc) rc = check_pins(&s, &arena, error);
  azd_arena_free(&arena);
  return rc;
}
