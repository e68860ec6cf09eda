#include "auth/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct azd_tokens {
  struct azd_jwks *jwks; /* NULL: none yet */
  struct azd_jwt_expect expect;
  char names[2 * AZD_JWT_NAMES_MAX + 1][AZD_TOKENS_NAME_BYTES]; /* what expect points to */
  struct azd_token kept[AZD_TOKENS_KEPT];                       /* by hash; a later one takes the place of an earlier */
  struct azd_token refused;                                     /* what a check without success hands out */
  bool missed_key;
};

static int keep_name(struct azd_tokens *tokens, size_t at, const char *name, struct azd_str *out,
                     struct azd_error *error) {
  const int size = snprintf(tokens->names[at], AZD_TOKENS_NAME_BYTES, "%s", name);
  if (size <= 0 || size >= AZD_TOKENS_NAME_BYTES)
    return azd_fail(error, AZD_EINVAL, "an issuer, audience or tenant has 1 to %d bytes", AZD_TOKENS_NAME_BYTES - 1);
  *out = azd_str_of(tokens->names[at]);
  return 0;
}

static int keep_names(struct azd_tokens *tokens, const struct azd_tokens_options *options, struct azd_error *error) {
  struct azd_jwt_expect *expect = &tokens->expect;
  size_t at = 0;
  int rc = keep_name(tokens, at++, options->tenant, &expect->tenant, error);
  for (size_t i = 0; rc == 0 && i < AZD_JWT_NAMES_MAX && options->issuers[i] != NULL; i++)
    rc = keep_name(tokens, at++, options->issuers[i], &expect->issuers[expect->n_issuers++], error);
  for (size_t i = 0; rc == 0 && i < AZD_JWT_NAMES_MAX && options->audiences[i] != NULL; i++)
    rc = keep_name(tokens, at++, options->audiences[i], &expect->audiences[expect->n_audiences++], error);
  if (rc == 0 && (expect->n_issuers == 0 || expect->n_audiences == 0))
    rc = azd_fail(error, AZD_EINVAL, "tokens need a tenant, an issuer and an audience to be taken for");
  return rc;
}

int azd_tokens_new(struct azd_tokens **out, const struct azd_tokens_options *options, struct azd_error *error) {
  struct azd_tokens *tokens = calloc(1, sizeof *tokens);
  if (tokens == NULL) return azd_fail(error, AZD_ENOMEM, "out of memory");
  const int rc = keep_names(tokens, options, error);
  if (rc == 0)
    *out = tokens;
  else
    free(tokens);
  return rc;
}

void azd_tokens_free(struct azd_tokens *tokens) {
  if (tokens == NULL) return;
  azd_jwks_free(tokens->jwks);
  free(tokens);
}

int azd_tokens_set_keys(struct azd_tokens *tokens, struct azd_str json, struct azd_error *error) {
  struct azd_jwks *jwks;
  const int rc = azd_jwks_parse(json, &jwks, error);
  if (rc != 0) return rc;
  azd_jwks_free(tokens->jwks);
  tokens->jwks = jwks;
  memset(tokens->kept, 0, sizeof tokens->kept);
  return 0;
}

static struct azd_token *slot_of(struct azd_tokens *tokens, const uint8_t hash[AZD_SHA256_BYTES]) {
  uint32_t bits;
  memcpy(&bits, hash, sizeof bits);
  return &tokens->kept[bits % AZD_TOKENS_KEPT];
}

static enum azd_role highest_role(const struct azd_jwt_claims *claims) {
  enum azd_role highest = AZD_ROLE_NONE, role;
  for (size_t i = 0; i < claims->n_roles; i++)
    if (azd_role_parse(azd_str_of(claims->roles[i]), &role) && role > highest) highest = role;
  return highest;
}

enum azd_jwt_verdict azd_tokens_check(struct azd_tokens *tokens, struct azd_str text, int64_t now_s,
                                      struct azd_token **out) {
  uint8_t hash[AZD_SHA256_BYTES];
  *out = &tokens->refused;
  if (tokens->jwks == NULL) return AZD_JWT_UNKNOWN_KEY;
  if (text.size > AZD_JWT_BYTES_MAX) return AZD_JWT_MALFORMED;
  azd_sha256_of(text.data, text.size, hash);
  struct azd_token *token = slot_of(tokens, hash);
  if (token->until_s > now_s && memcmp(token->hash, hash, sizeof hash) == 0) {
    *out = token;
    return AZD_JWT_OK;
  }
  struct azd_buf payload;
  struct azd_jwt_claims claims;
  azd_buf_init(&payload, 0);
  enum azd_jwt_verdict verdict = azd_jwt_check_signature(tokens->jwks, text, &payload);
  tokens->missed_key |= verdict == AZD_JWT_UNKNOWN_KEY;
  if (verdict == AZD_JWT_OK) verdict = azd_jwt_check_claims(azd_buf_str(&payload), &tokens->expect, now_s, &claims);
  azd_buf_free(&payload);
  if (verdict != AZD_JWT_OK) return verdict;
  *token = (struct azd_token){.role = highest_role(&claims)};
  memcpy(token->hash, hash, sizeof hash);
  snprintf(token->subject, sizeof token->subject, "%s", claims.subject);
  token->until_s = now_s + AZD_TOKENS_KEPT_S < claims.expires_s ? now_s + AZD_TOKENS_KEPT_S : claims.expires_s;
  *out = token;
  return AZD_JWT_OK;
}

bool azd_tokens_missed_key(struct azd_tokens *tokens) {
  const bool missed = tokens->missed_key;
  tokens->missed_key = false;
  return missed;
}
