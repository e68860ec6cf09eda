/* Names of an object's members: doubled ones, and an index where there are many. Used by the parser when an object
 * closes, and by the look-ups of doc.h.
 *
 * The index of a wide object, at node->at of doc->lookup: one word with the number of slots (a power of two), that many
 * slots by exact name, that many by name without case. A slot is a node or AZD_NODE_NONE; collisions go to the next
 * slot. The hash is seeded with a secret, so hostile names do not collide, and a name that differs only by case from
 * one that is in the folded half is not entered there, so 100,000 spellings of one name stay linear too.
 * Thread: the document's. Blocks: never. */
#ifndef AZD_JSON_NAMES_H
#define AZD_JSON_NAMES_H

#include "json/doc.h"

/* Marks all but the last of members with one name as dropped and counts them. For objects of AZD_OBJECT_SCANNED_MAX
 * members at most. */
void azd_names_drop_doubled(struct azd_doc *doc, azd_node object);

/* The same for a wider object, and makes its index. 0 or AZD_ENOMEM. */
int azd_names_index(struct azd_doc *doc, azd_node object);

/* Room for words in doc->lookup; the place, or AZD_NODE_NONE when memory or 32 bits are exhausted. */
uint32_t azd_lookup_reserve(struct azd_doc *doc, size_t words);

/* After the last node: takes dropped members out, with all that stands below them. 0 or AZD_ENOMEM. */
int azd_names_compact(struct azd_doc *doc);

#endif
