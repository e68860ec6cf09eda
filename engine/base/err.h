/* What a call that can fail answers with: 0 or a negative azd_err, and, where the caller hands in a struct azd_error,
 * a sentence for people. Codes are for programs, sentences for people; nobody parses a sentence.
 * Thread: any. Blocks: never. */
#ifndef AZD_BASE_ERR_H
#define AZD_BASE_ERR_H

#include <stdarg.h>

enum azd_err {
  AZD_OK = 0,
  AZD_ENOMEM = -1, /* memory, or the cap that was set for it */
  AZD_EINVAL = -2, /* the caller's argument or setting is wrong */
  AZD_ELIMIT = -3, /* a named limit was passed (size, depth, count) */
  AZD_EPARSE = -4, /* the input is not what it claims to be */
  AZD_EIO = -5,    /* file, socket or database said no */
  AZD_ENOTFOUND = -6,
  AZD_ECONFLICT = -7, /* somebody else was first: lease, fence, unique key */
  AZD_ETIMEOUT = -8,
  AZD_ECANCELED = -9,
  AZD_EDENIED = -10,  /* policy of the house: a host that is not pinned, a method that could write */
  AZD_ECORRUPT = -11, /* stored data does not verify */
  AZD_EUNSUPPORTED = -12,
  AZD_ESCRIPT = -13, /* a script raised, was stopped or has the wrong shape */
  AZD_EBUSY = -14,
};

enum { AZD_ERROR_TEXT_BYTES = 1024 };

/* Filled by the call that fails, left alone by the call that succeeds. */
struct azd_error {
  int code;
  char text[AZD_ERROR_TEXT_BYTES];
};

/* Writes code and sentence into error (which may be NULL) and answers code, so that `return azd_fail(...)` reads well.
 * A sentence that does not fit is cut. */
int azd_fail(struct azd_error *error, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " before the sentence that is there already. */
void azd_error_prefix(struct azd_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "limit", "timeout" ...: the code as scripts and JSON show it. Static text. */
const char *azd_err_name(int code);

/* Can't happen: says where, and aborts. For what can happen, answer an azd_err. */
#define AZD_ASSERT(condition) ((condition) ? (void)0 : azd_panic(__FILE__, __LINE__, #condition))
_Noreturn void azd_panic(const char *file, int line, const char *what);

#endif
