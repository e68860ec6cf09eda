#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int azd_fail(struct azd_error *error, int code, const char *format, ...) {
  if (error) {
    va_list args;
    va_start(args, format);
    error->code = code;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
  }
  return code;
}

void azd_error_prefix(struct azd_error *error, const char *format, ...) {
  if (!error) return;
  char context[AZD_ERROR_TEXT_BYTES], text[AZD_ERROR_TEXT_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(context, sizeof context, format, args);
  va_end(args);
  memcpy(text, error->text, sizeof text);
  size_t used = strlen(context);
  memcpy(error->text, context, used + 1);
  if (used + 3 < sizeof error->text) snprintf(error->text + used, sizeof error->text - used, ": %s", text);
}

const char *azd_err_name(int code) {
  switch (code) {
  case AZD_OK: return "ok";
  case AZD_ENOMEM: return "memory";
  case AZD_EINVAL: return "invalid";
  case AZD_ELIMIT: return "limit";
  case AZD_EPARSE: return "parse";
  case AZD_EIO: return "io";
  case AZD_ENOTFOUND: return "not_found";
  case AZD_ECONFLICT: return "conflict";
  case AZD_ETIMEOUT: return "timeout";
  case AZD_ECANCELED: return "cancelled";
  case AZD_EDENIED: return "denied";
  case AZD_ECORRUPT: return "corrupt";
  case AZD_EUNSUPPORTED: return "unsupported";
  case AZD_ESCRIPT: return "script";
  case AZD_EBUSY: return "busy";
  }
  return "unknown";
}

void azd_panic(const char *file, int line, const char *what) {
  fprintf(stderr, "azdrift: can't happen at %s:%d: %s\n", file, line, what);
  abort();
}
