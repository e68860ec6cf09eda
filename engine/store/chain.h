/* What a commit changed, gathered while it is put: counts, the xor of hashes, and the hash chain that makes history
 * tamper-evident.
 *   changes_hash = SHA-256 of the run's changes sorted by key, each key | from hash | to hash (32 zero bytes for none)
 *   chain        = SHA-256(previous chain | snapshot fields | changes_hash); before the first, 32 zero bytes
 * previous_chain and changes_hash are stored with the snapshot, so a chain whose versions were pruned still verifies.
 * Thread: one at a time. Blocks: never. Units: 80 bytes a change plus 8 for finding doubles. */
#ifndef AZD_STORE_CHAIN_H
#define AZD_STORE_CHAIN_H

#include "store/store.h"

struct azd_change_entry {
  struct azd_key key;
  uint8_t from[AZD_HASH_BYTES], to[AZD_HASH_BYTES];
};

struct azd_changes {
  struct azd_change_entry *entries; /* owned */
  uint32_t *slots;                  /* owned: open addressing over entries, place + 1 */
  size_t count, capacity, slot_count;
  int64_t added, changed, removed;
  uint8_t hashes_xor[AZD_HASH_BYTES];
};
void azd_changes_init(struct azd_changes *changes);
void azd_changes_free(struct azd_changes *changes);

/* 1: added; 0: the key is there already; AZD_ENOMEM. from NULL: new; to NULL: gone. */
int azd_changes_add(struct azd_changes *changes, const struct azd_key *key, const uint8_t *from, const uint8_t *to);
/* Sorts the entries. AZD_ENOMEM. */
int azd_changes_hash(struct azd_changes *changes, uint8_t hash[AZD_HASH_BYTES]);

/* Fills in counts, hashes_xor, changes_hash, previous_chain and chain of snapshot, whose other fields are all set, from
 * the last published one (NULL: none). AZD_ENOMEM. */
int azd_chain_link(struct azd_snapshot *snapshot, const struct azd_snapshot *previous, struct azd_changes *changes);
/* The chain that the stored fields of snapshot give. AZD_ENOMEM. */
int azd_chain_of(const struct azd_snapshot *snapshot, uint8_t chain[AZD_HASH_BYTES]);

#endif
