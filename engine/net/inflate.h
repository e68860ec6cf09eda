/* A body as it was before Content-Encoding, with a bound. Thread: any; a worker's, for what is large. Blocks: never. */
#ifndef AZD_NET_INFLATE_H
#define AZD_NET_INFLATE_H

#include "base/buf.h"
#include "base/err.h"
#include "net/http_client.h"

/* Appends the decoded body to out, whose max_bytes is the bound: a body that grows beyond it is AZD_ELIMIT before more
 * of it is made. AZD_EPARSE: damaged, cut, or followed by other bytes. AZD_EUNSUPPORTED: an encoding that was not asked
 * for. */
int azd_inflate(enum azd_http_encoding encoding, struct azd_str body, struct azd_buf *out, struct azd_error *error);

#endif
