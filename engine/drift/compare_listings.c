#include "drift/compare_listings.h"
#include "drift/compare_impl.h"
#include "drift/drift_json.h"

#include <stdlib.h>

enum list { DRIFTS, ERRORS, QUIET, LISTS };

/* What is told of one resource: for each list a slice of the part's texts. */
struct told {
  struct azd_str id; /* trimmed; in the part's arena */
  size_t begin[LISTS], bytes[LISTS];
};

struct azd_compare_part {
  struct azd_compare_result result;
  struct azd_arena arena;
  struct azd_buf texts, told; /* told: of struct told */
};

struct slice {
  struct azd_comparer *comparer;
  const struct azd_detect_options *options;
  const struct azd_listing *old_listing, *new_listing;
  struct azd_compare_part *part;
  struct azd_error *error;
};

void azd_compare_part_free(struct azd_compare_part *part) {
  if (!part) return;
  azd_arena_free(&part->arena);
  azd_buf_free(&part->texts);
  azd_buf_free(&part->told);
  free(part);
}

static int tell(struct slice *slice, struct azd_str id, const struct azd_detected *found) {
  struct azd_compare_part *part = slice->part;
  const struct azd_str none = {"", 0}, texts[LISTS] = {
                                           found->found ? found->json : none,
                                           azd_script_errors_inside(found->errors),
                                           azd_compare_is_quiet(slice->options, found) ? found->json : none,
                                       };
  azd_compare_count(&part->result, found);
  if (!texts[DRIFTS].size && !texts[ERRORS].size && !texts[QUIET].size) return 0;
  while (id.size && id.data[id.size - 1] == '/') id.size--;
  const char *copy = azd_arena_copy(&part->arena, id);
  struct told told = {.id = {copy, id.size}};
  for (int list = 0; list < LISTS; list++) {
    told.begin[list] = part->texts.size;
    told.bytes[list] = texts[list].size;
    azd_buf_append_str(&part->texts, texts[list]);
  }
  azd_buf_append(&part->told, &told, sizeof told);
  if (copy && !azd_buf_status(&part->texts) && !azd_buf_status(&part->told)) return 0;
  return azd_fail(slice->error, AZD_ENOMEM, "no memory for the report");
}

static int read_side(struct slice *slice, const struct azd_listing *listing, const struct azd_listing_entry *entry,
                     struct azd_compare_text *text, struct azd_buf *pointer, struct azd_listing_body *body,
                     struct azd_detect_side *side) {
  if (!entry) return 0;
  int status = azd_listing_body(listing, entry, &text->bytes, text->doc, &text->inventory, pointer, body, slice->error);
  if (!status) *side = (struct azd_detect_side){.doc = text->doc, .node = body->node, .pointer = body->pointer};
  return status;
}

static int compare_pair(struct slice *slice, const struct azd_listing_entry *before,
                        const struct azd_listing_entry *after) {
  struct azd_comparer *comparer = slice->comparer;
  struct azd_listing_body old_body, new_body;
  struct azd_detect_pair pair = {.views_differ = false};
  struct azd_detected found;
  int status = read_side(slice, slice->old_listing, before, &comparer->old_text, &comparer->old_pointer, &old_body,
                         &pair.before);
  if (!status)
    status = read_side(slice, slice->new_listing, after, &comparer->new_text, &comparer->new_pointer, &new_body,
                       &pair.after);
  if (status) return status;
  pair.id = after ? new_body.id : old_body.id;
  pair.type = after ? new_body.type : old_body.type;
  status = azd_detect_nodes(comparer->detector, slice->options, &pair, &found, slice->error);
  return status ? status : tell(slice, pair.id, &found);
}

/* Keys are hashes: their first two bytes part them evenly. */
static uint32_t slice_of(const struct azd_listing_entry *entry, uint32_t slices) {
  return ((uint32_t)entry->key[0] << 8 | entry->key[1]) * slices >> 16;
}

static const struct azd_listing_entry *narrow(const struct azd_listing_entry *entry,
                                              const struct azd_listing_entry **end, uint32_t slice, uint32_t slices) {
  while (entry < *end && slice_of(entry, slices) < slice) entry++;
  while (*end > entry && slice_of(*end - 1, slices) > slice) --*end;
  return entry;
}

/* Both sides in step: what stands on one side only, and what differs. */
static int compare_slice(struct slice *slice, uint32_t number, uint32_t slices) {
  uint32_t old_count, new_count;
  const struct azd_listing_entry *before = azd_listing_entries(slice->old_listing, &old_count);
  const struct azd_listing_entry *after = azd_listing_entries(slice->new_listing, &new_count);
  const struct azd_listing_entry *old_end = before + old_count, *new_end = after + new_count;
  before = narrow(before, &old_end, number, slices);
  after = narrow(after, &new_end, number, slices);
  int status = 0;
  while (!status && (before < old_end || after < new_end)) {
    int order = before == old_end ? 1 : after == new_end ? -1 : memcmp(before->key, after->key, sizeof before->key);
    bool is_same = order == 0 && !memcmp(before->hash, after->hash, sizeof before->hash);
    if (!is_same) status = compare_pair(slice, order <= 0 ? before : NULL, order >= 0 ? after : NULL);
    before += order <= 0;
    after += order >= 0;
  }
  return status;
}

int azd_compare_listings(struct azd_comparer *comparer, const struct azd_detect_options *options,
                         const struct azd_listing *old_listing, const struct azd_listing *new_listing, uint32_t number,
                         uint32_t slices, struct azd_compare_part **out, struct azd_error *error) {
  AZD_ASSERT(number < slices && slices <= UINT16_MAX);
  struct azd_compare_part *part = calloc(1, sizeof *part);
  if (!part) return azd_fail(error, AZD_ENOMEM, "no memory for a comparison");
  azd_arena_init(&part->arena, 0);
  azd_buf_init(&part->texts, 0);
  azd_buf_init(&part->told, 0);
  part->result = (struct azd_compare_result){.complete = true};
  if (number == 0) { /* of the files, so once */
    part->result.duplicate_keys = azd_listing_duplicate_keys(old_listing) + azd_listing_duplicate_keys(new_listing);
    part->result.old_resources = azd_listing_resources(old_listing);
    part->result.new_resources = azd_listing_resources(new_listing);
  }
  struct slice slice = {comparer, options, old_listing, new_listing, part, error};
  int status = compare_slice(&slice, number, slices);
  if (status)
    azd_compare_part_free(part);
  else
    *out = part;
  return status;
}

/* ---- all slices ---- */

struct placed {
  const struct azd_compare_part *part;
  const struct told *told;
};

static int by_id(const void *a, const void *b) {
  return azd_str_compare_fold(((const struct placed *)a)->told->id, ((const struct placed *)b)->told->id);
}

static uint32_t told_count(const struct azd_compare_part *part) {
  return (uint32_t)(part->told.size / sizeof(struct told));
}

static void add_result(struct azd_compare_result *sum, const struct azd_compare_result *part) {
  sum->drifts += part->drifts;
  for (int severity = 0; severity <= AZD_SEVERITY_CRITICAL; severity++)
    sum->by_severity[severity] += part->by_severity[severity];
  sum->changes += part->changes;
  sum->effects += part->effects;
  sum->notes += part->notes;
  sum->ignored += part->ignored;
  sum->not_compared += part->not_compared;
  sum->duplicate_keys += part->duplicate_keys;
  sum->old_resources += part->old_resources;
  sum->new_resources += part->new_resources;
  sum->complete = sum->complete && part->complete;
}

int azd_compare_join(struct azd_compare_part *const *parts, uint32_t count, struct azd_buf *out, struct azd_buf *errors,
                     struct azd_buf *quiet, struct azd_compare_result *result, struct azd_error *error) {
  struct azd_buf *const lists[LISTS] = {[DRIFTS] = out, [ERRORS] = errors, [QUIET] = quiet};
  size_t total = 0, next = 0;
  int status = 0;
  *result = (struct azd_compare_result){.complete = true};
  for (uint32_t i = 0; i < count; i++) total += told_count(parts[i]);
  struct placed *placed = malloc((total + 1) * sizeof *placed);
  if (!placed) return azd_fail(error, AZD_ENOMEM, "no memory for the report");
  for (uint32_t i = 0; i < count; i++) {
    const struct told *told = (const void *)parts[i]->told.data;
    add_result(result, &parts[i]->result);
    for (uint32_t k = 0; k < told_count(parts[i]); k++) placed[next++] = (struct placed){parts[i], &told[k]};
  }
  qsort(placed, total, sizeof *placed, by_id);
  azd_buf_append_char(out, '[');
  for (size_t i = 0; i < total; i++) {
    const struct told *told = placed[i].told;
    for (int list = 0; list < LISTS; list++)
      azd_compare_append(lists[list],
                         (struct azd_str){placed[i].part->texts.data + told->begin[list], told->bytes[list]});
  }
  azd_buf_append_char(out, ']');
  free(placed);
  for (int list = 0; list < LISTS && !status; list++) status = azd_buf_status(lists[list]);
  return status ? azd_fail(error, status, "no memory for the report") : 0;
}
