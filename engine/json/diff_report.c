/* A difference that survived becomes a change: its paths, its class, the conditions to ask. */
#include "json/diff_impl.h"
#include "json/path.h"

/* ---- which rule speaks ---- */

static enum azd_change_class class_of(uint8_t verb) {
  return verb == AZD_VERB_IGNORE ? AZD_CLASS_IGNORED : verb == AZD_VERB_OBSERVE ? AZD_CLASS_EFFECT : AZD_CLASS_CHANGE;
}

/* Own says and inherited ones are both sorted strongest first; in one layer the own end nearer. Merges them up to the
 * first without a condition. */
static int merge(struct azd_diff *diff, const struct azd_place *place, struct azd_verdict *verdict) {
  const struct azd_condition *inherited = verdict->conditions;
  const struct azd_when **link = NULL;
  struct azd_verdict merged = *verdict;
  merged.conditions = NULL;
  for (uint32_t i = 0;;) {
    int layer = inherited ? inherited->layer : verdict->layer;
    bool own = i < place->say_count && place->says[i].layer >= layer;
    if (own && !place->says[i].conditional) {
      merged.class = class_of(place->says[i].verb);
      merged.rule = place->says[i].rule;
      merged.layer = place->says[i].layer;
      break;
    }
    if (!own && !inherited) break;
    struct azd_condition *condition = azd_arena_alloc(&diff->arena, sizeof *condition);
    if (!condition) return AZD_ENOMEM;
    if (own) {
      const struct azd_say *say = &place->says[i++];
      *condition = (struct azd_condition){{say->rule, class_of(say->verb), NULL}, say->layer};
    } else {
      *condition = *inherited;
      condition->when.next = NULL;
      inherited = (const struct azd_condition *)(const void *)inherited->when.next;
    }
    if (link)
      *link = &condition->when;
    else
      merged.conditions = condition;
    link = &condition->when.next;
  }
  *verdict = merged;
  return 0;
}

int azd_diff_judge(struct azd_diff *diff, const struct azd_place *place, struct azd_verdict *verdict) {
  if (!place->say_count) return 0;
  if (verdict->conditions || place->says->conditional) return merge(diff, place, verdict);
  if (place->says->layer >= verdict->layer)
    *verdict = (struct azd_verdict){class_of(place->says->verb), place->says->rule, place->says->layer, NULL};
  return 0;
}

/* ---- texts ---- */

static struct azd_str frame_name(const struct azd_diff *diff, const struct azd_frame *frame, bool in_old) {
  in_old = in_old ? frame->old_node != AZD_NODE_NONE : frame->new_node == AZD_NODE_NONE;
  return in_old ? azd_doc_key(diff->old_doc, frame->old_node) : azd_doc_key(diff->new_doc, frame->new_node);
}

static uint32_t frame_index(const struct azd_frame *frame, bool in_old) {
  if (in_old) return frame->old_index != AZD_INDEX_NONE ? frame->old_index : frame->new_index;
  return frame->new_index != AZD_INDEX_NONE ? frame->new_index : frame->old_index;
}

static struct azd_str selector_value(const struct azd_diff *diff, const struct azd_frame *frame, struct azd_str name) {
  const struct azd_doc *doc = frame->new_node != AZD_NODE_NONE ? diff->new_doc : diff->old_doc;
  azd_node node = frame->new_node != AZD_NODE_NONE ? frame->new_node : frame->old_node;
  azd_node member = azd_doc_member_fold(doc, node, name);
  if (member == AZD_NODE_NONE) return AZD_STR("");
  switch (azd_doc_type(doc, member)) {
  case AZD_JSON_STRING: return azd_doc_string(doc, member);
  case AZD_JSON_NUMBER: return azd_doc_number(doc, member);
  case AZD_JSON_TRUE: return AZD_STR("true");
  case AZD_JSON_FALSE: return AZD_STR("false");
  case AZD_JSON_NULL:
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: break;
  }
  return AZD_STR("");
}

/* A member that only some elements have is left out of the selectors of the others. */
static void write_selector(struct azd_diff *diff, const struct azd_frame *frame) {
  struct azd_selector by[AZD_RULE_KEYS_MAX];
  uint32_t count = 0;
  for (uint32_t i = 0; i < frame->pairing->name_count; i++) {
    struct azd_str value = selector_value(diff, frame, frame->pairing->names[i]);
    if (value.size) by[count++] = (struct azd_selector){frame->pairing->names[i], value};
  }
  azd_path_write_selector(&diff->text, by, count);
}

static void write_property(struct azd_diff *diff, const struct azd_frame *const *chain, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    const struct azd_frame *frame = chain[i];
    if (!frame->is_element)
      azd_path_write_name(&diff->text, frame_name(diff, frame, false), i == 0);
    else if (frame->pairing && frame->pairing->name_count)
      write_selector(diff, frame);
    else
      azd_path_write_index(&diff->text, frame_index(frame, false));
  }
}

static void write_pointer(struct azd_diff *diff, const struct azd_frame *const *chain, uint32_t count, bool in_old) {
  for (uint32_t i = 0; i < count; i++) {
    azd_buf_append_char(&diff->text, '/');
    if (chain[i]->is_element) {
      azd_buf_printf(&diff->text, "%u", frame_index(chain[i], in_old));
      continue;
    }
    struct azd_str name = frame_name(diff, chain[i], in_old);
    for (size_t at = 0; at < name.size; at++) {
      char c = name.data[at];
      if (c == '~' || c == '/')
        azd_buf_append(&diff->text, c == '~' ? "~0" : "~1", 2);
      else
        azd_buf_append_char(&diff->text, c);
    }
  }
}

static int keep_text(struct azd_diff *diff, struct azd_str *kept) {
  if (azd_buf_status(&diff->text)) return AZD_ENOMEM;
  diff->text_bytes += diff->text.size;
  if (diff->text_bytes > AZD_DIFF_TEXT_MAX_BYTES) return AZD_ELIMIT;
  const char *copy = azd_arena_copy(&diff->arena, azd_buf_str(&diff->text));
  *kept = (struct azd_str){copy, diff->text.size};
  azd_buf_clear(&diff->text);
  return copy ? 0 : AZD_ENOMEM;
}

int azd_diff_emit(struct azd_diff *diff, const struct azd_frame *frame, enum azd_op op,
                  const struct azd_verdict *verdict) {
  const struct azd_frame *chain[AZD_DIFF_DEPTH_MAX + 1], *keyed = NULL;
  uint32_t count = 0;
  for (const struct azd_frame *at = frame; at->above; at = at->above) {
    count++;
    if (!keyed && at->is_element && at->pairing && at->pairing->name_count) keyed = at;
  }
  uint32_t slot = count;
  for (const struct azd_frame *at = frame; at->above; at = at->above) chain[--slot] = at;

  struct azd_change change = {.op = op,
                              .class = verdict->class,
                              .old_node = frame->old_node,
                              .new_node = frame->new_node,
                              .old_parent = AZD_NODE_NONE,
                              .new_parent = AZD_NODE_NONE,
                              .rule = verdict->rule};
  if (verdict->conditions) change.whens = &verdict->conditions->when;
  if (frame->above) {
    change.old_parent = frame->above->old_node;
    change.new_parent = frame->above->new_node;
  }
  if (keyed) {
    change.key_name = keyed->pairing->names[0];
    change.key_value = selector_value(diff, keyed, change.key_name);
  }
  write_property(diff, chain, count);
  int status = keep_text(diff, &change.property);
  if (!status) {
    write_pointer(diff, chain, count, op == AZD_OP_REMOVE);
    status = keep_text(diff, &change.pointer);
  }
  if (status) return status;
  azd_buf_append(&diff->changes, &change, sizeof change);
  if (azd_buf_status(&diff->changes)) return AZD_ENOMEM;
  diff->counts[change.class]++;
  return 0;
}
