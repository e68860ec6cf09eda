/* Documents that stores like to spoil, made up from a seed: names with `.`, `$`, U+0000 or nothing in them, words that
 * MongoDB's extended JSON gives a meaning, integers beyond 64 bits, decimals longer than any double, -0, every code
 * point of Unicode, 150 levels. The same seed and number give the same text on every machine. Thread: any, one dice
 * each. */
#ifndef AZD_TESTS_NASTY_JSON_H
#define AZD_TESTS_NASTY_JSON_H

#include "base/buf.h"

#include <stdint.h>
#include <stdlib.h>

enum { NASTY_DEPTH = 150, NASTY_MEMBERS = 12, NASTY_NESTING = 6 };

struct nasty {
  uint64_t dice;
  struct azd_buf *out;
};

static inline uint32_t nasty_roll(struct nasty *n, uint32_t sides) { /* xorshift64*: all of it from the seed */
  n->dice ^= n->dice >> 12, n->dice ^= n->dice << 25, n->dice ^= n->dice >> 27;
  return (uint32_t)((n->dice * UINT64_C(2685821657736338717)) >> 32) % sides;
}

static inline void nasty_digits(struct nasty *n, int count) {
  for (int i = 0; i < count; i++) azd_buf_append_char(n->out, (char)('0' + nasty_roll(n, 10)));
}

static inline void nasty_number(struct nasty *n) {
  static const char *const known[] = {"0",
                                      "-0",
                                      "-0.0",
                                      "-0e0",
                                      "1",
                                      "1.0",
                                      "1.000000",
                                      "100e2",
                                      "1E+2",
                                      "0.00000001",
                                      "9007199254740993",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "-18446744073709551617",
                                      "1e400",
                                      "-1E-400",
                                      "1e7000",
                                      "5e-324",
                                      "2.2250738585072011e-308",
                                      "1.7976931348623157e308",
                                      "0.1",
                                      "0.30000000000000004",
                                      "333333333.33333329",
                                      "12345678901234567890123456789012345",
                                      "0.12345678901234567890123456789012345678901234567890"};
  uint32_t kind = nasty_roll(n, 4);
  if (kind == 0) {
    azd_buf_append_text(n->out, known[nasty_roll(n, sizeof known / sizeof *known)]);
    return;
  }
  if (nasty_roll(n, 2)) azd_buf_append_char(n->out, '-');
  azd_buf_append_char(n->out, (char)('1' + nasty_roll(n, 9)));
  nasty_digits(n, (int)nasty_roll(n, kind == 1 ? 60 : 25));
  if (kind >= 2) {
    azd_buf_append_char(n->out, '.');
    nasty_digits(n, 1 + (int)nasty_roll(n, 50));
  }
  if (kind == 3) azd_buf_printf(n->out, "%c%d", nasty_roll(n, 2) ? 'e' : 'E', (int)nasty_roll(n, 900) - 450);
}

static inline uint32_t nasty_code_point(struct nasty *n) {
  static const uint32_t known[] = {0,      '"',    '\\',    '/',     '.',     '$',     0x1f,     0x7f,    0x80,
                                   0x7ff,  0x800,  0x2028,  0x2029,  0x200f,  0x0301,  0xd7ff,   0xe000,  0xfeff,
                                   0xfffe, 0xffff, 0x10000, 0x1f600, 0x1fffe, 0xe0001, 0x10fffe, 0x10ffff};
  uint32_t point;
  switch (nasty_roll(n, 4)) {
  case 0: return known[nasty_roll(n, sizeof known / sizeof *known)];
  case 1: return ' ' + nasty_roll(n, 95);
  case 2: point = nasty_roll(n, 0x10000); break;
  default: point = nasty_roll(n, 0x110000); break;
  }
  return point >= 0xd800 && point < 0xe000 ? point - 0x800 : point; /* a surrogate is no character */
}

static inline void nasty_utf8(struct azd_buf *out, uint32_t point) {
  if (point < 0x80) {
    azd_buf_append_char(out, (char)point);
  } else if (point < 0x800) {
    azd_buf_append_char(out, (char)(0xc0 | point >> 6));
    azd_buf_append_char(out, (char)(0x80 | (point & 63)));
  } else if (point < 0x10000) {
    azd_buf_append_char(out, (char)(0xe0 | point >> 12));
    azd_buf_append_char(out, (char)(0x80 | (point >> 6 & 63)));
    azd_buf_append_char(out, (char)(0x80 | (point & 63)));
  } else {
    azd_buf_append_char(out, (char)(0xf0 | point >> 18));
    azd_buf_append_char(out, (char)(0x80 | (point >> 12 & 63)));
    azd_buf_append_char(out, (char)(0x80 | (point >> 6 & 63)));
    azd_buf_append_char(out, (char)(0x80 | (point & 63)));
  }
}

static inline void nasty_char(struct nasty *n, uint32_t point) {
  bool must_escape = point < 0x20 || point == '"' || point == '\\';
  if (!must_escape && nasty_roll(n, 4)) {
    nasty_utf8(n->out, point);
  } else if (point < 0x10000) {
    azd_buf_printf(n->out, "\\u%04x", point);
  } else {
    azd_buf_printf(n->out, "\\u%04x\\u%04x", 0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
  }
}

static inline void nasty_string(struct nasty *n, uint32_t longest) {
  uint32_t count = nasty_roll(n, longest + 1);
  azd_buf_append_char(n->out, '"');
  for (uint32_t i = 0; i < count; i++) nasty_char(n, nasty_code_point(n));
  azd_buf_append_char(n->out, '"');
}

static inline void nasty_name(struct nasty *n) {
  static const char *const known[] = {"\"\"",
                                      "\".\"",
                                      "\"a.b\"",
                                      "\"$\"",
                                      "\"$oid\"",
                                      "\"$date\"",
                                      "\"$ref\"",
                                      "\"$regex\"",
                                      "\"$binary\"",
                                      "\"$numberLong\"",
                                      "\"$schema\"",
                                      "\"_id\"",
                                      "\"id\"",
                                      "\"0\"",
                                      "\"a\\u0000b\"",
                                      "\"\\u0000\"",
                                      "\"$a.b.$c\"",
                                      "\"__proto__\"",
                                      "\".\\u0000.\"",
                                      "\"$$ROOT\"",
                                      "\"\xef\xbf\xbf\"",
                                      "\"\xf0\x90\x80\x80\"" /* sorted by UTF-16: before U+FFFF */};
  if (nasty_roll(n, 3))
    azd_buf_append_text(n->out, known[nasty_roll(n, sizeof known / sizeof *known)]);
  else
    nasty_string(n, 12);
}

static inline void nasty_value(struct nasty *n, int nesting) {
  static const char *const plain[] = {"null", "true", "false", "\"\"", "[]", "{}"};
  uint32_t kind = nasty_roll(n, nesting > 0 ? 8 : 5), count = nasty_roll(n, NASTY_MEMBERS);
  switch (kind) {
  case 0: azd_buf_append_text(n->out, plain[nasty_roll(n, sizeof plain / sizeof *plain)]); break;
  case 1:
  case 2: nasty_number(n); break;
  case 3:
  case 4: nasty_string(n, 40); break;
  case 5:
    azd_buf_append_char(n->out, '[');
    for (uint32_t i = 0; i < count; i++) {
      if (i) azd_buf_append_text(n->out, nasty_roll(n, 2) ? "," : " ,\n\t");
      nasty_value(n, nesting - 3);
    }
    azd_buf_append_char(n->out, ']');
    break;
  default:
    azd_buf_append_char(n->out, '{');
    for (uint32_t i = 0; i < count; i++) {
      if (i) azd_buf_append_char(n->out, ',');
      nasty_name(n);
      azd_buf_append_text(n->out, nasty_roll(n, 2) ? ":" : " :\r\n ");
      nasty_value(n, nesting - 2);
    }
    azd_buf_append_char(n->out, '}');
  }
}

/* NASTY_DEPTH levels around one value. */
static inline void nasty_well(struct nasty *n) {
  char ends[NASTY_DEPTH];
  for (int i = 0; i < NASTY_DEPTH; i++) {
    bool is_object = nasty_roll(n, 2) != 0;
    ends[i] = is_object ? '}' : ']';
    azd_buf_append_char(n->out, is_object ? '{' : '[');
    if (!is_object) continue;
    nasty_name(n);
    azd_buf_append_char(n->out, ':');
  }
  nasty_value(n, 0);
  for (int i = NASTY_DEPTH; i-- > 0;) azd_buf_append_char(n->out, ends[i]);
}

/* Document number of seed, as JSON text in out (which is cleared first). */
static inline void nasty_document(uint64_t seed, uint64_t number, struct azd_buf *out) {
  struct nasty n = {.dice = (seed + number + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1, .out = out};
  azd_buf_clear(out);
  for (int i = 0; i < 8; i++) nasty_roll(&n, 2); /* neighbours begin alike */
  azd_buf_append_char(out, '{');
  uint32_t count = 1 + nasty_roll(&n, NASTY_MEMBERS);
  for (uint32_t i = 0; i < count; i++) {
    if (i) azd_buf_append_char(out, ',');
    nasty_name(&n);
    azd_buf_append_char(out, ':');
    nasty_value(&n, NASTY_NESTING);
  }
  if (number % 20 == 0) {
    azd_buf_append_text(out, ",\"well\":");
    nasty_well(&n);
  }
  azd_buf_append_char(out, '}');
}

#endif
