#include "base/str.h"

#include <stdint.h>

/* Most texts that are equal are spelt alike, and most others differ early: eight bytes at a time, letters only where
 * those are not the same. */
bool azd_str_equal_fold(struct azd_str a, struct azd_str b) {
  if (a.size != b.size) return false;
  size_t at = 0;
  for (; at + sizeof(uint64_t) <= a.size; at += sizeof(uint64_t)) {
    uint64_t x, y;
    memcpy(&x, a.data + at, sizeof x);
    memcpy(&y, b.data + at, sizeof y);
    if (x == y) continue;
    for (size_t i = at; i < at + sizeof(uint64_t); i++)
      if (azd_fold((unsigned char)a.data[i]) != azd_fold((unsigned char)b.data[i])) return false;
  }
  for (; at < a.size; at++)
    if (azd_fold((unsigned char)a.data[at]) != azd_fold((unsigned char)b.data[at])) return false;
  return true;
}

int azd_str_compare(struct azd_str a, struct azd_str b) {
  size_t common = a.size < b.size ? a.size : b.size;
  int order = common ? memcmp(a.data, b.data, common) : 0;
  return order ? order : (a.size > b.size) - (a.size < b.size);
}

int azd_str_compare_fold(struct azd_str a, struct azd_str b) {
  size_t common = a.size < b.size ? a.size : b.size;
  for (size_t i = 0; i < common; i++) {
    unsigned char x = azd_fold((unsigned char)a.data[i]), y = azd_fold((unsigned char)b.data[i]);
    if (x != y) return x < y ? -1 : 1;
  }
  return (a.size > b.size) - (a.size < b.size);
}

bool azd_str_starts_with_fold(struct azd_str s, struct azd_str prefix) {
  return s.size >= prefix.size && azd_str_equal_fold((struct azd_str){s.data, prefix.size}, prefix);
}
