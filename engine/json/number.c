#include "json/number.h"
#include "json/doc.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* No double, and no middle of two, has more significant digits; what follows only says "a little more". */
enum { ROUNDING_DIGITS = 770 };

static inline bool is_digit(char c) {
  return (unsigned)(c - '0') < 10;
}

static int64_t read_exponent(const char *at, const char *end) {
  bool negative = *at == '-';
  int64_t value = 0;
  for (at += *at == '-' || *at == '+'; at < end; at++) value = value * 10 + (*at - '0');
  return negative ? -value : value;
}

void azd_decimal_read(struct azd_str text, struct azd_decimal *decimal) {
  const char *at = text.data, *end = at + text.size;
  int64_t integer_digits = 0, zeros_after_point = 0, exponent = 0;
  size_t seen = 0;
  bool after_point = false;
  *decimal = (struct azd_decimal){.negative = *at == '-', .is_integer = true};
  for (at += decimal->negative; at < end && (is_digit(*at) || *at == '.'); at++) {
    if (*at == '.') {
      after_point = true;
      continue;
    }
    if (!decimal->digits && *at == '0') {
      zeros_after_point += after_point;
      continue;
    }
    if (!decimal->digits) decimal->digits = at;
    integer_digits += !after_point;
    seen++;
    if (*at != '0') decimal->count = seen;
  }
  if (at < end) exponent = read_exponent(at + 1, end);
  decimal->is_integer = !after_point && at == end;
  decimal->exponent = decimal->count ? (integer_digits ? integer_digits : -zeros_after_point) + exponent : 0;
}

size_t azd_decimal_copy(const struct azd_decimal *decimal, char *out, size_t room) {
  size_t size = decimal->count < room ? decimal->count : room;
  const char *at = decimal->digits;
  for (size_t i = 0; i < size; at++)
    if (*at != '.') out[i++] = *at;
  return size;
}

static locale_t c_locale;
static pthread_once_t c_locale_once = PTHREAD_ONCE_INIT;

static void make_c_locale(void) {
  c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  AZD_ASSERT(c_locale);
}

double azd_decimal_double(const struct azd_decimal *decimal) {
  static const double exact_tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  char text[ROUNDING_DIGITS + 32];
  double value;
  if (!decimal->count || decimal->exponent < -400) return decimal->negative ? -0.0 : 0.0;
  if (decimal->exponent > 400) return decimal->negative ? -HUGE_VAL : HUGE_VAL;
  size_t count = azd_decimal_copy(decimal, text, ROUNDING_DIGITS);
  int64_t tens = decimal->exponent - (int64_t)count;
  if (count <= 15 && tens >= -22 && tens <= 22) { /* both exact, so the one rounding is right */
    uint64_t digits = 0;
    for (size_t i = 0; i < count; i++) digits = digits * 10 + (uint64_t)(text[i] - '0');
    value = tens < 0 ? (double)digits / exact_tens[-tens] : (double)digits * exact_tens[tens];
  } else {
    pthread_once(&c_locale_once, make_c_locale);
    if (count < decimal->count) text[count++] = '1', tens--; /* not a middle any more */
    snprintf(text + count, sizeof text - count, "e%d", (int)tens);
    value = strtod_l(text, NULL, c_locale);
  }
  return decimal->negative ? -value : value;
}

double azd_doc_double(const struct azd_doc *doc, azd_node node) {
  struct azd_decimal decimal;
  azd_decimal_read(azd_doc_number(doc, node), &decimal);
  return azd_decimal_double(&decimal);
}

bool azd_doc_int64(const struct azd_doc *doc, azd_node node, int64_t *value) {
  const struct azd_json_node *number = azd_doc_node(doc, node);
  if (number->type != AZD_JSON_NUMBER || !(number->flags & AZD_NODE_INTEGER) || number->size > 20) return false;
  struct azd_str text = azd_node_text(doc, number);
  bool negative = text.data[0] == '-';
  uint64_t magnitude = 0;
  for (size_t i = negative; i < text.size; i++) {
    uint64_t digit = (uint64_t)(text.data[i] - '0');
    if (magnitude > (UINT64_MAX - digit) / 10) return false;
    magnitude = magnitude * 10 + digit;
  }
  if (magnitude > (uint64_t)INT64_MAX + negative) return false;
  *value = (int64_t)(negative ? 0 - magnitude : magnitude);
  return true;
}
