/* The event loop: one libevent base, run by one thread. It is passed around, never global, so that a process could hold
 * two. Life: azd_loop_new .. azd_loop_free, after everything that was made on it is gone. Thread: all calls from the
 * loop's own thread (the one that calls azd_loop_run), but for azd_loop_post. Blocks: azd_loop_run does, until
 * azd_loop_stop. Callbacks must not: what takes over 1 ms of CPU belongs to a pool. Units: nanoseconds of the monotonic
 * clock, or of the thread's CPU clock where the name says cpu. */
#ifndef AZD_LOOP_LOOP_H
#define AZD_LOOP_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct azd_loop;
struct event_base;

int azd_loop_new(struct azd_loop **loop, struct azd_error *error);
void azd_loop_free(struct azd_loop *loop);

/* Runs callbacks until azd_loop_stop was called. May be called again afterwards. */
void azd_loop_run(struct azd_loop *loop);
/* Makes azd_loop_run return after the callback at hand. */
void azd_loop_stop(struct azd_loop *loop);

/* Work handed to the loop by another thread. Embedded by its owner, who keeps it alive until call was called. */
struct azd_post {
  struct azd_post *next;               /* the loop's own while posted */
  void (*call)(struct azd_post *post); /* once, on the loop thread, never from within azd_loop_post */
};
/* Thread: any. Posts are called in the order they were posted; the loop is woken once a batch. */
void azd_loop_post(struct azd_loop *loop, struct azd_post *post);
/* Calls all posts that wait, and those that they post, now: for taking things down in order once the loop has ended. */
void azd_loop_drain(struct azd_loop *loop);

/* Callbacks longer than this are counted as slow. */
enum { AZD_LOOP_SLOW_NS = 5 * 1000 * 1000 };

struct azd_loop_stats {
  uint64_t callbacks;
  uint64_t slow_callbacks; /* took AZD_LOOP_SLOW_NS of CPU or more */
  int64_t longest_cpu_ns;  /* of one callback; bounded from above, at most 0.25 ms too much; 0 while all were short */
  char longest_name[32];   /* the callback it was */
  int64_t longest_lag_ns;  /* a timer or a post that was due was called this much later, at worst */
  int64_t total_lag_ns;    /* over all lagged */
  uint64_t lagged;         /* timers and posts measured */
};
const struct azd_loop_stats *azd_loop_stats(const struct azd_loop *loop);
/* Counts from here on: what was before, starting up for one, is forgotten. */
void azd_loop_stats_restart(struct azd_loop *loop);

/* For the primitives of this floor and for libraries with sockets of their own (libcurl). Each callback of the base
 * stands between enter and leave; pairs may nest, the outermost one is measured. name is static text. */
struct event_base *azd_loop_base(struct azd_loop *loop);
void azd_loop_enter(struct azd_loop *loop);
void azd_loop_leave(struct azd_loop *loop, const char *name);
/* Something that was due at due_ns is being called now. */
void azd_loop_note_lag(struct azd_loop *loop, int64_t due_ns);

#endif
