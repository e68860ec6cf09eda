/* How a compiled trie lies in memory: for trie.c, which walks it, and trie_compile.c, which builds it. */
#ifndef AZD_JSON_TRIE_IMPL_H
#define AZD_JSON_TRIE_IMPL_H

#include "json/trie.h"

#define AZD_TRIE_NONE UINT32_MAX
/* An item target with this bit is a test: which node follows depends on the element's members. */
#define AZD_TRIE_TEST (1u << 31)

struct azd_trie_node {
  uint32_t other;    /* a name without an edge of its own */
  uint32_t item;     /* an element, or a test */
  uint32_t fallback; /* whose edges hold here too (rules with ".."), or AZD_TRIE_NONE */
  uint32_t place;
  bool has_edges, silent;
  bool redacts; /* here or somewhere below */
};

struct azd_trie_edge {
  const char *name; /* borrowed from the rule; NULL: a free slot */
  uint32_t size, from, to;
};

struct azd_trie_test {
  const struct azd_step *select;
  uint32_t yes, no; /* node or test */
};

struct azd_trie {
  const struct azd_trie_node *nodes;
  const struct azd_trie_edge *edges; /* open addressing by azd_trie_hash; a power of 2 slots */
  uint32_t edge_mask, node_count;
  const struct azd_trie_test *tests;
  const struct azd_place *places;
  const struct azd_say *says;
  const struct azd_rule **values;
};

static inline uint32_t azd_trie_hash(uint32_t node, const char *name, size_t size) {
  uint32_t hash = 2166136261u ^ (node * 2654435761u);
  for (size_t i = 0; i < size; i++) hash = (hash ^ azd_fold((unsigned char)name[i])) * 16777619u;
  return hash ^ hash >> 15;
}

#endif
