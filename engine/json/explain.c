/* `rules explain`: the same question as the trie answers, asked rule by rule, so that the losers are seen too. */
#include "json/ruleset_impl.h"

#include <stdlib.h>

struct candidate {
  struct azd_trie_rule rule;
  enum azd_question question;
  uint32_t end; /* steps of the asked path that the rule's path covers */
};

static bool step_fits(const struct azd_step *rule, const struct azd_step *asked) {
  switch (rule->kind) {
  case AZD_STEP_NAME: return asked->kind == AZD_STEP_NAME && azd_str_equal_fold(rule->name, asked->name);
  case AZD_STEP_MAP: return asked->kind == AZD_STEP_NAME || asked->kind == AZD_STEP_MAP;
  case AZD_STEP_SELECT: return asked->kind == AZD_STEP_SELECT && azd_selector_equal(rule, asked);
  case AZD_STEP_ITEM:
  case AZD_STEP_INDEX: break;
  }
  return asked->kind == AZD_STEP_ITEM || asked->kind == AZD_STEP_SELECT || asked->kind == AZD_STEP_INDEX;
}

/* The longest start of the asked path that the rule's path names, in steps; -1 for none. Bit i of alive: i steps of the
 * rule have fitted so far. */
static int covered(const struct azd_path *rule, const struct azd_path *asked) {
  uint64_t alive = 1, done = (uint64_t)1 << rule->count;
  int longest = alive & done ? 0 : -1;
  for (uint32_t at = 0; at < asked->count && alive; at++) {
    uint64_t next = 0;
    for (uint32_t i = 0; i < rule->count; i++) {
      if (!(alive & (uint64_t)1 << i)) continue;
      if (rule->steps[i].deep) next |= (uint64_t)1 << i;
      if (step_fits(&rule->steps[i], &asked->steps[at])) next |= (uint64_t)1 << (i + 1);
    }
    alive = next;
    if (alive & done) longest = (int)at + 1;
  }
  return longest;
}

static int compare_candidates(const void *a, const void *b) {
  const struct candidate *x = a, *y = b;
  if (x->question != y->question) return x->question < y->question ? -1 : 1;
  if (x->rule.rule->layer != y->rule.rule->layer) return x->rule.rule->layer > y->rule.rule->layer ? -1 : 1;
  if (x->end != y->end) return x->end > y->end ? -1 : 1;
  int order = azd_trie_rank(&x->rule, &y->rule);
  if (order) return order;
  bool later_first = x->rule.rule->layer == AZD_LAYER_SCHEMA;
  return (x->rule.number > y->rule.number) == later_first ? -1 : 1;
}

static void tell_all(const struct candidate *candidates, uint32_t count, azd_explain_fn *tell, void *context) {
  bool settled[AZD_QUESTIONS] = {false};
  for (uint32_t i = 0; i < count; i++) {
    enum azd_question question = candidates[i].question;
    bool exclusive = question == AZD_ASKS_CLASS || question == AZD_ASKS_ARRAY;
    tell(context, candidates[i].rule.number, !exclusive || !settled[question]);
    if (candidates[i].rule.rule->condition < 0 && !candidates[i].rule.rule->between) settled[question] = true;
  }
}

int azd_ruleset_explain(struct azd_ruleset *ruleset, struct azd_str type, struct azd_str path, azd_explain_fn *tell,
                        void *context, struct azd_error *error) {
  struct azd_arena arena;
  struct azd_buf rules;
  struct azd_path asked;
  azd_arena_init(&arena, 0);
  azd_buf_init(&rules, 0);
  int status = azd_path_parse(path, &arena, &asked, error);
  if (!status) status = azd_ruleset_rules_of(ruleset, type, &rules, error);
  if (status) goto done;
  uint32_t count = (uint32_t)(rules.size / sizeof(struct azd_trie_rule)), found = 0;
  const struct azd_trie_rule *all = (const void *)rules.data;
  struct candidate *candidates = azd_arena_alloc(&arena, (count + 1) * sizeof *candidates);
  if (!candidates) {
    status = azd_fail(error, AZD_ENOMEM, "no memory to explain rules");
    goto done;
  }
  for (uint32_t i = 0; i < count; i++) {
    enum azd_question question = azd_question_of(all[i].rule->verb);
    bool for_all_below = question == AZD_ASKS_CLASS || question == AZD_ASKS_REDACT;
    int end = covered(all[i].path, &asked);
    if (end < 0 || (!for_all_below && (uint32_t)end != asked.count)) continue;
    candidates[found++] = (struct candidate){all[i], question, (uint32_t)end};
  }
  qsort(candidates, found, sizeof *candidates, compare_candidates);
  tell_all(candidates, found, tell, context);
done:
  azd_buf_free(&rules);
  azd_arena_free(&arena);
  return status;
}
