/* Verdicts, their messages, and errors: what becomes of a policy's answer. */
#include "script/judge_impl.h"
#include "json/canonical.h"

#include <stdio.h>

enum { VALUE_MAX_BYTES = 120 };

/* Names as azd_message_names lists them. */
enum {
  M_PATH,
  M_OLD,
  M_NEW,
  M_OP,
  M_KEY,
  M_RESOURCE_NAME,
  M_RESOURCE_ID,
  M_RESOURCE_TYPE,
  M_RESOURCE_KIND,
  M_RESOURCE_GROUP,
  M_RESOURCE_SUBSCRIPTION,
  M_RESOURCE_LOCATION,
  M_ACTOR_NAME,
  M_ACTOR_KIND,
  M_ACTOR_ID,
  M_ACTOR_OPERATION
};

struct filling {
  struct azd_judge *judge;
  const struct azd_match *match;
};

/* A value in a sentence: text as it is, anything else as JSON, long ones cut. */
static struct azd_str value_text(struct azd_judge *judge, const struct azd_doc *doc, azd_node node,
                                 struct azd_arena *arena) {
  struct azd_str text;
  if (!doc || node == AZD_NODE_NONE) return AZD_STR("absent");
  if (azd_doc_type(doc, node) == AZD_JSON_STRING) {
    text = azd_doc_string(doc, node);
  } else {
    azd_buf_clear(&judge->text);
    azd_json_write(doc, node, 0, &judge->text); /* what did not fit is cut below */
    text = azd_buf_str(&judge->text);
  }
  size_t keep = text.size;
  if (keep > VALUE_MAX_BYTES) {
    keep = VALUE_MAX_BYTES;
    while (keep > 0 && ((unsigned char)text.data[keep] & 0xc0) == 0x80) keep--;
  }
  char out[VALUE_MAX_BYTES + 8];
  int size = snprintf(out, sizeof out, "%.*s%s", (int)keep, text.data, keep < text.size ? "..." : "");
  const char *copy = azd_arena_copy(arena, (struct azd_str){out, (size_t)size});
  return copy ? (struct azd_str){copy, (size_t)size} : AZD_STR("");
}

static struct azd_str actor_text(const struct azd_judging *run, const char *field) {
  azd_node actor = azd_judge_context(run, "actor");
  struct azd_str text = {NULL, 0};
  if (actor != AZD_NODE_NONE) text = azd_doc_text(run->input->context, actor, field);
  return text.data ? text : AZD_STR("somebody unknown");
}

static struct azd_str fill(void *context, int name, struct azd_arena *arena) {
  const struct filling *filling = context;
  const struct azd_judging *run = &filling->judge->run;
  const struct azd_change *change = run->changes[filling->match->change];
  static const char *const ops[] = {"add", "remove", "replace", "move"};
  switch (name) {
  case M_PATH: return filling->match->path.size ? filling->match->path : AZD_STR("the whole resource");
  case M_OLD: return value_text(filling->judge, run->input->before, filling->match->old_node, arena);
  case M_NEW: return value_text(filling->judge, run->input->after, filling->match->new_node, arena);
  case M_OP: return azd_str_of(ops[change->op]);
  case M_KEY: return change->key_value.data ? change->key_value : AZD_STR("");
  case M_RESOURCE_NAME: return azd_judge_resource_name(run);
  case M_RESOURCE_ID: return run->input->id;
  case M_RESOURCE_TYPE: return run->input->type;
  case M_RESOURCE_KIND: return azd_str_of(azd_drift_kind_name(run->input->kind));
  case M_RESOURCE_GROUP: return azd_judge_group_name(run);
  case M_RESOURCE_SUBSCRIPTION: return azd_judge_subscription(run);
  case M_RESOURCE_LOCATION: {
    const struct azd_doc *doc;
    azd_node node = azd_judge_known(run, "location", &doc);
    return node == AZD_NODE_NONE ? AZD_STR("") : value_text(filling->judge, doc, node, arena);
  }
  case M_ACTOR_NAME: return actor_text(run, "name");
  case M_ACTOR_KIND: return actor_text(run, "kind");
  case M_ACTOR_ID: return actor_text(run, "id");
  default: return actor_text(run, "operation");
  }
}

static void add_change(struct azd_verdict_link *link, uint32_t change) {
  uint32_t count = link->verdict.change_count, at = count;
  while (at > 0 && link->changes[at - 1] >= change) at--;
  if (at < count && link->changes[at] == change) return;
  memmove(link->changes + at + 1, link->changes + at, (count - at) * sizeof *link->changes);
  link->changes[at] = change;
  link->verdict.change_count++;
}

int azd_judge_say(struct azd_judge *judge, const struct azd_policy *policy, enum azd_severity severity,
                  const char *message, const char *fix, const struct azd_texts *refs, const struct azd_match *matches,
                  uint32_t match_count) {
  struct azd_judging *run = &judge->run;
  struct filling filling = {judge, &matches[0]};
  message = azd_message_fill(azd_str_of(message), fill, &filling, run->arena);
  fix = azd_message_fill(azd_str_of(fix), fill, &filling, run->arena);
  if (!message || !fix) return AZD_ENOMEM;
  struct azd_verdict_link *link = run->verdicts;
  for (; link; link = link->next)
    if (link->verdict.policy == policy->name && link->verdict.severity == severity &&
        strcmp(link->verdict.message, message) == 0 && strcmp(link->verdict.fix, fix) == 0)
      break;
  if (!link) {
    link = azd_arena_zalloc(run->arena, sizeof *link);
    uint32_t *changes = azd_arena_alloc(run->arena, run->change_count * sizeof *changes);
    if (!link || !changes) return AZD_ENOMEM;
    link->changes = changes;
    link->verdict = (struct azd_verdict){.policy = policy->name,
                                         .severity = severity,
                                         .message = message,
                                         .fix = fix,
                                         .refs = refs->items,
                                         .ref_count = refs->count,
                                         .changes = changes};
    *run->verdicts_end = link;
    run->verdicts_end = &link->next;
  }
  for (uint32_t i = 0; i < match_count; i++) add_change(link, matches[i].change);
  return 0;
}

int azd_judge_error(struct azd_judge *judge, const char *policy, const char *at, const char *text, bool stopped) {
  struct azd_judging *run = &judge->run;
  for (struct azd_error_link *link = run->errors; link; link = link->next)
    if (strcmp(link->error.policy, policy) == 0 && strcmp(link->error.at, at) == 0)
      return 0; /* once a drift is enough */
  struct azd_error_link *link = azd_arena_zalloc(run->arena, sizeof *link);
  if (!link) return AZD_ENOMEM;
  link->error = (struct azd_script_error){policy, azd_arena_copy(run->arena, azd_str_of(at)),
                                          azd_arena_copy(run->arena, azd_str_of(text)), stopped};
  if (!link->error.at || !link->error.text) return AZD_ENOMEM;
  *run->errors_end = link;
  run->errors_end = &link->next;
  return 0;
}
