/* The text of catalog/properties/ read into trees: one pass that counts, one that fills. */
#include "json/properties_impl.h"

#include "base/buf.h"

struct reading {
  struct azd_str rest, file;
  int line;
  struct azd_arena *arena;
  struct azd_property_tree *tree;
  struct azd_buf nodes,
      ranges; /* struct azd_property_node, struct azd_version_range; moved into the arena at the end */
  azd_property open[AZD_PROPERTY_DEPTH_MAX + 1]; /* the last property of each depth; 0 is the root's */
  azd_property last[AZD_PROPERTY_DEPTH_MAX + 1]; /* the last child told of the one that is open there */
  struct azd_error *error;
};

static int refuse(const struct reading *reading, const char *what) {
  return azd_fail(reading->error, AZD_EPARSE, "%.*s:%d: %s", AZD_STR_FORMAT(reading->file), reading->line, what);
}

static bool next_line(struct reading *reading, struct azd_str *line) {
  if (!reading->rest.size) return false;
  const char *end = memchr(reading->rest.data, '\n', reading->rest.size);
  size_t size = end ? (size_t)(end - reading->rest.data) : reading->rest.size, taken = size + (end != NULL);
  *line = (struct azd_str){reading->rest.data, size};
  if (line->size && line->data[line->size - 1] == '\r') line->size--;
  reading->rest = (struct azd_str){reading->rest.data + taken, reading->rest.size - taken};
  reading->line++;
  return true;
}

/* Takes what stands before the separator off the text. */
static struct azd_str take(struct azd_str *text, char separator) {
  const char *end = text->size ? memchr(text->data, separator, text->size) : NULL;
  struct azd_str word = {text->data, end ? (size_t)(end - text->data) : text->size};
  size_t taken = word.size + (end != NULL);
  *text = (struct azd_str){text->data + taken, text->size - taken};
  return word;
}

static struct azd_property_node *node_at(struct reading *reading, azd_property at) {
  return (struct azd_property_node *)(void *)reading->nodes.data + at;
}

static bool keep(struct reading *reading, struct azd_str text, struct azd_str *kept) {
  const char *copy = azd_arena_copy(reading->arena, text);
  *kept = (struct azd_str){copy, text.size};
  return copy != NULL;
}

static int no_memory(const struct reading *reading) {
  return azd_fail(reading->error, AZD_ENOMEM, "no memory for the properties of a type");
}

/* ---- versions ---- */

static int read_versions(struct reading *reading, struct azd_str line) {
  struct azd_property_tree *tree = reading->tree;
  size_t words = 1;
  for (size_t i = 0; i < line.size; i++) words += line.data[i] == ' ';
  if (words > AZD_PROPERTY_VERSIONS_MAX) return refuse(reading, "more versions than a type may have");
  tree->versions = azd_arena_alloc(reading->arena, words * sizeof *tree->versions);
  if (!tree->versions) return no_memory(reading);
  while (line.size) {
    struct azd_str version = take(&line, ' ');
    if (!version.size) return refuse(reading, "versions are parted by one blank");
    if (!keep(reading, version, &tree->versions[tree->version_count++])) return no_memory(reading);
  }
  return tree->version_count ? 0 : refuse(reading, "a type without versions");
}

/* "FIRST-LAST" is ambiguous where a version holds a '-': the first cut that gives two versions of the type is meant. */
static bool read_range(const struct azd_property_tree *tree, struct azd_str text, struct azd_version_range *range) {
  uint32_t first = azd_property_version(tree, text), last = first;
  for (size_t cut = 1; first == AZD_PROPERTY_VERSION && cut < text.size; cut++) {
    if (text.data[cut] != '-') continue;
    struct azd_str end = {text.data + cut + 1, text.size - cut - 1};
    first = azd_property_version(tree, (struct azd_str){text.data, cut});
    last = end.size ? azd_property_version(tree, end) : tree->version_count - 1;
    if (last == AZD_PROPERTY_VERSION) first = AZD_PROPERTY_VERSION;
  }
  if (first == AZD_PROPERTY_VERSION || last < first) return false;
  *range = (struct azd_version_range){(uint16_t)first, (uint16_t)last};
  return true;
}

static int read_ranges(struct reading *reading, struct azd_str text, struct azd_property_node *node) {
  node->ranges = (uint32_t)(reading->ranges.size / sizeof(struct azd_version_range));
  node->range_count = 0;
  while (text.size) {
    struct azd_version_range range;
    if (!read_range(reading->tree, take(&text, ','), &range)) return refuse(reading, "no version of this type");
    azd_buf_append(&reading->ranges, &range, sizeof range);
    node->range_count++;
  }
  return azd_buf_status(&reading->ranges) ? no_memory(reading) : 0;
}

/* ---- properties ---- */

static int add_node(struct reading *reading, struct azd_property_node *node, size_t depth) {
  azd_property number = (azd_property)(reading->nodes.size / sizeof *node);
  azd_property parent = reading->open[depth - 1], before = reading->last[depth - 1];
  azd_buf_append(&reading->nodes, node, sizeof *node);
  if (azd_buf_status(&reading->nodes)) return no_memory(reading);
  if (before == AZD_PROPERTY_NONE)
    node_at(reading, parent)->first_child = number;
  else
    node_at(reading, before)->next = number;
  reading->last[depth - 1] = number;
  reading->open[depth] = number;
  reading->last[depth] = AZD_PROPERTY_NONE;
  for (size_t below = depth + 1; below <= AZD_PROPERTY_DEPTH_MAX && reading->open[below] != AZD_PROPERTY_NONE; below++)
    reading->open[below] = AZD_PROPERTY_NONE;
  return 0;
}

static int read_property(struct reading *reading, struct azd_str line) {
  size_t depth = 0;
  while (depth < line.size && line.data[depth] == ' ') depth++;
  line = (struct azd_str){line.data + depth, line.size - depth};
  if (!line.size) return 0;
  if (depth > AZD_PROPERTY_DEPTH_MAX) return refuse(reading, "deeper than a property may stand");
  if (reading->open[depth - 1] == AZD_PROPERTY_NONE) return refuse(reading, "two blanks deeper than the line before");
  struct azd_str name = take(&line, ' ');
  struct azd_property_node node = {
      .parent = reading->open[depth - 1], .first_child = AZD_PROPERTY_NONE, .next = AZD_PROPERTY_NONE};
  node.free = name.size > 1 && name.data[name.size - 1] == '*';
  name.size -= node.free;
  node.ranges = node_at(reading, node.parent)->ranges;
  node.range_count = node_at(reading, node.parent)->range_count;
  if (!keep(reading, name, &node.name)) return no_memory(reading);
  int status = line.size ? read_ranges(reading, line, &node) : 0;
  return status ? status : add_node(reading, &node, depth);
}

static int start(struct reading *reading, struct azd_str type, struct azd_str versions) {
  struct azd_property_tree *tree = reading->tree = azd_arena_zalloc(reading->arena, sizeof *tree);
  if (!tree || !keep(reading, type, &tree->type)) return no_memory(reading);
  int status = read_versions(reading, versions);
  if (status) return status;
  struct azd_property_node root = {
      .parent = AZD_PROPERTY_NONE, .first_child = AZD_PROPERTY_NONE, .next = AZD_PROPERTY_NONE, .range_count = 1};
  struct azd_version_range all = {0, (uint16_t)(tree->version_count - 1)};
  azd_buf_append(&reading->nodes, &root, sizeof root);
  azd_buf_append(&reading->ranges, &all, sizeof all);
  for (size_t i = 0; i <= AZD_PROPERTY_DEPTH_MAX; i++) reading->open[i] = reading->last[i] = AZD_PROPERTY_NONE;
  reading->open[0] = AZD_PROPERTY_ROOT;
  if (azd_buf_status(&reading->nodes) || azd_buf_status(&reading->ranges)) return no_memory(reading);
  static const char *const everywhere[] = {"id", "name", "type"};
  for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere && !status; i++)
    status = add_node(reading,
                      &(struct azd_property_node){.name = azd_str_of(everywhere[i]),
                                                  .parent = AZD_PROPERTY_ROOT,
                                                  .first_child = AZD_PROPERTY_NONE,
                                                  .next = AZD_PROPERTY_NONE,
                                                  .range_count = 1},
                      1);
  reading->open[1] = AZD_PROPERTY_NONE; /* nothing stands below them */
  return status;
}

static int finish(struct reading *reading) {
  struct azd_property_tree *tree = reading->tree;
  tree->count = (uint32_t)(reading->nodes.size / sizeof *tree->nodes);
  tree->range_count = (uint32_t)(reading->ranges.size / sizeof *tree->ranges);
  tree->nodes = azd_arena_alloc(reading->arena, reading->nodes.size);
  tree->ranges = azd_arena_alloc(reading->arena, reading->ranges.size);
  if (!tree->nodes || !tree->ranges) return no_memory(reading);
  memcpy(tree->nodes, reading->nodes.data, reading->nodes.size);
  memcpy(tree->ranges, reading->ranges.data, reading->ranges.size);
  return 0;
}

int azd_property_text_parse(struct azd_str text, struct azd_str file, struct azd_str type, struct azd_arena *arena,
                            struct azd_property_tree **tree, struct azd_error *error) {
  struct reading reading = {.rest = text, .file = file, .arena = arena, .error = error};
  struct azd_str line;
  int status = 0;
  while (!status && next_line(&reading, &line)) {
    bool is_type = line.size && *line.data != ' ' && *line.data != '#';
    if (is_type && reading.tree) break; /* the section that was asked for has ended */
    if (is_type) {
      struct azd_str name = take(&line, ' ');
      if (azd_str_equal_fold(name, type)) status = start(&reading, name, line);
    } else if (reading.tree && line.size && *line.data == ' ') {
      status = read_property(&reading, line);
    }
  }
  if (!status && reading.tree) status = finish(&reading);
  if (!status) *tree = reading.tree;
  azd_buf_free(&reading.nodes);
  azd_buf_free(&reading.ranges);
  return status;
}
