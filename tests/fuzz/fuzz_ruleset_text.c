/* Any text as schema rules: refused with a line, or every rule compiles, and walks and explanations agree on which
 * rule speaks. */
#include "json/ruleset.h"
#include "json/schema_text.h"
#include "json/trie.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct context {
  struct azd_ruleset *ruleset;
};

static int add(void *opaque, const struct azd_rule *rule, struct azd_error *error) {
  struct context *context = opaque;
  struct azd_rule mine = *rule;
  mine.type = AZD_STR("*");
  mine.layer = rule->soft ? AZD_LAYER_SHIPPED : AZD_LAYER_SCHEMA;
  int status = azd_ruleset_add(context->ruleset, &mine, error);
  return status == AZD_EINVAL ? 0 : status; /* a path that does not parse */
}

struct winner {
  const struct azd_ruleset *ruleset;
  uint32_t rule;
};

static void note(void *opaque, uint32_t rule, bool won) {
  struct winner *winner = opaque;
  if (won && azd_ruleset_rule(winner->ruleset, rule)->verb <= AZD_VERB_COMPARE && winner->rule == UINT32_MAX)
    winner->rule = rule;
}

/* A path of names and elements walked in the trie. false: it has steps that only a document can answer. */
static bool walk(const struct azd_trie *trie, const struct azd_path *path, const struct azd_say **best) {
  uint32_t node = AZD_TRIE_ROOT;
  *best = NULL;
  for (uint32_t i = 0;; i++) {
    const struct azd_place *place = azd_trie_place(trie, node);
    if (place->say_count && (!*best || place->says->layer >= (*best)->layer)) *best = place->says;
    if (i == path->count) return true;
    const struct azd_step *step = &path->steps[i];
    if (step->deep || (step->kind != AZD_STEP_NAME && step->kind != AZD_STEP_ITEM)) return false;
    node = step->kind == AZD_STEP_NAME ? azd_trie_name(trie, node, step->name)
                                       : azd_trie_item(trie, node, NULL, AZD_NODE_NONE);
  }
}

static void check_path(struct context *context, const struct azd_trie *trie, struct azd_str text) {
  struct azd_arena arena;
  struct azd_path path;
  const struct azd_say *best;
  struct winner winner = {context->ruleset, UINT32_MAX};
  azd_arena_init(&arena, 0);
  AZD_ASSERT(azd_path_parse(text, &arena, &path, NULL) == 0);
  AZD_ASSERT(azd_ruleset_explain(context->ruleset, AZD_STR("Fuzz/type"), text, note, &winner, NULL) == 0);
  if (walk(trie, &path, &best)) AZD_ASSERT(best ? winner.rule == best->rule : winner.rule == UINT32_MAX);
  azd_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct context context = {.ruleset = azd_ruleset_new()};
  struct azd_str text = {(const char *)data, size > 4096 ? 4096 : size};
  struct azd_error error;
  int status = azd_schema_text_parse_all(text, AZD_STR("fuzz"), add, &context, &error);
  if (status) AZD_ASSERT(strncmp(error.text, "fuzz:", 5) == 0);
  if (!azd_ruleset_seal(context.ruleset, 0, &error)) {
    const struct azd_trie *trie = azd_ruleset_trie(context.ruleset, AZD_STR("Fuzz/type"), 0, NULL);
    for (uint32_t i = 0; i < azd_ruleset_count(context.ruleset); i++)
      check_path(&context, trie, azd_ruleset_rule(context.ruleset, i)->path);
  }
  azd_ruleset_unref(context.ruleset);
  return 0;
}
