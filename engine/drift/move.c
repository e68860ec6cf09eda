#include "drift/move.h"
#include "script/judge.h"
#include "json/canonical.h"
#include "json/edit.h"

/* property is at place or below it: "a.b" has "a.b", "a.b.c" and "a.b[0]". */
static bool lies_at(struct azd_str property, struct azd_str place) {
  if (property.size < place.size || memcmp(property.data, place.data, place.size) != 0) return false;
  if (property.size == place.size) return true;
  return property.data[place.size] == '.' || property.data[place.size] == '[';
}

static bool is_asked_for(const struct azd_move *move, struct azd_str property) {
  for (size_t i = 0; i < move->place_count; i++)
    if (lies_at(property, move->places[i])) return true;
  return false;
}

static struct azd_edit edit_of(const struct azd_change *change) {
  if (change->op == AZD_OP_ADD)
    return (struct azd_edit){.at = change->old_parent, .with = change->new_node, .adds = true};
  return (struct azd_edit){.at = change->old_node,
                           .with = change->op == AZD_OP_REMOVE ? AZD_NODE_NONE : change->new_node};
}

/* Chooses the edits; those of what is left are counted. */
static struct azd_edit *choose(const struct azd_move *move, const struct azd_detect_last *last, struct azd_arena *arena,
                               size_t *count, struct azd_moved *moved) {
  uint32_t changes = azd_diff_count(last->diff), apart = move->apart ? azd_diff_apart_count(last->diff) : 0;
  struct azd_edit *edits = azd_arena_alloc(arena, (changes + apart + 1) * sizeof *edits);
  *count = 0;
  for (uint32_t i = 0; edits && i < changes; i++) {
    const struct azd_change *change = azd_diff_change(last->diff, i);
    if ((last->judged ? last->judged->changes[i].class : change->class) != AZD_CLASS_CHANGE) continue;
    if (!is_asked_for(move, change->property)) {
      moved->left++;
      continue;
    }
    edits[(*count)++] = edit_of(change);
    moved->moved++;
  }
  for (uint32_t i = 0; edits && i < apart; i++) {
    const struct azd_apart *place = azd_diff_apart(last->diff, i);
    edits[(*count)++] = (struct azd_edit){.at = place->old_node, .with = place->new_node};
    moved->apart++;
  }
  return edits;
}

/* The detector's documents are of the pair that was compared last: they are read before anything else is compared. */
static int write_moved(const struct azd_detect_last *last, struct azd_edit *edits, size_t count, struct azd_buf *bytes,
                       struct azd_error *error) {
  struct azd_buf text;
  struct azd_doc *doc = azd_doc_new();
  azd_buf_init(&text, 0);
  int status = doc ? 0 : AZD_ENOMEM;
  if (!status) status = azd_json_edit(last->before, last->before_node, last->after, edits, count, &text);
  if (!status) status = azd_doc_parse(doc, azd_buf_str(&text), NULL, error);
  if (!status) status = azd_json_canonical(doc, 0, NULL, 0, bytes);
  if (status == AZD_ENOMEM) azd_fail(error, status, "no memory for a baseline");
  azd_buf_free(&text);
  azd_doc_free(doc);
  return status;
}

/* What was asked for must be drift no more. */
static int verify(struct azd_detector *detector, const struct azd_detect_options *options, const struct azd_move *move,
                  struct azd_str bytes, struct azd_error *error) {
  struct azd_detect_pair pair = move->pair;
  struct azd_detected found;
  struct azd_detect_last last;
  int status = azd_detect_bytes(detector, options, &pair, bytes, move->after, &found, error);
  if (status || !found.found) return status;
  azd_detector_last(detector, &last);
  for (uint32_t i = 0; i < azd_diff_count(last.diff); i++) {
    const struct azd_change *change = azd_diff_change(last.diff, i);
    if ((last.judged ? last.judged->changes[i].class : change->class) == AZD_CLASS_CHANGE &&
        is_asked_for(move, change->property))
      return azd_fail(error, AZD_EINVAL,
                      "%.*s cannot be accepted apart from what else changed around it: accept the whole drift",
                      AZD_STR_FORMAT(change->property));
  }
  return 0;
}

int azd_move_run(struct azd_detector *detector, const struct azd_detect_options *options, const struct azd_move *move,
                 struct azd_buf *bytes, struct azd_moved *moved, struct azd_error *error) {
  struct azd_detect_pair pair = move->pair;
  struct azd_detected found;
  struct azd_detect_last last;
  struct azd_arena arena;
  size_t count, begin = bytes->size;
  *moved = (struct azd_moved){0};
  azd_arena_init(&arena, 0);
  int status = azd_detect_bytes(detector, options, &pair, move->before, move->after, &found, error);
  if (!status) {
    azd_detector_last(detector, &last);
    if (!last.diff) { /* they are the same */
      azd_buf_append_str(bytes, move->before);
      return azd_buf_status(bytes) ? azd_fail(error, AZD_ENOMEM, "no memory for a baseline") : 0;
    }
    struct azd_edit *edits = choose(move, &last, &arena, &count, moved);
    status = edits ? write_moved(&last, edits, count, bytes, error)
                   : azd_fail(error, AZD_ENOMEM, "no memory for a baseline");
  }
  if (!status && moved->moved)
    status = verify(detector, options, move, (struct azd_str){bytes->data + begin, bytes->size - begin}, error);
  azd_arena_free(&arena);
  return status;
}
