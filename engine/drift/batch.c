#include "drift/batch.h"
#include "drift/drift_json.h"

#include <stdlib.h>

struct stored_side {
  bool present;
  struct azd_str view, api_version, redaction, body;
};

struct stored_pair {
  struct azd_str id, type;
  struct stored_side before, after;
  bool accepted;
};

struct azd_batch {
  struct stored_pair pairs[AZD_BATCH_PAIRS];
  struct azd_batch_drift drifts[AZD_BATCH_PAIRS];
  uint32_t count;
  struct azd_arena arena; /* of the pairs; then of the drifts' texts */
  struct azd_buf errors, quiet;
};

struct azd_batch_worker {
  struct azd_detector *detector;
  struct azd_codec_work *codec;
  struct azd_buf before, after;
};

struct azd_batch *azd_batch_new(void) {
  struct azd_batch *batch = calloc(1, sizeof *batch);
  if (!batch) return NULL;
  azd_arena_init(&batch->arena, 0);
  azd_buf_init(&batch->errors, 0);
  azd_buf_init(&batch->quiet, 0);
  return batch;
}

void azd_batch_free(struct azd_batch *batch) {
  if (!batch) return;
  azd_arena_free(&batch->arena);
  azd_buf_free(&batch->errors);
  azd_buf_free(&batch->quiet);
  free(batch);
}

struct azd_batch_worker *azd_batch_worker_new(void) {
  struct azd_batch_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  worker->detector = azd_detector_new();
  worker->codec = azd_codec_work_new();
  azd_buf_init(&worker->before, AZD_BODY_MAX_BYTES);
  azd_buf_init(&worker->after, AZD_BODY_MAX_BYTES);
  if (worker->detector && worker->codec) return worker;
  azd_batch_worker_free(worker);
  return NULL;
}

void azd_batch_worker_free(struct azd_batch_worker *worker) {
  if (!worker) return;
  azd_detector_free(worker->detector);
  azd_codec_work_free(worker->codec);
  azd_buf_free(&worker->before);
  azd_buf_free(&worker->after);
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

int azd_batch_fill(struct azd_batch *batch, struct azd_pair_cursor *cursor, struct azd_error *error) {
  azd_arena_reset(&batch->arena);
  batch->count = 0;
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

static enum azd_redacted redacted_how(const struct stored_pair *stored) {
  struct azd_str before = stored->before.redaction, after = stored->after.redaction;
  if (azd_str_equal(before, after)) return AZD_REDACTED_ALIKE;
  return azd_str_equal(key_of(before), key_of(after)) ? AZD_REDACTED_OTHER_RULES : AZD_REDACTED_OTHER_KEY;
}

static int judge_pair(struct azd_batch_worker *worker, const struct azd_detect_options *options,
                      const struct azd_codec *codec, const struct stored_pair *stored, struct azd_detected *found,
                      struct azd_error *error) {
  int status = decode(worker, codec, &stored->before, &worker->before, error);
  if (!status) status = decode(worker, codec, &stored->after, &worker->after, error);
  struct azd_detect_pair pair = {
      .id = stored->id,
      .type = stored->type,
      .before = {.view = stored->before.view, .api_version = stored->before.api_version},
      .after = {.view = stored->after.view, .api_version = stored->after.api_version},
      .redacted = redacted_how(stored),
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
  *result = (struct azd_batch_result){.drifts = batch->drifts, .complete = true};
  azd_buf_clear(&batch->errors);
  azd_buf_clear(&batch->quiet);
  int status = 0;
  for (uint32_t i = 0; i < batch->count && !status; i++) {
    struct azd_detected found;
    status = judge_pair(worker, options, codec, &batch->pairs[i], &found, error);
    if (status) return status;
    result->pairs++;
    result->effects += found.effects;
    result->notes += found.notes;
    result->ignored += found.ignored;
    result->not_compared += found.not_compared;
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
