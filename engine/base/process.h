/* Runs another program to its end, without a shell. Thread: one that may block (a store worker). Blocks: until the
 * program ended, its deadline, or an abort; then the program and what it started in its process group are killed. Its
 * standard input is empty. Units: ms, bytes. */
#ifndef AZD_BASE_PROCESS_H
#define AZD_BASE_PROCESS_H

#include "base/buf.h"
#include "base/err.h"

struct azd_process_result {
  int status;              /* its exit status; -1: a signal ended it */
  int signal_number;       /* of that; 0: none */
  struct azd_buf out, err; /* owned by the caller; max_bytes set before: AZD_ELIMIT when the program writes more */
};

/* argv: [0] is looked up in PATH; ends with NULL. abort_fd: readable means stop (AZD_ECANCELED); -1: nobody aborts.
 * AZD_ENOTFOUND: no such program; AZD_ETIMEOUT; AZD_ELIMIT; AZD_EIO. A program that fails is a result and no error. */
int azd_process_run(char *const *argv, int64_t deadline_ms, int abort_fd, struct azd_process_result *result,
                    struct azd_error *error);

#endif
