#include "json/names.h"

#include <stdlib.h>

static inline uint64_t multiply_fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Sets bit 5 of each byte that is an upper-case ASCII letter. */
static inline uint64_t fold_word(uint64_t word) {
  const uint64_t ones = 0x0101010101010101;
  uint64_t low7 = word & ones * 0x7f;
  uint64_t from_a = low7 + ones * (0x80 - 'A'), beyond_z = low7 + ones * (0x80 - 'Z' - 1);
  return word | ((from_a & ~beyond_z & ~word & ones * 0x80) >> 2);
}

static uint64_t seeded_hash(uint64_t seed, struct azd_str name, bool fold) {
  uint64_t hash = seed ^ name.size;
  for (size_t at = 0; at < name.size; at += 8) {
    uint64_t word = 0;
    memcpy(&word, name.data + at, name.size - at < 8 ? name.size - at : 8);
    if (fold) word = fold_word(word);
    hash = multiply_fold(hash ^ word, 0x9fb21c651e98df25 ^ seed);
  }
  return multiply_fold(hash, 0xd6e8feb86659fd93);
}

uint32_t azd_lookup_reserve(struct azd_doc *doc, size_t words) {
  size_t wanted = doc->lookup_size + words;
  if (wanted >= AZD_NODE_NONE) return AZD_NODE_NONE;
  if (wanted > doc->lookup_capacity) {
    size_t capacity = wanted + wanted / 2 + 64;
    if (capacity >= AZD_NODE_NONE) capacity = wanted;
    uint32_t *lookup = realloc(doc->lookup, capacity * sizeof *lookup);
    if (!lookup) return AZD_NODE_NONE;
    doc->lookup = lookup;
    doc->lookup_capacity = (uint32_t)capacity;
  }
  uint32_t place = doc->lookup_size;
  doc->lookup_size = (uint32_t)wanted;
  return place;
}

static void drop(struct azd_doc *doc, azd_node object, azd_node doubled) {
  struct azd_json_node *node = &doc->nodes[doubled];
  node->flags |= AZD_NODE_DROPPED;
  doc->nodes[object].size--;
  if (!doc->duplicates++) doc->first_duplicate = *node;
}

void azd_names_drop_doubled(struct azd_doc *doc, azd_node object) {
  struct azd_json_node *nodes = doc->nodes;
  uint32_t end = nodes[object].end;
  for (azd_node later = nodes[object + 1].end; later < end; later = nodes[later].end) {
    if (!(nodes[later].flags & AZD_NODE_SUSPECT)) continue;
    for (azd_node early = object + 1; early < later; early = nodes[early].end)
      if (nodes[early].hash == nodes[later].hash && !(nodes[early].flags & AZD_NODE_DROPPED) &&
          azd_str_equal(azd_doc_key(doc, early), azd_doc_key(doc, later))) {
        drop(doc, object, early);
        break; /* what stands between had a look of its own at the earlier ones */
      }
  }
}

/* The slot that holds the name, or the empty one where it belongs. */
static uint32_t *find_slot(const struct azd_doc *doc, uint32_t *slots, uint32_t slot_count, struct azd_str name,
                           bool fold) {
  uint32_t mask = slot_count - 1;
  for (uint32_t i = (uint32_t)seeded_hash(doc->seed, name, fold) & mask;; i = (i + 1) & mask) {
    if (slots[i] == AZD_NODE_NONE) return &slots[i];
    struct azd_str there = azd_doc_key(doc, slots[i]);
    if (fold ? azd_str_equal_fold(there, name) : azd_str_equal(there, name)) return &slots[i];
  }
}

int azd_names_index(struct azd_doc *doc, azd_node object) {
  struct azd_json_node *node = &doc->nodes[object];
  size_t slot_count = 64;
  while (slot_count < 2 * (size_t)node->size) slot_count *= 2;
  uint32_t place = azd_lookup_reserve(doc, 1 + 2 * slot_count);
  if (place == AZD_NODE_NONE) return AZD_ENOMEM;
  uint32_t *exact = doc->lookup + place + 1, *folded = exact + slot_count;
  doc->lookup[place] = (uint32_t)slot_count;
  memset(exact, 0xff, 2 * slot_count * sizeof *exact);
  node->at = place;
  for (azd_node member = object + 1; member < node->end; member = doc->nodes[member].end) {
    uint32_t *slot = find_slot(doc, exact, (uint32_t)slot_count, azd_doc_key(doc, member), false);
    if (*slot != AZD_NODE_NONE) drop(doc, object, *slot);
    *slot = member;
  }
  for (azd_node member = object + 1; member < node->end; member = doc->nodes[member].end) {
    if (doc->nodes[member].flags & AZD_NODE_DROPPED) continue;
    uint32_t *slot = find_slot(doc, folded, (uint32_t)slot_count, azd_doc_key(doc, member), true);
    if (*slot == AZD_NODE_NONE) *slot = member;
  }
  return 0;
}

static azd_node find_indexed(const struct azd_doc *doc, uint32_t place, struct azd_str name, bool fold) {
  uint32_t slot_count = doc->lookup[place], *exact = doc->lookup + place + 1;
  azd_node found = *find_slot(doc, exact, slot_count, name, false);
  return found == AZD_NODE_NONE && fold ? *find_slot(doc, exact + slot_count, slot_count, name, true) : found;
}

azd_node azd_doc_member(const struct azd_doc *doc, azd_node object, struct azd_str key) {
  if (object == AZD_NODE_NONE || doc->nodes[object].type != AZD_JSON_OBJECT) return AZD_NODE_NONE;
  const struct azd_json_node *node = &doc->nodes[object];
  if (node->at != AZD_NODE_NONE) return find_indexed(doc, node->at, key, false);
  uint32_t hash = azd_name_hash(key.data, key.size);
  for (azd_node member = object + 1; member < node->end; member = doc->nodes[member].end)
    if (doc->nodes[member].hash == hash && azd_str_equal(azd_doc_key(doc, member), key)) return member;
  return AZD_NODE_NONE;
}

azd_node azd_doc_member_fold(const struct azd_doc *doc, azd_node object, struct azd_str key) {
  if (object == AZD_NODE_NONE || doc->nodes[object].type != AZD_JSON_OBJECT) return AZD_NODE_NONE;
  const struct azd_json_node *node = &doc->nodes[object];
  if (node->at != AZD_NODE_NONE) return find_indexed(doc, node->at, key, true);
  uint32_t hash = azd_name_hash(key.data, key.size);
  azd_node folded = AZD_NODE_NONE;
  for (azd_node member = object + 1; member < node->end; member = doc->nodes[member].end) {
    if (doc->nodes[member].hash != hash) continue;
    struct azd_str name = azd_doc_key(doc, member);
    if (azd_str_equal(name, key)) return member;
    if (folded == AZD_NODE_NONE && azd_str_equal_fold(name, key)) folded = member;
  }
  return folded;
}

/* Looked-up nodes of one container, told their new places. */
static void move_lookup(struct azd_doc *doc, const struct azd_json_node *node, const uint32_t *moved) {
  if (!azd_node_is_container(node) || node->at == AZD_NODE_NONE) return;
  uint32_t *words = doc->lookup + node->at, count = node->size;
  if (node->type == AZD_JSON_OBJECT) count = 2 * *words++;
  for (uint32_t i = 0; i < count; i++)
    if (words[i] != AZD_NODE_NONE) words[i] = moved[words[i]];
}

/* One pass for the whole document, so that doubled names at every depth cost no more than doubled names at one. */
int azd_names_compact(struct azd_doc *doc) {
  if (!doc->duplicates) return 0;
  uint32_t *moved = malloc(((size_t)doc->size + 1) * sizeof *moved);
  if (!moved) return AZD_ENOMEM;
  uint32_t kept = 0, dropped_until = 0;
  for (uint32_t i = 0; i < doc->size; i++) {
    if (i >= dropped_until && doc->nodes[i].flags & AZD_NODE_DROPPED) dropped_until = doc->nodes[i].end;
    moved[i] = kept;
    kept += i >= dropped_until;
  }
  moved[doc->size] = kept;
  for (uint32_t i = 0; i < doc->size;) {
    struct azd_json_node node = doc->nodes[i];
    if (node.flags & AZD_NODE_DROPPED) {
      i = node.end;
      continue;
    }
    move_lookup(doc, &node, moved);
    node.parent = moved[node.parent];
    node.end = moved[node.end];
    doc->nodes[moved[i++]] = node;
  }
  doc->size = kept;
  free(moved);
  return 0;
}
