#include "base/poly_hash.h"
#include "base/crypto.h"

#include <string.h>

/* Words of 56 bits stay below the prime, so that no two texts of one size have the same words. */
#define PRIME ((UINT64_C(1) << 61) - 1)
enum { WORD_BYTES = 7, STRIDE_BYTES = AZD_POLY_STRIDE * WORD_BYTES };
#define WORD_MASK ((UINT64_C(1) << 8 * WORD_BYTES) - 1)

typedef unsigned __int128 wide;

/* Congruent and below 2^61 + 4, for anything below 2^124. */
static uint64_t fold(wide product) {
  uint64_t sum = ((uint64_t)product & PRIME) + (uint64_t)(product >> 61);
  return (sum & PRIME) + (sum >> 61);
}

static uint64_t reduced(uint64_t x) {
  x = (x & PRIME) + (x >> 61);
  return x >= PRIME ? x - PRIME : x;
}

void azd_poly_key_make(struct azd_poly_key *key) {
  uint64_t random[2];
  azd_random(random, sizeof random);
  for (int i = 0; i < 2; i++) {
    key->power[i][0] = 1;
    key->power[i][1] = reduced(random[i]);
    for (int n = 2; n <= AZD_POLY_STRIDE; n++)
      key->power[i][n] = reduced(fold((wide)key->power[i][n - 1] * key->power[i][1]));
  }
}

static uint64_t word_of(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word & WORD_MASK;
}

void azd_poly_hash(const struct azd_poly_key *key, const void *data, size_t bytes, uint8_t hash[AZD_POLY_HASH_BYTES]) {
  const uint8_t *at = data, *end = at + bytes;
  uint64_t x[2] = {0, 0};
  /* Four words a step, so that only one product in four waits for the last; a word is read with the byte behind it. */
  for (; end - at > STRIDE_BYTES; at += STRIDE_BYTES) {
    uint64_t a = word_of(at), b = word_of(at + WORD_BYTES), c = word_of(at + 2 * WORD_BYTES);
    uint64_t d = word_of(at + 3 * WORD_BYTES);
    for (int i = 0; i < 2; i++) {
      const uint64_t *power = key->power[i];
      x[i] = fold((wide)x[i] * power[4] + ((wide)a * power[3] + (wide)b * power[2] + ((wide)c * power[1] + d)));
    }
  }
  while (at < end) {
    uint64_t word = 0;
    size_t take = end - at < WORD_BYTES ? (size_t)(end - at) : WORD_BYTES;
    memcpy(&word, at, take);
    at += take;
    for (int i = 0; i < 2; i++) x[i] = fold((wide)x[i] * key->power[i][1] + word);
  }
  for (int i = 0; i < 2; i++) {
    x[i] = fold((wide)x[i] * key->power[i][1] + ((uint64_t)bytes & WORD_MASK));
    x[i] = reduced(fold((wide)x[i] * key->power[i][1]));
  }
  memcpy(hash, x, AZD_POLY_HASH_BYTES);
}
