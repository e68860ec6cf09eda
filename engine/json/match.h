/* Which elements of two arrays are the same element.
 *
 * By the members that a rule names, else by id, else by name, else by those that the schema layer names (each where
 * every element has it and no two share it), else as multisets of values; of what is left over then, objects that share
 * most of their members are one element, and where equally many are left on both sides they are paired in their order.
 * Memory: the arena's. Thread: one matcher each. Blocks: never. Time: n log n, and at most AZD_MATCH_SIMILAR_MAX
 * comparisons of left-over elements. */
#ifndef AZD_JSON_MATCH_H
#define AZD_JSON_MATCH_H

#include "json/same.h"
#include "json/value_hash.h"

#define AZD_INDEX_NONE UINT32_MAX

enum { AZD_MATCH_SIMILAR_MAX = 4096 };

struct azd_pair {
  uint32_t old_index, new_index; /* AZD_INDEX_NONE on the side that lacks it */
  azd_node old_node, new_node;
};

struct azd_pairing {
  struct azd_pair *pairs; /* in the order of old; then what only new has, in its order */
  uint32_t count;
  struct azd_str names[AZD_RULE_KEYS_MAX]; /* members that tell elements apart, for selectors */
  uint32_t name_count;                     /* 0: told apart by index only */
  bool one_sided;                          /* some pair lacks a side */
  bool reordered;                          /* elements found on both sides stand in another order */
};

struct azd_matcher {
  struct azd_arena *arena;
  struct azd_same_scratch *same;
  struct azd_buf scratch;
  /* Of both documents, made when an array first needs them; of NULL: not yet. */
  struct azd_value_hashes old_hashes[AZD_HASH_KINDS], new_hashes[AZD_HASH_KINDS];
};

/* Before the arrays of another pair of documents: the nodes that all of them stand below. */
void azd_matcher_start(struct azd_matcher *matcher, azd_node old_root, azd_node new_root);

/* item_place: what rules say about an element (equivalences of plain values). rule: KEY, SET, LIST or NULL.
 * 0, AZD_ENOMEM or AZD_ELIMIT. */
int azd_match_arrays(struct azd_matcher *matcher, const struct azd_rule *rule, const struct azd_place *item_place,
                     struct azd_side old_array, struct azd_side new_array, struct azd_pairing *pairing);

#endif
