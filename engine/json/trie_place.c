/* Who speaks at one place: the rules that end there are ranked, ties refused, and the answer to each question kept. */
#include "json/trie_impl.h"

#include <stdlib.h>

enum azd_question azd_question_of(enum azd_verb verb) {
  switch (verb) {
  case AZD_VERB_IGNORE:
  case AZD_VERB_OBSERVE:
  case AZD_VERB_COMPARE: return AZD_ASKS_CLASS;
  case AZD_VERB_KEY:
  case AZD_VERB_SET:
  case AZD_VERB_LIST: return AZD_ASKS_ARRAY;
  case AZD_VERB_FOLD:
  case AZD_VERB_SAME: return AZD_ASKS_SAME;
  case AZD_VERB_REDACT: break;
  }
  return AZD_ASKS_REDACT;
}

static uint32_t literals(const struct azd_path *path) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < path->count; i++)
    count += path->steps[i].kind == AZD_STEP_NAME || path->steps[i].kind == AZD_STEP_SELECT;
  return count;
}

int azd_trie_rank(const struct azd_trie_rule *a, const struct azd_trie_rule *b) {
  if (a->rule->layer != b->rule->layer) return a->rule->layer > b->rule->layer ? -1 : 1;
  if (a->path->count != b->path->count) return a->path->count > b->path->count ? -1 : 1;
  uint32_t x = literals(a->path), y = literals(b->path);
  if (x != y) return x > y ? -1 : 1;
  bool a_exact = !azd_str_equal(a->rule->type, AZD_STR("*")), b_exact = !azd_str_equal(b->rule->type, AZD_STR("*"));
  if (a_exact != b_exact) return a_exact ? -1 : 1;
  if (!a->rule->between != !b->rule->between) return a->rule->between ? -1 : 1;
  return (b->rule->condition >= 0) - (a->rule->condition >= 0);
}

static int compare_strength(const void *a, const void *b) {
  const struct azd_trie_rule *x = *(const struct azd_trie_rule *const *)a, *y = *(const struct azd_trie_rule *const *)b;
  int order = azd_trie_rank(x, y);
  if (order) return order;
  /* Within a layer the order of declaration means nothing (a tie is refused); generated rules: the later line wins. */
  bool later_first = x->rule->layer == AZD_LAYER_SCHEMA;
  return (x->number > y->number) == later_first ? -1 : 1;
}

static bool contradict(const struct azd_rule *a, const struct azd_rule *b) {
  if (a->verb != b->verb) return true;
  if (a->verb != AZD_VERB_KEY) return false;
  if (a->by_count != b->by_count) return true;
  for (uint32_t i = 0; i < a->by_count; i++)
    if (!azd_str_equal_fold(a->by[i], b->by[i])) return true;
  return false;
}

static int refuse_tie(const struct azd_trie_rule *x, const struct azd_trie_rule *y, struct azd_error *error) {
  return azd_fail(
      error, AZD_EINVAL,
      "%.*s:%d and %.*s:%d contradict each other at one place ('%.*s' and '%.*s'): make one path longer, or drop one",
      AZD_STR_FORMAT(x->rule->file), x->rule->line, AZD_STR_FORMAT(y->rule->file), y->rule->line,
      AZD_STR_FORMAT(x->rule->path), AZD_STR_FORMAT(y->rule->path));
}

static int add_say(struct azd_places *places, const struct azd_trie_rule *at, struct azd_place *place) {
  struct azd_say say = {at->number, (uint8_t)at->rule->layer, (uint8_t)at->rule->verb, at->rule->condition >= 0};
  azd_buf_append(&places->says, &say, sizeof say);
  place->say_count++;
  return azd_buf_status(&places->says);
}

static int add_same(struct azd_places *places, const struct azd_rule *rule, struct azd_place *place) {
  place->same |= (uint16_t)(rule->verb == AZD_VERB_FOLD ? AZD_SAME_FOLD : rule->same);
  if (rule->verb == AZD_VERB_FOLD || !(rule->same & AZD_SAME_VALUES)) return 0;
  azd_buf_append(&places->values, &rule, sizeof rule);
  place->value_count++;
  return azd_buf_status(&places->values);
}

/* speaking: strongest first. */
static int resolve(struct azd_places *places, const struct azd_trie_rule *const *speaking, uint32_t count,
                   struct azd_place *place, struct azd_error *error) {
  const struct azd_trie_rule *before[AZD_QUESTIONS] = {NULL};
  bool settled = false;
  int status = 0;
  for (uint32_t i = 0; !status && i < count; i++) {
    const struct azd_trie_rule *at = speaking[i], *rival;
    enum azd_question question = azd_question_of(at->rule->verb);
    switch (question) {
    case AZD_ASKS_CLASS:
    case AZD_ASKS_ARRAY:
      rival = before[question];
      if (rival && at->rule->layer != AZD_LAYER_SCHEMA && azd_trie_rank(rival, at) == 0 &&
          contradict(rival->rule, at->rule))
        return refuse_tie(rival, at, error);
      before[question] = at;
      if (question == AZD_ASKS_ARRAY)
        place->array = rival ? place->array : at->rule;
      else if (!settled)
        status = add_say(places, at, place);
      settled |= question == AZD_ASKS_CLASS && at->rule->condition < 0;
      break;
    case AZD_ASKS_SAME: status = add_same(places, at->rule, place); break;
    case AZD_ASKS_REDACT:
    case AZD_QUESTIONS: place->redact = true; break;
    }
  }
  return status;
}

int azd_places_add(struct azd_places *places, const struct azd_trie_rule **speaking, uint32_t count, uint32_t *number,
                   struct azd_error *error) {
  struct azd_place_draft draft = {.first_say = (uint32_t)(places->says.size / sizeof(struct azd_say)),
                                  .first_value = (uint32_t)(places->values.size / sizeof(struct azd_rule *))};
  *number = (uint32_t)(places->drafts.size / sizeof draft);
  if (count) qsort(speaking, count, sizeof *speaking, compare_strength);
  int status = resolve(places, speaking, count, &draft.place, error);
  if (status == AZD_EINVAL) return status;
  azd_buf_append(&places->drafts, &draft, sizeof draft);
  return status || azd_buf_status(&places->drafts) ? azd_fail(error, AZD_ENOMEM, "no memory to compile the rules") : 0;
}

void azd_places_free(struct azd_places *places) {
  azd_buf_free(&places->drafts);
  azd_buf_free(&places->says);
  azd_buf_free(&places->values);
}
