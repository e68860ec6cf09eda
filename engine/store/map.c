#include "store/map.h"

#include <stdlib.h>

struct azd_map {
  struct azd_map_entry *entries; /* sorted by key */
  uint32_t *slots;               /* open addressing: place + 1, at most half full */
  size_t count, slot_count;
  int64_t seq;
};

struct azd_map_load {
  struct azd_map *map;
  struct azd_map_entry *added;
  struct azd_key *dropped;
  size_t added_count, added_capacity, dropped_count, dropped_capacity;
  bool full, sorted;
};

struct azd_map *azd_map_new(void) {
  return calloc(1, sizeof(struct azd_map));
}

void azd_map_free(struct azd_map *map) {
  if (!map) return;
  free(map->entries);
  free(map->slots);
  free(map);
}

int64_t azd_map_seq(const struct azd_map *map) {
  return map->seq;
}
size_t azd_map_count(const struct azd_map *map) {
  return map->count;
}
const struct azd_map_entry *azd_map_entries(const struct azd_map *map) {
  return map->entries;
}

/* The first bytes of a key are its type's; what follows is uniform. */
static size_t first_slot(const struct azd_key *key, size_t slot_count) {
  uint64_t h;
  memcpy(&h, key->bytes + AZD_KEY_TYPE_BYTES, sizeof h);
  return (size_t)h & (slot_count - 1);
}

const struct azd_map_entry *azd_map_find(const struct azd_map *map, const struct azd_key *key) {
  if (!map->count) return NULL;
  for (size_t slot = first_slot(key, map->slot_count); map->slots[slot]; slot = (slot + 1) & (map->slot_count - 1)) {
    const struct azd_map_entry *entry = &map->entries[map->slots[slot] - 1];
    if (azd_key_compare(&entry->key, key) == 0) return entry;
  }
  return NULL;
}

/* The first place whose key begins with prefix or more. */
static size_t lower_bound(const struct azd_map *map, const uint8_t prefix[AZD_KEY_TYPE_BYTES], int beyond) {
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (memcmp(map->entries[middle].key.bytes, prefix, AZD_KEY_TYPE_BYTES) < beyond)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

size_t azd_map_of_type(const struct azd_map *map, struct azd_str type, size_t *first) {
  uint8_t prefix[AZD_KEY_TYPE_BYTES];
  azd_key_type_prefix(type, prefix);
  *first = lower_bound(map, prefix, 0);
  return lower_bound(map, prefix, 1) - *first;
}

int azd_map_marks_init(struct azd_map_marks *marks, const struct azd_map *map) {
  marks->count = map->count;
  marks->words = calloc(map->count / 64 + 1, sizeof *marks->words);
  return marks->words ? 0 : AZD_ENOMEM;
}

void azd_map_marks_free(struct azd_map_marks *marks) {
  free(marks->words);
  *marks = (struct azd_map_marks){0};
}

bool azd_map_mark(struct azd_map_marks *marks, size_t place) {
  AZD_ASSERT(place < marks->count);
  uint64_t bit = UINT64_C(1) << (place % 64);
  return atomic_fetch_or_explicit(&marks->words[place / 64], bit, memory_order_relaxed) & bit;
}

bool azd_map_marked(const struct azd_map_marks *marks, size_t place) {
  AZD_ASSERT(place < marks->count);
  return atomic_load_explicit(&marks->words[place / 64], memory_order_relaxed) >> (place % 64) & 1;
}

/* ---- loading ---- */

struct azd_map_load *azd_map_load_begin(struct azd_map *map, bool full) {
  struct azd_map_load *load = calloc(1, sizeof *load);
  if (load) *load = (struct azd_map_load){.map = map, .full = full, .sorted = true};
  return load;
}

void azd_map_load_cancel(struct azd_map_load *load) {
  if (!load) return;
  free(load->added);
  free(load->dropped);
  free(load);
}

/* Room for one more of each bytes at *items. */
static int room(void **items, size_t count, size_t *capacity, size_t each) {
  if (count < *capacity) return 0;
  size_t wanted = *capacity ? *capacity * 2 : 1024;
  void *grown = realloc(*items, wanted * each);
  if (!grown) return AZD_ENOMEM;
  *items = grown;
  *capacity = wanted;
  return 0;
}

int azd_map_load_add(struct azd_map_load *load, const struct azd_map_entry *entry) {
  void *items = load->added;
  if (room(&items, load->added_count, &load->added_capacity, sizeof *load->added)) return AZD_ENOMEM;
  load->added = items;
  if (load->added_count && azd_key_compare(&load->added[load->added_count - 1].key, &entry->key) >= 0)
    load->sorted = false;
  load->added[load->added_count++] = *entry;
  return 0;
}

int azd_map_load_drop(struct azd_map_load *load, const struct azd_key *key) {
  void *items = load->dropped;
  if (room(&items, load->dropped_count, &load->dropped_capacity, sizeof *load->dropped)) return AZD_ENOMEM;
  load->dropped = items;
  load->dropped[load->dropped_count++] = *key;
  return 0;
}

/* Both structs begin with their key. */
static int compare_keys(const void *a, const void *b) {
  return azd_key_compare(a, b);
}

/* base without what was dropped or replaced, and with what was added, all in key order. */
static size_t merge(const struct azd_map_load *load, struct azd_map_entry *out) {
  const struct azd_map *base = load->map;
  size_t base_count = load->full ? 0 : base->count, b = 0, a = 0, d = 0, n = 0;
  while (b < base_count || a < load->added_count) {
    int order = b == base_count          ? 1
                : a == load->added_count ? -1
                                         : azd_key_compare(&base->entries[b].key, &load->added[a].key);
    if (order >= 0) {
      out[n++] = load->added[a++];
      b += order == 0;
      continue;
    }
    while (d < load->dropped_count && azd_key_compare(&load->dropped[d], &base->entries[b].key) < 0) d++;
    bool dropped = d < load->dropped_count && azd_key_compare(&load->dropped[d], &base->entries[b].key) == 0;
    if (!dropped) out[n++] = base->entries[b];
    b++;
  }
  return n;
}

/* Slots for entries, or NULL; AZD_ECORRUPT where a key stands twice. */
static int index_entries(const struct azd_map_entry *entries, size_t count, uint32_t **slots, size_t *slot_count) {
  if (count > UINT32_MAX / 4) return AZD_ELIMIT;
  size_t size = 16;
  while (size < count * 2) size *= 2;
  uint32_t *table = calloc(size, sizeof *table);
  if (!table) return AZD_ENOMEM;
  for (size_t i = 0; i < count; i++) {
    if (i && azd_key_compare(&entries[i - 1].key, &entries[i].key) == 0) {
      free(table);
      return AZD_ECORRUPT;
    }
    size_t slot = first_slot(&entries[i].key, size);
    while (table[slot]) slot = (slot + 1) & (size - 1);
    table[slot] = (uint32_t)i + 1;
  }
  *slots = table;
  *slot_count = size;
  return 0;
}

int azd_map_load_end(struct azd_map_load *load, int64_t seq) {
  struct azd_map *map = load->map;
  struct azd_map_entry *entries = NULL;
  size_t most = (load->full ? 0 : map->count) + load->added_count;
  int rc = AZD_ENOMEM;
  if (!load->sorted) qsort(load->added, load->added_count, sizeof *load->added, compare_keys);
  if (load->dropped_count) qsort(load->dropped, load->dropped_count, sizeof *load->dropped, compare_keys);
  entries = malloc((most ? most : 1) * sizeof *entries);
  if (!entries) goto out;
  size_t count = merge(load, entries), slot_count = 0;
  uint32_t *slots = NULL;
  rc = index_entries(entries, count, &slots, &slot_count);
  if (rc) goto out;
  free(map->entries);
  free(map->slots);
  *map = (struct azd_map){.entries = entries, .slots = slots, .count = count, .slot_count = slot_count, .seq = seq};
  entries = NULL;
out:
  free(entries);
  azd_map_load_cancel(load);
  return rc;
}
