/* How a compiled trie lies in memory: for trie.c, which walks it, and trie_compile.c and trie_place.c, which build it.
 */
#ifndef AZD_JSON_TRIE_IMPL_H
#define AZD_JSON_TRIE_IMPL_H

#include "base/buf.h"
#include "json/doc_node.h"
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

/* A place while the trie is built: its pointers are offsets until everything is copied together. */
struct azd_place_draft {
  struct azd_place place;
  uint32_t first_say, first_value;
};

struct azd_places {
  struct azd_buf drafts, says, values; /* struct azd_place_draft, struct azd_say, const struct azd_rule * */
};

/* Adds the place where these rules end (their order is changed). 0, AZD_EINVAL (a tie), AZD_ENOMEM. */
int azd_places_add(struct azd_places *places, const struct azd_trie_rule **speaking, uint32_t count, uint32_t *number,
                   struct azd_error *error);
void azd_places_free(struct azd_places *places);

/* What a trie is made of, before it is packed; arrays of the struct of that name. */
struct azd_trie_parts {
  struct azd_buf nodes, edges, tests;
  struct azd_places places;
};

/* One block; NULL: no memory. What lies in the parts is copied. */
struct azd_trie *azd_trie_pack(struct azd_trie_parts *parts);

static inline uint32_t azd_trie_hash(uint32_t node, const char *name, size_t size) {
  uint32_t hash = (azd_name_hash(name, size) ^ (node * 2654435761u)) * 0x9e3779b1u;
  return hash ^ hash >> 15;
}

#endif
