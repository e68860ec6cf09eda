#include "base/crypto.h"
#include "base/clock.h"
#include "base/err.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct azd_sha256 {
  EVP_MD_CTX *context;
};

/* EVP_sha256() is looked up again by each EVP_DigestInit; a fetched one is not. */
static const EVP_MD *sha256_algorithm;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

static void fetch_sha256(void) {
  sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
  AZD_ASSERT(sha256_algorithm);
}

struct azd_sha256 *azd_sha256_new(void) {
  pthread_once(&sha256_once, fetch_sha256);
  struct azd_sha256 *sha = malloc(sizeof *sha);
  if (!sha) return NULL;
  sha->context = EVP_MD_CTX_new();
  if (!sha->context) {
    free(sha);
    return NULL;
  }
  return sha;
}

void azd_sha256_free(struct azd_sha256 *sha) {
  if (!sha) return;
  EVP_MD_CTX_free(sha->context);
  free(sha);
}

void azd_sha256_start(struct azd_sha256 *sha) {
  AZD_ASSERT(EVP_DigestInit_ex2(sha->context, sha256_algorithm, NULL));
}
void azd_sha256_add(struct azd_sha256 *sha, const void *data, size_t bytes) {
  AZD_ASSERT(EVP_DigestUpdate(sha->context, data, bytes));
}
void azd_sha256_end(struct azd_sha256 *sha, uint8_t digest[AZD_SHA256_BYTES]) {
  AZD_ASSERT(EVP_DigestFinal_ex(sha->context, digest, NULL));
}

void azd_sha256_of(const void *data, size_t bytes, uint8_t digest[AZD_SHA256_BYTES]) {
  pthread_once(&sha256_once, fetch_sha256);
  AZD_ASSERT(EVP_Digest(data, bytes, digest, NULL, sha256_algorithm, NULL));
}

void azd_hmac_sha256(struct azd_str key, struct azd_str data, uint8_t digest[AZD_SHA256_BYTES]) {
  pthread_once(&sha256_once, fetch_sha256);
  unsigned size = 0;
  AZD_ASSERT(
      HMAC(sha256_algorithm, key.data, (int)key.size, (const unsigned char *)data.data, data.size, digest, &size));
}

void azd_random(void *out, size_t bytes) {
  AZD_ASSERT(RAND_bytes(out, (int)bytes) == 1);
}

bool azd_equal_secret(const void *a, const void *b, size_t bytes) {
  return CRYPTO_memcmp(a, b, bytes) == 0;
}

void azd_hex(const void *data, size_t bytes, char *out) {
  static const char digit[] = "0123456789abcdef";
  const uint8_t *in = data;
  for (size_t i = 0; i < bytes; i++) {
    out[2 * i] = digit[in[i] >> 4];
    out[2 * i + 1] = digit[in[i] & 15];
  }
  out[2 * bytes] = 0;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)azd_fold((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool azd_unhex(struct azd_str text, void *out, size_t bytes) {
  uint8_t *to = out;
  if (text.size != 2 * bytes) return false;
  for (size_t i = 0; i < bytes; i++) {
    int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    to[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

void azd_uuid7(char out[AZD_UUID_TEXT_BYTES]) {
  uint8_t id[16];
  uint64_t now_ms = (uint64_t)azd_clock_wall_ms();
  azd_random(id, sizeof id);
  for (int i = 0; i < 6; i++) id[i] = (uint8_t)(now_ms >> (40 - 8 * i));
  id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
  id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
  char hex[33];
  azd_hex(id, sizeof id, hex);
  snprintf(out, AZD_UUID_TEXT_BYTES, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}
