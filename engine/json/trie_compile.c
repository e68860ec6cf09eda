/* Rules to trie: a subset construction. A node stands for the set of (rule, steps already matched) that can hold at a
 * place; what the set says there is resolved once, here.
 *
 * Rules that begin with ".." can begin anywhere: they would stand in every set, and most of the work would be copying
 * them. So they are in none. What their first step leads to (the base) is worked out once and added at each node. */
#include "json/doc_node.h"
#include "json/trie_impl.h"

#include <stdlib.h>

/* (rule, steps matched) in one number, so that sets are sorted arrays of them. */
typedef uint32_t item;
enum { ITEM_STEP_BITS = 7, RULES_MAX = 1 << 24, SELECTORS_MAX = 256, PLACED_ONE_BY_ONE_MAX = 64 };

struct set {
  const item *items; /* sorted, unique; in the arena */
  uint32_t count, hash;
};

struct build {
  const struct azd_trie_rule *rules;
  uint32_t count;
  struct azd_arena arena;
  struct azd_error *error;
  struct azd_trie_parts parts;
  struct azd_buf sets;                               /* struct set */
  struct azd_buf base_named;                         /* struct named, sorted */
  struct azd_buf base_any, base_items, base_selects; /* as any, items and selects below */
  bool has_base;
  uint32_t *slots, slot_mask;                             /* sets by content: node + 1, 0 is free */
  struct azd_buf named, any, items, loops, selects, next; /* of the node at hand */
};

struct named {
  struct azd_str name;
  uint32_t hash; /* of the name without its case */
  item to;
  bool deep;
};

/* The build of rules that many types have in common, done. */
struct azd_trie_common {
  struct build build;
  uint32_t root_edges; /* the first of its edges are those of the root */
};

static void push(struct azd_buf *array, item i) {
  azd_buf_append(array, &i, sizeof i);
}
static uint32_t length(const struct azd_buf *array, size_t each) {
  return (uint32_t)(array->size / each);
}

static int no_memory(struct build *b) {
  return azd_fail(b->error, AZD_ENOMEM, "no memory to compile the rules");
}

static item item_of(uint32_t rule, uint32_t step) {
  return rule << ITEM_STEP_BITS | step;
}
static const struct azd_path *path_of(const struct build *b, item i) {
  return b->rules[i >> ITEM_STEP_BITS].path;
}
static uint32_t step_of(item i) {
  return i & ((1u << ITEM_STEP_BITS) - 1);
}
static bool is_complete(const struct build *b, item i) {
  return step_of(i) == path_of(b, i)->count;
}

static int compare_items(const void *a, const void *b) {
  item x = *(const item *)a, y = *(const item *)b;
  return (x > y) - (x < y);
}

/* Only to bring equal names together: which of two others comes first does not matter. */
static int compare_named(const void *a, const void *b) {
  const struct named *x = a, *y = b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  int order = azd_str_compare_fold(x->name, y->name);
  return order ? order : compare_items(&x->to, &y->to);
}

/* ---- what a set says at its place ---- */

/* Place 0 is the one without rules. */
static int add_place(struct build *b, const struct set *set, uint32_t *number) {
  b->next.size = 0;
  for (uint32_t i = 0; i < set->count; i++)
    if (is_complete(b, set->items[i])) {
      const struct azd_trie_rule *rule = &b->rules[set->items[i] >> ITEM_STEP_BITS];
      azd_buf_append(&b->next, &rule, sizeof(rule));
    }
  if (azd_buf_status(&b->next)) return no_memory(b);
  uint32_t count = length(&b->next, sizeof(struct azd_trie_rule *));
  *number = 0;
  if (!count) return 0;
  return azd_places_add(&b->parts.places, (const struct azd_trie_rule **)(void *)b->next.data, count, number, b->error);
}

/* ---- sets to nodes ---- */

static bool grow_slots(struct build *b) {
  uint32_t nodes = length(&b->sets, sizeof(struct set));
  if (b->slots && nodes * 2 <= b->slot_mask) return true;
  uint32_t mask = b->slots ? b->slot_mask * 2 + 1 : 255;
  uint32_t *slots = calloc(mask + 1, sizeof *slots);
  if (!slots) return false;
  const struct set *sets = (const void *)b->sets.data;
  for (uint32_t i = 0; i < nodes; i++) {
    uint32_t slot = sets[i].hash & mask;
    while (slots[slot]) slot = (slot + 1) & mask;
    slots[slot] = i + 1;
  }
  free(b->slots);
  b->slots = slots;
  b->slot_mask = mask;
  return true;
}

/* Most of a set is the items with "..", which come in order: what stands behind them is put in its place among them. */
static void sort_items(item *items, uint32_t count) {
  uint32_t sorted = count ? 1 : 0;
  while (sorted < count && items[sorted - 1] <= items[sorted]) sorted++;
  if (count - sorted > PLACED_ONE_BY_ONE_MAX) {
    qsort(items, count, sizeof *items, compare_items);
    return;
  }
  for (; sorted < count; sorted++) {
    item moving = items[sorted];
    uint32_t low = 0, high = sorted;
    while (low < high) {
      uint32_t middle = (low + high) / 2;
      if (items[middle] <= moving)
        low = middle + 1;
      else
        high = middle;
    }
    memmove(items + low + 1, items + low, (sorted - low) * sizeof *items);
    items[low] = moving;
  }
}

/* The node of the set of items in b->next (any order, doubles allowed); made where it is new. */
static int node_of_next(struct build *b, uint32_t *node) {
  if (azd_buf_status(&b->next) || !grow_slots(b)) return no_memory(b);
  item *items = (void *)b->next.data;
  uint32_t count = length(&b->next, sizeof *items), kept = 0;
  sort_items(items, count);
  struct set set = {.hash = 2166136261u};
  for (uint32_t i = 0; i < count; i++)
    if (!kept || items[i] != items[kept - 1]) set.hash = (set.hash ^ (items[kept++] = items[i])) * 16777619u;
  const struct set *sets = (const void *)b->sets.data;
  uint32_t slot = set.hash & b->slot_mask;
  for (; b->slots[slot]; slot = (slot + 1) & b->slot_mask) {
    const struct set *old = &sets[b->slots[slot] - 1];
    if (old->count == kept && (!kept || memcmp(old->items, items, kept * sizeof *items) == 0)) {
      *node = b->slots[slot] - 1;
      return 0;
    }
  }
  *node = length(&b->sets, sizeof set);
  if (*node == AZD_TRIE_NODES_MAX)
    return azd_fail(b->error, AZD_ELIMIT,
                    "the rules of type %.*s need more than %d places: use fewer '..' and selectors",
                    AZD_STR_FORMAT(b->rules[b->count - 1].rule->type), AZD_TRIE_NODES_MAX);
  item *copy = azd_arena_alloc(&b->arena, kept * sizeof *copy + 1);
  if (!copy) return no_memory(b);
  if (kept) memcpy(copy, items, kept * sizeof *copy);
  set.items = copy;
  set.count = kept;
  azd_buf_append(&b->sets, &set, sizeof set);
  b->slots[slot] = *node + 1;
  return azd_buf_status(&b->sets) ? no_memory(b) : 0;
}

static void next_is(struct build *b, const struct azd_buf *more) {
  b->next.size = 0;
  azd_buf_append(&b->next, b->loops.data, b->loops.size);
  if (more) azd_buf_append(&b->next, more->data, more->size);
}

/* ---- the ways out of a node ---- */

/* Adds an item to the list of what it waits for. Answers whether it waits for any name. */
static bool add_by_step(const struct build *b, item at, struct azd_buf *names, struct azd_buf *any,
                        struct azd_buf *items, struct azd_buf *selects) {
  const struct azd_step *step = &path_of(b, at)->steps[step_of(at)];
  switch (step->kind) {
  case AZD_STEP_NAME: {
    struct named named = {step->name, azd_name_hash(step->name.data, step->name.size), at + 1, step->deep};
    azd_buf_append(names, &named, sizeof named);
    break;
  }
  case AZD_STEP_MAP: push(any, at + 1); return true;
  case AZD_STEP_SELECT: push(selects, at); break;
  case AZD_STEP_ITEM:
  case AZD_STEP_INDEX: push(items, at + 1); break;
  }
  return false;
}

static void start_with(struct azd_buf *list, const struct azd_buf *base) {
  list->size = 0;
  azd_buf_append(list, base->data, base->size);
}

/* Sorts the items of a set, and the base, by what they wait for; of the base no names. Answers whether a rule without
 * ".." waits for any name. */
static bool sort_by_step(struct build *b, const struct set *set) {
  b->named.size = b->loops.size = 0;
  start_with(&b->any, &b->base_any);
  start_with(&b->items, &b->base_items);
  start_with(&b->selects, &b->base_selects);
  bool plain_any = false;
  for (uint32_t i = 0; i < set->count; i++) {
    item at = set->items[i];
    if (is_complete(b, at)) continue;
    bool deep = path_of(b, at)->steps[step_of(at)].deep;
    if (deep) push(&b->loops, at);
    plain_any |= add_by_step(b, at, &b->named, &b->any, &b->items, &b->selects) && !deep;
  }
  return plain_any;
}

/* Puts aside what can begin anywhere; the rest is the root's set, in b->next. */
static void divide(struct build *b) {
  b->next.size = 0;
  for (uint32_t i = 0; i < b->count; i++) {
    const struct azd_path *path = b->rules[i].path;
    if (path->count && path->steps[0].deep) {
      add_by_step(b, item_of(i, 0), &b->base_named, &b->base_any, &b->base_items, &b->base_selects);
      b->has_base = true;
    } else {
      push(&b->next, item_of(i, 0));
    }
  }
  uint32_t count = length(&b->base_named, sizeof(struct named));
  if (count && !azd_buf_status(&b->base_named)) qsort(b->base_named.data, count, sizeof(struct named), compare_named);
}

/* Where the base waits for this name: the first of them, in b->base_named, or how many there are. */
static uint32_t find_in_base(const struct build *b, const struct named *asked) {
  const struct named *base = (const void *)b->base_named.data;
  uint32_t count = length(&b->base_named, sizeof *base), low = 0, high = count;
  struct named first = {asked->name, asked->hash, 0, false};
  while (low < high) {
    uint32_t middle = (low + high) / 2;
    if (compare_named(&base[middle], &first) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static void push_from_base(struct build *b, const struct named *name) {
  const struct named *base = (const void *)b->base_named.data;
  uint32_t count = length(&b->base_named, sizeof *base);
  for (uint32_t i = find_in_base(b, name); i < count && azd_str_equal_fold(base[i].name, name->name); i++)
    push(&b->next, base[i].to);
}

/* Leaves the names that a rule without ".." waits for, and few others: one bit a name tells most of them apart. */
static void drop_deep_names(struct azd_buf *names) {
  struct named *named = (void *)names->data;
  uint32_t count = length(names, sizeof *named), kept = 0;
  uint64_t plain = 0;
  for (uint32_t i = 0; i < count; i++)
    if (!named[i].deep) plain |= (uint64_t)1 << (named[i].hash >> 26);
  for (uint32_t i = 0; i < count; i++)
    if (plain >> (named[i].hash >> 26) & 1) named[kept++] = named[i];
  names->size = kept * sizeof *named;
}

/* One edge a name. Names that only ".." rules wait for are left to the fallback node, unless {} adds to them here. */
static int add_edges(struct build *b, uint32_t from, bool all) {
  if (all)
    azd_buf_append(&b->named, b->base_named.data, b->base_named.size);
  else
    drop_deep_names(&b->named);
  struct named *named = (void *)b->named.data;
  uint32_t count = length(&b->named, sizeof *named);
  if (count) qsort(named, count, sizeof *named, compare_named);
  for (uint32_t first = 0, end; first < count; first = end) {
    bool plain = all;
    next_is(b, &b->any);
    for (end = first; end < count && azd_str_equal_fold(named[end].name, named[first].name); end++) {
      push(&b->next, named[end].to);
      plain |= !named[end].deep;
    }
    if (!plain) continue;
    if (!all) push_from_base(b, &named[first]);
    struct azd_trie_edge edge = {named[first].name.data, (uint32_t)named[first].name.size, from, 0};
    int status = node_of_next(b, &edge.to);
    if (status) return status;
    azd_buf_append(&b->parts.edges, &edge, sizeof edge);
  }
  return 0;
}

static const struct azd_step *select_of(const struct build *b, item at) {
  return &path_of(b, at)->steps[step_of(at)];
}

/* An element that fits one selector on a member cannot fit another value of the same member. */
static bool excludes(const struct azd_step *a, const struct azd_step *b) {
  return a->count == 1 && b->count == 1 && azd_str_equal_fold(a->by[0].name, b->by[0].name) &&
         !azd_selector_equal(a, b);
}

/* verdicts[i]: 0 open, 1 fits, 2 does not. Builds the tests of what is still open, answers the first or the node. */
static int add_tests(struct build *b, const item *selects, uint8_t *verdicts, uint32_t count, uint32_t *target) {
  uint32_t open = 0;
  while (open < count && verdicts[open]) open++;
  if (open == count) {
    next_is(b, &b->items);
    for (uint32_t i = 0; i < count; i++)
      if (verdicts[i] == 1) push(&b->next, selects[i] + 1);
    return node_of_next(b, target);
  }
  if (length(&b->parts.tests, sizeof(struct azd_trie_test)) >= AZD_TRIE_NODES_MAX)
    return azd_fail(b->error, AZD_ELIMIT, "the selectors of type %.*s need more than %d tests",
                    AZD_STR_FORMAT(b->rules[b->count - 1].rule->type), AZD_TRIE_NODES_MAX);
  struct azd_trie_test test = {.select = select_of(b, selects[open])};
  uint32_t number = length(&b->parts.tests, sizeof test);
  azd_buf_append(&b->parts.tests, &test, sizeof test);
  uint8_t saved[SELECTORS_MAX];
  memcpy(saved, verdicts, count);
  for (int fits = 1; fits >= 0; fits--) {
    for (uint32_t i = open; i < count; i++) {
      if (saved[i]) continue;
      if (azd_selector_equal(select_of(b, selects[i]), test.select))
        verdicts[i] = fits ? 1 : 2;
      else if (fits && excludes(select_of(b, selects[i]), test.select))
        verdicts[i] = 2;
    }
    int status = add_tests(b, selects, verdicts, count, fits ? &test.yes : &test.no);
    if (status) return status;
    memcpy(verdicts, saved, count);
  }
  if (azd_buf_status(&b->parts.tests)) return no_memory(b);
  ((struct azd_trie_test *)(void *)b->parts.tests.data)[number] = test;
  *target = number | AZD_TRIE_TEST;
  return 0;
}

static int add_item_edge(struct build *b, uint32_t *target) {
  uint32_t count = length(&b->selects, sizeof(item));
  uint8_t verdicts[SELECTORS_MAX] = {0};
  if (count > SELECTORS_MAX)
    return azd_fail(b->error, AZD_ELIMIT, "more than %d rules with selectors on one array", SELECTORS_MAX);
  return add_tests(b, (const item *)(const void *)b->selects.data, verdicts, count, target);
}

static int add_node(struct build *b, uint32_t number) {
  struct set set = ((const struct set *)(const void *)b->sets.data)[number];
  struct azd_trie_node node = {.fallback = AZD_TRIE_NONE, .silent = set.count == 0 && !b->has_base};
  int status = add_place(b, &set, &node.place);
  if (status) return status;
  bool plain_any = sort_by_step(b, &set);
  uint32_t edges_before = length(&b->parts.edges, sizeof(struct azd_trie_edge));
  if (b->loops.size || b->has_base) {
    next_is(b, NULL);
    if ((status = node_of_next(b, &node.fallback))) return status;
  }
  bool is_fallback = node.fallback == number;
  if (is_fallback) node.fallback = AZD_TRIE_NONE;
  if ((status = add_edges(b, number, is_fallback || plain_any))) return status;
  node.has_edges = length(&b->parts.edges, sizeof(struct azd_trie_edge)) > edges_before;
  next_is(b, &b->any);
  if ((status = node_of_next(b, &node.other))) return status;
  if ((status = add_item_edge(b, &node.item))) return status;
  if (number < length(&b->parts.nodes, sizeof node))
    ((struct azd_trie_node *)(void *)b->parts.nodes.data)[number] = node;
  else
    azd_buf_append(&b->parts.nodes, &node, sizeof node);
  const struct azd_buf *filled[] = {&b->parts.nodes, &b->parts.edges, &b->named,  &b->any,
                                    &b->items,       &b->loops,       &b->selects};
  for (size_t i = 0; i < sizeof filled / sizeof *filled; i++)
    if (azd_buf_status(filled[i])) return no_memory(b);
  return 0;
}

/* ---- all of it ---- */

static void build_free(struct build *b) {
  struct azd_buf *all[] = {&b->sets,     &b->parts.nodes, &b->parts.edges,  &b->parts.tests, &b->base_named,
                           &b->base_any, &b->base_items,  &b->base_selects, &b->named,       &b->any,
                           &b->items,    &b->loops,       &b->selects,      &b->next};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) azd_buf_free(all[i]);
  azd_places_free(&b->parts.places);
  free(b->slots);
  azd_arena_free(&b->arena);
}

static void copy_buf(struct azd_buf *to, const struct azd_buf *from, size_t skipped_bytes) {
  to->size = 0;
  if (from->size > skipped_bytes) azd_buf_append(to, from->data + skipped_bytes, from->size - skipped_bytes);
}

/* What begins anywhere is the same, so a set means the same: all of the common build's nodes hold here but its root,
 * which nothing leads back to. */
static bool can_go_on_from(const struct build *b, const struct azd_trie_common *common) {
  if (!common || common->build.count > b->count) return false;
  const struct build *from = &common->build;
  const struct set *root = (const void *)from->sets.data;
  for (uint32_t i = 0; i < from->count; i++)
    if (from->rules[i].number != b->rules[i].number) return false;
  for (uint32_t i = from->count; i < b->count; i++)
    if (b->rules[i].path->count && b->rules[i].path->steps[0].deep) return false;
  return root->count > 0;
}

static int go_on_from(struct build *b, const struct azd_trie_common *common) {
  const struct build *from = &common->build;
  copy_buf(&b->sets, &from->sets, 0);
  copy_buf(&b->parts.nodes, &from->parts.nodes, 0);
  copy_buf(&b->parts.edges, &from->parts.edges, common->root_edges * sizeof(struct azd_trie_edge));
  copy_buf(&b->parts.tests, &from->parts.tests, 0);
  copy_buf(&b->parts.places.drafts, &from->parts.places.drafts, 0);
  copy_buf(&b->parts.places.says, &from->parts.places.says, 0);
  copy_buf(&b->parts.places.values, &from->parts.places.values, 0);
  b->slots = malloc((from->slot_mask + 1) * sizeof *b->slots);
  if (!b->slots || azd_buf_status(&b->sets)) return no_memory(b);
  memcpy(b->slots, from->slots, (from->slot_mask + 1) * sizeof *b->slots);
  b->slot_mask = from->slot_mask;
  /* The root's own set takes the place of the common one's. Only a root waits for first steps, so none is equal to it.
   */
  struct set *root = (void *)b->sets.data;
  item *items = azd_arena_alloc(&b->arena, b->next.size + 1);
  if (!items || azd_buf_status(&b->next)) return no_memory(b);
  memcpy(items, b->next.data, b->next.size);
  *root = (struct set){.items = items, .count = length(&b->next, sizeof *items)};
  return add_node(b, 0);
}

static int build_run(struct build *b, const struct azd_trie_common *common, uint32_t *root_edges) {
  uint32_t root, no_rules, done = 0;
  if (b->count >= RULES_MAX) return azd_fail(b->error, AZD_ELIMIT, "more than %d rules for one type", RULES_MAX);
  azd_arena_init(&b->arena, 0);
  divide(b);
  int status;
  if (can_go_on_from(b, common)) {
    done = length(&common->build.sets, sizeof(struct set));
    status = go_on_from(b, common);
  } else {
    status = azd_places_add(&b->parts.places, NULL, 0, &no_rules, b->error);
    if (!status) status = node_of_next(b, &root);
  }
  for (uint32_t i = done; !status && i < length(&b->sets, sizeof(struct set)); i++) {
    status = add_node(b, i);
    if (i == 0) *root_edges = length(&b->parts.edges, sizeof(struct azd_trie_edge));
  }
  return status;
}

int azd_trie_compile(const struct azd_trie_rule *rules, uint32_t count, const struct azd_trie_common *common,
                     struct azd_trie **trie, struct azd_error *error) {
  struct build b = {.rules = rules, .count = count, .error = error};
  uint32_t root_edges;
  int status = build_run(&b, common, &root_edges);
  if (!status && !(*trie = azd_trie_pack(&b.parts))) status = no_memory(&b);
  build_free(&b);
  return status;
}

int azd_trie_common_new(const struct azd_trie_rule *rules, uint32_t count, struct azd_trie_common **common,
                        struct azd_error *error) {
  struct azd_trie_common *made = calloc(1, sizeof *made);
  struct azd_trie_rule *kept = malloc((count + 1) * sizeof *kept);
  if (!made || !kept) {
    free(made), free(kept);
    return azd_fail(error, AZD_ENOMEM, "no memory to compile the rules");
  }
  if (count) memcpy(kept, rules, count * sizeof *kept);
  made->build = (struct build){.rules = kept, .count = count, .error = error};
  int status = build_run(&made->build, NULL, &made->root_edges);
  made->build.error = NULL;
  if (!status)
    *common = made;
  else
    azd_trie_common_free(made);
  return status;
}

void azd_trie_common_free(struct azd_trie_common *common) {
  if (!common) return;
  free((struct azd_trie_rule *)common->build.rules);
  build_free(&common->build);
  free(common);
}
