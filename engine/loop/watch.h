/* Watches one descriptor for reading and writing. Thread: the loop's. Blocks: never.
 * Owned by its maker; the descriptor stays the maker's, who frees the watch before closing it. */
#ifndef AZD_LOOP_WATCH_H
#define AZD_LOOP_WATCH_H

#include "loop/loop.h"

enum azd_watch_events { AZD_WATCH_NONE = 0, AZD_WATCH_READ = 1, AZD_WATCH_WRITE = 2 };

struct azd_watch;

/* callback: on the loop thread, each time one of the watched events is there (level-triggered), with those that are; it
 * may free the watch. name: static text, for the meter of callbacks. NULL: out of memory. */
struct azd_watch *azd_watch_new(struct azd_loop *loop, const char *name, int fd,
                                void (*callback)(int fd, unsigned events, void *arg), void *arg);
void azd_watch_free(struct azd_watch *watch);

/* From now on these (AZD_WATCH_NONE: pauses). 0 or AZD_EIO, where the system refuses the descriptor. */
int azd_watch_set(struct azd_watch *watch, unsigned events);

#endif
