#include "json/match.h"

#include <stdlib.h>

/* An element of one side. key: what tells it apart, in the text of the document or the arena. */
struct element {
  azd_node node;
  uint32_t index, partner; /* index in the other array */
  bool guessed;            /* the partner is only what was left over */
  struct azd_str key;
  uint64_t hash; /* of its key, then of its value */
};

struct side {
  const struct azd_doc *doc;
  struct element *all;     /* by index */
  struct element **sorted; /* by key */
  uint32_t count;
  const struct azd_value_hashes *hashes;
};

static int load(struct azd_matcher *matcher, struct azd_side array, struct side *side) {
  side->doc = array.doc;
  side->hashes = NULL;
  side->count = azd_doc_count(array.doc, array.node);
  side->all = azd_arena_alloc(matcher->arena, (side->count + 1) * sizeof *side->all);
  side->sorted = azd_arena_alloc(matcher->arena, (side->count + 1) * sizeof *side->sorted);
  if (!side->all || !side->sorted) return AZD_ENOMEM;
  uint32_t index = 0;
  for (azd_node at = azd_doc_first(array.doc, array.node); at != AZD_NODE_NONE;
       at = azd_doc_next(array.doc, at), index++)
    side->all[index] = (struct element){.node = at, .index = index, .partner = AZD_INDEX_NONE};
  return 0;
}

static void join(struct element *a, struct element *b) {
  a->partner = b->index;
  b->partner = a->index;
}

/* ---- by key ---- */

static bool scalar_text(const struct azd_doc *doc, azd_node node, struct azd_str *text) {
  if (node == AZD_NODE_NONE) return false;
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_STRING: *text = azd_doc_string(doc, node); return text->size > 0;
  case AZD_JSON_NUMBER: {
    /* 1.0 and 1e0 are one number and two texts: only plain integers identify. */
    int64_t integer;
    *text = azd_doc_number(doc, node);
    return azd_doc_int64(doc, node, &integer);
  }
  case AZD_JSON_TRUE: *text = AZD_STR("true"); return true;
  case AZD_JSON_FALSE: *text = AZD_STR("false"); return true;
  case AZD_JSON_NULL:
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: break;
  }
  return false;
}

/* Several members are one key: their texts behind their sizes, so that no two lists of texts read the same. */
static int joined_text(struct azd_matcher *matcher, const struct side *side, azd_node node, const struct azd_str *names,
                       uint32_t name_count, struct azd_str *key, bool *usable) {
  struct azd_str parts[AZD_RULE_KEYS_MAX] = {{0}};
  size_t bytes = 0;
  uint32_t found = 0;
  for (uint32_t i = 0; i < name_count; i++) {
    /* One of several may be absent: it is part of the key only where it is there. */
    found += scalar_text(side->doc, azd_doc_member_fold(side->doc, node, names[i]), &parts[i]);
    bytes += sizeof(size_t) + parts[i].size;
  }
  *usable = found > 0;
  *key = parts[0];
  if (!*usable || name_count == 1) return 0;
  char *text = azd_arena_alloc(matcher->arena, bytes);
  if (!text) return AZD_ENOMEM;
  *key = (struct azd_str){text, bytes};
  for (uint32_t i = 0; i < name_count; i++) {
    memcpy(text, &parts[i].size, sizeof parts[i].size);
    if (parts[i].size) memcpy(text + sizeof parts[i].size, parts[i].data, parts[i].size);
    text += sizeof parts[i].size + parts[i].size;
  }
  return 0;
}

/* By hash first: comparing long ids from their common start on is what costs. */
static int order_of(const struct element *x, const struct element *y, bool fold) {
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  int order = azd_str_compare_fold(x->key, y->key);
  return order || fold ? order : azd_str_compare(x->key, y->key);
}

static int compare_keys(const void *a, const void *b) {
  return order_of(*(struct element *const *)a, *(struct element *const *)b, false);
}

enum distinct { DISTINCT_NOT, DISTINCT_BY_CASE, DISTINCT };

static enum distinct sort_by_key(struct side *side) {
  enum distinct distinct = DISTINCT;
  for (uint32_t i = 0; i < side->count; i++) side->sorted[i] = &side->all[i];
  if (side->count) qsort(side->sorted, side->count, sizeof(struct element *), compare_keys);
  for (uint32_t i = 1; i < side->count; i++) {
    if (order_of(side->sorted[i - 1], side->sorted[i], true)) continue;
    if (azd_str_equal(side->sorted[i - 1]->key, side->sorted[i]->key)) return DISTINCT_NOT;
    distinct = DISTINCT_BY_CASE;
  }
  return distinct;
}

/* Both sides sorted: pairs equal keys. Answers how many. */
static uint32_t join_sorted(struct side *a, struct side *b, bool fold) {
  uint32_t pairs = 0;
  for (uint32_t i = 0, j = 0; i < a->count && j < b->count;) {
    int order = order_of(a->sorted[i], b->sorted[j], fold);
    if (order < 0)
      i++;
    else if (order > 0)
      j++;
    else
      join(a->sorted[i++], b->sorted[j++]), pairs++;
  }
  return pairs;
}

static void part_all(struct side *side) {
  for (uint32_t i = 0; i < side->count; i++) side->all[i].partner = AZD_INDEX_NONE;
}

static int read_keys(struct azd_matcher *matcher, struct side *side, const struct azd_str *names, uint32_t name_count,
                     bool *usable) {
  *usable = true;
  for (uint32_t i = 0; i < side->count; i++) {
    if (azd_doc_type(side->doc, side->all[i].node) != AZD_JSON_OBJECT) return *usable = false, 0;
    int status = joined_text(matcher, side, side->all[i].node, names, name_count, &side->all[i].key, usable);
    if (status || !*usable) return status;
    side->all[i].hash = azd_text_hash_fold(side->all[i].key);
  }
  return 0;
}

/* matched: -1 where these members do not tell the elements apart, else how many pairs they make. */
static int match_by(struct azd_matcher *matcher, struct side *a, struct side *b, const struct azd_str *names,
                    uint32_t name_count, int64_t *matched) {
  bool usable;
  *matched = -1;
  int status = read_keys(matcher, a, names, name_count, &usable);
  if (!status && usable) status = read_keys(matcher, b, names, name_count, &usable);
  if (status || !usable) return status;
  enum distinct in_a = sort_by_key(a), in_b = sort_by_key(b);
  if (in_a == DISTINCT_NOT || in_b == DISTINCT_NOT) return 0;
  part_all(a), part_all(b);
  *matched = join_sorted(a, b, in_a == DISTINCT && in_b == DISTINCT);
  return 0;
}

/* ---- by value ---- */

void azd_matcher_start(struct azd_matcher *matcher, azd_node old_root, azd_node new_root) {
  for (int kind = 0; kind < AZD_HASH_KINDS; kind++) {
    matcher->old_hashes[kind] = (struct azd_value_hashes){NULL, old_root};
    matcher->new_hashes[kind] = (struct azd_value_hashes){NULL, new_root};
  }
}

/* Of a whole document at once: nested arrays ask for the same values again. */
static int read_hashes(struct azd_matcher *matcher, struct azd_value_hashes *all, enum azd_value_hash_kind kind,
                       struct side *side) {
  struct azd_value_hashes *hashes = &all[kind];
  int status = 0;
  if (!hashes->of)
    status = azd_value_hashes_make(side->doc, hashes->first, kind, matcher->arena, &matcher->scratch, hashes);
  for (uint32_t i = 0; !status && i < side->count; i++) side->all[i].hash = azd_value_hash(hashes, side->all[i].node);
  side->hashes = hashes;
  return status;
}

static int compare_hashes(const void *a, const void *b) {
  const struct element *x = *(struct element *const *)a, *y = *(struct element *const *)b;
  if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
  return (x->index > y->index) - (x->index < y->index);
}

/* Sorts the unmatched elements of a side by their value. Answers how many. */
static uint32_t sort_unmatched(struct side *side) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < side->count; i++)
    if (side->all[i].partner == AZD_INDEX_NONE) side->sorted[count++] = &side->all[i];
  if (count) qsort(side->sorted, count, sizeof(struct element *), compare_hashes);
  return count;
}

static uint32_t unmatched(const struct side *side) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < side->count; i++) count += side->all[i].partner == AZD_INDEX_NONE;
  return count;
}

static int match_equal_values(struct azd_matcher *matcher, enum azd_value_hash_kind kind, struct side *a,
                              struct side *b) {
  int status = read_hashes(matcher, matcher->old_hashes, kind, a);
  if (!status) status = read_hashes(matcher, matcher->new_hashes, kind, b);
  if (status) return status;
  /* What stands in its place needs no sorting; in most arrays that is all. */
  for (uint32_t i = 0; i < a->count && i < b->count; i++)
    if (a->all[i].partner == AZD_INDEX_NONE && b->all[i].partner == AZD_INDEX_NONE && a->all[i].hash == b->all[i].hash)
      join(&a->all[i], &b->all[i]);
  uint32_t left_a = sort_unmatched(a), left_b = sort_unmatched(b);
  for (uint32_t i = 0, j = 0; i < left_a && j < left_b;) {
    uint64_t x = a->sorted[i]->hash, y = b->sorted[j]->hash;
    if (x < y)
      i++;
    else if (x > y)
      j++;
    else
      join(a->sorted[i++], b->sorted[j++]);
  }
  return 0;
}

/* Members of two objects with equal values. */
static uint32_t shared_members(const struct side *a, uint32_t i, const struct side *b, uint32_t j) {
  uint32_t shared = 0;
  azd_node other, object = b->all[j].node;
  for (azd_node at = azd_doc_first(a->doc, a->all[i].node); at != AZD_NODE_NONE; at = azd_doc_next(a->doc, at)) {
    other = azd_doc_member_fold(b->doc, object, azd_doc_key(a->doc, at));
    shared += other != AZD_NODE_NONE && azd_value_hash(a->hashes, at) == azd_value_hash(b->hashes, other);
  }
  return shared;
}

static bool both_are(const struct side *a, uint32_t i, const struct side *b, uint32_t j, enum azd_json_type type) {
  return azd_doc_type(a->doc, a->all[i].node) == type && azd_doc_type(b->doc, b->all[j].node) == type;
}

/* The free element of b that shares most members with element i of a, and at least half of the larger one's. */
static uint32_t most_similar(const struct side *a, uint32_t i, const struct side *b) {
  uint32_t best = AZD_INDEX_NONE, best_shared = 0;
  for (uint32_t j = 0; j < b->count; j++) {
    if (b->all[j].partner != AZD_INDEX_NONE || !both_are(a, i, b, j, AZD_JSON_OBJECT)) continue;
    uint32_t x = azd_doc_count(a->doc, a->all[i].node), y = azd_doc_count(b->doc, b->all[j].node);
    uint32_t shared = shared_members(a, i, b, j);
    if (shared > best_shared && 2 * shared >= (x > y ? x : y)) best = j, best_shared = shared;
  }
  return best;
}

/* The free plain value of b that means the same by rule. */
static uint32_t same_by_rule(struct azd_matcher *matcher, const struct azd_place *place, const struct side *a,
                             uint32_t i, const struct side *b) {
  for (uint32_t j = 0; j < b->count; j++)
    if (b->all[j].partner == AZD_INDEX_NONE &&
        azd_same_meaning(matcher->same, place, (struct azd_side){a->doc, a->all[i].node},
                         (struct azd_side){b->doc, b->all[j].node}))
      return j;
  return AZD_INDEX_NONE;
}

/* What is left on both sides, in order, where it is equally much and of one kind. Plain values: only a single one. */
static void join_in_order(struct side *a, struct side *b) {
  uint32_t left = unmatched(a), j = 0;
  if (!left || left != unmatched(b)) return;
  for (uint32_t i = 0; i < a->count; i++) {
    if (a->all[i].partner != AZD_INDEX_NONE) continue;
    while (b->all[j].partner != AZD_INDEX_NONE) j++;
    if (both_are(a, i, b, j, AZD_JSON_OBJECT) || both_are(a, i, b, j, AZD_JSON_ARRAY) || left == 1) {
      join(&a->all[i], &b->all[j]);
      a->all[i].guessed = true;
    }
    j++;
  }
}

static int match_by_value(struct azd_matcher *matcher, const struct azd_place *item_place, struct side *a,
                          struct side *b) {
  int status = match_equal_values(matcher, AZD_HASH_EXACT, a, b);
  if (!status && unmatched(a) && unmatched(b)) status = match_equal_values(matcher, AZD_HASH_LOOSE, a, b);
  if (status) return status;
  uint64_t left_a = unmatched(a), left_b = unmatched(b);
  if (left_a * left_b > AZD_MATCH_SIMILAR_MAX) {
    join_in_order(a, b);
    return 0;
  }
  for (uint32_t i = 0; left_a && left_b && i < a->count; i++) {
    if (a->all[i].partner != AZD_INDEX_NONE) continue;
    bool is_object = azd_doc_type(a->doc, a->all[i].node) == AZD_JSON_OBJECT;
    uint32_t j = is_object          ? most_similar(a, i, b)
                 : item_place->same ? same_by_rule(matcher, item_place, a, i, b)
                                    : AZD_INDEX_NONE;
    if (j != AZD_INDEX_NONE) join(&a->all[i], &b->all[j]);
  }
  join_in_order(a, b);
  return 0;
}

/* ---- the whole ---- */

/* A name reads better in a selector than an id: used for showing where it tells the elements of both sides apart. */
static int show_by_name(struct azd_matcher *matcher, struct side *a, struct side *b, struct azd_pairing *pairing) {
  static const struct azd_str name = {"name", 4};
  bool usable;
  if (azd_str_equal_fold(pairing->names[0], name)) return 0;
  int status = read_keys(matcher, a, &name, 1, &usable);
  if (!status && usable) status = read_keys(matcher, b, &name, 1, &usable);
  if (status || !usable || sort_by_key(a) != DISTINCT || sort_by_key(b) != DISTINCT) return status;
  pairing->names[0] = name;
  return 0;
}

struct identity {
  const struct azd_str *names;
  uint32_t count;
};

/* Tries one identity after another. The first that finds a partner for anything is it; where none does, the first that
 * tells the elements apart. */
static int match_by_identity(struct azd_matcher *matcher, const struct azd_rule *rule, struct side *a, struct side *b,
                             struct azd_pairing *pairing, bool *done) {
  static const struct azd_str id = {"id", 2}, name = {"name", 4};
  /* Somebody who writes a key means it; a generated one stands in where there is no id and no name. */
  const struct identity key = {rule ? rule->by : NULL, rule && rule->verb == AZD_VERB_KEY ? rule->by_count : 0};
  const struct identity none = {NULL, 0};
  const bool key_first = rule && rule->layer != AZD_LAYER_SCHEMA;
  const struct identity tries[] = {key_first ? key : none, {&id, 1}, {&name, 1}, key_first ? none : key};
  *done = false;
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    int64_t matched;
    if (!tries[i].count) continue;
    int status = match_by(matcher, a, b, tries[i].names, tries[i].count, &matched);
    if (status) return status;
    if (matched < 0 || (*done && !matched)) continue;
    memcpy(pairing->names, tries[i].names, tries[i].count * sizeof *tries[i].names);
    pairing->name_count = tries[i].count;
    *done = true;
    if (matched > 0) break;
  }
  bool by_id = *done && pairing->name_count == 1 && azd_str_equal(pairing->names[0], id);
  return by_id ? show_by_name(matcher, a, b, pairing) : 0;
}

static int list_pairs(struct azd_matcher *matcher, const struct side *a, const struct side *b,
                      struct azd_pairing *pairing) {
  struct azd_pair *pairs = azd_arena_alloc(matcher->arena, ((size_t)a->count + b->count + 1) * sizeof *pairs);
  if (!pairs) return AZD_ENOMEM;
  uint32_t highest = 0;
  pairing->pairs = pairs;
  for (uint32_t i = 0; i < a->count; i++) {
    uint32_t j = a->all[i].partner;
    bool has = j != AZD_INDEX_NONE;
    pairs[pairing->count++] = (struct azd_pair){i, j, a->all[i].node, has ? b->all[j].node : AZD_NODE_NONE};
    pairing->one_sided |= !has;
    if (!has || a->all[i].guessed) continue; /* a guess says nothing about order */
    if (j < highest) pairing->reordered = true;
    highest = j;
  }
  for (uint32_t j = 0; j < b->count; j++)
    if (b->all[j].partner == AZD_INDEX_NONE) {
      pairs[pairing->count++] = (struct azd_pair){AZD_INDEX_NONE, j, AZD_NODE_NONE, b->all[j].node};
      pairing->one_sided = true;
    }
  return 0;
}

int azd_match_arrays(struct azd_matcher *matcher, const struct azd_rule *rule, const struct azd_place *item_place,
                     struct azd_side old_array, struct azd_side new_array, struct azd_pairing *pairing) {
  struct side a, b;
  bool done = false;
  *pairing = (struct azd_pairing){0};
  int status = load(matcher, old_array, &a);
  if (!status) status = load(matcher, new_array, &b);
  if (!status && a.count + b.count > 0 && !(rule && rule->verb == AZD_VERB_SET))
    status = match_by_identity(matcher, rule, &a, &b, pairing, &done);
  if (!status && !done) status = match_by_value(matcher, item_place, &a, &b);
  return status ? status : list_pairs(matcher, &a, &b, pairing);
}
