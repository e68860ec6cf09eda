/* A slice of bytes that somebody else owns. Not NUL-terminated. Thread: any. */
#ifndef AZD_BASE_STR_H
#define AZD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct azd_str {
  const char *data; /* borrowed; may be NULL when size is 0 */
  size_t size;
};

#define AZD_STR(literal)       ((struct azd_str){(literal), sizeof(literal) - 1})
#define AZD_STR_FORMAT(string) (int)(string).size, (string).data /* for "%.*s" */

static inline struct azd_str azd_str_of(const char *text) {
  return (struct azd_str){text, text ? strlen(text) : 0};
}

static inline bool azd_str_equal(struct azd_str a, struct azd_str b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* ASCII only, whatever the locale: what Azure folds is ASCII. */
static inline unsigned char azd_fold(unsigned char c) {
  return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* Equal but for ASCII case. */
bool azd_str_equal_fold(struct azd_str a, struct azd_str b);

/* Bytewise order, shorter first on a tie: <0, 0, >0. */
int azd_str_compare(struct azd_str a, struct azd_str b);
int azd_str_compare_fold(struct azd_str a, struct azd_str b);

bool azd_str_starts_with_fold(struct azd_str s, struct azd_str prefix);

#endif
