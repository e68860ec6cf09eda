/* Strings that have escapes, for the parser. Thread: the document's. Blocks: never. */
#ifndef AZD_JSON_STRING_H
#define AZD_JSON_STRING_H

#include "base/buf.h"

/* Decodes the string whose text begins at `at` (after its quote) into out. The place after the closing quote; or NULL,
 * and *bad is where the text went wrong and *expected what would have been right. What out holds is checked UTF-8.
 * A buffer that could not grow shows in its status. */
const char *azd_json_decode_string(const char *at, const char *end, struct azd_buf *out, const char **bad,
                                   const char **expected);

#endif
