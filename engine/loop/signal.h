/* SIGINT, SIGTERM and SIGHUP as callbacks of one loop. Signals belong to the process, so at most one struct azd_signals
 * exists at a time; azd_signals_free puts the former handlers back.
 * Thread: the loop's. Blocks: never.
 * The second SIGINT or SIGTERM ends the process at once, from the handler itself: it works even while the loop thread
 * is stuck in a script's endless loop. */
#ifndef AZD_LOOP_SIGNAL_H
#define AZD_LOOP_SIGNAL_H

#include "loop/loop.h"

struct azd_signals;

struct azd_signals_callbacks {
  void (*on_stop)(int signal_number, void *arg); /* the first SIGINT or SIGTERM: once */
  void (*on_reload)(void *arg);                  /* SIGHUP: once for any number that came since the last call */
  void *arg;
};

/* Also ignores SIGPIPE from here on: a closed pipe or socket is an error of the write. */
int azd_signals_new(struct azd_signals **signals, struct azd_loop *loop, const struct azd_signals_callbacks *callbacks,
                    struct azd_error *error);
void azd_signals_free(struct azd_signals *signals);

/* What shells expect of a program that a signal ended: 130 for SIGINT, 143 for SIGTERM. */
static inline int azd_signal_exit_code(int signal_number) {
  return 128 + signal_number;
}

#endif
