/* The API keys that count now, in memory: found by their id, compared by their hash without telling how much of it was
 * right. An unknown id costs as much as a wrong secret. Life: azd_keyring_new .. azd_keyring_free; filled with
 * azd_keyring_add, replaced by making another. Thread: the loop's. Blocks: never. Times are milliseconds since 1970. */
#ifndef AZD_AUTH_KEYRING_H
#define AZD_AUTH_KEYRING_H

#include "auth/api_key.h"
#include "base/err.h"

enum azd_role { AZD_ROLE_NONE, AZD_ROLE_READER, AZD_ROLE_OPERATOR, AZD_ROLE_ADMIN };
/* "reader"; "none" for AZD_ROLE_NONE. Static text. */
const char *azd_role_name(enum azd_role role);
bool azd_role_parse(struct azd_str name, enum azd_role *role);

enum { AZD_KEYRING_MAX = 100000, AZD_KEYRING_RATES = 2 };

struct azd_keyring; /* opaque */

struct azd_keyring_entry {
  char id[AZD_API_KEY_ID_BYTES];
  enum azd_role role;
  uint8_t hash[AZD_SHA256_BYTES];
  int64_t expires_ms; /* from then on it is refused; 0: never */
  int64_t used_ms;    /* when it was last taken; 0: not since it was added */
  int64_t buckets[AZD_KEYRING_RATES];
};

/* NULL: out of memory. */
struct azd_keyring *azd_keyring_new(void);
void azd_keyring_free(struct azd_keyring *keyring);
size_t azd_keyring_count(const struct azd_keyring *keyring);
/* A copy. AZD_ECONFLICT: the id is there already. AZD_ELIMIT, AZD_ENOMEM. */
int azd_keyring_add(struct azd_keyring *keyring, const struct azd_keyring_entry *entry);
struct azd_keyring_entry *azd_keyring_at(struct azd_keyring *keyring, size_t index);
/* By id. Borrowed until the next add; NULL: there is none. */
struct azd_keyring_entry *azd_keyring_find(struct azd_keyring *keyring, struct azd_str id);

enum azd_key_verdict { AZD_KEY_TAKEN, AZD_KEY_UNKNOWN, AZD_KEY_EXPIRED };
/* Whose key it is. The entry is borrowed until the next add; also for an expired one. Notes the use of one that is
 * taken. */
enum azd_key_verdict azd_keyring_check(struct azd_keyring *keyring, struct azd_str text, int64_t now_ms,
                                       struct azd_keyring_entry **entry);

#endif
