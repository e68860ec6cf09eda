#include "auth/api_key.h"

#include <string.h>
#include <zlib.h>

enum { PREFIX_BYTES = 4, SECRET_AT = PREFIX_BYTES + AZD_API_KEY_ID_BYTES + 1, CHECK_BYTES = 6 };
enum { CHECK_AT = AZD_API_KEY_BYTES - CHECK_BYTES, RADIX = 62, FAIR_BYTES = 256 / RADIX * RADIX };

static const char DIGITS[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void write_random(char *out, size_t count) {
  for (size_t i = 0; i < count;) {
    uint8_t byte;
    azd_random(&byte, 1);
    if (byte < FAIR_BYTES) out[i++] = DIGITS[byte % RADIX]; /* the others would favour the first digits */
  }
}

static void write_check(const char *text, char out[CHECK_BYTES]) {
  uint64_t sum = crc32(0, (const Bytef *)text, CHECK_AT);
  for (int i = CHECK_BYTES; i-- > 0; sum /= RADIX) out[i] = DIGITS[sum % RADIX];
}

void azd_api_key_make(char text[AZD_API_KEY_BYTES + 1]) {
  memcpy(text, "azd_", PREFIX_BYTES);
  write_random(text + PREFIX_BYTES, AZD_API_KEY_ID_BYTES);
  text[SECRET_AT - 1] = '_';
  write_random(text + SECRET_AT, CHECK_AT - SECRET_AT);
  write_check(text, text + CHECK_AT);
  text[AZD_API_KEY_BYTES] = '\0';
}

bool azd_api_key_is_well_formed(struct azd_str text) {
  if (text.size != AZD_API_KEY_BYTES || memcmp(text.data, "azd_", PREFIX_BYTES) != 0) return false;
  for (size_t i = PREFIX_BYTES; i < text.size; i++)
    if (i == SECRET_AT - 1 ? text.data[i] != '_' : text.data[i] == '\0' || strchr(DIGITS, text.data[i]) == NULL)
      return false;
  char check[CHECK_BYTES];
  write_check(text.data, check);
  return memcmp(check, text.data + CHECK_AT, CHECK_BYTES) == 0;
}

struct azd_str azd_api_key_id(struct azd_str text) {
  return (struct azd_str){text.data + PREFIX_BYTES, AZD_API_KEY_ID_BYTES};
}
