#include "json/string.h"
#include "json/scan.h"

#include <stdbool.h>

/* Four hex digits. false where they are not. */
static bool read_hex4(const char *at, const char *end, uint32_t *value) {
  if (end - at < 4) return false;
  *value = 0;
  for (int i = 0; i < 4; i++) {
    unsigned char c = azd_fold((unsigned char)at[i]);
    if (c >= '0' && c <= '9')
      *value = *value << 4 | (uint32_t)(c - '0');
    else if (c >= 'a' && c <= 'f')
      *value = *value << 4 | (uint32_t)(c - 'a' + 10);
    else
      return false;
  }
  return true;
}

static void append_code_point(struct azd_buf *out, uint32_t code) {
  char bytes[4];
  size_t size;
  if (code < 0x80) {
    bytes[0] = (char)code, size = 1;
  } else if (code < 0x800) {
    bytes[0] = (char)(0xc0 | code >> 6), bytes[1] = (char)(0x80 | (code & 0x3f)), size = 2;
  } else if (code < 0x10000) {
    bytes[0] = (char)(0xe0 | code >> 12), bytes[1] = (char)(0x80 | (code >> 6 & 0x3f));
    bytes[2] = (char)(0x80 | (code & 0x3f)), size = 3;
  } else {
    bytes[0] = (char)(0xf0 | code >> 18), bytes[1] = (char)(0x80 | (code >> 12 & 0x3f));
    bytes[2] = (char)(0x80 | (code >> 6 & 0x3f)), bytes[3] = (char)(0x80 | (code & 0x3f)), size = 4;
  }
  azd_buf_append(out, bytes, size);
}

/* After "\u". */
static const char *read_unicode(const char *at, const char *end, struct azd_buf *out, const char **expected) {
  uint32_t code, low;
  *expected = "four hex digits after \\u";
  if (!read_hex4(at, end, &code)) return NULL;
  at += 4;
  if (code >= 0xd800 && code < 0xe000) {
    *expected = "a pair of surrogates (a lone one has no meaning)";
    if (code >= 0xdc00 || end - at < 6 || at[0] != '\\' || at[1] != 'u' || !read_hex4(at + 2, end, &low)) return NULL;
    if (low < 0xdc00 || low >= 0xe000) return NULL;
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    at += 6;
  }
  append_code_point(out, code);
  return at;
}

/* After a backslash. */
static const char *read_escape(const char *at, const char *end, struct azd_buf *out, const char **expected) {
  *expected = "one of \" \\ / b f n r t u after a backslash";
  switch (at < end ? *at : 0) {
  case '"': azd_buf_append_char(out, '"'); break;
  case '\\': azd_buf_append_char(out, '\\'); break;
  case '/': azd_buf_append_char(out, '/'); break;
  case 'b': azd_buf_append_char(out, '\b'); break;
  case 'f': azd_buf_append_char(out, '\f'); break;
  case 'n': azd_buf_append_char(out, '\n'); break;
  case 'r': azd_buf_append_char(out, '\r'); break;
  case 't': azd_buf_append_char(out, '\t'); break;
  case 'u': return read_unicode(at + 1, end, out, expected);
  default: return NULL;
  }
  return at + 1;
}

const char *azd_json_decode_string(const char *at, const char *end, struct azd_buf *out, const char **bad,
                                   const char **expected) {
  for (const char *plain = at;;) {
    const char *stop = azd_scan_plain(at, end);
    *bad = stop;
    if (stop == end) {
      *expected = "a closing quote";
      return NULL;
    }
    unsigned char c = (unsigned char)*stop;
    if (c >= 0x80) {
      size_t size = azd_scan_utf8(stop, end);
      *expected = "UTF-8";
      if (!size) return NULL;
      at = stop + size;
      continue;
    }
    if (c < 0x20) {
      *expected = "an escape instead of a bare control character";
      return NULL;
    }
    azd_buf_append(out, plain, (size_t)(stop - plain));
    if (c == '"') return stop + 1;
    at = plain = read_escape(stop + 1, end, out, expected);
    if (!at) return NULL;
  }
}
