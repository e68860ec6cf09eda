/* Bytes make two documents: the raw difference applied as a patch gives the new one; a document does not differ from
 * itself, nor from itself in another order; under rules, whatever differs is told. */
#include "support/json_tree.h"
#include "json/schema_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rule_text[] =
    "Fuzz/type\n ignore ..etag\n observe a\n same ..{} id empty\n key b/c a\n list d~e\n set A\n"
    " same a[name='/x'] [null, 0]\n compare a[].etag\n fold ..name\n same a{} entry\n";

static int add(void *context, const struct azd_rule *rule, struct azd_error *error) {
  return azd_ruleset_add(context, rule, error);
}

static const struct azd_trie *rules(void) {
  static struct azd_ruleset *ruleset;
  if (!ruleset) {
    ruleset = azd_ruleset_new();
    AZD_ASSERT(azd_schema_text_parse_all(AZD_STR(rule_text), AZD_STR("fuzz"), add, ruleset, NULL) == 0);
    AZD_ASSERT(azd_ruleset_seal(ruleset, 0, NULL) == 0);
  }
  return azd_ruleset_trie(ruleset, AZD_STR("Fuzz/type"), 0, NULL);
}

static void check_patch(struct azd_diff *diff, const struct azd_doc *a, const struct azd_doc *b,
                        struct azd_doc *patched) {
  const struct azd_diff_options raw = {.raw = true};
  struct azd_buf text;
  azd_buf_init(&text, 0);
  AZD_ASSERT(azd_diff_run(diff, rules(), a, 0, b, 0, &raw, NULL) == 0);
  struct tree *tree = tree_new(a, 0);
  for (uint32_t i = 0; i < azd_diff_count(diff); i++) {
    const struct azd_change *change = azd_diff_change(diff, i);
    tree_apply(&tree, change->op, change->pointer, change->op == AZD_OP_REMOVE ? NULL : tree_new(b, change->new_node));
  }
  tree_write(tree, &text);
  tree_free(tree);
  AZD_ASSERT(azd_doc_parse(patched, azd_buf_str(&text), NULL, NULL) == 0);
  AZD_ASSERT(azd_json_equal(patched, 0, b, 0));
  azd_buf_free(&text);
}

static void check_order(struct azd_diff *diff, const struct azd_doc *a, struct azd_doc *shuffled, struct dice *dice) {
  struct azd_buf text;
  azd_buf_init(&text, 0);
  struct tree *tree = tree_new(a, 0);
  tree_shuffle(tree, dice);
  tree_write(tree, &text);
  tree_free(tree);
  AZD_ASSERT(azd_doc_parse(shuffled, azd_buf_str(&text), NULL, NULL) == 0);
  AZD_ASSERT(azd_diff_run(diff, NULL, a, 0, shuffled, 0, NULL, NULL) == 0);
  AZD_ASSERT(azd_diff_count_of(diff, AZD_CLASS_CHANGE) == 0);
  azd_buf_free(&text);
}

/* Names of members may differ in case: then the two documents have the same letters. */
static bool equal_but_for_case(const struct azd_doc *a, const struct azd_doc *b) {
  long letters[256] = {0};
  bool equal = true;
  struct azd_buf text[2] = {{0}, {0}};
  AZD_ASSERT(azd_json_canonical(a, 0, NULL, 0, &text[0]) == 0 && azd_json_canonical(b, 0, NULL, 0, &text[1]) == 0);
  for (size_t i = 0; i < text[0].size; i++) letters[azd_fold((unsigned char)text[0].data[i])]++;
  for (size_t i = 0; i < text[1].size; i++) letters[azd_fold((unsigned char)text[1].data[i])]--;
  for (int c = 0; c < 256; c++) equal &= letters[c] == 0;
  azd_buf_free(&text[0]), azd_buf_free(&text[1]);
  return equal;
}

/* Without rules each difference is a change; under rules none is lost that is not swallowed by an equivalence or
 * counted. */
static void check_rules(struct azd_diff *diff, const struct azd_doc *a, const struct azd_doc *b) {
  AZD_ASSERT(azd_diff_run(diff, NULL, a, 0, b, 0, NULL, NULL) == 0);
  bool differ = azd_diff_count(diff) > 0;
  AZD_ASSERT(differ || equal_but_for_case(a, b));
  AZD_ASSERT(azd_diff_run(diff, rules(), a, 0, b, 0, NULL, NULL) == 0);
  AZD_ASSERT(differ || azd_diff_count(diff) == 0);
  AZD_ASSERT(azd_diff_run(diff, rules(), a, 0, a, 0, NULL, NULL) == 0 && azd_diff_count(diff) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct dice dice = {data ? data : (const uint8_t *)"", size, 0};
  struct azd_buf a_text, b_text;
  struct azd_doc *a = azd_doc_new(), *b = azd_doc_new(), *other = azd_doc_new();
  struct azd_diff *diff = azd_diff_new();
  azd_buf_init(&a_text, 0), azd_buf_init(&b_text, 0);
  dice_json(&dice, 6, &a_text), dice_json(&dice, 6, &b_text);
  AZD_ASSERT(azd_doc_parse(a, azd_buf_str(&a_text), NULL, NULL) == 0);
  AZD_ASSERT(azd_doc_parse(b, azd_buf_str(&b_text), NULL, NULL) == 0);
  check_patch(diff, a, b, other);
  check_patch(diff, a, a, other);
  check_order(diff, a, other, &dice);
  check_rules(diff, a, b);
  azd_diff_free(diff);
  azd_doc_free(a), azd_doc_free(b), azd_doc_free(other);
  azd_buf_free(&a_text), azd_buf_free(&b_text);
  return 0;
}
