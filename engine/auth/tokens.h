/* Bearer tokens that are taken: verified once (auth/jwt.h), then known by their SHA-256 until they end, at most five
 * minutes, so that a token costs a hash and not a signature check. Only successes are kept. A new key set forgets all
 * of them. Life: azd_tokens_new .. azd_tokens_free. Thread: the loop's. Blocks: never. */
#ifndef AZD_AUTH_TOKENS_H
#define AZD_AUTH_TOKENS_H

#include "auth/jwt.h"
#include "auth/keyring.h"

enum { AZD_TOKENS_KEPT = 4096, AZD_TOKENS_KEPT_S = 300, AZD_TOKENS_NAME_BYTES = 200 };

struct azd_tokens;

struct azd_tokens_options {                                              /* copied */
  const char *issuers[AZD_JWT_NAMES_MAX], *audiences[AZD_JWT_NAMES_MAX]; /* as many as there are */
  const char *tenant;
};

struct azd_token { /* what is known of one that was taken */
  uint8_t hash[AZD_SHA256_BYTES];
  int64_t until_s;
  enum azd_role role; /* the highest of its app roles that is one of ours; NONE without */
  char subject[40];
  int64_t buckets[AZD_KEYRING_RATES];
};

/* Takes no token until it has keys. AZD_EINVAL: a name is missing or too long. */
int azd_tokens_new(struct azd_tokens **tokens, const struct azd_tokens_options *options, struct azd_error *error);
/* NULL is fine. */
void azd_tokens_free(struct azd_tokens *tokens);
/* The key set that the tenant publishes now. One that is refused changes nothing. */
int azd_tokens_set_keys(struct azd_tokens *tokens, struct azd_str json, struct azd_error *error);

/* The entry is borrowed until the next check. */
enum azd_jwt_verdict azd_tokens_check(struct azd_tokens *tokens, struct azd_str text, int64_t now_s,
                                      struct azd_token **token);
/* Whether a token named a key that the set does not have, since the last call: the keys may have been rolled over. */
bool azd_tokens_missed_key(struct azd_tokens *tokens);

#endif
