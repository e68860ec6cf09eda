/* The second machine of http_parse.h: bodies. */
#include "net/http_chars.h"
#include "net/http_parse.h"

enum body_state {
  BODY_LENGTH,
  CHUNK_SIZE,
  CHUNK_EXTENSION_NAME, /* its first byte */
  CHUNK_EXTENSION,
  CHUNK_SIZE_LF,
  CHUNK_DATA,
  CHUNK_DATA_CR,
  CHUNK_DATA_LF,
  TRAILER_START,
  TRAILER_NAME,
  TRAILER_VALUE,
  TRAILER_LF,
  BODY_LF,
  BODY_DONE,
  BODY_REFUSED,
};

static enum azd_http_step refuse_body(struct azd_http_body *body, uint16_t status, const char *reason) {
  body->state = BODY_REFUSED;
  body->status = status;
  body->reason = reason;
  return AZD_HTTP_REFUSED;
}

enum azd_http_step azd_http_body_start(struct azd_http_body *body, const struct azd_http_head *head,
                                       uint64_t max_bytes) {
  *body = (struct azd_http_body){.max_bytes = max_bytes, .reason = ""};
  switch (head->framing) {
  case AZD_HTTP_BODY_NONE: body->state = BODY_DONE; return AZD_HTTP_DONE;
  case AZD_HTTP_BODY_LENGTH:
    if (head->content_length > max_bytes) return refuse_body(body, 413, "the body is too long");
    body->state = BODY_LENGTH;
    body->left = head->content_length;
    return AZD_HTTP_MORE;
  default: body->state = CHUNK_SIZE; return AZD_HTTP_MORE;
  }
}

static int hex_value(unsigned char c) {
  if (azd_http_is(c, AZD_HTTP_DIGIT)) return c - '0';
  c = azd_fold(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The line that opens a chunk: its size in hex digits, extensions, CRLF. */
static enum azd_http_step chunk_line_byte(struct azd_http_body *body, unsigned char c) {
  if (++body->line_bytes > AZD_HTTP_CHUNK_LINE_BYTES) return refuse_body(body, 400, "a chunk's size line is too long");
  switch (body->state) {
  case CHUNK_SIZE: {
    const int digit = hex_value(c);
    if (digit >= 0) {
      if (body->digits++ == AZD_HTTP_CHUNK_DIGITS) return refuse_body(body, 400, "chunk size");
      body->left = body->left << 4 | (unsigned)digit;
      return AZD_HTTP_MORE;
    }
    if (body->digits == 0 || (c != ';' && c != '\r')) return refuse_body(body, 400, "chunk size");
    body->state = c == ';' ? CHUNK_EXTENSION_NAME : CHUNK_SIZE_LF;
    return AZD_HTTP_MORE;
  }
  case CHUNK_EXTENSION_NAME:
    if (!azd_http_is(c, AZD_HTTP_TOKEN)) return refuse_body(body, 400, "chunk extension");
    body->state = CHUNK_EXTENSION;
    return AZD_HTTP_MORE;
  case CHUNK_EXTENSION:
    if (c == '\r')
      body->state = CHUNK_SIZE_LF;
    else if (!azd_http_is(c, AZD_HTTP_VALUE))
      return refuse_body(body, 400, "chunk extension");
    return AZD_HTTP_MORE;
  default: /* CHUNK_SIZE_LF */
    if (c != '\n') return refuse_body(body, 400, "CR without LF");
    if (body->left > body->max_bytes - body->taken_bytes) return refuse_body(body, 413, "the body is too long");
    body->state = body->left > 0 ? CHUNK_DATA : TRAILER_START;
    body->line_bytes = 0;
    body->digits = 0;
    return AZD_HTTP_MORE;
  }
}

/* The lines after the last chunk, by the grammar of fields; nothing of them is kept (RFC 9110 6.5.1). */
static enum azd_http_step trailer_byte(struct azd_http_body *body, unsigned char c) {
  if (++body->trailer_bytes > AZD_HTTP_TRAILER_BYTES) return refuse_body(body, 431, "the trailers are too long");
  switch (body->state) {
  case TRAILER_START:
    if (c == '\r')
      body->state = BODY_LF;
    else if (azd_http_is(c, AZD_HTTP_TOKEN))
      body->state = TRAILER_NAME;
    else
      return refuse_body(body, 400, "trailer name");
    return AZD_HTTP_MORE;
  case TRAILER_NAME:
    if (c == ':')
      body->state = TRAILER_VALUE;
    else if (!azd_http_is(c, AZD_HTTP_TOKEN))
      return refuse_body(body, 400, "trailer name");
    return AZD_HTTP_MORE;
  case TRAILER_VALUE:
    if (c == '\r')
      body->state = TRAILER_LF;
    else if (!azd_http_is(c, AZD_HTTP_VALUE))
      return refuse_body(body, 400, "trailer value");
    return AZD_HTTP_MORE;
  default: /* TRAILER_LF, BODY_LF */
    if (c != '\n') return refuse_body(body, 400, "CR without LF");
    body->state = body->state == BODY_LF ? BODY_DONE : TRAILER_START;
    return body->state == BODY_DONE ? AZD_HTTP_DONE : AZD_HTTP_MORE;
  }
}

static enum azd_http_step framing_byte(struct azd_http_body *body, unsigned char c) {
  if (body->state >= TRAILER_START) return trailer_byte(body, c);
  if (body->state == CHUNK_DATA_CR) {
    if (c != '\r') return refuse_body(body, 400, "a chunk is longer than its size");
    body->state = CHUNK_DATA_LF;
    return AZD_HTTP_MORE;
  }
  if (body->state == CHUNK_DATA_LF) {
    if (c != '\n') return refuse_body(body, 400, "CR without LF");
    body->state = CHUNK_SIZE;
    return AZD_HTTP_MORE;
  }
  return chunk_line_byte(body, c);
}

enum azd_http_step azd_http_body_feed(struct azd_http_body *body, const char *data, size_t size, size_t *used,
                                      struct azd_str *piece) {
  *used = 0;
  *piece = (struct azd_str){data, 0};
  if (body->state == BODY_DONE) return AZD_HTTP_DONE;
  if (body->state == BODY_REFUSED) return AZD_HTTP_REFUSED;
  while (*used < size) {
    if (body->state == BODY_LENGTH || body->state == CHUNK_DATA) {
      const size_t rest = size - *used, take = body->left < rest ? (size_t)body->left : rest;
      *piece = (struct azd_str){data + *used, take};
      *used += take;
      body->left -= take;
      body->taken_bytes += take;
      if (body->left > 0) return AZD_HTTP_MORE;
      body->state = body->state == CHUNK_DATA ? CHUNK_DATA_CR : BODY_DONE;
      return body->state == BODY_DONE ? AZD_HTTP_DONE : AZD_HTTP_MORE;
    }
    const enum azd_http_step step = framing_byte(body, (unsigned char)data[*used]);
    if (step == AZD_HTTP_REFUSED) return step;
    ++*used;
    if (step == AZD_HTTP_DONE) return step;
  }
  return AZD_HTTP_MORE;
}
