/* Rules to trie: a subset construction. A node stands for the set of (rule, steps already matched) that can hold at a
 * place; what the set says there is resolved once, here. */
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
  struct azd_places places;
  struct azd_buf sets, nodes, edges, tests;               /* arrays of the struct of that name */
  uint32_t *slots, slot_mask;                             /* sets by content: node + 1, 0 is free */
  struct azd_buf named, any, items, loops, selects, next; /* of the node at hand */
};

struct named {
  struct azd_str name;
  uint32_t hash; /* of the name without its case */
  item to;
  bool deep;
};

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

static void push(struct azd_buf *array, item i) {
  azd_buf_append(array, &i, sizeof i);
}
static uint32_t length(const struct azd_buf *array, size_t each) {
  return (uint32_t)(array->size / each);
}

static int no_memory(struct build *b) {
  return azd_fail(b->error, AZD_ENOMEM, "no memory to compile the rules");
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
  return azd_places_add(&b->places, (const struct azd_trie_rule **)(void *)b->next.data, count, number, b->error);
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

/* Sorts the items of a set by what they wait for. Answers whether a rule without ".." waits for any name. */
static bool sort_by_step(struct build *b, const struct set *set) {
  struct azd_buf *all[] = {&b->named, &b->any, &b->items, &b->loops, &b->selects};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) all[i]->size = 0;
  bool plain_any = false;
  for (uint32_t i = 0; i < set->count; i++) {
    item at = set->items[i];
    if (is_complete(b, at)) continue;
    const struct azd_step *step = &path_of(b, at)->steps[step_of(at)];
    if (step->deep) push(&b->loops, at);
    switch (step->kind) {
    case AZD_STEP_NAME: {
      struct named named = {step->name, azd_name_hash(step->name.data, step->name.size), at + 1, step->deep};
      azd_buf_append(&b->named, &named, sizeof named);
      break;
    }
    case AZD_STEP_MAP:
      push(&b->any, at + 1);
      plain_any |= !step->deep;
      break;
    case AZD_STEP_SELECT: push(&b->selects, at); break;
    case AZD_STEP_ITEM:
    case AZD_STEP_INDEX: push(&b->items, at + 1); break;
    }
  }
  return plain_any;
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
  if (!all) drop_deep_names(&b->named);
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
    struct azd_trie_edge edge = {named[first].name.data, (uint32_t)named[first].name.size, from, 0};
    int status = node_of_next(b, &edge.to);
    if (status) return status;
    azd_buf_append(&b->edges, &edge, sizeof edge);
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
  if (length(&b->tests, sizeof(struct azd_trie_test)) >= AZD_TRIE_NODES_MAX)
    return azd_fail(b->error, AZD_ELIMIT, "the selectors of type %.*s need more than %d tests",
                    AZD_STR_FORMAT(b->rules[b->count - 1].rule->type), AZD_TRIE_NODES_MAX);
  struct azd_trie_test test = {.select = select_of(b, selects[open])};
  uint32_t number = length(&b->tests, sizeof test);
  azd_buf_append(&b->tests, &test, sizeof test);
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
  if (azd_buf_status(&b->tests)) return no_memory(b);
  ((struct azd_trie_test *)(void *)b->tests.data)[number] = test;
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
  struct azd_trie_node node = {.fallback = AZD_TRIE_NONE, .silent = set.count == 0};
  int status = add_place(b, &set, &node.place);
  if (status) return status;
  bool plain_any = sort_by_step(b, &set);
  uint32_t edges_before = length(&b->edges, sizeof(struct azd_trie_edge));
  if (b->loops.size) {
    next_is(b, NULL);
    if ((status = node_of_next(b, &node.fallback))) return status;
  }
  bool is_fallback = node.fallback == number;
  if (is_fallback) node.fallback = AZD_TRIE_NONE;
  if ((status = add_edges(b, number, is_fallback || plain_any))) return status;
  node.has_edges = length(&b->edges, sizeof(struct azd_trie_edge)) > edges_before;
  next_is(b, &b->any);
  if ((status = node_of_next(b, &node.other))) return status;
  if ((status = add_item_edge(b, &node.item))) return status;
  azd_buf_append(&b->nodes, &node, sizeof node);
  return azd_buf_status(&b->nodes) || azd_buf_status(&b->edges) ? no_memory(b) : 0;
}

static bool item_redacts(const struct build *b, const struct azd_trie_node *nodes, uint32_t target) {
  if (!(target & AZD_TRIE_TEST)) return nodes[target].redacts;
  const struct azd_trie_test *test =
      (const struct azd_trie_test *)(const void *)b->tests.data + (target & ~AZD_TRIE_TEST);
  return item_redacts(b, nodes, test->yes) || item_redacts(b, nodes, test->no);
}

/* Marks the nodes that lead to something redacted: from there backwards until nothing is new. */
static void mark_redacting(struct build *b) {
  struct azd_trie_node *nodes = (void *)b->nodes.data;
  const struct azd_place_draft *places = (const void *)b->places.drafts.data;
  const struct azd_trie_edge *edges = (const void *)b->edges.data;
  uint32_t count = length(&b->nodes, sizeof *nodes), edge_count = length(&b->edges, sizeof *edges);
  bool any = false;
  for (uint32_t i = 0; i < count; i++) any |= nodes[i].redacts = places[nodes[i].place].place.redact;
  for (bool changed = any; changed;) {
    changed = false;
    for (uint32_t i = edge_count; i-- > 0;)
      if (nodes[edges[i].to].redacts && !nodes[edges[i].from].redacts) changed = nodes[edges[i].from].redacts = true;
    for (uint32_t i = count; i-- > 0;) {
      struct azd_trie_node *at = &nodes[i];
      if (!at->redacts && (nodes[at->other].redacts || item_redacts(b, nodes, at->item) ||
                           (at->fallback != AZD_TRIE_NONE && nodes[at->fallback].redacts)))
        changed = at->redacts = true;
    }
  }
}

/* ---- one block of memory ---- */

static size_t aligned(size_t bytes) {
  return (bytes + 15) & ~(size_t)15;
}

static void *copy_in(char **at, const void *data, size_t bytes) {
  void *place = *at;
  if (bytes) memcpy(place, data, bytes);
  *at += aligned(bytes);
  return place;
}

static struct azd_trie *pack(const struct build *b) {
  uint32_t edge_count = length(&b->edges, sizeof(struct azd_trie_edge)), slots = 2;
  uint32_t place_count = length(&b->places.drafts, sizeof(struct azd_place_draft));
  while (slots < edge_count * 2) slots *= 2;
  size_t bytes = aligned(sizeof(struct azd_trie)) + aligned(b->nodes.size) +
                 aligned(slots * sizeof(struct azd_trie_edge)) + aligned(b->tests.size) + aligned(b->places.says.size) +
                 aligned(b->places.values.size) + aligned(place_count * sizeof(struct azd_place));
  char *at = calloc(1, bytes);
  if (!at) return NULL;
  struct azd_trie *trie = (void *)at;
  at += aligned(sizeof *trie);
  trie->nodes = copy_in(&at, b->nodes.data, b->nodes.size);
  trie->node_count = length(&b->nodes, sizeof(struct azd_trie_node));
  trie->tests = copy_in(&at, b->tests.data, b->tests.size);
  trie->says = copy_in(&at, b->places.says.data, b->places.says.size);
  trie->values = copy_in(&at, b->places.values.data, b->places.values.size);
  struct azd_trie_edge *edges = (void *)at;
  at += aligned(slots * sizeof *edges);
  trie->edges = edges;
  trie->edge_mask = slots - 1;
  const struct azd_trie_edge *drafted = (const void *)b->edges.data;
  for (uint32_t i = 0; i < edge_count; i++) {
    uint32_t slot = azd_trie_hash(drafted[i].from, drafted[i].name, drafted[i].size) & trie->edge_mask;
    while (edges[slot].name) slot = (slot + 1) & trie->edge_mask;
    edges[slot] = drafted[i];
  }
  struct azd_place *places = (void *)at;
  trie->places = places;
  const struct azd_place_draft *drafts = (const void *)b->places.drafts.data;
  for (uint32_t i = 0; i < place_count; i++) {
    places[i] = drafts[i].place;
    places[i].says = trie->says + drafts[i].first_say;
    places[i].values = trie->values + drafts[i].first_value;
  }
  return trie;
}

int azd_trie_compile(const struct azd_trie_rule *rules, uint32_t count, struct azd_trie **trie,
                     struct azd_error *error) {
  struct build b = {.rules = rules, .count = count, .error = error};
  uint32_t root, no_rules;
  if (count >= RULES_MAX) return azd_fail(error, AZD_ELIMIT, "more than %d rules for one type", RULES_MAX);
  azd_arena_init(&b.arena, 0);
  int status = azd_places_add(&b.places, NULL, 0, &no_rules, error);
  for (uint32_t i = 0; i < count; i++) push(&b.next, item_of(i, 0));
  if (!status) status = node_of_next(&b, &root);
  for (uint32_t i = 0; !status && i < length(&b.sets, sizeof(struct set)); i++) status = add_node(&b, i);
  if (!status) mark_redacting(&b);
  if (!status && !(*trie = pack(&b))) status = no_memory(&b);

  struct azd_buf *all[] = {&b.sets, &b.nodes, &b.edges, &b.tests,   &b.named,
                           &b.any,  &b.items, &b.loops, &b.selects, &b.next};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) azd_buf_free(all[i]);
  azd_places_free(&b.places);
  free(b.slots);
  azd_arena_free(&b.arena);
  return status;
}
