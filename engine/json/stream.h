/* A long JSON text read child by child from a file, through one window that is used again: the text is never in memory
 * as a whole. What is accepted, what is refused, and with which sentence, is what azd_doc_parse does with the whole
 * text, but that a text may be of any size, and that names doubled in an entered container are the caller's business.
 *
 *   child   a value of the innermost container that was entered; the root is the only child at depth 0. Each is either
 *           entered or read as a whole before the next is asked for.
 *
 *   azd_stream_open(stream, fd);
 *   while ((more = azd_stream_next(stream, error)) > 0) azd_stream_value(stream, doc, &value, error);
 *
 * Life: new, then open any number of times, free. Thread: one at a time. Blocks: on the file. Units: bytes. */
#ifndef AZD_JSON_STREAM_H
#define AZD_JSON_STREAM_H

#include "json/doc.h"

enum { AZD_STREAM_DEPTH_MAX = 8, AZD_STREAM_WINDOW_BYTES = 256 * 1024 };

struct azd_stream;

struct azd_stream *azd_stream_new(void);
void azd_stream_free(struct azd_stream *stream);

/* Begins at the first byte of the file. fd is borrowed until the next open; it is read with pread. */
void azd_stream_open(struct azd_stream *stream, int fd);

/* Goes to the next child: 1; 0 where the innermost container ended, which is left, or where the text ended; AZD_EPARSE,
 * AZD_EIO, AZD_ENOMEM, AZD_ELIMIT (a name of more than AZD_DOC_MAX_BYTES). */
int azd_stream_next(struct azd_stream *stream, struct azd_error *error);

/* The first byte of the child: '{', '[', '"' ... (or what is no value at all); 0 at the end of the text. */
char azd_stream_first_byte(const struct azd_stream *stream);
/* Where the child begins in the file; a member with its name. */
uint64_t azd_stream_offset(const struct azd_stream *stream);
/* The name of the child, decoded; empty in an array. Until the next child is asked for. */
struct azd_str azd_stream_name(const struct azd_stream *stream);

/* Goes into the child, an array or an object. AZD_STREAM_DEPTH_MAX is the caller's to keep. */
void azd_stream_enter(struct azd_stream *stream);

struct azd_stream_value {
  struct azd_str text; /* in the window, until the next call with the stream, as is the document */
  uint64_t begin, end; /* in the file: from azd_stream_offset to the byte after the value */
};

/* Parses the child as a whole. 0; AZD_EPARSE, AZD_EIO, AZD_ENOMEM, AZD_ELIMIT (also: a child of more than
 * AZD_DOC_MAX_BYTES). */
int azd_stream_value(struct azd_stream *stream, struct azd_doc *doc, struct azd_stream_value *value,
                     struct azd_error *error);

#endif
