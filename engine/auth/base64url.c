#include "auth/base64url.h"

static int digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool azd_base64url_decode(struct azd_str text, struct azd_buf *out) {
  const size_t before = out->size;
  unsigned bits = 0, count = 0;
  char *to = azd_buf_reserve(out, text.size / 4 * 3 + 3);
  if (to == NULL || text.size % 4 == 1) return false;
  for (size_t i = 0; i < text.size; i++) {
    const int value = digit(text.data[i]);
    if (value < 0) {
      out->size = before;
      return false;
    }
    bits = bits << 6 | (unsigned)value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    *to++ = (char)(bits >> count);
    out->size++;
    bits &= (1u << count) - 1;
  }
  if (bits == 0) return true;
  out->size = before; /* another text would mean the same bytes */
  return false;
}
