#include "drift/detect.h"
#include "base/crypto.h"
#include "drift/drift_json.h"
#include "script/judge.h"
#include "json/canonical.h"
#include "json/redact.h"

#include <stdlib.h>

struct detector_side {
  struct azd_doc *doc;   /* of stored bytes */
  struct azd_doc *clean; /* of the redacted form, where there was something to redact */
  struct azd_buf canonical;
};

struct azd_detector {
  struct detector_side before, after;
  struct azd_diff *diff;
  struct azd_judge *judge;
  struct azd_redactor *redactor;
  struct azd_buf redactor_key;
  struct azd_arena arena;
  struct azd_doc *context; /* made by a pair's around */
  struct azd_buf around;
  struct azd_buf json, errors;
  struct azd_judgement judgement;
  struct azd_detect_last last;
};

static bool side_init(struct detector_side *side) {
  side->doc = azd_doc_new();
  side->clean = azd_doc_new();
  azd_buf_init(&side->canonical, 0);
  return side->doc && side->clean;
}

static void side_free(struct detector_side *side) {
  azd_doc_free(side->doc);
  azd_doc_free(side->clean);
  azd_buf_free(&side->canonical);
}

struct azd_detector *azd_detector_new(void) {
  struct azd_detector *detector = calloc(1, sizeof *detector);
  if (!detector) return NULL;
  azd_arena_init(&detector->arena, 0);
  azd_buf_init(&detector->json, 0);
  azd_buf_init(&detector->around, 0);
  azd_buf_init(&detector->errors, 0);
  azd_buf_init(&detector->redactor_key, 0);
  bool sides = side_init(&detector->before);
  sides = side_init(&detector->after) && sides;
  detector->diff = azd_diff_new();
  detector->judge = azd_judge_new();
  detector->context = azd_doc_new();
  if (sides && detector->diff && detector->judge && detector->context) return detector;
  azd_detector_free(detector);
  return NULL;
}

void azd_detector_free(struct azd_detector *detector) {
  if (!detector) return;
  side_free(&detector->before);
  side_free(&detector->after);
  azd_diff_free(detector->diff);
  azd_judge_free(detector->judge);
  azd_redactor_free(detector->redactor);
  azd_buf_free(&detector->redactor_key);
  azd_arena_free(&detector->arena);
  azd_doc_free(detector->context);
  azd_buf_free(&detector->around);
  azd_buf_free(&detector->json);
  azd_buf_free(&detector->errors);
  free(detector);
}

static int redactor_for(struct azd_detector *detector, struct azd_str key) {
  if (detector->redactor && azd_str_equal(azd_buf_str(&detector->redactor_key), key)) return 0;
  azd_redactor_free(detector->redactor);
  azd_buf_clear(&detector->redactor_key);
  azd_buf_append_str(&detector->redactor_key, key);
  detector->redactor = azd_buf_status(&detector->redactor_key) ? NULL : azd_redactor_new(key);
  return detector->redactor ? 0 : AZD_ENOMEM;
}

/* Replaces the side by its redacted form where it holds a secret. */
static int redact_side(struct azd_detector *detector, struct detector_side *memory, const struct azd_trie *trie,
                       struct azd_detect_side *side, struct azd_error *error) {
  uint32_t secrets = 0;
  if (!side->doc) return 0;
  int status = azd_redact_count(detector->redactor, trie, side->doc, side->node, &secrets, error);
  if (status || !secrets) return status;
  azd_buf_clear(&memory->canonical);
  status = azd_redact_canonical(detector->redactor, trie, side->doc, side->node, &memory->canonical, NULL, error);
  if (status) return status;
  status = azd_doc_parse(memory->clean, azd_buf_str(&memory->canonical), NULL, error);
  if (status) return status;
  side->doc = memory->clean;
  side->node = 0;
  return 0;
}

/* A difference at an identity counts only where the rules compare it: several services write such a value anew with an
 * ordinary update, and their rules observe or ignore it. */
static bool was_recreated(const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                          const struct azd_diff *diff) {
  for (uint32_t i = 0; i < azd_diff_count(diff); i++) {
    const struct azd_change *change = azd_diff_change(diff, i);
    if (change->op != AZD_OP_REPLACE || change->class != AZD_CLASS_CHANGE) continue;
    if (azd_doc_type(pair->before.doc, change->old_node) != AZD_JSON_STRING ||
        azd_doc_type(pair->after.doc, change->new_node) != AZD_JSON_STRING ||
        azd_str_equal_fold(azd_doc_string(pair->before.doc, change->old_node),
                           azd_doc_string(pair->after.doc, change->new_node)))
      continue;
    for (uint32_t k = 0; k < options->identity_count; k++)
      if (azd_str_equal_fold(change->pointer, options->identities[k])) return true;
  }
  return false;
}

static enum azd_drift_kind kind_of(const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                                   const struct azd_diff *diff) {
  if (!pair->before.doc) return AZD_DRIFT_ADDED;
  if (!pair->after.doc) return AZD_DRIFT_REMOVED;
  return was_recreated(options, pair, diff) ? AZD_DRIFT_RECREATED : AZD_DRIFT_CHANGED;
}

static bool both_told_and_differ(struct azd_str before, struct azd_str after) {
  return before.size && after.size && !azd_str_equal_fold(before, after);
}

/* What differs in how the sides were read: a mask of enum azd_between. What is not known of one side does not. */
static uint32_t read_between(const struct azd_detect_pair *pair) {
  uint32_t between = 0;
  if (!pair->before.doc || !pair->after.doc) return 0;
  if (pair->views_differ || both_told_and_differ(pair->before.view, pair->after.view)) between |= AZD_BETWEEN_VIEWS;
  if (both_told_and_differ(pair->before.api_version, pair->after.api_version)) between |= AZD_BETWEEN_VERSIONS;
  return between;
}

static int by_text(const void *a, const void *b) {
  return azd_str_compare(*(const struct azd_str *)a, *(const struct azd_str *)b);
}

/* First 16 hex of SHA-256(scope, type and id, kind, sorted paths): what first_seen, acknowledgements and mutes follow.
 */
static int fingerprint(struct azd_detector *detector, const struct azd_detect_options *options,
                       const struct azd_detect_pair *pair, const struct azd_diff *diff,
                       const struct azd_judgement *judgement, struct azd_detected *found) {
  uint32_t total = diff ? azd_diff_count(diff) : 0, count = 0;
  struct azd_str *paths = azd_arena_alloc(&detector->arena, (total + 1) * sizeof *paths);
  if (!paths) return AZD_ENOMEM;
  for (uint32_t i = 0; i < total; i++)
    if ((judgement ? judgement->changes[i].class : azd_diff_change(diff, i)->class) == AZD_CLASS_CHANGE)
      paths[count++] = azd_diff_change(diff, i)->property;
  qsort(paths, count, sizeof *paths, by_text);
  uint8_t digest[AZD_SHA256_BYTES];
  struct azd_buf *text = &detector->errors; /* written later */
  azd_buf_clear(text);
  const struct azd_str parts[] = {options->scope, pair->type, pair->id, azd_str_of(azd_drift_kind_name(found->kind))};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    size_t start = text->size;
    azd_buf_append_str(text, parts[i]);
    azd_buf_append_char(text, '\n');
    if (azd_buf_status(text)) return azd_buf_status(text);
    for (size_t at = start; at < text->size; at++) text->data[at] = (char)azd_fold((unsigned char)text->data[at]);
  }
  for (uint32_t i = 0; i < count; i++) {
    azd_buf_append_str(text, paths[i]);
    azd_buf_append_char(text, '\n');
  }
  if (azd_buf_status(text)) return azd_buf_status(text);
  azd_sha256_of(text->data, text->size, digest);
  azd_hex(digest, (AZD_FINGERPRINT_BYTES - 1) / 2, found->fingerprint);
  return 0;
}

static void count_classes(const struct azd_diff *diff, const struct azd_judgement *judgement,
                          struct azd_detected *found) {
  if (!diff) {
    found->changes = judgement ? judgement->counted : 1;
    return;
  }
  uint32_t counts[AZD_CLASS_IGNORED + 1] = {0};
  for (uint32_t i = 0; i < azd_diff_count(diff); i++)
    counts[judgement ? judgement->changes[i].class : azd_diff_change(diff, i)->class]++;
  found->changes = counts[AZD_CLASS_CHANGE];
  found->effects = counts[AZD_CLASS_EFFECT];
  found->notes = counts[AZD_CLASS_NOTE];
  found->ignored = counts[AZD_CLASS_IGNORED];
  found->not_compared = azd_diff_not_compared(diff);
  found->apart = azd_diff_apart_count(diff);
}

/* What stands around the resource, where somebody will ask: a document a drift, and none for what rules swallow. */
static int context_of(struct azd_detector *detector, const struct azd_detect_pair *pair, const struct azd_diff *diff,
                      const struct azd_doc **context, struct azd_error *error) {
  *context = pair->context;
  if (*context || !pair->around || (diff && !azd_diff_count_of(diff, AZD_CLASS_CHANGE))) return 0;
  azd_buf_clear(&detector->around);
  int status = pair->around(pair->around_argument, &detector->around, error);
  if (!status && azd_buf_status(&detector->around))
    status = azd_fail(error, azd_buf_status(&detector->around), "no memory for what stands around a resource");
  if (!status) status = azd_doc_parse(detector->context, azd_buf_str(&detector->around), NULL, error);
  if (!status) *context = detector->context;
  return status;
}

static int judge_pair(struct azd_detector *detector, const struct azd_detect_options *options,
                      const struct azd_detect_pair *pair, const struct azd_diff *diff, struct azd_judgement *judgement,
                      struct azd_detected *found, struct azd_error *error) {
  const struct azd_doc *context;
  int status = context_of(detector, pair, diff, &context, error);
  if (status) return status;
  struct azd_judge_input input = {
      .kind = found->kind,
      .id = pair->id,
      .type = pair->type,
      .before = pair->before.doc,
      .before_node = pair->before.node,
      .after = pair->after.doc,
      .after_node = pair->after.node,
      .diff = diff,
      .context = context,
      .against_baseline = options->against_baseline,
      .now_ms = options->now_ms,
  };
  azd_judge_use(detector->judge, options->bundle);
  status = azd_judge_run(detector->judge, &input, &detector->arena, judgement, error);
  if (status) return status;
  found->severity = judgement->severity;
  /* What was made again under its name lost what hung on it (role assignments, diagnostics), whatever its body says. */
  if (found->kind == AZD_DRIFT_RECREATED) found->severity = azd_severity_max(found->severity, AZD_SEVERITY_MEDIUM);
  found->complete = judgement->complete;
  found->expected = judgement->expected;
  return 0;
}

/* How the two bodies are to be compared. Between two versions that the tables of the type both know, those say what
 * both can carry. */
static int options_of(const struct azd_detect_options *options, const struct azd_detect_pair *pair, uint32_t between,
                      struct azd_diff_options *how, struct azd_error *error) {
  const struct azd_property_tree *tree = NULL;
  struct azd_properties *tables = options->bundle ? azd_bundle_properties(options->bundle) : NULL;
  *how = (struct azd_diff_options){.raw = options->raw, .between = between, .redacted = pair->redacted};
  if (between != AZD_BETWEEN_VERSIONS || !tables) return 0;
  int status = azd_properties_of(tables, pair->type, &tree, error);
  if (status || !tree) return status;
  how->old_version = azd_property_version(tree, pair->before.api_version);
  how->new_version = azd_property_version(tree, pair->after.api_version);
  if (how->old_version != AZD_PROPERTY_VERSION && how->new_version != AZD_PROPERTY_VERSION) how->properties = tree;
  return 0;
}

/* Redacts what is not redacted yet. */
static int prepare_sides(struct azd_detector *detector, const struct azd_detect_options *options,
                         const struct azd_trie *trie, struct azd_detect_pair *pair, struct azd_error *error) {
  if (options->raw || !options->redaction_key.size) return 0;
  int status = redactor_for(detector, options->redaction_key);
  if (status) return azd_fail(error, status, "no memory for a redactor");
  status = redact_side(detector, &detector->before, trie, &pair->before, error);
  if (!status) status = redact_side(detector, &detector->after, trie, &pair->after, error);
  return status;
}

int azd_detect_nodes(struct azd_detector *detector, const struct azd_detect_options *options,
                     const struct azd_detect_pair *asked, struct azd_detected *found, struct azd_error *error) {
  struct azd_detect_pair pair = *asked;
  struct azd_judgement *judged = NULL;
  const struct azd_trie *trie = NULL;
  struct azd_diff *diff = NULL;
  *found = (struct azd_detected){.complete = true, .json = AZD_STR("{}"), .errors = AZD_STR("[]")};
  azd_arena_reset(&detector->arena);
  detector->last = (struct azd_detect_last){0};
  uint32_t between = options->raw ? 0 : read_between(&pair);
  if (!options->raw && !(trie = azd_ruleset_trie(azd_bundle_ruleset(options->bundle), pair.type, between, error)))
    return AZD_ENOMEM;
  int status = prepare_sides(detector, options, trie, &pair, error);
  if (status) return status;
  found->between = between;
  if (pair.before.doc && pair.after.doc) {
    struct azd_diff_options how;
    diff = detector->diff;
    status = options_of(options, &pair, between, &how, error);
    if (status) return status;
    status = azd_diff_run(diff, trie, pair.before.doc, pair.before.node, pair.after.doc, pair.after.node, &how, error);
    if (status) return status;
  }
  found->kind = kind_of(options, &pair, diff);
  if (!options->raw) {
    status = judge_pair(detector, options, &pair, diff, &detector->judgement, found, error);
    if (status) return status;
    judged = &detector->judgement;
  }
  if (diff)
    detector->last = (struct azd_detect_last){.diff = diff,
                                              .judged = judged,
                                              .before = pair.before.doc,
                                              .after = pair.after.doc,
                                              .before_node = pair.before.node,
                                              .after_node = pair.after.node};
  count_classes(diff, judged, found);
  found->found = found->changes != 0;
  if (!found->found && found->effects) found->kind = AZD_DRIFT_STATE;
  if (!found->found && !found->effects && !found->notes && !found->ignored && found->complete) return 0;
  status = fingerprint(detector, options, &pair, diff, judged, found);
  if (status) return azd_fail(error, status, "no memory for the drift of %.*s", AZD_STR_FORMAT(pair.id));
  azd_buf_clear(&detector->json);
  azd_buf_clear(&detector->errors);
  azd_drift_json(&detector->json, options, &pair, diff, judged, found);
  azd_script_errors_json(&detector->errors, judged);
  found->json = azd_buf_str(&detector->json);
  found->errors = azd_buf_str(&detector->errors);
  status = azd_buf_status(&detector->json) ? azd_buf_status(&detector->json) : azd_buf_status(&detector->errors);
  return status ? azd_fail(error, status, "no memory for the drift of %.*s", AZD_STR_FORMAT(pair.id)) : 0;
}

void azd_detector_last(const struct azd_detector *detector, struct azd_detect_last *last) {
  *last = detector->last;
}

static int parse_side(struct detector_side *memory, struct azd_detect_side *side, struct azd_str bytes,
                      const char *which, struct azd_error *error) {
  side->doc = NULL;
  side->node = 0;
  if (!bytes.size) return 0;
  int status = azd_doc_parse(memory->doc, bytes, NULL, error);
  if (status == AZD_EPARSE) {
    azd_error_prefix(error, "stored body %s", which);
    return error ? error->code = AZD_ECORRUPT : AZD_ECORRUPT;
  }
  if (!status) side->doc = memory->doc;
  return status;
}

int azd_detect_bytes(struct azd_detector *detector, const struct azd_detect_options *options,
                     struct azd_detect_pair *pair, struct azd_str before, struct azd_str after,
                     struct azd_detected *found, struct azd_error *error) {
  int status = parse_side(&detector->before, &pair->before, before, "before", error);
  if (!status) status = parse_side(&detector->after, &pair->after, after, "after", error);
  return status ? status : azd_detect_nodes(detector, options, pair, found, error);
}
