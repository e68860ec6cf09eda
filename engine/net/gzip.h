/* gzip for replies: what a client takes, what is worth it, and the compressor, whole or a piece at a time.
 * Life: azd_gzip_new .. azd_gzip_free, reusable after a finished run. Thread: any, one at a time. Blocks: never; about
 * 15 us a KiB. Sizes are bytes. */
#ifndef AZD_NET_GZIP_H
#define AZD_NET_GZIP_H

#include "base/buf.h"

#include <stdbool.h>

struct azd_gzip;

/* NULL: out of memory. A compressor holds some 256 KiB. */
struct azd_gzip *azd_gzip_new(void);
void azd_gzip_free(struct azd_gzip *gzip);
/* Appends what the piece compresses to, flushed, so that the reader sees all of it; with is_last the end, too, after
 * which the next piece begins a new run. The buffer's status says whether it had room. */
void azd_gzip_add(struct azd_gzip *gzip, struct azd_str piece, bool is_last, struct azd_buf *out);

/* Whether a value of Accept-Encoding takes gzip (RFC 9110 12.5.3: q-values, `*`). */
bool azd_gzip_is_accepted(struct azd_str accept_encoding);
/* Text, JSON, XML, JavaScript and their like; not what is compressed already, and not events, which must not wait. */
bool azd_gzip_is_worth_it(struct azd_str content_type);

#endif
