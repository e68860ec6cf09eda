#include "base/str.h"

bool azd_str_equal_fold(struct azd_str a, struct azd_str b) {
  return a.size == b.size && azd_str_compare_fold(a, b) == 0;
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
