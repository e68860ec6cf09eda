/* Which bytes may stand where in a request: the classes of RFC 9110 5.5 and 5.6.2, RFC 3986 2 and 3.2.2. Thread: any.
 */
#ifndef AZD_NET_HTTP_CHARS_H
#define AZD_NET_HTTP_CHARS_H

#include <stdbool.h>

enum azd_http_class {
  AZD_HTTP_TOKEN = 1,  /* methods, field names */
  AZD_HTTP_VALUE = 2,  /* field values, with space and tab */
  AZD_HTTP_TARGET = 4, /* request targets */
  AZD_HTTP_HOST = 8,   /* host names; not '[', ']' and ':' */
  AZD_HTTP_DIGIT = 16,
};

extern const unsigned char azd_http_classes[256];

static inline bool azd_http_is(unsigned char c, int class) {
  return (azd_http_classes[c] & class) != 0;
}

#endif
