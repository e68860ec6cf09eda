/* A timer of the loop: calls back once, not earlier than asked. Thread: the loop's. Blocks: never.
 * Owned by its maker, freed by azd_timer_free, also from within its own callback. */
#ifndef AZD_LOOP_TIMER_H
#define AZD_LOOP_TIMER_H

#include "loop/loop.h"

struct azd_timer;

/* callback: on the loop thread, once a start, never from within azd_timer_start. name: static text, for the meter of
 * callbacks. NULL: out of memory. */
struct azd_timer *azd_timer_new(struct azd_loop *loop, const char *name, void (*callback)(void *arg), void *arg);
void azd_timer_free(struct azd_timer *timer);

/* Starts, or starts anew. A delay of 0 or less is the next turn of the loop. */
void azd_timer_start(struct azd_timer *timer, int64_t delay_ms);
void azd_timer_cancel(struct azd_timer *timer);
bool azd_timer_is_started(const struct azd_timer *timer);

#endif
