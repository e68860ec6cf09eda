#include "base/inflate.h"

#include <zlib.h>

enum { AZD_INFLATE_STEP_BYTES = 256 * 1024, AZD_INFLATE_INPUT_BYTES = 1 << 30 };

static int step(z_stream *stream, struct azd_buf *out, struct azd_error *error) {
  size_t room = AZD_INFLATE_STEP_BYTES, left = out->max_bytes ? out->max_bytes - out->size : room;
  /* One byte beyond the bound tells a body that fits exactly from one that goes on. */
  char extra, *to = left ? azd_buf_reserve(out, room < left ? room : left) : &extra;
  if (!to) return azd_fail(error, AZD_ENOMEM, "no memory for an inflated body");
  stream->next_out = (Bytef *)to;
  stream->avail_out = left ? (uInt)(room < left ? room : left) : 1;
  uInt offered = stream->avail_out;
  int status = inflate(stream, Z_NO_FLUSH);
  size_t made = offered - stream->avail_out;
  if (!left && made) return azd_fail(error, AZD_ELIMIT, "the inflated body is larger than %zu bytes", out->max_bytes);
  out->size += left ? made : 0;
  if (status == Z_STREAM_END) return 1;
  if (status == Z_MEM_ERROR) return azd_fail(error, AZD_ENOMEM, "no memory for an inflated body");
  if (status == Z_BUF_ERROR && !stream->avail_in) return azd_fail(error, AZD_EPARSE, "the compressed body is cut");
  if (status != Z_OK && status != Z_BUF_ERROR)
    return azd_fail(error, AZD_EPARSE, "the compressed body is damaged: %s",
                    stream->msg ? stream->msg : "no zlib data");
  return 0;
}

int azd_inflate(struct azd_str packed, struct azd_buf *out, struct azd_error *error) {
  if (packed.size > AZD_INFLATE_INPUT_BYTES)
    return azd_fail(error, AZD_ELIMIT, "a compressed body of more than %d bytes", AZD_INFLATE_INPUT_BYTES);
  z_stream stream = {.next_in = (Bytef *)packed.data, .avail_in = (uInt)packed.size};
  /* 15 bits of window; 32 more: gzip or zlib, whichever it is */
  if (inflateInit2(&stream, 15 + 32) != Z_OK) return azd_fail(error, AZD_ENOMEM, "no memory for an inflated body");
  int code;
  while (!(code = step(&stream, out, error))) continue;
  if (code == 1)
    code = stream.avail_in ? azd_fail(error, AZD_EPARSE, "%u bytes follow the compressed body", stream.avail_in) : 0;
  inflateEnd(&stream);
  return code;
}
