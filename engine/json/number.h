/* Numbers of JSON text: taken apart exactly, turned into doubles, and doubles into their shortest digits.
 * Thread: any. Blocks: never. */
#ifndef AZD_JSON_NUMBER_H
#define AZD_JSON_NUMBER_H

#include "base/buf.h"

#include <stdint.h>

enum { AZD_DOUBLE_DIGITS = 17 };

/* The value is 0.D * 10^exponent (negated where negative), D being the `count` digits from `digits`, the first and the
 * last of them not 0. Zero has count 0. */
struct azd_decimal {
  bool negative;
  bool is_integer;    /* written without point and exponent */
  const char *digits; /* borrowed from the text; a point may stand between them */
  size_t count;
  int64_t exponent;
};

/* text: a JSON number (checked by the parser); its exponent has at most 18 digits. */
void azd_decimal_read(struct azd_str text, struct azd_decimal *decimal);

/* Copies at most `room` digits, without the point; how many. */
size_t azd_decimal_copy(const struct azd_decimal *decimal, char *out, size_t room);

/* The nearest double, ties to even; infinite beyond the range, 0 below it. */
double azd_decimal_double(const struct azd_decimal *decimal);

/* The fewest digits that read back as value (finite, > 0), and of those the nearest: value is about 0.D * 10^*exponent.
 * How many. */
size_t azd_double_digits(double value, char out[AZD_DOUBLE_DIGITS], int64_t *exponent);

/* Appends a finite double as ECMAScript, and so RFC 8785, writes it. */
void azd_double_append(double value, struct azd_buf *out);

/* Appends a JSON number in canonical form (canonical.h says which). is_integer: written without point and exponent. */
void azd_number_append(struct azd_str text, bool is_integer, struct azd_buf *out);

#endif
