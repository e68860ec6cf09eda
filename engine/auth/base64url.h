/* base64url as tokens have it (RFC 7515): no padding, no line breaks, no bits left over; one text for each run of
 * bytes. Thread: any. Blocks: never. */
#ifndef AZD_AUTH_BASE64URL_H
#define AZD_AUTH_BASE64URL_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends the bytes. false: text is not in that form; out is as it was but for its capacity. */
bool azd_base64url_decode(struct azd_str text, struct azd_buf *out);

#endif
