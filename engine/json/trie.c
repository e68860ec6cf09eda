#include "json/trie.h"
#include "json/trie_impl.h"

#include <stdlib.h>

static const struct azd_place place_without_rules;

static uint32_t edge_of(const struct azd_trie *trie, uint32_t node, struct azd_str name) {
  uint32_t slot = azd_trie_hash(node, name.data, name.size) & trie->edge_mask;
  for (;; slot = (slot + 1) & trie->edge_mask) {
    const struct azd_trie_edge *edge = &trie->edges[slot];
    if (!edge->name) return AZD_TRIE_NONE;
    if (edge->from == node && azd_str_equal_fold((struct azd_str){edge->name, edge->size}, name)) return edge->to;
  }
}

uint32_t azd_trie_name(const struct azd_trie *trie, uint32_t node, struct azd_str name) {
  if (!trie) return AZD_TRIE_ROOT;
  const struct azd_trie_node *at = &trie->nodes[node];
  uint32_t to = at->has_edges ? edge_of(trie, node, name) : AZD_TRIE_NONE;
  if (to == AZD_TRIE_NONE && at->fallback != AZD_TRIE_NONE) to = edge_of(trie, at->fallback, name);
  return to == AZD_TRIE_NONE ? at->other : to;
}

static bool selects(const struct azd_step *select, const struct azd_doc *doc, azd_node element) {
  for (uint32_t i = 0; i < select->count; i++) {
    azd_node member = element == AZD_NODE_NONE ? element : azd_doc_member_fold(doc, element, select->by[i].name);
    if (member == AZD_NODE_NONE) return false;
    enum azd_json_type type = azd_doc_type(doc, member);
    struct azd_str value = type == AZD_JSON_STRING   ? azd_doc_string(doc, member)
                           : type == AZD_JSON_NUMBER ? azd_doc_number(doc, member)
                           : type == AZD_JSON_TRUE   ? AZD_STR("true")
                           : type == AZD_JSON_FALSE  ? AZD_STR("false")
                                                     : (struct azd_str){0};
    if (!value.data || !azd_str_equal_fold(value, select->by[i].value)) return false;
  }
  return true;
}

uint32_t azd_trie_item(const struct azd_trie *trie, uint32_t node, const struct azd_doc *doc, azd_node element) {
  if (!trie) return AZD_TRIE_ROOT;
  uint32_t to = trie->nodes[node].item;
  while (to & AZD_TRIE_TEST) {
    const struct azd_trie_test *test = &trie->tests[to & ~AZD_TRIE_TEST];
    to = selects(test->select, doc, element) ? test->yes : test->no;
  }
  return to;
}

const struct azd_place *azd_trie_place(const struct azd_trie *trie, uint32_t node) {
  return trie ? &trie->places[trie->nodes[node].place] : &place_without_rules;
}

bool azd_trie_is_silent(const struct azd_trie *trie, uint32_t node) {
  return !trie || trie->nodes[node].silent;
}

bool azd_trie_is_open(const struct azd_trie *trie, uint32_t node) {
  return !trie || !trie->nodes[node].redacts;
}

void azd_trie_free(struct azd_trie *trie) {
  free(trie);
}
