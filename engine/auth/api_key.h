/* The form of an API key: azd_ + 8 characters that name it + _ + 32 that are secret + 6 that check all before them,
 * from 0-9A-Za-z: one word for a double click, and a pattern that scanners of repositories find:
 * azd_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}. The secret has 190 random bits, so a plain SHA-256 of the whole key is all that
 * anybody keeps of it: there is nothing to guess slowly. Life: plain values. Thread: any. Blocks: never. */
#ifndef AZD_AUTH_API_KEY_H
#define AZD_AUTH_API_KEY_H

#include "base/crypto.h"

#include <stdbool.h>

enum {
  AZD_API_KEY_ID_BYTES = 8,
  AZD_API_KEY_BYTES = 51,
};

/* A fresh key, NUL-terminated. */
void azd_api_key_make(char text[AZD_API_KEY_BYTES + 1]);
/* Whether text has the form, check characters included: tells a mistyped key from an unknown one without a look-up. */
bool azd_api_key_is_well_formed(struct azd_str text);
/* The 8 characters that name a well-formed key; they are no secret. Borrowed from text. */
struct azd_str azd_api_key_id(struct azd_str text);

#endif
