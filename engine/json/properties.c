#include "json/properties_impl.h"
#include "json/provider_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { SHORT_VERSION_BYTES = 64 };

struct azd_properties {
  atomic_int refs;
  pthread_mutex_t lock; /* of all below */
  struct azd_provider_files files;
  struct azd_arena arena;
  struct azd_property_tree *trees; /* those that were asked for */
};

int azd_properties_open(const char *folder, struct azd_properties **out, struct azd_error *error) {
  struct azd_properties *properties = calloc(1, sizeof *properties);
  if (!properties) return azd_fail(error, AZD_ENOMEM, "no memory for the tables of properties");
  int status = azd_provider_files_open(&properties->files, folder, ".properties", error);
  if (!status && pthread_mutex_init(&properties->lock, NULL))
    status = azd_fail(error, AZD_ENOMEM, "no lock for the tables of properties");
  if (status) {
    azd_provider_files_close(&properties->files);
    free(properties);
    return status;
  }
  atomic_init(&properties->refs, 1);
  azd_arena_init(&properties->arena, 0);
  *out = properties;
  return 0;
}

struct azd_properties *azd_properties_ref(struct azd_properties *properties) {
  atomic_fetch_add_explicit(&properties->refs, 1, memory_order_relaxed);
  return properties;
}

void azd_properties_unref(struct azd_properties *properties) {
  if (!properties || atomic_fetch_sub_explicit(&properties->refs, 1, memory_order_acq_rel) != 1) return;
  azd_provider_files_close(&properties->files);
  azd_arena_free(&properties->arena);
  pthread_mutex_destroy(&properties->lock);
  free(properties);
}

/* Under the lock. A type without lines is not remembered: type names come from bodies and are not trusted to be few. */
static int find_tree(struct azd_properties *properties, struct azd_str type, struct azd_property_tree **out,
                     struct azd_error *error) {
  const struct azd_provider_file *file;
  struct azd_property_tree *tree = properties->trees;
  while (tree && !azd_str_equal_fold(tree->type, type)) tree = tree->next;
  *out = tree;
  if (tree) return 0;
  int status = azd_provider_files_find(&properties->files, type, &file, error);
  if (status || !file) return status;
  status = azd_property_text_parse((struct azd_str){file->text, file->bytes}, azd_str_of(file->path), type,
                                   &properties->arena, &tree, error);
  if (status || !tree) return status;
  tree->next = properties->trees;
  *out = properties->trees = tree;
  return 0;
}

int azd_properties_of(struct azd_properties *properties, struct azd_str type, const struct azd_property_tree **tree,
                      struct azd_error *error) {
  struct azd_property_tree *found = NULL;
  pthread_mutex_lock(&properties->lock);
  int status = find_tree(properties, type, &found, error);
  pthread_mutex_unlock(&properties->lock);
  if (!status) *tree = found;
  return status;
}

/* ---- one tree ---- */

/* 2024-05-01-preview -> 240501p; the text itself where it is no such date. */
static struct azd_str shortened(struct azd_str version, char out[SHORT_VERSION_BYTES]) {
  static const char form[] = "20dd-dd-dd";
  size_t date = sizeof form - 1;
  if (version.size < date || version.size >= SHORT_VERSION_BYTES) return version;
  for (size_t i = 0; i < date; i++) {
    bool fits = form[i] == 'd' ? version.data[i] >= '0' && version.data[i] <= '9' : version.data[i] == form[i];
    if (!fits) return version;
  }
  struct azd_str suffix = {version.data + date, version.size - date};
  if (azd_str_starts_with_fold(suffix, AZD_STR("-preview"))) {
    suffix = (struct azd_str){suffix.data + strlen("-preview"), suffix.size - strlen("-preview")};
    int size = snprintf(out, SHORT_VERSION_BYTES, "%.2s%.2s%.2sp%.*s", version.data + 2, version.data + 5,
                        version.data + 8, AZD_STR_FORMAT(suffix));
    return (struct azd_str){out, (size_t)size};
  }
  int size = snprintf(out, SHORT_VERSION_BYTES, "%.2s%.2s%.2s%.*s", version.data + 2, version.data + 5,
                      version.data + 8, AZD_STR_FORMAT(suffix));
  return (struct azd_str){out, (size_t)size};
}

uint32_t azd_property_version(const struct azd_property_tree *tree, struct azd_str version) {
  char text[SHORT_VERSION_BYTES];
  struct azd_str wanted = shortened(version, text);
  for (uint32_t i = 0; i < tree->version_count; i++)
    if (azd_str_equal_fold(tree->versions[i], wanted)) return i;
  return AZD_PROPERTY_VERSION;
}

static bool is_map_value(const struct azd_property_node *node) {
  return azd_str_equal(node->name, AZD_STR("{}"));
}
static bool is_item(const struct azd_property_node *node) {
  return azd_str_equal(node->name, AZD_STR("[]"));
}

azd_property azd_property_member(const struct azd_property_tree *tree, azd_property at, struct azd_str name) {
  azd_property value = AZD_PROPERTY_NONE;
  for (azd_property child = tree->nodes[at].first_child; child != AZD_PROPERTY_NONE; child = tree->nodes[child].next) {
    if (azd_str_equal_fold(tree->nodes[child].name, name)) return child;
    if (is_map_value(&tree->nodes[child])) value = child;
  }
  return value;
}

azd_property azd_property_item(const struct azd_property_tree *tree, azd_property at) {
  return azd_property_member(tree, at, AZD_STR("[]"));
}

bool azd_property_is_free(const struct azd_property_tree *tree, azd_property at) {
  return tree->nodes[at].free;
}

bool azd_property_is_leaf(const struct azd_property_tree *tree, azd_property at) {
  return tree->nodes[at].first_child == AZD_PROPERTY_NONE && !tree->nodes[at].free;
}

bool azd_property_exists_in(const struct azd_property_tree *tree, azd_property at, uint32_t version) {
  const struct azd_property_node *node = &tree->nodes[at];
  for (uint32_t i = 0; i < node->range_count; i++) {
    struct azd_version_range range = tree->ranges[node->ranges + i];
    if (version >= range.first && version <= range.last) return true;
  }
  return false;
}

struct azd_str azd_property_name(const struct azd_property_tree *tree, azd_property at) {
  return tree->nodes[at].name;
}

/* ---- paths ---- */

static bool step_fits(const struct azd_step *step, const struct azd_property_node *node) {
  switch (step->kind) {
  case AZD_STEP_NAME: return azd_str_equal_fold(step->name, node->name) || is_map_value(node);
  case AZD_STEP_MAP: return !is_item(node);
  case AZD_STEP_ITEM:
  case AZD_STEP_SELECT:
  case AZD_STEP_INDEX: break;
  }
  return is_item(node);
}

/* The elements of an array of plain values have no line of their own. */
static bool is_plain_array(const struct azd_step *step, const struct azd_property_node *node) {
  return (step->kind == AZD_STEP_ITEM || step->kind == AZD_STEP_INDEX) && node->first_child == AZD_PROPERTY_NONE;
}

/* All places at once: alive[i], the steps so far lead to property i. What holds a property comes before it, so that one
 * pass forward takes a step. */
struct search {
  const struct azd_property_tree *tree;
  bool *alive, *next;
  bool free; /* one of the alive ones is free: whatever follows may exist */
};

static void spread_below(struct search *search) {
  const struct azd_property_tree *tree = search->tree;
  for (uint32_t i = 1; i < tree->count; i++)
    if (search->alive[tree->nodes[i].parent]) search->alive[i] = true;
}

/* false: the step leads nowhere, and alive stays as it was (spread below, after a ".."). */
static bool take_step(struct search *search, const struct azd_step *step) {
  const struct azd_property_tree *tree = search->tree;
  bool any = false;
  if (step->deep) spread_below(search);
  memset(search->next, 0, tree->count);
  for (uint32_t i = 0; i < tree->count; i++) {
    if (search->alive[i] && tree->nodes[i].free) search->free = true;
    if (search->alive[i] && is_plain_array(step, &tree->nodes[i])) search->next[i] = any = true;
    if (i && search->alive[tree->nodes[i].parent] && step_fits(step, &tree->nodes[i])) search->next[i] = any = true;
  }
  if (!any) return false;
  bool *taken = search->alive;
  search->alive = search->next;
  search->next = taken;
  return true;
}

/* How many of the steps lead somewhere. */
static int run_search(struct search *search, const struct azd_path *path, uint32_t steps, uint32_t *taken,
                      struct azd_error *error) {
  *taken = 0;
  search->alive = calloc(search->tree->count, 1);
  search->next = calloc(search->tree->count, 1);
  if (!search->alive || !search->next) return azd_fail(error, AZD_ENOMEM, "no memory to look a path up");
  search->alive[AZD_PROPERTY_ROOT] = true;
  while (*taken < steps && take_step(search, &path->steps[*taken])) (*taken)++;
  return 0;
}

static void end_search(struct search *search) {
  free(search->alive);
  free(search->next);
}

int azd_property_find(const struct azd_property_tree *tree, const struct azd_path *path,
                      struct azd_property_place *place, struct azd_error *error) {
  struct search search = {.tree = tree};
  uint32_t taken;
  int status = run_search(&search, path, path->count, &taken, error);
  if (!status)
    *place = (struct azd_property_place){.answer = taken == path->count ? AZD_PROPERTY_KNOWN
                                                   : search.free        ? AZD_PROPERTY_FREE
                                                                        : AZD_PROPERTY_UNKNOWN,
                                         .step = taken};
  end_search(&search);
  return status;
}

int azd_property_names(const struct azd_property_tree *tree, const struct azd_path *path, uint32_t steps,
                       azd_property_name_fn *tell, void *context, struct azd_error *error) {
  struct search search = {.tree = tree};
  uint32_t taken;
  int status = run_search(&search, path, steps, &taken, error);
  if (!status && taken == steps) {
    if (steps < path->count && path->steps[steps].deep) spread_below(&search);
    for (uint32_t i = 1; i < tree->count; i++)
      if (search.alive[tree->nodes[i].parent] && !is_item(&tree->nodes[i]) && !is_map_value(&tree->nodes[i]))
        tell(context, tree->nodes[i].name);
  }
  end_search(&search);
  return status;
}
