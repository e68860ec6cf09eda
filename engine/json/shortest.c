/* Shortest digits of a double, by Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles", 2020): the
 * interval of decimals that read back as the double, scaled so that one of at most two candidates lies in it. */
#include "json/number.h"

enum { POW10_MIN = -292, FRACTION_BITS = 52, EXPONENT_BIAS = 1075 };

static const struct {
  uint64_t high, low;
} pow10_table[] = {
#include "json/pow10.inc"
};

/* floor(log10(2^e)), or of 3/4 of it where the double below is nearer than the one above */
static int log10_of_pow2(int e, bool three_quarters) {
  return (e * 1262611 - (three_quarters ? 524031 : 0)) >> 22;
}
static int log2_of_pow10(int e) {
  return (e * 1741647) >> 19;
}

/* The upper 64 of the 192 bits of 10^k * factor; the lowest bit also says whether anything was cut off. */
static uint64_t scale(int k, uint64_t factor) {
  unsigned __int128 low = (unsigned __int128)pow10_table[k - POW10_MIN].low * factor;
  unsigned __int128 high = (unsigned __int128)pow10_table[k - POW10_MIN].high * factor + (uint64_t)(low >> 64);
  return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* digits * 10^*tens */
static uint64_t shortest(uint64_t fraction, int biased_exponent, int *tens) {
  uint64_t c = biased_exponent ? fraction | (uint64_t)1 << FRACTION_BITS : fraction;
  int q = (biased_exponent ? biased_exponent : 1) - EXPONENT_BIAS;
  bool below_is_nearer = fraction == 0 && biased_exponent > 1;
  int k = log10_of_pow2(q, below_is_nearer), shift = q + log2_of_pow10(-k) + 1;
  uint64_t is_odd = c & 1; /* a double with an even fraction takes the ends of its interval too */
  uint64_t lower = scale(-k, (4 * c - 2 + below_is_nearer) << shift) + is_odd;
  uint64_t value = scale(-k, 4 * c << shift);
  uint64_t upper = scale(-k, (4 * c + 2) << shift) - is_odd;
  uint64_t s = value / 4;
  if (s >= 10) { /* one digit fewer, if just one such decimal is in */
    uint64_t shorter = s / 10;
    bool low_in = lower <= 40 * shorter, high_in = 40 * shorter + 40 <= upper;
    *tens = k + 1;
    if (low_in != high_in) return shorter + high_in;
  }
  *tens = k;
  bool low_in = lower <= 4 * s, high_in = 4 * s + 4 <= upper;
  if (low_in != high_in) return s + high_in;
  uint64_t middle = 4 * s + 2;
  return s + (value > middle || (value == middle && (s & 1)));
}

size_t azd_double_digits(double value, char out[AZD_DOUBLE_DIGITS], int64_t *exponent) {
  uint64_t bits, digits;
  int tens;
  memcpy(&bits, &value, sizeof bits);
  digits = shortest(bits & (((uint64_t)1 << FRACTION_BITS) - 1), (int)(bits >> FRACTION_BITS & 0x7ff), &tens);
  for (; digits % 10 == 0; digits /= 10) tens++;
  char reversed[20];
  size_t count = 0;
  for (; digits; digits /= 10) reversed[count++] = (char)('0' + digits % 10);
  for (size_t i = 0; i < count; i++) out[i] = reversed[count - 1 - i];
  *exponent = tens + (int64_t)count;
  return count;
}
