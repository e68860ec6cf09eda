#include "drift/drift_json.h"
#include "json/canonical.h"

const char *azd_op_name(enum azd_op op) {
  static const char *const names[] = {"add", "remove", "replace", "move"};
  return names[op];
}

static void member(struct azd_buf *out, const char *name) {
  if (out->size && out->data[out->size - 1] != '{') azd_buf_append_char(out, ',');
  azd_buf_append_json(out, azd_str_of(name));
  azd_buf_append_char(out, ':');
}

static void text_member(struct azd_buf *out, const char *name, struct azd_str text) {
  member(out, name);
  azd_buf_append_json(out, text);
}

static void value_member(struct azd_buf *out, const char *name, const struct azd_doc *doc, azd_node node) {
  if (!doc || node == AZD_NODE_NONE) return;
  member(out, name);
  azd_json_write(doc, node, 0, out);
}

static void pointer_member(struct azd_buf *out, struct azd_str prefix, struct azd_str pointer) {
  member(out, "pointer");
  azd_buf_append_char(out, '"');
  azd_buf_append_json_part(out, prefix);
  azd_buf_append_json_part(out, pointer);
  azd_buf_append_char(out, '"');
}

/* Whose text a pointer points into: the new one, for a removal the old one. */
static struct azd_str pointer_prefix(const struct azd_detect_pair *pair, enum azd_op op) {
  return op == AZD_OP_REMOVE || !pair->after.doc ? pair->before.pointer : pair->after.pointer;
}

static void rule_members(struct azd_buf *out, const struct azd_detect_options *options, uint32_t number) {
  if (number == AZD_RULE_NONE || !options->bundle) return;
  const struct azd_rule *rule = azd_ruleset_rule(azd_bundle_ruleset(options->bundle), number);
  if (!rule) return;
  member(out, "rule");
  azd_buf_append_char(out, '{');
  text_member(out, "file", rule->file);
  member(out, "line");
  azd_buf_printf(out, "%d", rule->line);
  text_member(out, "path", rule->path);
  if (rule->why.size) text_member(out, "why", rule->why);
  azd_buf_append_char(out, '}');
}

static void change_object(struct azd_buf *out, const struct azd_detect_options *options,
                          const struct azd_detect_pair *pair, const struct azd_change *change,
                          const struct azd_judged_change *judged) {
  azd_buf_append_char(out, '{');
  text_member(out, "op", azd_str_of(azd_op_name(change->op)));
  text_member(out, "property", change->property);
  pointer_member(out, pointer_prefix(pair, change->op), change->pointer);
  value_member(out, "old_value", pair->before.doc, change->old_node);
  value_member(out, "new_value", pair->after.doc, change->new_node);
  if (judged && judged->severity != AZD_SEVERITY_NONE && !options->rules_only)
    text_member(out, "severity", azd_str_of(azd_severity_name(judged->severity)));
  if (judged && judged->class != AZD_CLASS_CHANGE) rule_members(out, options, judged->rule);
  azd_buf_append_char(out, '}');
}

/* The one change of a resource that stands on one side only. */
static void whole_body(struct azd_buf *out, const struct azd_detect_options *options,
                       const struct azd_detect_pair *pair, const struct azd_judgement *judgement) {
  bool added = !pair->before.doc;
  struct azd_change change = {
      .op = added ? AZD_OP_ADD : AZD_OP_REMOVE,
      .property = AZD_STR(""),
      .pointer = AZD_STR(""),
      .old_node = added ? AZD_NODE_NONE : pair->before.node,
      .new_node = added ? pair->after.node : AZD_NODE_NONE,
      .rule = AZD_RULE_NONE,
  };
  change_object(out, options, pair, &change, judgement && judgement->change_count ? &judgement->changes[0] : NULL);
}

static enum azd_change_class class_of(const struct azd_diff *diff, const struct azd_judgement *judgement,
                                      uint32_t index) {
  return judgement ? judgement->changes[index].class : azd_diff_change(diff, index)->class;
}

static void changes_of(struct azd_buf *out, const char *name, enum azd_change_class class,
                       const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                       const struct azd_diff *diff, const struct azd_judgement *judgement) {
  member(out, name);
  azd_buf_append_char(out, '[');
  if (!diff && class == AZD_CLASS_CHANGE) whole_body(out, options, pair, judgement);
  bool first = true;
  for (uint32_t i = 0, count = diff ? azd_diff_count(diff) : 0; i < count; i++) {
    if (class_of(diff, judgement, i) != class) continue;
    if (!first) azd_buf_append_char(out, ',');
    first = false;
    change_object(out, options, pair, azd_diff_change(diff, i), judgement ? &judgement->changes[i] : NULL);
  }
  azd_buf_append_char(out, ']');
}

/* Places in the drift's "changes" for indexes of the diff: the judge counts all classes, the report only what it lists.
 */
static void change_places(struct azd_buf *out, const struct azd_verdict *verdict,
                          const struct azd_judgement *judgement) {
  azd_buf_append_char(out, '[');
  bool first = true;
  uint32_t place = 0, next = 0;
  for (uint32_t i = 0; i < judgement->change_count && next < verdict->change_count; i++) {
    bool listed = judgement->changes[i].class == AZD_CLASS_CHANGE;
    if (verdict->changes[next] == i) {
      if (listed) azd_buf_printf(out, first ? "%u" : ",%u", place);
      first = first && !listed;
      next++;
    }
    place += listed;
  }
  azd_buf_append_char(out, ']');
}

static void verdicts(struct azd_buf *out, const struct azd_judgement *judgement) {
  member(out, "verdicts");
  azd_buf_append_char(out, '[');
  for (uint32_t i = 0; i < judgement->verdict_count; i++) {
    const struct azd_verdict *verdict = &judgement->verdicts[i];
    azd_buf_append_text(out, i ? ",{" : "{");
    text_member(out, "policy", azd_str_of(verdict->policy));
    text_member(out, "severity", azd_str_of(azd_severity_name(verdict->severity)));
    text_member(out, "message", azd_str_of(verdict->message));
    if (verdict->fix && verdict->fix[0]) text_member(out, "fix", azd_str_of(verdict->fix));
    member(out, "refs");
    azd_buf_append_char(out, '[');
    for (uint32_t r = 0; r < verdict->ref_count; r++) {
      if (r) azd_buf_append_char(out, ',');
      azd_buf_append_json(out, azd_str_of(verdict->refs[r]));
    }
    azd_buf_append_char(out, ']');
    member(out, "changes");
    change_places(out, verdict, judgement);
    azd_buf_append_char(out, '}');
  }
  azd_buf_append_char(out, ']');
}

/* How a body was read, in a note: "list 2023-09-01". */
static void reading(struct azd_buf *out, const char *name, const struct azd_detect_side *side) {
  member(out, name);
  azd_buf_append_char(out, '"');
  azd_buf_append_str(out, side->view);
  if (side->view.size && side->api_version.size) azd_buf_append_char(out, ' ');
  azd_buf_append_str(out, side->api_version);
  azd_buf_append_char(out, '"');
}

/* A note about the whole comparison, not about a place. */
static void open_note(struct azd_buf *out, const char *text) {
  if (out->size && out->data[out->size - 1] != '[') azd_buf_append_char(out, ',');
  azd_buf_append_text(out, "{\"op\":\"replace\",\"property\":\"\"");
  text_member(out, "note", azd_str_of(text));
}

static void notes(struct azd_buf *out, const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                  const struct azd_diff *diff, const struct azd_judgement *judgement,
                  const struct azd_detected *found) {
  changes_of(out, "notes", AZD_CLASS_NOTE, options, pair, diff, judgement);
  if (!diff || options->raw || azd_buf_status(out)) return;
  out->size--; /* reopen the array */
  if (found->between) {
    open_note(out, "read another way: only what both carry was compared");
    reading(out, "old_value", &pair->before);
    reading(out, "new_value", &pair->after);
    azd_buf_append_char(out, '}');
  }
  if (azd_diff_redacted_apart(diff)) {
    open_note(out, "redacted under another key or other rules: secrets were not compared");
    azd_buf_append_char(out, '}');
  }
  azd_buf_append_char(out, ']');
}

void azd_drift_json(struct azd_buf *out, const struct azd_detect_options *options, const struct azd_detect_pair *pair,
                    const struct azd_diff *diff, const struct azd_judgement *judgement,
                    const struct azd_detected *found) {
  azd_buf_append_char(out, '{');
  text_member(out, "kind", azd_str_of(azd_drift_kind_name(found->kind)));
  text_member(out, "resource_type", pair->type);
  text_member(out, "resource_id", pair->id);
  if (judgement && !options->rules_only) {
    text_member(out, "severity", azd_str_of(azd_severity_name(found->severity)));
    if (found->expected) text_member(out, "expected", azd_str_of(found->expected));
    verdicts(out, judgement);
  }
  changes_of(out, "changes", AZD_CLASS_CHANGE, options, pair, diff, judgement);
  changes_of(out, "effects", AZD_CLASS_EFFECT, options, pair, diff, judgement);
  notes(out, options, pair, diff, judgement, found);
  if (options->show_ignored) changes_of(out, "ignored", AZD_CLASS_IGNORED, options, pair, diff, judgement);
  azd_buf_append_char(out, '}');
}

void azd_script_errors_json(struct azd_buf *out, const struct azd_judgement *judgement) {
  azd_buf_append_char(out, '[');
  for (uint32_t i = 0; judgement && i < judgement->error_count; i++) {
    const struct azd_script_error *error = &judgement->errors[i];
    azd_buf_append_text(out, i ? ",{" : "{");
    text_member(out, "policy", azd_str_of(error->policy));
    text_member(out, "at", azd_str_of(error->at));
    text_member(out, "error", azd_str_of(error->text));
    azd_buf_append_char(out, '}');
  }
  azd_buf_append_char(out, ']');
}

struct azd_str azd_script_errors_inside(struct azd_str array) {
  return (struct azd_str){array.data + 1, array.size - 2};
}
