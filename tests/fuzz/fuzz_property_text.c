/* Any text as a table of properties: refused with a line, or a tree in which every property has a holder before it and
 * every path can be asked for. */
#include "json/properties_impl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct azd_property_tree *tree, struct azd_str text, struct azd_arena *arena) {
  struct azd_path path;
  struct azd_property_place place;
  if (azd_path_parse(text, arena, &path, NULL)) return;
  AZD_ASSERT(azd_property_find(tree, &path, &place, NULL) == 0);
  AZD_ASSERT(place.step <= path.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct azd_arena arena;
  struct azd_property_tree *tree = NULL;
  struct azd_error error;
  struct azd_str text = {(const char *)data, size > 4096 ? 4096 : size};
  azd_arena_init(&arena, 0);
  if (azd_property_text_parse(text, AZD_STR("fuzz"), AZD_STR("A/b"), &arena, &tree, &error))
    AZD_ASSERT(strncmp(error.text, "fuzz:", 5) == 0);
  for (uint32_t i = 1; tree && i < tree->count; i++) {
    AZD_ASSERT(tree->nodes[i].parent < i);
    ask(tree, azd_property_name(tree, i), &arena);
  }
  azd_arena_free(&arena);
  return 0;
}
