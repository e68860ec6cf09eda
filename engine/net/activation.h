/* What a service manager (systemd, or one that speaks its language) hands over and wants to hear: listening sockets
 * from descriptor 3 on, as $LISTEN_PID and $LISTEN_FDS say, and notes on the datagram socket of $NOTIFY_SOCKET. Life:
 * none. Thread: the loop's. Blocks: never. */
#ifndef AZD_NET_ACTIVATION_H
#define AZD_NET_ACTIVATION_H

#include "base/err.h"

#include <stdint.h>

enum { AZD_ACTIVATION_FIRST_FD = 3 };

/* How many sockets this process was given: AZD_ACTIVATION_FIRST_FD and those that follow, the caller's from now on. The
 * variables are taken out of the environment, so that no child believes them and a second call answers 0. */
int azd_activation_take(void);

/* "READY=1", "STOPPING=1", "STATUS=...": lines of sd_notify(3). 0 also where nobody asked for notes. */
int azd_activation_notify(const char *text, struct azd_error *error);
/* How often WATCHDOG=1 is wanted at the latest; 0: not at all. */
int64_t azd_activation_watchdog_ms(void);

#endif
