#include "net/gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { LEVEL = 5, GZIP_WINDOW_BITS = 15 + 16, MEMORY_LEVEL = 8, ROOM_BYTES = 4096 };

struct azd_gzip {
  z_stream stream;
};

struct azd_gzip *azd_gzip_new(void) {
  struct azd_gzip *gzip = calloc(1, sizeof *gzip);
  if (gzip == NULL) return NULL;
  if (deflateInit2(&gzip->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK)
    return gzip;
  free(gzip);
  return NULL;
}

void azd_gzip_free(struct azd_gzip *gzip) {
  if (gzip == NULL) return;
  deflateEnd(&gzip->stream);
  free(gzip);
}

void azd_gzip_add(struct azd_gzip *gzip, struct azd_str piece, bool is_last, struct azd_buf *out) {
  z_stream *stream = &gzip->stream;
  stream->next_in = (Bytef *)(uintptr_t)piece.data;
  stream->avail_in = (uInt)piece.size;
  do {
    char *room = azd_buf_reserve(out, ROOM_BYTES);
    if (room == NULL) break;
    stream->next_out = (Bytef *)room;
    stream->avail_out = ROOM_BYTES;
    (void)deflate(stream, is_last ? Z_FINISH : Z_SYNC_FLUSH); /* with room and no misuse it cannot fail */
    out->size += ROOM_BYTES - stream->avail_out;
  } while (stream->avail_out == 0);
  if (is_last) deflateReset(stream);
}

/* ---- who takes it, and what ------------------------------------------------------------------------------------- */

static struct azd_str trim(struct azd_str s) {
  while (s.size > 0 && (*s.data == ' ' || *s.data == '\t')) s.data++, s.size--;
  while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t')) s.size--;
  return s;
}

/* The part before the separator; s becomes what follows. */
static struct azd_str cut(struct azd_str *s, char separator) {
  const char *at = memchr(s->data, separator, s->size);
  const struct azd_str part = {s->data, at ? (size_t)(at - s->data) : s->size};
  const size_t step = part.size + (at != NULL);
  *s = (struct azd_str){s->data + step, s->size - step};
  return trim(part);
}

/* "q=0", "q=0.0" and their like: not at all. */
static bool is_refused(struct azd_str parameters) {
  while (parameters.size > 0) {
    const struct azd_str one = cut(&parameters, ';');
    if (one.size < 3 || azd_fold((unsigned char)one.data[0]) != 'q' || one.data[1] != '=') continue;
    for (size_t i = 2; i < one.size; i++)
      if (one.data[i] >= '1' && one.data[i] <= '9') return false;
    return true;
  }
  return false;
}

bool azd_gzip_is_accepted(struct azd_str list) {
  bool any = false;
  while (list.size > 0) {
    struct azd_str one = cut(&list, ',');
    const struct azd_str name = cut(&one, ';');
    if (azd_str_equal_fold(name, AZD_STR("gzip")) || azd_str_equal_fold(name, AZD_STR("x-gzip")))
      return !is_refused(one); /* named: it outdoes the star */
    if (azd_str_equal(name, AZD_STR("*"))) any = !is_refused(one);
  }
  return any;
}

bool azd_gzip_is_worth_it(struct azd_str type) {
  static const char *const ENDS[] = {"/json", "+json", "/xml", "+xml", "/javascript", "/yaml", "/x-ndjson"};
  const struct azd_str media = cut(&type, ';');
  if (azd_str_equal_fold(media, AZD_STR("text/event-stream"))) return false;
  if (media.size > 5 && azd_str_equal_fold((struct azd_str){media.data, 5}, AZD_STR("text/"))) return true;
  for (size_t i = 0; i < sizeof ENDS / sizeof *ENDS; i++) {
    const struct azd_str end = azd_str_of(ENDS[i]);
    if (media.size > end.size &&
        azd_str_equal_fold((struct azd_str){media.data + media.size - end.size, end.size}, end))
      return true;
  }
  return false;
}
