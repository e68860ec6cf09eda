/* A compressed body as it was, with a bound. Thread: any; for what is large a worker's. Blocks: never. */
#ifndef AZD_BASE_INFLATE_H
#define AZD_BASE_INFLATE_H

#include "base/buf.h"
#include "base/err.h"

/* Appends what gzip or zlib data unpack to (HTTP's "gzip" and "deflate"). out's max_bytes is the bound: what grows
 * beyond it is AZD_ELIMIT before more of it is made. AZD_EPARSE: damaged, cut, or followed by other bytes; AZD_ENOMEM.
 */
int azd_inflate(struct azd_str packed, struct azd_buf *out, struct azd_error *error);

#endif
