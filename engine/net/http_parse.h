/* What arrives on a connection, read in one way or refused: an HTTP/1.1 request (RFC 9110, RFC 9112).
 *
 * Two machines. struct azd_http_head reads the request line and the fields out of a buffer that holds the request from
 * its first byte; struct azd_http_body takes the body that follows apart, by Content-Length or chunked. Both decide
 * byte by byte: verdict, status, sentence and the place where they stop depend on the bytes and never on how many
 * arrived at once (the fuzz target holds them to it). What two readers could understand in two ways is refused: folded
 * lines, bare CR or LF, NUL and control characters, space before a colon, two lengths, a length beside a transfer
 * coding, any coding but exactly `chunked`, any target but `/...`, http://host... and `*` for OPTIONS. The caller
 * closes after a refusal. Trailers and chunk extensions are checked and dropped. Upgrade is ignored; CONNECT is
 * answered 501.
 *
 * Life: plain structs, no allocation, nothing to free. Thread: any, one at a time. Blocks: never. Sizes are bytes. */
#ifndef AZD_NET_HTTP_PARSE_H
#define AZD_NET_HTTP_PARSE_H

#include "base/str.h"

#include <stdint.h>

enum {
  AZD_HTTP_HEAD_BYTES = 16384,     /* request line and fields with the empty line at the end; beyond: 431 */
  AZD_HTTP_METHOD_BYTES = 32,      /* beyond: 501 */
  AZD_HTTP_TARGET_BYTES = 8000,    /* beyond: 414 */
  AZD_HTTP_FIELDS = 64,            /* beyond: 431 */
  AZD_HTTP_LEADING_CRLF = 2,       /* empty lines before a request line; beyond: 400 */
  AZD_HTTP_LENGTH_DIGITS = 18,     /* of a Content-Length; beyond: 413 */
  AZD_HTTP_CHUNK_DIGITS = 15,      /* of a chunk size; beyond: 400 */
  AZD_HTTP_CHUNK_LINE_BYTES = 512, /* a chunk's size line with its extensions; beyond: 400 */
  AZD_HTTP_TRAILER_BYTES = 4096,   /* all trailer lines together; beyond: 431 */
};

enum azd_http_step {
  AZD_HTTP_REFUSED = -1, /* status and reason say why; the machine must be fed no more */
  AZD_HTTP_MORE = 0,     /* fine so far, bytes are missing */
  AZD_HTTP_DONE = 1,
};

enum azd_http_framing { AZD_HTTP_BODY_NONE, AZD_HTTP_BODY_LENGTH, AZD_HTTP_BODY_CHUNKED };

/* A place in the buffer that azd_http_head_feed was given. */
struct azd_http_span {
  uint16_t at, size;
};

struct azd_http_field {
  struct azd_http_span name, value; /* value without the white space around it */
};

struct azd_http_head {
  /* Results; whole once azd_http_head_feed answered AZD_HTTP_DONE. The spans point into the fed buffer. */
  struct azd_http_span method;
  struct azd_http_span path;  /* see azd_http_head_path: empty stands for "/" */
  struct azd_http_span query; /* without its '?' */
  struct azd_http_span host;  /* of an absolute-form target, else of Host; may be empty */
  struct azd_http_field fields[AZD_HTTP_FIELDS];
  uint64_t content_length;
  uint16_t n_fields;
  uint16_t size; /* bytes of the whole head: what follows is body or the next request */
  bool has_query, is_asterisk, keep_alive, expect_continue;
  uint8_t minor;   /* HTTP/1.minor */
  uint8_t framing; /* enum azd_http_framing */

  /* Set by AZD_HTTP_REFUSED. */
  uint16_t status;    /* what to answer before closing */
  const char *reason; /* static text for people */

  /* The machine's own. */
  uint8_t state, leading, version_at;
  bool saw_host, saw_length, saw_coding, says_close, says_keep_alive;
  uint16_t at, mark, value_end;
  struct azd_http_span target, host_field;
};

void azd_http_head_start(struct azd_http_head *head);

/* data holds the request from its first byte, size of them so far: the bytes fed before again, and what came since;
 * they may have moved in memory, not changed. Reads on where the last call stopped. DONE leaves head->size bytes read;
 * bytes after them are not looked at. Fed again after DONE or REFUSED it answers the same. */
enum azd_http_step azd_http_head_feed(struct azd_http_head *head, const char *data, size_t size);

/* The parts of a head that is done. data: as fed. Slices borrow from data (or are static). */
static inline struct azd_str azd_http_head_str(const char *data, struct azd_http_span span) {
  return (struct azd_str){data + span.at, span.size};
}
/* As sent, not percent-decoded. "/" for a target that has none (`http://host?q`), "*" for OPTIONS *. */
struct azd_str azd_http_head_path(const struct azd_http_head *head, const char *data);
/* The first field of this name, in any case; false when there is none. */
bool azd_http_head_field(const struct azd_http_head *head, const char *data, struct azd_str name,
                         struct azd_str *value);

struct azd_http_body {
  uint64_t taken_bytes; /* of body, so far */
  uint64_t max_bytes;
  uint16_t status;
  const char *reason;

  /* The machine's own. */
  uint64_t left;
  uint16_t line_bytes, trailer_bytes;
  uint8_t state, digits;
};

/* What follows this head, up to max_bytes of it. DONE: there is no body. REFUSED: 413, its length says too much.
 * MORE: feed it. */
enum azd_http_step azd_http_body_start(struct azd_http_body *body, const struct azd_http_head *head,
                                       uint64_t max_bytes);

/* Reads at most size bytes and says in *used how many: never one beyond the body. *piece is what they held of it
 * (borrowed from data; empty where they were framing). A call stops after one piece, so MORE with *used < size asks to
 * be called again with the rest. REFUSED leaves *used at the byte that cannot be. */
enum azd_http_step azd_http_body_feed(struct azd_http_body *body, const char *data, size_t size, size_t *used,
                                      struct azd_str *piece);

#endif
