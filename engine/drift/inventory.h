/* The resources that one JSON text holds: a resource, a page of a list, a bare array, or an export grouped by type.
 *
 *   shape   where things stand in a text: pointers and member names, given by the script that knows the protocol. The
 *           engine itself knows no cloud.
 *   item    one resource: its node, its id and its type as the text spells them.
 *
 * Thread: one at a time. Blocks: never. Slices point into the document, the shape, or the inventory's own arena, and
 * live until the next read. */
#ifndef AZD_DRIFT_INVENTORY_H
#define AZD_DRIFT_INVENTORY_H

#include "base/arena.h"
#include "json/doc.h"

struct azd_shape {
  struct azd_str items;       /* pointer to the array of a page: "/value" */
  struct azd_str groups;      /* pointer to the object {type: {id: body}} of an export: "/resources" */
  struct azd_str id;          /* member that names a resource: "id" */
  struct azd_str type;        /* member that holds its type: "type" */
  struct azd_str type_marker; /* in an id, what stands before "namespace/type/name/type/name": "/providers/" */
  struct azd_str root_type;   /* the type of an id that has no marker, or empty */
};

enum azd_inventory_form { AZD_INVENTORY_ONE, AZD_INVENTORY_PAGE, AZD_INVENTORY_ARRAY, AZD_INVENTORY_EXPORT };

struct azd_inventory_item {
  azd_node node;
  struct azd_str id;   /* empty where a single resource does not say it */
  struct azd_str type; /* from the id, else the type member, else empty */
};

struct azd_inventory {
  enum azd_inventory_form form;
  struct azd_inventory_item *items; /* in the order of the text */
  uint32_t count;
  uint32_t without_id; /* items of a page that are no resources: nothing to pair them by */
  struct azd_arena arena;
};

void azd_inventory_init(struct azd_inventory *inventory);
void azd_inventory_free(struct azd_inventory *inventory);

/* Reads the resources of doc. A page is an object whose items array holds objects with ids and that has no id itself;
 * an array likewise. Anything else is one resource. 0 or AZD_ENOMEM. */
int azd_inventory_read(struct azd_inventory *inventory, const struct azd_doc *doc, const struct azd_shape *shape,
                       struct azd_error *error);

/* "Microsoft.Sql/servers/databases" of ".../providers/Microsoft.Sql/servers/a/databases/b": the text after the last
 * marker without the names. Query and trailing slash are left out. Empty where there is no id; the root type where
 * there is no marker. The answer lives in the arena, or is the shape's. NULL data when memory is out. */
struct azd_str azd_shape_type_of_id(const struct azd_shape *shape, struct azd_str id, struct azd_arena *arena);

#endif
