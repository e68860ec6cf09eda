/* What the HTTP parser makes of some bytes that arrive in given cuts: everything a caller could see of it, so that two
 * readings can be compared. Shared by the unit test and the fuzz target. Each cut is handed over in a heap block of its
 * exact size: AddressSanitizer sees a read beyond what has arrived. */
#ifndef AZD_TESTS_HTTP_READING_H
#define AZD_TESTS_HTTP_READING_H

#include "base/buf.h"
#include "base/err.h"
#include "net/http_parse.h"

#include <stdlib.h>

enum { READING_MAX_BODY = 100000 };

struct reading {
  enum azd_http_step step;
  uint16_t status;
  const char *reason;
  size_t consumed; /* up to the end of the request, or to the byte that was refused */
  struct azd_http_head head;
  struct azd_buf body;
  bool in_body;
};

/* Answers how many bytes arrive next; at least 1. */
typedef size_t reading_cut(void *context);

static inline char *reading_copy(const char *data, size_t size) {
  char *copy = malloc(size > 0 ? size : 1);
  AZD_ASSERT(copy != NULL);
  if (size > 0) memcpy(copy, data, size);
  return copy;
}

static inline void reading_body(struct reading *r, const char *data, size_t size, size_t arrived, reading_cut *cut,
                                void *context) {
  struct azd_http_body body;
  r->in_body = true;
  r->step = azd_http_body_start(&body, &r->head, READING_MAX_BODY);
  while (r->step == AZD_HTTP_MORE && r->consumed < size) {
    if (arrived == r->consumed) arrived += cut(context);
    if (arrived > size) arrived = size;
    char *copy = reading_copy(data + r->consumed, arrived - r->consumed);
    size_t used;
    struct azd_str piece;
    r->step = azd_http_body_feed(&body, copy, arrived - r->consumed, &used, &piece);
    azd_buf_append_str(&r->body, piece);
    free(copy);
    r->consumed += used;
  }
  r->status = body.status;
  r->reason = body.reason;
}

static inline void reading_of(struct reading *r, const char *data, size_t size, reading_cut *cut, void *context) {
  *r = (struct reading){.step = AZD_HTTP_MORE, .reason = ""};
  azd_buf_init(&r->body, 0);
  azd_http_head_start(&r->head);
  size_t arrived = 0;
  while (r->step == AZD_HTTP_MORE && arrived < size) {
    arrived += cut(context);
    if (arrived > size) arrived = size;
    char *copy = reading_copy(data, arrived);
    r->step = azd_http_head_feed(&r->head, copy, arrived);
    free(copy);
  }
  r->status = r->head.status;
  r->reason = r->head.reason;
  r->consumed = r->head.at;
  if (r->step == AZD_HTTP_DONE) reading_body(r, data, size, arrived, cut, context);
}

static inline void reading_free(struct reading *r) {
  azd_buf_free(&r->body);
}

static inline bool reading_span_equal(struct azd_http_span a, struct azd_http_span b) {
  return a.at == b.at && a.size == b.size;
}

static inline bool reading_head_equal(const struct azd_http_head *a, const struct azd_http_head *b) {
  if (a->n_fields != b->n_fields || a->size != b->size || a->minor != b->minor || a->framing != b->framing ||
      a->content_length != b->content_length || a->keep_alive != b->keep_alive ||
      a->expect_continue != b->expect_continue || a->has_query != b->has_query || a->is_asterisk != b->is_asterisk)
    return false;
  for (size_t i = 0; i < a->n_fields; i++)
    if (!reading_span_equal(a->fields[i].name, b->fields[i].name) ||
        !reading_span_equal(a->fields[i].value, b->fields[i].value))
      return false;
  return reading_span_equal(a->method, b->method) && reading_span_equal(a->path, b->path) &&
         reading_span_equal(a->query, b->query) && reading_span_equal(a->host, b->host);
}

static inline bool reading_equal(const struct reading *a, const struct reading *b) {
  if (a->step != b->step || a->status != b->status || strcmp(a->reason, b->reason) != 0 || a->consumed != b->consumed ||
      a->in_body != b->in_body)
    return false;
  if (!azd_str_equal(azd_buf_str(&a->body), azd_buf_str(&b->body))) return false;
  return !a->in_body || reading_head_equal(&a->head, &b->head);
}

static inline size_t reading_cut_none(void *context) {
  (void)context;
  return SIZE_MAX / 2;
}

static inline size_t reading_cut_each_byte(void *context) {
  (void)context;
  return 1;
}

/* Cuts of 1 to 16 bytes out of a seed. */
static inline size_t reading_cut_random(void *context) {
  uint32_t *seed = context;
  *seed = *seed * 1664525u + 1013904223u;
  return 1 + (*seed >> 28);
}

#endif
