/* A growing run of bytes with a maximum. Owned by whoever initialised it, freed by azd_buf_free, reusable after
 * azd_buf_clear. Thread: one at a time. Blocks: never.
 * A buffer that could not grow says so once and stays failed until cleared: appends become no-ops, and the caller
 * checks azd_buf_status at the end instead of after each append. */
#ifndef AZD_BASE_BUF_H
#define AZD_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>
#include <stdint.h>

struct azd_buf {
  char *data; /* owned; not NUL-terminated */
  size_t size, capacity;
  size_t max_bytes; /* growth beyond is AZD_ELIMIT; 0: no cap but memory */
  int status;       /* 0, AZD_ENOMEM or AZD_ELIMIT */
};

static inline void azd_buf_init(struct azd_buf *buf, size_t max_bytes) {
  *buf = (struct azd_buf){.max_bytes = max_bytes};
}
void azd_buf_free(struct azd_buf *buf);
static inline void azd_buf_clear(struct azd_buf *buf) {
  buf->size = 0, buf->status = 0;
}
static inline int azd_buf_status(const struct azd_buf *buf) {
  return buf->status;
}
static inline struct azd_str azd_buf_str(const struct azd_buf *buf) {
  return (struct azd_str){buf->data, buf->size};
}

/* Room for bytes more at the answered place, or NULL and a failed buffer. The caller then adds what it wrote to size.
 */
char *azd_buf_reserve(struct azd_buf *buf, size_t bytes);
void azd_buf_append(struct azd_buf *buf, const void *data, size_t bytes);
void azd_buf_append_str(struct azd_buf *buf, struct azd_str s);
void azd_buf_append_text(struct azd_buf *buf, const char *text);
void azd_buf_append_char(struct azd_buf *buf, char c);
void azd_buf_printf(struct azd_buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text as a JSON string with its quotes, escaped as RFC 8785 writes it; _part: without the quotes. The text is
 * trusted to be UTF-8. */
void azd_buf_append_json(struct azd_buf *buf, struct azd_str s);
void azd_buf_append_json_part(struct azd_buf *buf, struct azd_str s);

#endif
