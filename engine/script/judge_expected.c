/* Whether a drift is one that somebody declared to expect. */
#include "base/clock.h"
#include "script/judge_impl.h"

/* `*` and `?` in a declared text; the other side is data. */
static bool is_like(struct azd_str text, const char *pattern) {
  struct azd_str p = azd_str_of(pattern);
  size_t t = 0, i = 0, star = SIZE_MAX, star_text = 0;
  while (t < text.size) {
    if (i < p.size && p.data[i] == '*')
      star = i++, star_text = t;
    else if (i < p.size &&
             (p.data[i] == '?' || azd_fold((unsigned char)p.data[i]) == azd_fold((unsigned char)text.data[t])))
      i++, t++;
    else if (star != SIZE_MAX)
      i = star + 1, t = ++star_text;
    else
      return false;
  }
  while (i < p.size && p.data[i] == '*') i++;
  return i == p.size;
}

static bool one_is_like(const struct azd_texts *patterns, struct azd_str text) {
  for (uint32_t i = 0; i < patterns->count; i++)
    if (text.data && is_like(text, patterns->items[i])) return true;
  return patterns->count == 0;
}

static struct azd_str actor_field(const struct azd_judging *run, azd_node actor, const char *field) {
  return azd_doc_text(run->input->context, actor, field);
}

/* When the actor acted, where that is known; else the moment of the snapshot. */
static int64_t time_of(const struct azd_judging *run, azd_node actor) {
  const struct azd_doc *doc = run->input->context;
  azd_node at = azd_doc_member(doc, actor, AZD_STR("at"));
  int64_t value;
  if (at == AZD_NODE_NONE) return run->input->now_ms;
  if (azd_doc_type(doc, at) == AZD_JSON_NUMBER && azd_doc_int64(doc, at, &value)) return value * 1000;
  if (azd_doc_type(doc, at) == AZD_JSON_STRING && azd_time_parse_ns(azd_doc_string(doc, at), &value))
    return value / 1000000;
  return run->input->now_ms;
}

static bool tags_match(const struct azd_judging *run, const struct azd_expected *expected) {
  if (!expected->tag_count) return true;
  const struct azd_doc *doc;
  azd_node tags = azd_judge_known(run, "tags", &doc);
  for (uint32_t i = 0; i < expected->tag_count; i++) {
    const struct azd_tag_match *wanted = &expected->tags[i];
    azd_node tag = tags == AZD_NODE_NONE ? AZD_NODE_NONE : azd_doc_member_fold(doc, tags, azd_str_of(wanted->name));
    if (tag == AZD_NODE_NONE || azd_doc_type(doc, tag) != AZD_JSON_STRING) return false;
    if (wanted->value && !is_like(azd_doc_string(doc, tag), wanted->value)) return false;
  }
  return true;
}

static bool window_holds(const struct azd_expected *expected, int64_t at_ms) {
  for (uint32_t i = 0; i < expected->window_count; i++)
    if (azd_window_holds(&expected->windows[i], at_ms)) return true;
  return expected->window_count == 0;
}

static bool matches(const struct azd_judging *run, const struct azd_expected *expected, azd_node actor) {
  bool by_name = one_is_like(&expected->actors, actor_field(run, actor, "name"));
  if (!by_name && !one_is_like(&expected->actors, actor_field(run, actor, "id"))) return false;
  return one_is_like(&expected->types, run->input->type) && one_is_like(&expected->groups, azd_judge_group_name(run)) &&
         one_is_like(&expected->operations, actor_field(run, actor, "operation")) &&
         one_is_like(&expected->clients, actor_field(run, actor, "client")) &&
         one_is_like(&expected->deployments, actor_field(run, actor, "deployment")) && tags_match(run, expected) &&
         window_holds(expected, time_of(run, actor));
}

const struct azd_expected *azd_judge_find_expected(struct azd_judge *judge,
                                                   bool (*unless)(struct azd_judge *, const struct azd_expected *)) {
  const struct azd_declarations *declarations = &judge->bundle->declarations;
  const struct azd_judging *run = &judge->run;
  azd_node actor = azd_judge_context(run, "actor");
  if (actor == AZD_NODE_NONE || azd_doc_type(run->input->context, actor) != AZD_JSON_OBJECT)
    return NULL; /* nobody known did it */
  for (uint32_t i = 0; i < declarations->expected_count; i++) {
    const struct azd_expected *expected = &declarations->expected[i];
    if (matches(run, expected, actor) && !(expected->unless >= 0 && unless(judge, expected))) return expected;
  }
  return NULL;
}
