/* A compiled trie in one block of memory, from the parts that trie_compile.c made. */
#include "json/trie_impl.h"

#include <stdlib.h>

static uint32_t length(const struct azd_buf *array, size_t each) {
  return (uint32_t)(array->size / each);
}

static bool item_redacts(const struct azd_trie_parts *parts, const struct azd_trie_node *nodes, uint32_t target) {
  if (!(target & AZD_TRIE_TEST)) return nodes[target].redacts;
  const struct azd_trie_test *test =
      (const struct azd_trie_test *)(const void *)parts->tests.data + (target & ~AZD_TRIE_TEST);
  return item_redacts(parts, nodes, test->yes) || item_redacts(parts, nodes, test->no);
}

/* Marks the nodes that lead to something redacted: from there backwards until nothing is new. */
static void mark_redacting(struct azd_trie_parts *parts) {
  struct azd_trie_node *nodes = (void *)parts->nodes.data;
  const struct azd_place_draft *places = (const void *)parts->places.drafts.data;
  const struct azd_trie_edge *edges = (const void *)parts->edges.data;
  uint32_t count = length(&parts->nodes, sizeof *nodes), edge_count = length(&parts->edges, sizeof *edges);
  bool any = false;
  for (uint32_t i = 0; i < count; i++) any |= nodes[i].redacts = places[nodes[i].place].place.redact;
  for (bool changed = any; changed;) {
    changed = false;
    for (uint32_t i = edge_count; i-- > 0;)
      if (nodes[edges[i].to].redacts && !nodes[edges[i].from].redacts) changed = nodes[edges[i].from].redacts = true;
    for (uint32_t i = count; i-- > 0;) {
      struct azd_trie_node *at = &nodes[i];
      if (!at->redacts && (nodes[at->other].redacts || item_redacts(parts, nodes, at->item) ||
                           (at->fallback != AZD_TRIE_NONE && nodes[at->fallback].redacts)))
        changed = at->redacts = true;
    }
  }
}

/* ---- one block of memory ---- */

static size_t aligned(size_t bytes) {
  return (bytes + 15) & ~(size_t)15;
}

static void *copy_in(char **at, const void *data, size_t bytes) {
  void *place = *at;
  if (bytes) memcpy(place, data, bytes);
  *at += aligned(bytes);
  return place;
}

struct azd_trie *azd_trie_pack(struct azd_trie_parts *parts) {
  mark_redacting(parts);
  uint32_t edge_count = length(&parts->edges, sizeof(struct azd_trie_edge)), slots = 2;
  uint32_t place_count = length(&parts->places.drafts, sizeof(struct azd_place_draft));
  while (slots < edge_count * 2) slots *= 2;
  size_t bytes = aligned(sizeof(struct azd_trie)) + aligned(parts->nodes.size) +
                 aligned(slots * sizeof(struct azd_trie_edge)) + aligned(parts->tests.size) +
                 aligned(parts->places.says.size) + aligned(parts->places.values.size) +
                 aligned(place_count * sizeof(struct azd_place));
  char *at = calloc(1, bytes);
  if (!at) return NULL;
  struct azd_trie *trie = (void *)at;
  at += aligned(sizeof *trie);
  trie->nodes = copy_in(&at, parts->nodes.data, parts->nodes.size);
  trie->node_count = length(&parts->nodes, sizeof(struct azd_trie_node));
  trie->tests = copy_in(&at, parts->tests.data, parts->tests.size);
  trie->says = copy_in(&at, parts->places.says.data, parts->places.says.size);
  trie->values = copy_in(&at, parts->places.values.data, parts->places.values.size);
  struct azd_trie_edge *edges = (void *)at;
  at += aligned(slots * sizeof *edges);
  trie->edges = edges;
  trie->edge_mask = slots - 1;
  const struct azd_trie_edge *drafted = (const void *)parts->edges.data;
  for (uint32_t i = 0; i < edge_count; i++) {
    uint32_t slot = azd_trie_hash(drafted[i].from, drafted[i].name, drafted[i].size) & trie->edge_mask;
    while (edges[slot].name) slot = (slot + 1) & trie->edge_mask;
    edges[slot] = drafted[i];
  }
  struct azd_place *places = (void *)at;
  trie->places = places;
  const struct azd_place_draft *drafts = (const void *)parts->places.drafts.data;
  for (uint32_t i = 0; i < place_count; i++) {
    places[i] = drafts[i].place;
    places[i].says = trie->says + drafts[i].first_say;
    places[i].values = trie->values + drafts[i].first_value;
  }
  return trie;
}
