/* Do two values mean the same? The equivalences that rules name (`fold`, `same`), for a pair that is not equal as it
 * stands. Nothing here knows which places they hold for. Thread: one scratch each. Blocks: never. */
#ifndef AZD_JSON_SAME_H
#define AZD_JSON_SAME_H

#include "json/trie.h"

/* Documents for text that is read as JSON. Owned by whoever initialised it. */
struct azd_same_scratch {
  struct azd_doc *left, *right; /* NULL until first needed */
};
void azd_same_scratch_free(struct azd_same_scratch *scratch);

/* One side of a comparison. node AZD_NODE_NONE: absent. */
struct azd_side {
  const struct azd_doc *doc;
  azd_node node;
};

/* true: one of the place's equivalences holds. Memory that cannot be had counts as "not the same". */
bool azd_same_meaning(struct azd_same_scratch *scratch, const struct azd_place *place, struct azd_side a,
                      struct azd_side b);

/* Absent, null, [] or {}. */
bool azd_side_is_empty(struct azd_side side);

/* Text level, for tests too. */
bool azd_same_location(struct azd_str a, struct azd_str b); /* "East US", eastus */
bool azd_same_id(struct azd_str a,
                 struct azd_str b); /* both start with '/'; case, and a slash at the end, do not count */
bool azd_same_instant(struct azd_str a, struct azd_str b);  /* without a zone: UTC */
bool azd_same_space(struct azd_str a, struct azd_str b);    /* equal but for white space */
bool azd_same_duration(struct azd_str a, struct azd_str b); /* ISO 8601: PT1H, PT60M; months are not days */

#endif
