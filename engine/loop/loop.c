#include "loop/loop.h"
#include "base/clock.h"
#include "base/log.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A batch of posts gives way to timers and sockets after this long. */
enum { AZD_LOOP_BATCH_NS = 1000 * 1000 };
/* Reading the thread's CPU clock is a system call (0.6 us measured), the monotonic clock is not (0.03 us). So the CPU
 * clock is read at most this often, and the distance from the last reading is the error of a measured callback. */
enum { AZD_LOOP_CPU_MARK_NS = 250 * 1000 };

struct azd_loop {
  struct event_base *base;
  struct event *posted_event;
  int posted_fd;
  bool stopping;

  pthread_mutex_t mutex; /* guards the three below */
  struct azd_post *first_post, **last_post;
  int64_t first_posted_ns;

  unsigned depth;
  int64_t entered_ns, cpu_mark_ns, cpu_marked_at_ns;
  struct azd_loop_stats stats;
};

static pthread_once_t libevent_once = PTHREAD_ONCE_INIT;

static void on_libevent_log(int severity, const char *message) {
  static const enum azd_log_level levels[] = {AZD_LOG_DEBUG, AZD_LOG_INFO, AZD_LOG_WARN, AZD_LOG_ERROR};
  azd_log(severity >= 0 && severity < 4 ? levels[severity] : AZD_LOG_ERROR, "libevent", "%s", message);
}

static void on_libevent_fatal(int code) {
  (void)code;
  azd_panic(__FILE__, __LINE__, "libevent gave up; its reason is logged above");
}

static void set_up_libevent(void) {
  event_set_log_callback(on_libevent_log);
  event_set_fatal_callback(on_libevent_fatal);
}

static void wake_loop(struct azd_loop *loop) {
  uint64_t one = 1;
  /* EAGAIN means 2^64 - 2 wakes are pending: the loop is awake. Nothing else is possible on an eventfd of ours. */
  if (write(loop->posted_fd, &one, sizeof one) < 0) (void)0;
}

void azd_loop_post(struct azd_loop *loop, struct azd_post *post) {
  post->next = NULL;
  pthread_mutex_lock(&loop->mutex);
  bool was_empty = !loop->first_post;
  if (was_empty) loop->first_posted_ns = azd_clock_mono_ns();
  *loop->last_post = post;
  loop->last_post = &post->next;
  pthread_mutex_unlock(&loop->mutex);
  if (was_empty) wake_loop(loop);
}

/* Puts what a batch left over before what was posted meanwhile. */
static void put_back(struct azd_loop *loop, struct azd_post *rest) {
  struct azd_post *last = rest;
  while (last->next) last = last->next;
  pthread_mutex_lock(&loop->mutex);
  last->next = loop->first_post;
  if (!loop->first_post) loop->last_post = &last->next;
  loop->first_post = rest;
  loop->first_posted_ns = azd_clock_mono_ns();
  pthread_mutex_unlock(&loop->mutex);
  wake_loop(loop);
}

static struct azd_post *take_posts(struct azd_loop *loop, int64_t *posted_ns) {
  pthread_mutex_lock(&loop->mutex);
  struct azd_post *post = loop->first_post;
  *posted_ns = loop->first_posted_ns;
  loop->first_post = NULL;
  loop->last_post = &loop->first_post;
  pthread_mutex_unlock(&loop->mutex);
  return post;
}

static void call_post(struct azd_loop *loop, struct azd_post *post) {
  azd_loop_enter(loop);
  post->call(post);
  azd_loop_leave(loop, "post");
}

void azd_loop_drain(struct azd_loop *loop) {
  int64_t posted_ns;
  for (struct azd_post *post, *next; (post = take_posts(loop, &posted_ns));)
    for (; post; post = next) {
      next = post->next;
      call_post(loop, post);
    }
}

static void on_posted(evutil_socket_t fd, short events, void *arg) {
  (void)events;
  struct azd_loop *loop = arg;
  uint64_t count;
  if (read((int)fd, &count, sizeof count) < 0) return; /* woken for a batch that the last call already took */
  int64_t posted_ns;
  struct azd_post *post = take_posts(loop, &posted_ns);
  if (!post) return;
  azd_loop_note_lag(loop, posted_ns);
  int64_t until_ns = azd_clock_mono_ns() + AZD_LOOP_BATCH_NS;
  while (post) {
    struct azd_post *next = post->next; /* before the call: the post's owner may free it there */
    call_post(loop, post);
    post = next;
    if (post && (loop->stopping || azd_clock_mono_ns() >= until_ns)) {
      put_back(loop, post);
      return;
    }
  }
}

int azd_loop_new(struct azd_loop **out, struct azd_error *error) {
  pthread_once(&libevent_once, set_up_libevent);
  int code = AZD_ENOMEM;
  struct event_config *config = NULL;
  struct azd_loop *loop = calloc(1, sizeof *loop);
  if (!loop) return azd_fail(error, AZD_ENOMEM, "no memory for an event loop");
  loop->last_post = &loop->first_post;
  pthread_mutex_init(&loop->mutex, NULL);
  loop->posted_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (loop->posted_fd < 0) {
    code = AZD_EIO;
    goto failed;
  }
  config = event_config_new();
  if (!config || event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER)) goto failed;
  loop->base = event_base_new_with_config(config);
  if (!loop->base) goto failed;
  loop->posted_event = event_new(loop->base, loop->posted_fd, EV_READ | EV_PERSIST, on_posted, loop);
  if (!loop->posted_event || event_add(loop->posted_event, NULL)) goto failed;
  event_config_free(config);
  *out = loop;
  return 0;
failed:
  if (config) event_config_free(config);
  azd_loop_free(loop);
  return azd_fail(error, code, "cannot make an event loop (%s)", code == AZD_EIO ? "eventfd refused" : "out of memory");
}

void azd_loop_free(struct azd_loop *loop) {
  if (!loop) return;
  if (loop->posted_event) event_free(loop->posted_event);
  if (loop->base) event_base_free(loop->base);
  if (loop->posted_fd >= 0) close(loop->posted_fd);
  pthread_mutex_destroy(&loop->mutex);
  free(loop);
}

void azd_loop_run(struct azd_loop *loop) {
  while (!loop->stopping) AZD_ASSERT(event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) >= 0);
  loop->stopping = false;
}

void azd_loop_stop(struct azd_loop *loop) {
  loop->stopping = true;
  event_base_loopbreak(loop->base);
}

const struct azd_loop_stats *azd_loop_stats(const struct azd_loop *loop) {
  return &loop->stats;
}
void azd_loop_stats_restart(struct azd_loop *loop) {
  loop->stats = (struct azd_loop_stats){0};
}
struct event_base *azd_loop_base(struct azd_loop *loop) {
  return loop->base;
}

void azd_loop_enter(struct azd_loop *loop) {
  if (loop->depth++) return;
  loop->entered_ns = azd_clock_mono_ns();
  if (loop->entered_ns - loop->cpu_marked_at_ns < AZD_LOOP_CPU_MARK_NS) return;
  loop->cpu_mark_ns = azd_clock_thread_cpu_ns();
  loop->cpu_marked_at_ns = loop->entered_ns;
}

void azd_loop_leave(struct azd_loop *loop, const char *name) {
  AZD_ASSERT(loop->depth > 0);
  if (--loop->depth) return;
  loop->stats.callbacks++;
  int64_t left_ns = azd_clock_mono_ns();
  /* CPU time passes no faster than time: what was short needs no look at the CPU clock. */
  if (left_ns - loop->entered_ns < AZD_LOOP_SLOW_NS / 5) return;
  int64_t cpu_now_ns = azd_clock_thread_cpu_ns(), cpu_ns = cpu_now_ns - loop->cpu_mark_ns;
  loop->cpu_mark_ns = cpu_now_ns;
  loop->cpu_marked_at_ns = left_ns;
  if (cpu_ns > loop->stats.longest_cpu_ns) {
    loop->stats.longest_cpu_ns = cpu_ns;
    snprintf(loop->stats.longest_name, sizeof loop->stats.longest_name, "%s", name);
  }
  if (cpu_ns < AZD_LOOP_SLOW_NS) return;
  loop->stats.slow_callbacks++;
  azd_log(AZD_LOG_DEBUG, "loop_slow", "the loop's callback \"%s\" took %.1f ms of CPU", name, (double)cpu_ns / 1e6);
}

void azd_loop_note_lag(struct azd_loop *loop, int64_t due_ns) {
  int64_t lag_ns = azd_clock_mono_ns() - due_ns;
  if (lag_ns < 0) lag_ns = 0;
  loop->stats.lagged++;
  loop->stats.total_lag_ns += lag_ns;
  if (lag_ns > loop->stats.longest_lag_ns) loop->stats.longest_lag_ns = lag_ns;
}
