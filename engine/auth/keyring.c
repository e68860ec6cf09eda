#include "auth/keyring.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64, NO_ENTRY = 0 };

struct azd_keyring {
  struct azd_keyring_entry *entries;
  uint32_t *slots; /* index of an entry + 1; open addressing, at most half full */
  size_t count, capacity, slot_count;
};

static const char *const ROLES[] = {"none", "reader", "operator", "admin"};

const char *azd_role_name(enum azd_role role) {
  return ROLES[role];
}

bool azd_role_parse(struct azd_str name, enum azd_role *role) {
  for (int i = AZD_ROLE_NONE; i <= AZD_ROLE_ADMIN; i++)
    if (azd_str_equal(name, azd_str_of(ROLES[i]))) {
      *role = (enum azd_role)i;
      return true;
    }
  return false;
}

struct azd_keyring *azd_keyring_new(void) {
  struct azd_keyring *keyring = calloc(1, sizeof *keyring);
  if (keyring == NULL) return NULL;
  keyring->slot_count = FIRST_SLOTS;
  keyring->slots = calloc(FIRST_SLOTS, sizeof *keyring->slots);
  if (keyring->slots != NULL) return keyring;
  free(keyring);
  return NULL;
}

void azd_keyring_free(struct azd_keyring *keyring) {
  if (keyring == NULL) return;
  free(keyring->entries);
  free(keyring->slots);
  free(keyring);
}

size_t azd_keyring_count(const struct azd_keyring *keyring) {
  return keyring->count;
}

struct azd_keyring_entry *azd_keyring_at(struct azd_keyring *keyring, size_t index) {
  return &keyring->entries[index];
}

/* Ids are random, or chosen by who may write keys: nobody gains by a collision. */
static size_t slot_of(const struct azd_keyring *keyring, const char *id) {
  uint64_t bits;
  memcpy(&bits, id, sizeof bits);
  size_t at = (bits * 0x9e3779b97f4a7c15u) >> 32 & (keyring->slot_count - 1);
  while (keyring->slots[at] != NO_ENTRY &&
         memcmp(keyring->entries[keyring->slots[at] - 1].id, id, AZD_API_KEY_ID_BYTES) != 0)
    at = (at + 1) & (keyring->slot_count - 1);
  return at;
}

static int grow(struct azd_keyring *keyring) {
  if (keyring->count == keyring->capacity) {
    const size_t capacity = keyring->capacity ? keyring->capacity * 2 : FIRST_SLOTS / 2;
    struct azd_keyring_entry *entries = realloc(keyring->entries, capacity * sizeof *entries);
    if (entries == NULL) return AZD_ENOMEM;
    keyring->entries = entries;
    keyring->capacity = capacity;
  }
  if ((keyring->count + 1) * 2 <= keyring->slot_count) return 0;
  uint32_t *slots = calloc(keyring->slot_count * 2, sizeof *slots);
  if (slots == NULL) return AZD_ENOMEM;
  free(keyring->slots);
  keyring->slots = slots;
  keyring->slot_count *= 2;
  for (size_t i = 0; i < keyring->count; i++) slots[slot_of(keyring, keyring->entries[i].id)] = (uint32_t)i + 1;
  return 0;
}

int azd_keyring_add(struct azd_keyring *keyring, const struct azd_keyring_entry *entry) {
  if (keyring->slots[slot_of(keyring, entry->id)] != NO_ENTRY) return AZD_ECONFLICT;
  if (keyring->count == AZD_KEYRING_MAX) return AZD_ELIMIT;
  const int rc = grow(keyring);
  if (rc != 0) return rc;
  keyring->entries[keyring->count++] = *entry;
  keyring->slots[slot_of(keyring, entry->id)] = (uint32_t)keyring->count;
  return 0;
}

struct azd_keyring_entry *azd_keyring_find(struct azd_keyring *keyring, struct azd_str id) {
  if (id.size != AZD_API_KEY_ID_BYTES) return NULL;
  const uint32_t at = keyring->slots[slot_of(keyring, id.data)];
  return at == NO_ENTRY ? NULL : &keyring->entries[at - 1];
}

enum azd_key_verdict azd_keyring_check(struct azd_keyring *keyring, struct azd_str text, int64_t now_ms,
                                       struct azd_keyring_entry **out) {
  static const struct azd_keyring_entry nobody;
  *out = NULL;
  if (!azd_api_key_is_well_formed(text)) return AZD_KEY_UNKNOWN;
  uint8_t hash[AZD_SHA256_BYTES];
  azd_sha256_of(text.data, text.size, hash);
  struct azd_keyring_entry *entry = azd_keyring_find(keyring, azd_api_key_id(text));
  const bool is_right = azd_equal_secret(hash, (entry ? entry : &nobody)->hash, sizeof hash);
  if (entry == NULL || !is_right) return AZD_KEY_UNKNOWN;
  *out = entry;
  if (entry->expires_ms != 0 && now_ms >= entry->expires_ms) return AZD_KEY_EXPIRED;
  entry->used_ms = now_ms;
  return AZD_KEY_TAKEN;
}
