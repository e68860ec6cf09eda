#include "loop/timer.h"
#include "base/clock.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct azd_timer {
  struct event event;
  struct azd_loop *loop;
  const char *name;
  void (*callback)(void *arg);
  void *arg;
  int64_t due_ns;
  bool is_started;
};

static void on_timer(evutil_socket_t fd, short events, void *arg) {
  (void)fd, (void)events;
  struct azd_timer *timer = arg;
  struct azd_loop *loop = timer->loop; /* the callback may free the timer */
  const char *name = timer->name;
  timer->is_started = false;
  azd_loop_note_lag(loop, timer->due_ns);
  azd_loop_enter(loop);
  timer->callback(timer->arg);
  azd_loop_leave(loop, name);
}

struct azd_timer *azd_timer_new(struct azd_loop *loop, const char *name, void (*callback)(void *arg), void *arg) {
  struct azd_timer *timer = calloc(1, sizeof *timer);
  if (!timer) return NULL;
  *timer = (struct azd_timer){.loop = loop, .name = name, .callback = callback, .arg = arg};
  event_assign(&timer->event, azd_loop_base(loop), -1, 0, on_timer, timer);
  return timer;
}

void azd_timer_free(struct azd_timer *timer) {
  if (!timer) return;
  event_del(&timer->event);
  free(timer);
}

void azd_timer_start(struct azd_timer *timer, int64_t delay_ms) {
  if (delay_ms < 0) delay_ms = 0;
  struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000};
  timer->due_ns = azd_clock_mono_ns() + delay_ms * 1000000;
  /* Only memory for the heap of timers can be missing, and a wait without its deadline must not go on unseen. */
  AZD_ASSERT(event_add(&timer->event, &delay) == 0);
  timer->is_started = true;
}

void azd_timer_cancel(struct azd_timer *timer) {
  event_del(&timer->event);
  timer->is_started = false;
}

bool azd_timer_is_started(const struct azd_timer *timer) {
  return timer->is_started;
}
