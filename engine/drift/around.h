/* What stands around a resource, for policies: the body of its group and of its parent, as one snapshot shows them.
 * Which those are follows from its id alone; all that is known of ids is what the fields say.
 *
 *   around      where to look: a scope at a seq.            neighbours  what one batch of resources has around it: each
 * neighbour is read once, however many resources stand below it.
 *
 * Life: init, any number of find, reset (with the batch's arena), free. Thread: one at a time. Blocks: find reads the
 * store. */
#ifndef AZD_DRIFT_AROUND_H
#define AZD_DRIFT_AROUND_H

#include "drift/inventory.h"
#include "store/store.h"

/* Borrowed as long as it is used. */
struct azd_around {
  struct azd_store *store;
  struct azd_str scope;
  int64_t seq;                   /* of a published snapshot */
  const struct azd_shape *shape; /* type_marker and root_type; a group is of the root type */
  struct azd_str group_marker;   /* in an id, what stands before the name of its group: "/resourcegroups/" */
  struct azd_str managed_by;     /* member of a group's body that says who manages it; empty: none */
};

/* The id of the resource's group, and that of the resource it stands below (its type's parent, or what an extension
 * extends); empty where there is none. Slices of id. */
struct azd_str azd_group_id(const struct azd_around *around, struct azd_str id);
struct azd_str azd_parent_id(const struct azd_around *around, struct azd_str id);

struct azd_neighbour {
  struct azd_key key;
  struct azd_str body; /* encoded, in the arena; empty: it is not there */
  bool used;
};

enum { AZD_NEIGHBOURS_MAX = 512, AZD_NEIGHBOUR_SLOTS = 1024 };

struct azd_neighbours {
  struct azd_neighbour slots[AZD_NEIGHBOUR_SLOTS];
  uint32_t count;
  struct azd_arena scratch;
};

void azd_neighbours_init(struct azd_neighbours *neighbours);
void azd_neighbours_free(struct azd_neighbours *neighbours);
void azd_neighbours_reset(struct azd_neighbours *neighbours);

/* The body of the resource with that id, encoded, in arena; empty: it is not in the snapshot. At most
 * AZD_NEIGHBOURS_MAX different ones between two resets. 0, or as azd_store_version, but for AZD_ENOTFOUND. */
int azd_neighbours_find(struct azd_neighbours *neighbours, const struct azd_around *around, struct azd_str id,
                        struct azd_arena *arena, struct azd_str *body, struct azd_error *error);

#endif
