/* Keys of resources and of their versions, and the hash chain over snapshots: pure functions that every implementation
 * of the store shares, so that the same history has the same keys and the same chain everywhere.
 * Thread: any. Blocks: never. */
#ifndef AZD_STORE_KEY_H
#define AZD_STORE_KEY_H

#include "base/str.h"

#include <stdint.h>

enum { AZD_KEY_BYTES = 16, AZD_KEY_TYPE_BYTES = 4, AZD_HASH_BYTES = 32, AZD_VERSION_ID_BYTES = 32 };

/* SHA-256(lower(type))[0:4] | SHA-256(lower(id))[0:12]: in key order resources of one type stand together, which is
 * what exports need. Case is folded in ASCII only, as Azure does. Compare with memcmp. */
struct azd_key {
  uint8_t bytes[AZD_KEY_BYTES];
};
struct azd_key azd_key_of(struct azd_str type, struct azd_str id);
/* The first bytes of the keys of all resources of a type. */
void azd_key_type_prefix(struct azd_str type, uint8_t prefix[AZD_KEY_TYPE_BYTES]);

static inline int azd_key_compare(const struct azd_key *a, const struct azd_key *b) {
  return memcmp(a->bytes, b->bytes, AZD_KEY_BYTES);
}

/* SHA-256(lower(scope))[0:8] | key | from_seq big-endian: what names one version in every store, so that a write that
 * is sent twice meets itself. */
void azd_version_id(struct azd_str scope, const struct azd_key *key, int64_t from_seq,
                    uint8_t id[AZD_VERSION_ID_BYTES]);
/* The same from the first 8 bytes of any id of the scope: hashing the scope is what takes time. */
void azd_version_id_in(const uint8_t *scope_hash, const struct azd_key *key, int64_t from_seq,
                       uint8_t id[AZD_VERSION_ID_BYTES]);

#endif
