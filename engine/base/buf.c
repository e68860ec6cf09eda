#include "base/buf.h"
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>

enum { AZD_BUF_FIRST_BYTES = 256 };

void azd_buf_free(struct azd_buf *buf) {
  free(buf->data);
  *buf = (struct azd_buf){.max_bytes = buf->max_bytes};
}

char *azd_buf_reserve(struct azd_buf *buf, size_t bytes) {
  if (buf->status) return NULL;
  if (buf->capacity - buf->size >= bytes && buf->data) return buf->data + buf->size;
  if (bytes > SIZE_MAX / 2 - buf->size || (buf->max_bytes && buf->size + bytes > buf->max_bytes)) {
    buf->status = AZD_ELIMIT;
    return NULL;
  }
  size_t capacity = buf->capacity ? buf->capacity * 2 : AZD_BUF_FIRST_BYTES;
  if (capacity < buf->size + bytes) capacity = buf->size + bytes;
  if (buf->max_bytes && capacity > buf->max_bytes) capacity = buf->max_bytes;
  char *data = realloc(buf->data, capacity);
  if (!data) {
    buf->status = AZD_ENOMEM;
    return NULL;
  }
  buf->data = data;
  buf->capacity = capacity;
  return data + buf->size;
}

void azd_buf_append(struct azd_buf *buf, const void *data, size_t bytes) {
  if (!bytes) return;
  char *room = azd_buf_reserve(buf, bytes);
  if (!room) return;
  memcpy(room, data, bytes);
  buf->size += bytes;
}

void azd_buf_append_str(struct azd_buf *buf, struct azd_str s) {
  azd_buf_append(buf, s.data, s.size);
}
void azd_buf_append_text(struct azd_buf *buf, const char *text) {
  azd_buf_append(buf, text, strlen(text));
}
void azd_buf_append_char(struct azd_buf *buf, char c) {
  azd_buf_append(buf, &c, 1);
}

void azd_buf_printf(struct azd_buf *buf, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int bytes = vsnprintf(NULL, 0, format, args);
  char *room = bytes >= 0 ? azd_buf_reserve(buf, (size_t)bytes + 1) : NULL;
  if (room) buf->size += (size_t)vsnprintf(room, (size_t)bytes + 1, format, again);
  va_end(again);
  va_end(args);
}

void azd_buf_append_json(struct azd_buf *buf, struct azd_str s) {
  azd_buf_append_char(buf, '"');
  azd_buf_append_json_part(buf, s);
  azd_buf_append_char(buf, '"');
}

void azd_buf_append_json_part(struct azd_buf *buf, struct azd_str s) {
  static const char hex[] = "0123456789abcdef";
  size_t plain = 0;
  for (size_t i = 0; i < s.size; i++) {
    unsigned char c = (unsigned char)s.data[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    azd_buf_append(buf, s.data + plain, i - plain);
    plain = i + 1;
    switch (c) {
    case '"': azd_buf_append(buf, "\\\"", 2); break;
    case '\\': azd_buf_append(buf, "\\\\", 2); break;
    case '\b': azd_buf_append(buf, "\\b", 2); break;
    case '\f': azd_buf_append(buf, "\\f", 2); break;
    case '\n': azd_buf_append(buf, "\\n", 2); break;
    case '\r': azd_buf_append(buf, "\\r", 2); break;
    case '\t': azd_buf_append(buf, "\\t", 2); break;
    default: {
      char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
      azd_buf_append(buf, escape, sizeof escape);
    }
    }
  }
  azd_buf_append(buf, s.data + plain, s.size - plain);
}
