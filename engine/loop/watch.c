#include "loop/watch.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdlib.h>

struct azd_watch {
  struct event event;
  struct azd_loop *loop;
  const char *name;
  int fd;
  unsigned events;
  void (*callback)(int fd, unsigned events, void *arg);
  void *arg;
};

static void on_event(evutil_socket_t fd, short happened, void *arg) {
  struct azd_watch *watch = arg;
  struct azd_loop *loop = watch->loop; /* the callback may free the watch */
  const char *name = watch->name;
  unsigned events = (happened & EV_READ ? AZD_WATCH_READ : 0u) | (happened & EV_WRITE ? AZD_WATCH_WRITE : 0u);
  azd_loop_enter(loop);
  watch->callback((int)fd, events, watch->arg);
  azd_loop_leave(loop, name);
}

struct azd_watch *azd_watch_new(struct azd_loop *loop, const char *name, int fd,
                                void (*callback)(int fd, unsigned events, void *arg), void *arg) {
  struct azd_watch *watch = calloc(1, sizeof *watch);
  if (!watch) return NULL;
  *watch = (struct azd_watch){.loop = loop, .name = name, .fd = fd, .callback = callback, .arg = arg};
  event_assign(&watch->event, azd_loop_base(loop), fd, EV_PERSIST, on_event, watch);
  return watch;
}

void azd_watch_free(struct azd_watch *watch) {
  if (!watch) return;
  if (watch->events) event_del(&watch->event);
  free(watch);
}

int azd_watch_set(struct azd_watch *watch, unsigned events) {
  if (events == watch->events) return 0;
  if (watch->events) event_del(&watch->event);
  watch->events = AZD_WATCH_NONE;
  if (!events) return 0;
  short wanted = EV_PERSIST | (events & AZD_WATCH_READ ? EV_READ : 0) | (events & AZD_WATCH_WRITE ? EV_WRITE : 0);
  event_assign(&watch->event, azd_loop_base(watch->loop), watch->fd, wanted, on_event, watch);
  if (event_add(&watch->event, NULL)) return AZD_EIO;
  watch->events = events;
  return 0;
}
