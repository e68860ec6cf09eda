#include "drift/batch.h"
#include "drift/drift_json.h"
#include "json/canonical.h"

#include <stdlib.h>

struct stored_side {
  bool present;
  struct azd_str view, api_version, redaction, body;
};

struct stored_pair {
  struct azd_str id, type;
  struct stored_side before, after;
  struct azd_str group, parent; /* encoded bodies of what stands around it, or empty */
  bool accepted;
};

struct azd_batch {
  struct stored_pair pairs[AZD_BATCH_PAIRS];
  struct azd_batch_drift drifts[AZD_BATCH_PAIRS];
  struct azd_batch_name apart[AZD_BATCH_PAIRS];
  uint32_t count;
  struct azd_arena arena; /* of the pairs and what stands around them; then of the drifts' texts */
  struct azd_neighbours neighbours;
  struct azd_str managed_by; /* as struct azd_around's, in the arena */
  struct azd_buf errors, quiet;
};

struct azd_batch_worker {
  struct azd_detector *detector;
  struct azd_codec_work *codec;
  struct azd_doc *group;
  struct azd_buf before, after, around;
};

struct azd_batch *azd_batch_new(void) {
  struct azd_batch *batch = calloc(1, sizeof *batch);
  if (!batch) return NULL;
  azd_arena_init(&batch->arena, 0);
  azd_neighbours_init(&batch->neighbours);
  azd_buf_init(&batch->errors, 0);
  azd_buf_init(&batch->quiet, 0);
  return batch;
}

void azd_batch_free(struct azd_batch *batch) {
  if (!batch) return;
  azd_arena_free(&batch->arena);
  azd_neighbours_free(&batch->neighbours);
  azd_buf_free(&batch->errors);
  azd_buf_free(&batch->quiet);
  free(batch);
}

struct azd_batch_worker *azd_batch_worker_new(void) {
  struct azd_batch_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  worker->detector = azd_detector_new();
  worker->codec = azd_codec_work_new();
  worker->group = azd_doc_new();
  azd_buf_init(&worker->before, AZD_BODY_MAX_BYTES);
  azd_buf_init(&worker->after, AZD_BODY_MAX_BYTES);
  azd_buf_init(&worker->around, AZD_BODY_MAX_BYTES);
  if (worker->detector && worker->codec && worker->group) return worker;
  azd_batch_worker_free(worker);
  return NULL;
}

void azd_batch_worker_free(struct azd_batch_worker *worker) {
  if (!worker) return;
  azd_detector_free(worker->detector);
  azd_codec_work_free(worker->codec);
  azd_buf_free(&worker->before);
  azd_buf_free(&worker->after);
  azd_buf_free(&worker->around);
  azd_doc_free(worker->group);
  free(worker);
}

static bool keep_text(struct azd_batch *batch, struct azd_str text, struct azd_str *kept) {
  char *copy = azd_arena_copy(&batch->arena, text);
  *kept = (struct azd_str){copy, text.size};
  return copy != NULL;
}

static bool keep_side(struct azd_batch *batch, bool present, const struct azd_version *version,
                      struct stored_side *side) {
  *side = (struct stored_side){.present = present};
  if (!present) return true;
  return keep_text(batch, version->view, &side->view) && keep_text(batch, version->api_version, &side->api_version) &&
         keep_text(batch, version->redaction, &side->redaction) && keep_text(batch, version->body, &side->body);
}

static int keep_around(struct azd_batch *batch, const struct azd_around *around, struct stored_pair *stored,
                       struct azd_error *error) {
  stored->group = stored->parent = (struct azd_str){"", 0};
  if (!around) return 0;
  struct azd_str group = azd_group_id(around, stored->id), parent = azd_parent_id(around, stored->id);
  int status = 0;
  if (group.size) status = azd_neighbours_find(&batch->neighbours, around, group, &batch->arena, &stored->group, error);
  if (!status && parent.size)
    status = azd_neighbours_find(&batch->neighbours, around, parent, &batch->arena, &stored->parent, error);
  return status;
}

int azd_batch_fill(struct azd_batch *batch, struct azd_pair_cursor *cursor, const struct azd_around *around,
                   struct azd_error *error) {
  azd_arena_reset(&batch->arena);
  azd_neighbours_reset(&batch->neighbours);
  batch->count = 0;
  batch->managed_by = (struct azd_str){"", 0};
  if (around && !keep_text(batch, around->managed_by, &batch->managed_by))
    return azd_fail(error, AZD_ENOMEM, "no memory for a batch of resources");
  while (batch->count < AZD_BATCH_PAIRS && batch->arena.used_bytes < AZD_BATCH_BYTES) {
    struct azd_pair pair;
    int status = azd_pair_next(cursor, &pair, error);
    if (status < 0) return status;
    if (status == 0) break;
    struct stored_pair *stored = &batch->pairs[batch->count];
    const struct azd_version *named = pair.has_after ? &pair.after : &pair.before;
    stored->accepted = pair.accepted;
    if (!keep_text(batch, named->id, &stored->id) || !keep_text(batch, named->type, &stored->type) ||
        !keep_side(batch, pair.has_before, &pair.before, &stored->before) ||
        !keep_side(batch, pair.has_after, &pair.after, &stored->after))
      return azd_fail(error, AZD_ENOMEM, "no memory for a batch of resources");
    if ((status = keep_around(batch, around, stored, error))) return status;
    batch->count++;
  }
  return (int)batch->count;
}

static int decode(struct azd_batch_worker *worker, const struct azd_codec *codec, const struct stored_side *side,
                  struct azd_buf *bytes, struct azd_error *error) {
  azd_buf_clear(bytes);
  return side->present ? azd_codec_decode(codec, worker->codec, side->body, bytes, error) : 0;
}

static struct azd_str key_of(struct azd_str redaction) {
  const char *slash = redaction.size ? memchr(redaction.data, '/', redaction.size) : NULL;
  return (struct azd_str){redaction.data, slash ? (size_t)(slash - redaction.data) : redaction.size};
}

enum azd_redacted azd_redacted_how(struct azd_str before, struct azd_str after) {
  if (azd_str_equal(before, after)) return AZD_REDACTED_ALIKE;
  return azd_str_equal(key_of(before), key_of(after)) ? AZD_REDACTED_OTHER_RULES : AZD_REDACTED_OTHER_KEY;
}

/* For azd_detect_pair's around. */
struct surroundings {
  struct azd_batch_worker *worker;
  const struct azd_codec *codec;
  const struct stored_pair *stored;
  struct azd_str managed_by;
};

static void write_member(struct azd_buf *json, const char *name, const struct azd_doc *doc, azd_node node) {
  if (node == AZD_NODE_NONE) return;
  if (json->size && json->data[json->size - 1] != '{') azd_buf_append_char(json, ',');
  azd_buf_append_json(json, azd_str_of(name));
  azd_buf_append_char(json, ':');
  azd_json_write(doc, node, 0, json);
}

static int write_group(const struct surroundings *at, struct azd_buf *json, struct azd_error *error) {
  struct azd_batch_worker *worker = at->worker;
  azd_buf_clear(&worker->around);
  int status = azd_codec_decode(at->codec, worker->codec, at->stored->group, &worker->around, error);
  if (!status) status = azd_doc_parse(worker->group, azd_buf_str(&worker->around), NULL, error);
  if (status) return status;
  azd_buf_append_text(json, "\"group\":{");
  write_member(json, "tags", worker->group, azd_doc_member_fold(worker->group, 0, AZD_STR("tags")));
  write_member(json, "managed_by", worker->group, azd_doc_member_fold(worker->group, 0, at->managed_by));
  azd_buf_append_char(json, '}');
  return 0;
}

static int write_around(void *argument, struct azd_buf *json, struct azd_error *error) {
  const struct surroundings *at = argument;
  int status = 0;
  azd_buf_append_char(json, '{');
  if (at->stored->group.size) status = write_group(at, json, error);
  if (!status && at->stored->parent.size) {
    azd_buf_append_text(json, at->stored->group.size ? ",\"parent\":" : "\"parent\":");
    status = azd_codec_decode(at->codec, at->worker->codec, at->stored->parent, json, error);
  }
  azd_buf_append_char(json, '}');
  return status;
}

static int judge_pair(struct azd_batch_worker *worker, const struct azd_detect_options *options,
                      const struct azd_codec *codec, const struct stored_pair *stored, struct azd_str managed_by,
                      struct azd_detected *found, struct azd_error *error) {
  int status = decode(worker, codec, &stored->before, &worker->before, error);
  if (!status) status = decode(worker, codec, &stored->after, &worker->after, error);
  struct surroundings surroundings = {worker, codec, stored, managed_by};
  struct azd_detect_pair pair = {
      .id = stored->id,
      .type = stored->type,
      .before = {.view = stored->before.view, .api_version = stored->before.api_version},
      .after = {.view = stored->after.view, .api_version = stored->after.api_version},
      .redacted = azd_redacted_how(stored->before.redaction, stored->after.redaction),
      .around = stored->group.size || stored->parent.size ? write_around : NULL,
      .around_argument = &surroundings,
  };
  if (!status)
    status = azd_detect_bytes(worker->detector, options, &pair, azd_buf_str(&worker->before),
                              azd_buf_str(&worker->after), found, error);
  if (status) azd_error_prefix(error, "%.*s", AZD_STR_FORMAT(stored->id));
  return status;
}

static void append_object(struct azd_buf *out, struct azd_str json) {
  if (out->size) azd_buf_append_char(out, ',');
  azd_buf_append_str(out, json);
}

static int keep_drift(struct azd_batch *batch, const struct stored_pair *stored, const struct azd_detected *found,
                      uint32_t place) {
  struct azd_batch_drift *drift = &batch->drifts[place];
  struct azd_str expected = azd_str_of(found->expected ? found->expected : ""), json, name;
  if (!keep_text(batch, found->json, &json) || !keep_text(batch, expected, &name)) return AZD_ENOMEM;
  *drift = (struct azd_batch_drift){
      .id = stored->id, .type = stored->type, .accepted = stored->accepted, .detected = *found};
  drift->detected.json = json;
  drift->detected.errors = AZD_STR("");
  drift->detected.expected = found->expected ? name.data : NULL;
  return 0;
}

int azd_batch_judge(struct azd_batch *batch, struct azd_batch_worker *worker, const struct azd_detect_options *options,
                    const struct azd_codec *codec, struct azd_batch_result *result, struct azd_error *error) {
  *result = (struct azd_batch_result){.drifts = batch->drifts, .apart = batch->apart, .complete = true};
  azd_buf_clear(&batch->errors);
  azd_buf_clear(&batch->quiet);
  int status = 0;
  for (uint32_t i = 0; i < batch->count && !status; i++) {
    struct azd_detected found;
    status = judge_pair(worker, options, codec, &batch->pairs[i], batch->managed_by, &found, error);
    if (status) return status;
    result->pairs++;
    result->effects += found.effects;
    result->notes += found.notes;
    result->ignored += found.ignored;
    result->not_compared += found.not_compared;
    if (found.apart)
      batch->apart[result->apart_count++] = (struct azd_batch_name){batch->pairs[i].id, batch->pairs[i].type};
    result->complete = result->complete && found.complete;
    if (found.errors.size > 2) append_object(&batch->errors, azd_script_errors_inside(found.errors));
    if (found.found)
      status = keep_drift(batch, &batch->pairs[i], &found, result->count++);
    else if (found.effects || found.notes || (options->show_ignored && found.ignored))
      append_object(&batch->quiet, found.json);
  }
  if (!status) status = azd_buf_status(&batch->errors) ? azd_buf_status(&batch->errors) : azd_buf_status(&batch->quiet);
  if (status) return azd_fail(error, status, "no memory for the drifts of a batch");
  result->errors = azd_buf_str(&batch->errors);
  result->quiet = azd_buf_str(&batch->quiet);
  return 0;
}
