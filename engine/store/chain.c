#include "store/chain.h"

#include <stdlib.h>

void azd_changes_init(struct azd_changes *changes) {
  *changes = (struct azd_changes){0};
}

void azd_changes_free(struct azd_changes *changes) {
  free(changes->entries);
  free(changes->slots);
  *changes = (struct azd_changes){0};
}

/* The last bytes of a key are uniform, the first are the type's. */
static size_t slot_of(const struct azd_changes *changes, const struct azd_key *key) {
  uint64_t h;
  memcpy(&h, key->bytes + AZD_KEY_TYPE_BYTES, sizeof h);
  return (size_t)h & (changes->slot_count - 1);
}

static void slot_put(struct azd_changes *changes, size_t place) {
  size_t slot = slot_of(changes, &changes->entries[place].key);
  while (changes->slots[slot]) slot = (slot + 1) & (changes->slot_count - 1);
  changes->slots[slot] = (uint32_t)place + 1;
}

static int grow(struct azd_changes *changes) {
  size_t capacity = changes->capacity ? changes->capacity * 2 : 256;
  if (capacity > UINT32_MAX / 2) return AZD_ELIMIT;
  struct azd_change_entry *entries = realloc(changes->entries, capacity * sizeof *entries);
  if (!entries) return AZD_ENOMEM;
  changes->entries = entries;
  uint32_t *slots = calloc(capacity * 2, sizeof *slots);
  if (!slots) return AZD_ENOMEM;
  free(changes->slots);
  changes->slots = slots;
  changes->slot_count = capacity * 2;
  changes->capacity = capacity;
  for (size_t i = 0; i < changes->count; i++) slot_put(changes, i);
  return 0;
}

static void xor_into(uint8_t *into, const uint8_t *hash) {
  for (int i = 0; i < AZD_HASH_BYTES; i++) into[i] ^= hash[i];
}

static void tally(struct azd_changes *changes, const uint8_t *from, const uint8_t *to) {
  if (from) xor_into(changes->hashes_xor, from);
  if (to) xor_into(changes->hashes_xor, to);
  if (from && to)
    changes->changed++;
  else if (to)
    changes->added++;
  else
    changes->removed++;
}

int azd_changes_add(struct azd_changes *changes, const struct azd_key *key, const uint8_t *from, const uint8_t *to) {
  AZD_ASSERT(from || to);
  if (changes->count == changes->capacity) {
    int rc = grow(changes);
    if (rc) return rc;
  }
  size_t slot = slot_of(changes, key);
  for (; changes->slots[slot]; slot = (slot + 1) & (changes->slot_count - 1))
    if (azd_key_compare(&changes->entries[changes->slots[slot] - 1].key, key) == 0) return 0;
  struct azd_change_entry *entry = &changes->entries[changes->count++];
  *entry = (struct azd_change_entry){.key = *key};
  if (from) memcpy(entry->from, from, AZD_HASH_BYTES);
  if (to) memcpy(entry->to, to, AZD_HASH_BYTES);
  changes->slots[slot] = (uint32_t)changes->count;
  tally(changes, from, to);
  return 1;
}

static int compare_entries(const void *a, const void *b) {
  return azd_key_compare(&((const struct azd_change_entry *)a)->key, &((const struct azd_change_entry *)b)->key);
}

int azd_changes_hash(struct azd_changes *changes, uint8_t hash[AZD_HASH_BYTES]) {
  struct azd_sha256 *sha = azd_sha256_new();
  if (!sha) return AZD_ENOMEM;
  if (changes->count) qsort(changes->entries, changes->count, sizeof *changes->entries, compare_entries);
  if (changes->slots) {
    memset(changes->slots, 0, changes->slot_count * sizeof *changes->slots);
    for (size_t i = 0; i < changes->count; i++) slot_put(changes, i);
  }
  azd_sha256_start(sha);
  azd_sha256_add(sha, changes->entries, changes->count * sizeof *changes->entries);
  azd_sha256_end(sha, hash);
  azd_sha256_free(sha);
  return 0;
}
_Static_assert(sizeof(struct azd_change_entry) == AZD_KEY_BYTES + 2 * AZD_HASH_BYTES,
               "entries are hashed as they lie in memory");

/* Each field behind its length, so that no two different snapshots have the same bytes. */
static void field(struct azd_buf *out, const void *data, size_t bytes) {
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = (uint8_t)((uint64_t)bytes >> (56 - 8 * i));
  azd_buf_append(out, length, sizeof length);
  azd_buf_append(out, data, bytes);
}

static void field_str(struct azd_buf *out, struct azd_str s) {
  field(out, s.data, s.size);
}

static void field_int(struct azd_buf *out, int64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)value >> (56 - 8 * i));
  field(out, bytes, sizeof bytes);
}

int azd_chain_of(const struct azd_snapshot *s, uint8_t chain[AZD_HASH_BYTES]) {
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  azd_buf_append(&bytes, s->previous_chain, AZD_HASH_BYTES);
  field_str(&bytes, s->scope);
  field_int(&bytes, s->seq);
  field_str(&bytes, azd_str_of(s->id));
  field_int(&bytes, s->timestamp_ms);
  field_int(&bytes, s->status);
  field_str(&bytes, s->subscription_id);
  field_str(&bytes, s->resource_group);
  field_str(&bytes, s->coverage);
  field_str(&bytes, s->missing);
  field_str(&bytes, s->stamps);
  field_str(&bytes, s->redaction_key);
  field_int(&bytes, s->resources);
  field_int(&bytes, s->added);
  field_int(&bytes, s->changed);
  field_int(&bytes, s->removed);
  field(&bytes, s->hashes_xor, AZD_HASH_BYTES);
  azd_buf_append(&bytes, s->changes_hash, AZD_HASH_BYTES);
  int rc = azd_buf_status(&bytes);
  if (!rc) azd_sha256_of(bytes.data, bytes.size, chain);
  azd_buf_free(&bytes);
  return rc;
}

int azd_chain_link(struct azd_snapshot *snapshot, const struct azd_snapshot *previous, struct azd_changes *changes) {
  int rc = azd_changes_hash(changes, snapshot->changes_hash);
  if (rc) return rc;
  snapshot->added = changes->added;
  snapshot->changed = changes->changed;
  snapshot->removed = changes->removed;
  snapshot->resources = (previous ? previous->resources : 0) + changes->added - changes->removed;
  memset(snapshot->previous_chain, 0, AZD_HASH_BYTES);
  memcpy(snapshot->hashes_xor, changes->hashes_xor, AZD_HASH_BYTES);
  if (previous) {
    memcpy(snapshot->previous_chain, previous->chain, AZD_HASH_BYTES);
    xor_into(snapshot->hashes_xor, previous->hashes_xor);
  }
  return azd_chain_of(snapshot, snapshot->chain);
}
