#include "drift/inventory.h"
#include "json/pointer.h"

void azd_inventory_init(struct azd_inventory *inventory) {
  *inventory = (struct azd_inventory){0};
  azd_arena_init(&inventory->arena, 0);
}

void azd_inventory_free(struct azd_inventory *inventory) {
  azd_arena_free(&inventory->arena);
}

/* Where marker stands last in text, without ASCII case; text.size where it does not. */
static size_t find_last_fold(struct azd_str text, struct azd_str marker) {
  if (!marker.size || text.size < marker.size) return text.size;
  for (size_t at = text.size - marker.size + 1; at-- > 0;)
    if (azd_str_equal_fold((struct azd_str){text.data + at, marker.size}, marker)) return at;
  return text.size;
}

struct azd_str azd_shape_type_of_id(const struct azd_shape *shape, struct azd_str id, struct azd_arena *arena) {
  const char *query = id.size ? memchr(id.data, '?', id.size) : NULL;
  if (query) id.size = (size_t)(query - id.data);
  while (id.size && id.data[id.size - 1] == '/') id.size--;
  size_t marker = find_last_fold(id, shape->type_marker);
  if (marker == id.size) return id.size ? shape->root_type : (struct azd_str){"", 0};
  const char *at = id.data + marker + shape->type_marker.size, *end = id.data + id.size;
  char *type = azd_arena_alloc(arena, (size_t)(end - at) + 1);
  if (!type) return (struct azd_str){NULL, 0};
  size_t size = 0;
  /* namespace / type / name / type / name: the namespace and every second segment after it */
  for (int segment = 0; at < end; segment++) {
    const char *slash = memchr(at, '/', (size_t)(end - at));
    size_t length = slash ? (size_t)(slash - at) : (size_t)(end - at);
    if (segment == 0 || segment % 2 == 1) {
      if (size) type[size++] = '/';
      memcpy(type + size, at, length);
      size += length;
    }
    at = slash ? slash + 1 : end;
  }
  return (struct azd_str){type, size};
}

static struct azd_str id_of(const struct azd_doc *doc, azd_node node, const struct azd_shape *shape) {
  azd_node id = azd_doc_member(doc, node, shape->id);
  if (id == AZD_NODE_NONE || azd_doc_type(doc, id) != AZD_JSON_STRING) return (struct azd_str){"", 0};
  return azd_doc_string(doc, id);
}

static int add_item(struct azd_inventory *inventory, const struct azd_doc *doc, azd_node node, struct azd_str id,
                    const struct azd_shape *shape) {
  struct azd_inventory_item *item = &inventory->items[inventory->count];
  *item =
      (struct azd_inventory_item){.node = node, .id = id, .type = azd_shape_type_of_id(shape, id, &inventory->arena)};
  if (!item->type.data) return AZD_ENOMEM;
  if (!item->type.size) {
    azd_node type = azd_doc_member(doc, node, shape->type);
    if (type != AZD_NODE_NONE && azd_doc_type(doc, type) == AZD_JSON_STRING) item->type = azd_doc_string(doc, type);
  }
  inventory->count++;
  return 0;
}

/* An array of resources: every element an object, at least one with an id, or nothing at all. */
static bool is_list(const struct azd_doc *doc, azd_node array, const struct azd_shape *shape) {
  if (array == AZD_NODE_NONE || azd_doc_type(doc, array) != AZD_JSON_ARRAY) return false;
  bool any_id = azd_doc_count(doc, array) == 0;
  for (azd_node n = azd_doc_first(doc, array); n != AZD_NODE_NONE; n = azd_doc_next(doc, n)) {
    if (azd_doc_type(doc, n) != AZD_JSON_OBJECT) return false;
    any_id = any_id || id_of(doc, n, shape).size != 0;
  }
  return any_id;
}

static int read_list(struct azd_inventory *inventory, const struct azd_doc *doc, azd_node array,
                     const struct azd_shape *shape) {
  inventory->items = azd_arena_alloc(&inventory->arena, (azd_doc_count(doc, array) + 1) * sizeof *inventory->items);
  if (!inventory->items) return AZD_ENOMEM;
  for (azd_node n = azd_doc_first(doc, array); n != AZD_NODE_NONE; n = azd_doc_next(doc, n)) {
    struct azd_str id = id_of(doc, n, shape);
    if (!id.size)
      inventory->without_id++;
    else if (add_item(inventory, doc, n, id, shape))
      return AZD_ENOMEM;
  }
  return 0;
}

static bool is_groups(const struct azd_doc *doc, azd_node groups) {
  if (groups == AZD_NODE_NONE || azd_doc_type(doc, groups) != AZD_JSON_OBJECT) return false;
  for (azd_node type = azd_doc_first(doc, groups); type != AZD_NODE_NONE; type = azd_doc_next(doc, type))
    if (azd_doc_type(doc, type) != AZD_JSON_OBJECT) return false;
  return true;
}

static int read_groups(struct azd_inventory *inventory, const struct azd_doc *doc, azd_node groups,
                       const struct azd_shape *shape) {
  size_t count = 0;
  for (azd_node type = azd_doc_first(doc, groups); type != AZD_NODE_NONE; type = azd_doc_next(doc, type))
    count += azd_doc_count(doc, type);
  inventory->items = azd_arena_alloc(&inventory->arena, (count + 1) * sizeof *inventory->items);
  if (!inventory->items) return AZD_ENOMEM;
  for (azd_node type = azd_doc_first(doc, groups); type != AZD_NODE_NONE; type = azd_doc_next(doc, type))
    for (azd_node n = azd_doc_first(doc, type); n != AZD_NODE_NONE; n = azd_doc_next(doc, n)) {
      if (add_item(inventory, doc, n, azd_doc_key(doc, n), shape)) return AZD_ENOMEM;
      inventory->items[inventory->count - 1].type = azd_doc_key(doc, type);
    }
  return 0;
}

static azd_node node_at(const struct azd_doc *doc, struct azd_str pointer) {
  azd_node node;
  return azd_pointer_resolve(doc, 0, pointer, &node) ? AZD_NODE_NONE : node;
}

int azd_inventory_read(struct azd_inventory *inventory, const struct azd_doc *doc, const struct azd_shape *shape,
                       struct azd_error *error) {
  azd_arena_reset(&inventory->arena);
  inventory->items = NULL;
  inventory->count = inventory->without_id = 0;
  azd_node page = node_at(doc, shape->items), groups = node_at(doc, shape->groups);
  struct azd_str own_id = azd_doc_type(doc, 0) == AZD_JSON_OBJECT ? id_of(doc, 0, shape) : (struct azd_str){"", 0};
  int result;
  if (is_list(doc, 0, shape)) {
    inventory->form = AZD_INVENTORY_ARRAY;
    result = read_list(inventory, doc, 0, shape);
  } else if (!own_id.size && is_list(doc, page, shape)) {
    inventory->form = AZD_INVENTORY_PAGE;
    result = read_list(inventory, doc, page, shape);
  } else if (!own_id.size && is_groups(doc, groups)) {
    inventory->form = AZD_INVENTORY_EXPORT;
    result = read_groups(inventory, doc, groups, shape);
  } else {
    inventory->form = AZD_INVENTORY_ONE;
    inventory->items = azd_arena_alloc(&inventory->arena, sizeof *inventory->items);
    result = inventory->items ? add_item(inventory, doc, 0, own_id, shape) : AZD_ENOMEM;
  }
  return result ? azd_fail(error, result, "no memory for the resources of this text") : 0;
}
