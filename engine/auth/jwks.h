/* The keys that tokens may be signed with: RSA keys of a JSON Web Key Set, strictly read (RFC 7517, RFC 7518). A key
 * counts when it is meant for RS256 signatures: kty RSA; use absent or "sig"; key_ops absent or with "verify"; alg
 * absent or "RS256"; 2048 to 8192 bits, an odd modulus, an odd exponent from 3 up (with e = 1 anybody could sign).
 * Other keys of a set are left out. A set with two keys of one kid, or with a doubled member anywhere, is refused: two
 * readers could take it for two things. Life: azd_jwks_parse .. azd_jwks_free. Thread: one at a time. Blocks: never. */
#ifndef AZD_AUTH_JWKS_H
#define AZD_AUTH_JWKS_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>

enum { AZD_JWKS_BYTES_MAX = 262144, AZD_JWKS_KEYS_MAX = 64, AZD_JWKS_KID_BYTES_MAX = 256 };

struct azd_jwks;
struct evp_pkey_st;

/* AZD_EPARSE: no set. AZD_EINVAL: a set that is refused, or one without a key that counts. */
int azd_jwks_parse(struct azd_str json, struct azd_jwks **jwks, struct azd_error *error);
/* NULL is fine. */
void azd_jwks_free(struct azd_jwks *jwks);
size_t azd_jwks_count(const struct azd_jwks *jwks);
/* The key of that kid; without one (kid.data NULL) the only key of the set, where it has one only. Borrowed; NULL:
 * none. */
struct evp_pkey_st *azd_jwks_find(const struct azd_jwks *jwks, struct azd_str kid);

#endif
