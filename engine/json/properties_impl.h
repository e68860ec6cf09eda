/* A tree of properties in memory, for the files that read and ask it. See properties.h. */
#ifndef AZD_JSON_PROPERTIES_IMPL_H
#define AZD_JSON_PROPERTIES_IMPL_H

#include "base/arena.h"
#include "json/properties.h"

struct azd_version_range {
  uint16_t first, last;
};

struct azd_property_node {
  struct azd_str name;
  azd_property parent, first_child, next; /* next: the sibling after it */
  uint32_t ranges;                        /* where its versions begin in the tree's ranges */
  uint16_t range_count;
  bool free;
};

struct azd_property_tree {
  struct azd_property_tree *next; /* of the same provider's folder */
  struct azd_str type;
  struct azd_str *versions; /* short */
  struct azd_property_node *nodes;
  struct azd_version_range *ranges;
  uint32_t version_count, count, range_count;
};

/* Reads the section of a type. *tree is NULL where the text has none. All of it lives in the arena; the text may go. */
int azd_property_text_parse(struct azd_str text, struct azd_str file, struct azd_str type, struct azd_arena *arena,
                            struct azd_property_tree **tree, struct azd_error *error);

#endif
