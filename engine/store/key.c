#include "store/key.h"
#include "base/crypto.h"

#include <stdlib.h>

static void hash_folded(struct azd_str text, uint8_t digest[AZD_SHA256_BYTES]) {
  unsigned char small[1024];
  if (text.size <= sizeof small) {
    for (size_t i = 0; i < text.size; i++) small[i] = azd_fold((unsigned char)text.data[i]);
    azd_sha256_of(small, text.size, digest);
    return;
  }
  /* Azure's ids end at 2,048 characters; longer ones are hostile, and still get the key of their content. */
  struct azd_sha256 *sha = azd_sha256_new();
  if (!sha) abort();
  azd_sha256_start(sha);
  for (size_t at = 0; at < text.size;) {
    size_t part = text.size - at < sizeof small ? text.size - at : sizeof small;
    for (size_t i = 0; i < part; i++) small[i] = azd_fold((unsigned char)text.data[at + i]);
    azd_sha256_add(sha, small, part);
    at += part;
  }
  azd_sha256_end(sha, digest);
  azd_sha256_free(sha);
}

struct azd_key azd_key_of(struct azd_str type, struct azd_str id) {
  struct azd_key key;
  uint8_t digest[AZD_SHA256_BYTES];
  hash_folded(type, digest);
  memcpy(key.bytes, digest, AZD_KEY_TYPE_BYTES);
  hash_folded(id, digest);
  memcpy(key.bytes + AZD_KEY_TYPE_BYTES, digest, AZD_KEY_BYTES - AZD_KEY_TYPE_BYTES);
  return key;
}

void azd_key_type_prefix(struct azd_str type, uint8_t prefix[AZD_KEY_TYPE_BYTES]) {
  uint8_t digest[AZD_SHA256_BYTES];
  hash_folded(type, digest);
  memcpy(prefix, digest, AZD_KEY_TYPE_BYTES);
}

enum { SCOPE_BYTES = AZD_VERSION_ID_BYTES - AZD_KEY_BYTES - 8 };

void azd_version_id_in(const uint8_t *scope_hash, const struct azd_key *key, int64_t from_seq,
                       uint8_t id[AZD_VERSION_ID_BYTES]) {
  memmove(id, scope_hash, SCOPE_BYTES);
  memcpy(id + SCOPE_BYTES, key->bytes, AZD_KEY_BYTES);
  for (int i = 0; i < 8; i++) id[SCOPE_BYTES + AZD_KEY_BYTES + i] = (uint8_t)((uint64_t)from_seq >> (56 - 8 * i));
}

void azd_version_id(struct azd_str scope, const struct azd_key *key, int64_t from_seq,
                    uint8_t id[AZD_VERSION_ID_BYTES]) {
  uint8_t digest[AZD_SHA256_BYTES];
  hash_folded(scope, digest);
  azd_version_id_in(digest, key, from_seq, id);
}
