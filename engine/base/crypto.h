/* SHA-256, HMAC-SHA-256, random bytes, comparing without telling: OpenSSL's, under short names.
 * Thread: any; a struct azd_sha256 belongs to one. Blocks: azd_random may, at boot, until the kernel has entropy. */
#ifndef AZD_BASE_CRYPTO_H
#define AZD_BASE_CRYPTO_H

#include "base/str.h"

#include <stdint.h>

enum { AZD_SHA256_BYTES = 32, AZD_SHA256_HEX_BYTES = 65 };

struct azd_sha256; /* a running hash, reusable: one a worker */
struct azd_sha256 *azd_sha256_new(void);
void azd_sha256_free(struct azd_sha256 *sha);
void azd_sha256_start(struct azd_sha256 *sha);
void azd_sha256_add(struct azd_sha256 *sha, const void *data, size_t bytes);
void azd_sha256_end(struct azd_sha256 *sha, uint8_t digest[AZD_SHA256_BYTES]);

/* The hash of one run of bytes. */
void azd_sha256_of(const void *data, size_t bytes, uint8_t digest[AZD_SHA256_BYTES]);

void azd_hmac_sha256(struct azd_str key, struct azd_str data, uint8_t digest[AZD_SHA256_BYTES]);

/* Cryptographically strong. Aborts where the system has none: nothing sensible can go on without. */
void azd_random(void *out, size_t bytes);

/* In time that does not depend on the content. */
bool azd_equal_secret(const void *a, const void *b, size_t bytes);

/* Lower-case hex of bytes, NUL-terminated; out holds 2 * bytes + 1. */
void azd_hex(const void *data, size_t bytes, char *out);
/* false where text is not exactly 2 * bytes hex digits. */
bool azd_unhex(struct azd_str text, void *out, size_t bytes);

/* A fresh UUID of version 7 (RFC 9562): sortable by the millisecond it was made in. */
enum { AZD_UUID_TEXT_BYTES = 37 };
void azd_uuid7(char out[AZD_UUID_TEXT_BYTES]);

#endif
