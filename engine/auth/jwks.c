#include "auth/jwks.h"

#include "auth/base64url.h"
#include "json/doc.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

enum { LEAST_BITS = 2048, MOST_BITS = 8192 };

struct key {
  EVP_PKEY *pkey;
  char *kid; /* NULL: it has none */
};

struct azd_jwks {
  struct key keys[AZD_JWKS_KEYS_MAX];
  size_t count;
};

/* The text of a member; *has says whether it is there. false: there, and no text. */
static bool text_of(const struct azd_doc *doc, azd_node object, const char *name, struct azd_str *text, bool *has) {
  const azd_node node = azd_doc_member(doc, object, azd_str_of(name));
  *has = node != AZD_NODE_NONE;
  if (!*has) return true;
  if (azd_doc_type(doc, node) != AZD_JSON_STRING) return false;
  *text = azd_doc_string(doc, node);
  return true;
}

/* Absent, or exactly this. */
static bool is_meant(const struct azd_doc *doc, azd_node key, const char *name, const char *wanted) {
  struct azd_str text;
  bool has;
  return text_of(doc, key, name, &text, &has) && (!has || azd_str_equal(text, azd_str_of(wanted)));
}

static bool may_verify(const struct azd_doc *doc, azd_node key) {
  const azd_node list = azd_doc_member(doc, key, AZD_STR("key_ops"));
  if (list == AZD_NODE_NONE) return true;
  if (azd_doc_type(doc, list) != AZD_JSON_ARRAY) return false;
  for (azd_node op = azd_doc_first(doc, list); op != AZD_NODE_NONE; op = azd_doc_next(doc, op))
    if (azd_doc_type(doc, op) == AZD_JSON_STRING && azd_str_equal(azd_doc_string(doc, op), AZD_STR("verify")))
      return true;
  return false;
}

/* NULL: absent, not in base64url, or empty. */
static BIGNUM *number_of(const struct azd_doc *doc, azd_node key, const char *name) {
  struct azd_str text;
  bool has;
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  BIGNUM *number = NULL;
  if (text_of(doc, key, name, &text, &has) && has && azd_base64url_decode(text, &bytes) && bytes.size > 0)
    number = BN_bin2bn((const unsigned char *)bytes.data, (int)bytes.size, NULL);
  azd_buf_free(&bytes);
  return number;
}

static bool is_sound(const BIGNUM *n, const BIGNUM *e) {
  return n != NULL && e != NULL && BN_num_bits(n) >= LEAST_BITS && BN_num_bits(n) <= MOST_BITS && BN_is_odd(n) &&
         BN_is_odd(e) && !BN_is_one(e) && BN_num_bits(e) <= 64;
}

static EVP_PKEY *build(const BIGNUM *n, const BIGNUM *e) {
  EVP_PKEY *pkey = NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM *params = NULL;
  if (context != NULL && builder != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) &&
      OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) &&
      (params = OSSL_PARAM_BLD_to_param(builder)) != NULL && EVP_PKEY_fromdata_init(context) == 1)
    (void)EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  EVP_PKEY_CTX_free(context);
  return pkey;
}

/* NULL: not a key that counts. */
static EVP_PKEY *read_key(const struct azd_doc *doc, azd_node key) {
  struct azd_str kty;
  bool has;
  if (!text_of(doc, key, "kty", &kty, &has) || !has || !azd_str_equal(kty, AZD_STR("RSA"))) return NULL;
  if (!is_meant(doc, key, "use", "sig") || !is_meant(doc, key, "alg", "RS256") || !may_verify(doc, key)) return NULL;
  BIGNUM *n = number_of(doc, key, "n"), *e = number_of(doc, key, "e");
  EVP_PKEY *pkey = is_sound(n, e) ? build(n, e) : NULL;
  BN_free(n);
  BN_free(e);
  return pkey;
}

/* Whether the kid, as far as it has one, is a new one of a fair length. */
static int check_kid(const struct azd_jwks *jwks, const struct azd_doc *doc, azd_node key, struct azd_str *kid,
                     bool *has, struct azd_error *error) {
  if (!text_of(doc, key, "kid", kid, has) || (*has && (kid->size > AZD_JWKS_KID_BYTES_MAX || kid->size == 0)))
    return azd_fail(error, AZD_EINVAL, "key set: a kid that is no text of 1 to %d bytes", AZD_JWKS_KID_BYTES_MAX);
  if (*has && memchr(kid->data, '\0', kid->size) != NULL) return azd_fail(error, AZD_EINVAL, "key set: a kid with NUL");
  for (size_t i = 0; *has && i < jwks->count; i++)
    if (jwks->keys[i].kid != NULL && azd_str_equal(azd_str_of(jwks->keys[i].kid), *kid))
      return azd_fail(error, AZD_EINVAL, "key set: two keys are called \"%.*s\"", AZD_STR_FORMAT(*kid));
  return 0;
}

static int add(struct azd_jwks *jwks, const struct azd_doc *doc, azd_node node, struct azd_error *error) {
  struct azd_str kid;
  bool has;
  const int rc = check_kid(jwks, doc, node, &kid, &has, error);
  if (rc != 0) return rc;
  if (jwks->count == AZD_JWKS_KEYS_MAX)
    return azd_fail(error, AZD_EINVAL, "key set: more than %d keys", AZD_JWKS_KEYS_MAX);
  struct key *key = &jwks->keys[jwks->count];
  key->kid = has ? strndup(kid.data, kid.size) : NULL;
  if (has && key->kid == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  key->pkey = read_key(doc, node); /* NULL: it stands for its kid only */
  jwks->count++;
  return 0;
}

static int read_set(struct azd_jwks *jwks, const struct azd_doc *doc, struct azd_error *error) {
  struct azd_str doubled;
  size_t usable = 0;
  const azd_node list = azd_doc_member(doc, 0, AZD_STR("keys"));
  if (azd_doc_duplicates(doc, &doubled) > 0)
    return azd_fail(error, AZD_EINVAL, "key set: \"%.*s\" stands twice", AZD_STR_FORMAT(doubled));
  if (list == AZD_NODE_NONE || azd_doc_type(doc, list) != AZD_JSON_ARRAY)
    return azd_fail(error, AZD_EPARSE, "key set: no list of keys");
  for (azd_node key = azd_doc_first(doc, list); key != AZD_NODE_NONE; key = azd_doc_next(doc, key)) {
    if (azd_doc_type(doc, key) != AZD_JSON_OBJECT)
      return azd_fail(error, AZD_EPARSE, "key set: a key that is no object");
    const int rc = add(jwks, doc, key, error);
    if (rc != 0) return rc;
  }
  for (size_t i = 0; i < jwks->count; i++) usable += jwks->keys[i].pkey != NULL;
  return usable > 0 ? 0 : azd_fail(error, AZD_EINVAL, "key set: no RSA key for RS256 signatures in it");
}

int azd_jwks_parse(struct azd_str json, struct azd_jwks **out, struct azd_error *error) {
  const struct azd_doc_limits limits = {.max_depth = 8, .max_bytes = AZD_JWKS_BYTES_MAX};
  struct azd_doc *doc = azd_doc_new();
  struct azd_jwks *jwks = calloc(1, sizeof *jwks);
  int rc = doc && jwks ? azd_doc_parse(doc, json, &limits, error) : azd_fail(error, AZD_ENOMEM, "out of memory");
  if (rc == 0) rc = read_set(jwks, doc, error);
  azd_doc_free(doc);
  if (rc == 0)
    *out = jwks;
  else
    azd_jwks_free(jwks);
  return rc;
}

void azd_jwks_free(struct azd_jwks *jwks) {
  if (jwks == NULL) return;
  for (size_t i = 0; i < jwks->count; i++) {
    EVP_PKEY_free(jwks->keys[i].pkey);
    free(jwks->keys[i].kid);
  }
  free(jwks);
}

size_t azd_jwks_count(const struct azd_jwks *jwks) {
  return jwks->count;
}

struct evp_pkey_st *azd_jwks_find(const struct azd_jwks *jwks, struct azd_str kid) {
  if (kid.data == NULL) return jwks->count == 1 ? jwks->keys[0].pkey : NULL;
  for (size_t i = 0; i < jwks->count; i++)
    if (jwks->keys[i].kid != NULL && azd_str_equal(azd_str_of(jwks->keys[i].kid), kid)) return jwks->keys[i].pkey;
  return NULL;
}
