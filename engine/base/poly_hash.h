/* A fast hash to tell texts apart in memory: two polynomials over the prime 2^61 - 1, each at a secret random place.
 * For any two texts that differ, chosen without knowing the key, the chance of one hash is at most
 * (size / 7 + 2)^2 / 2^122: below 2^-90 for a text of 256 KB, whatever the texts are. Not for anything that is stored,
 * shown or compared by another process: what one learns from hashes under a key helps to find texts that collide.
 * Thread: any. Blocks: making a key may, as azd_random. */
#ifndef AZD_BASE_POLY_HASH_H
#define AZD_BASE_POLY_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { AZD_POLY_HASH_BYTES = 16, AZD_POLY_STRIDE = 4 };

struct azd_poly_key {
  uint64_t power[2][AZD_POLY_STRIDE + 1]; /* of the two places; [0] is 1 */
};

void azd_poly_key_make(struct azd_poly_key *key);
void azd_poly_hash(const struct azd_poly_key *key, const void *data, size_t bytes, uint8_t hash[AZD_POLY_HASH_BYTES]);

#endif
