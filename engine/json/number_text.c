/* Numbers as canonical text. */
#include "json/number.h"

#include <inttypes.h>
#include <math.h>

/* Any decimal of so many digits, where doubles are dense, is the shortest text of its nearest double: no double needed.
 */
enum { SAFE_DIGITS = 15, SAFE_EXPONENT_MIN = -306, SAFE_EXPONENT_MAX = 308 };
/* ECMAScript: where an exponent is written. */
enum { PLAIN_DIGITS_MAX = 21, PLAIN_ZEROS_MAX = 5 };

static void append_zeros(struct azd_buf *out, size_t count) {
  azd_buf_append(out, "000000000000000000000", count);
}

/* The next `count` digits; a point may stand between them. */
static const char *append_digits(struct azd_buf *out, const char *at, size_t count) {
  char *room = azd_buf_reserve(out, count);
  if (!room) return at;
  out->size += count;
  for (size_t i = 0; i < count; at++)
    if (*at != '.') room[i++] = *at;
  return at;
}

/* Number.prototype.toString of ECMAScript, for digits of any length: 0.D * 10^exponent. */
static void append_laid_out(struct azd_buf *out, const char *digits, size_t count, int64_t exponent) {
  if (exponent > 0 && exponent <= PLAIN_DIGITS_MAX) {
    size_t whole = (size_t)exponent < count ? (size_t)exponent : count;
    digits = append_digits(out, digits, whole);
    append_zeros(out, (size_t)exponent - whole);
    if (count == whole) return;
    azd_buf_append_char(out, '.');
    append_digits(out, digits, count - whole);
  } else if (exponent <= 0 && exponent >= -PLAIN_ZEROS_MAX) {
    azd_buf_append(out, "0.", 2);
    append_zeros(out, (size_t)-exponent);
    append_digits(out, digits, count);
  } else {
    digits = append_digits(out, digits, 1);
    if (count > 1) azd_buf_append_char(out, '.');
    append_digits(out, digits, count - 1);
    azd_buf_printf(out, "e%+" PRId64, exponent - 1);
  }
}

void azd_double_append(double value, struct azd_buf *out) {
  char digits[AZD_DOUBLE_DIGITS];
  int64_t exponent;
  if (value == 0) {
    azd_buf_append_char(out, '0');
    return;
  }
  size_t count = azd_double_digits(fabs(value), digits, &exponent);
  if (value < 0) azd_buf_append_char(out, '-');
  append_laid_out(out, digits, count, exponent);
}

void azd_number_append(struct azd_str text, bool is_integer, struct azd_buf *out) {
  struct azd_decimal decimal;
  if (is_integer) {
    azd_buf_append_str(out, text.size == 2 && text.data[0] == '-' && text.data[1] == '0' ? AZD_STR("0") : text);
    return;
  }
  azd_decimal_read(text, &decimal);
  bool is_safe =
      decimal.count <= SAFE_DIGITS && decimal.exponent >= SAFE_EXPONENT_MIN && decimal.exponent <= SAFE_EXPONENT_MAX;
  if (decimal.count && decimal.count <= AZD_DOUBLE_DIGITS && !is_safe) {
    double value = azd_decimal_double(&decimal);
    if (value != 0 && isfinite(value)) {
      azd_double_append(value, out);
      return;
    }
  }
  if (!decimal.count) {
    azd_buf_append_char(out, '0');
    return;
  }
  if (decimal.negative) azd_buf_append_char(out, '-');
  append_laid_out(out, decimal.digits, decimal.count, decimal.exponent);
}
