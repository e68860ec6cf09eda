/* Hashes of values, for guessing which belong together: equal values have equal hashes, whatever the order of members
 * and of elements. They may collide; who uses them compares afterwards. Thread:
 * any. Blocks: never. Time: linear. */
#ifndef AZD_JSON_VALUE_HASH_H
#define AZD_JSON_VALUE_HASH_H

#include "base/arena.h"
#include "base/buf.h"
#include "json/doc.h"

/* exact: equal values only (but for collisions). loose: also where texts that look like ids ('/' first) differ in case.
 */
enum azd_value_hash_kind { AZD_HASH_EXACT, AZD_HASH_LOOSE, AZD_HASH_KINDS };

/* The hashes of a node and everything below it. */
struct azd_value_hashes {
  const uint64_t *of; /* by node - first; in the arena */
  azd_node first;
};

/* scratch is for numbers that need normalizing. 0, AZD_ENOMEM. */
int azd_value_hashes_make(const struct azd_doc *doc, azd_node node, enum azd_value_hash_kind kind,
                          struct azd_arena *arena, struct azd_buf *scratch, struct azd_value_hashes *hashes);

/* Of a text without its ASCII case. */
uint64_t azd_text_hash_fold(struct azd_str text);

static inline uint64_t azd_value_hash(const struct azd_value_hashes *hashes, azd_node node) {
  return hashes->of[node - hashes->first];
}

#endif
