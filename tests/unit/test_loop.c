/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/clock.h"
#include "loop/loop.h"
#include "loop/signal.h"
#include "loop/timer.h"
#include "loop/watch.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct azd_loop *loop;

static int set_up(void **state) {
  (void)state;
  return azd_loop_new(&loop, NULL);
}

static int tear_down(void **state) {
  (void)state;
  azd_loop_free(loop);
  return 0;
}

static void stop_loop(void *arg) {
  (void)arg;
  azd_loop_stop(loop);
}

struct ordered {
  struct azd_timer *timer;
  char letter;
};
static char order[8];

static void note_letter(void *arg) {
  struct ordered *ordered = arg;
  order[strlen(order)] = ordered->letter;
  if (strlen(order) == 3) azd_loop_stop(loop);
}

static void timers_fire_in_the_order_of_their_delays_and_never_early(void **state) {
  (void)state;
  static const int delays_ms[] = {30, 1, 15};
  struct ordered timers[3];
  memset(order, 0, sizeof order);
  int64_t began_ns = azd_clock_mono_ns();
  for (int i = 0; i < 3; i++) {
    timers[i].letter = (char)('a' + i);
    timers[i].timer = azd_timer_new(loop, "test", note_letter, &timers[i]);
    azd_timer_start(timers[i].timer, delays_ms[i]);
  }
  azd_loop_run(loop);
  assert_true(azd_clock_mono_ns() - began_ns >= 30 * 1000000 - 1000);
  assert_string_equal(order, "bca");
  for (int i = 0; i < 3; i++) azd_timer_free(timers[i].timer);
  assert_true(azd_loop_stats(loop)->lagged >= 3);
}

static void fail_test(void *arg) {
  fail_msg("%s", (const char *)arg);
}

static void a_cancelled_timer_does_not_fire(void **state) {
  (void)state;
  struct azd_timer *cancelled = azd_timer_new(loop, "test", fail_test, "fired");
  struct azd_timer *end = azd_timer_new(loop, "test", stop_loop, NULL);
  azd_timer_start(cancelled, 1);
  azd_timer_start(end, 20);
  azd_timer_cancel(cancelled);
  assert_false(azd_timer_is_started(cancelled));
  azd_loop_run(loop);
  azd_timer_free(cancelled);
  azd_timer_free(end);
}

enum { POSTERS = 4, POSTS = 5000 };
struct counted_post {
  struct azd_post post;
  int poster, index;
};
static struct counted_post posts[POSTERS][POSTS];
static int next_of[POSTERS], called;

static void on_post(struct azd_post *post) {
  struct counted_post *counted = (struct counted_post *)post;
  assert_int_equal(counted->index, next_of[counted->poster]++);
  if (++called == POSTERS * POSTS) azd_loop_stop(loop);
}

static void *post_all(void *arg) {
  struct counted_post *mine = arg;
  for (int i = 0; i < POSTS; i++) azd_loop_post(loop, &mine[i].post);
  return NULL;
}

static void posts_of_many_threads_arrive_once_each_in_each_threads_order(void **state) {
  (void)state;
  pthread_t threads[POSTERS];
  called = 0;
  for (int p = 0; p < POSTERS; p++) {
    next_of[p] = 0;
    for (int i = 0; i < POSTS; i++)
      posts[p][i] = (struct counted_post){.post = {.call = on_post}, .poster = p, .index = i};
  }
  for (int p = 0; p < POSTERS; p++) assert_int_equal(pthread_create(&threads[p], NULL, post_all, posts[p]), 0);
  azd_loop_run(loop);
  for (int p = 0; p < POSTERS; p++) pthread_join(threads[p], NULL);
  assert_int_equal(called, POSTERS * POSTS);
}

static void burn_and_stop(void *arg) {
  int64_t until_ns = azd_clock_thread_cpu_ns() + *(int64_t *)arg;
  while (azd_clock_thread_cpu_ns() < until_ns) continue;
  azd_loop_stop(loop);
}

static void run_burning(int64_t cpu_ns) {
  struct azd_timer *timer = azd_timer_new(loop, "burner", burn_and_stop, &cpu_ns);
  azd_timer_start(timer, 0);
  azd_loop_run(loop);
  azd_timer_free(timer);
}

static void a_callback_over_5_ms_of_cpu_is_counted_and_named(void **state) {
  (void)state;
  run_burning(3 * 1000000);
  assert_int_equal(azd_loop_stats(loop)->slow_callbacks, 0);
  run_burning(7 * 1000000);
  const struct azd_loop_stats *stats = azd_loop_stats(loop);
  assert_int_equal(stats->slow_callbacks, 1);
  assert_string_equal(stats->longest_name, "burner");
  assert_true(stats->longest_cpu_ns >= 7 * 1000000);
  azd_loop_stats_restart(loop);
  assert_int_equal(stats->slow_callbacks, 0);
  assert_int_equal(stats->longest_cpu_ns, 0);
}

static void sleep_and_stop(void *arg) {
  (void)arg;
  usleep(20 * 1000); /* the subject of the test, not a synchronisation */
  azd_loop_stop(loop);
}

static void a_callback_that_only_waited_is_not_counted_as_slow(void **state) {
  (void)state;
  struct azd_timer *timer = azd_timer_new(loop, "sleeper", sleep_and_stop, NULL);
  azd_timer_start(timer, 0);
  azd_loop_run(loop);
  azd_timer_free(timer);
  assert_int_equal(azd_loop_stats(loop)->slow_callbacks, 0);
}

static struct azd_watch *watch;
static void on_readable(int fd, unsigned events, void *arg) {
  char byte;
  assert_int_equal(events, AZD_WATCH_READ);
  assert_int_equal(read(fd, &byte, 1), 1);
  *(char *)arg = byte;
  azd_watch_free(watch); /* allowed in its own callback */
  azd_loop_stop(loop);
}

static void a_watch_sees_what_can_be_read(void **state) {
  (void)state;
  int ends[2];
  char byte = 0;
  assert_int_equal(pipe(ends), 0);
  watch = azd_watch_new(loop, "test", ends[0], on_readable, &byte);
  assert_int_equal(azd_watch_set(watch, AZD_WATCH_READ), 0);
  assert_int_equal(write(ends[1], "x", 1), 1);
  azd_loop_run(loop);
  assert_int_equal(byte, 'x');
  close(ends[0]), close(ends[1]);
}

static int stopped_by, reloads;
static void on_stop(int number, void *arg) {
  (void)arg;
  stopped_by = number;
  azd_loop_stop(loop);
}
static void on_reload(void *arg) {
  (void)arg;
  reloads++;
  azd_loop_stop(loop);
}
static const struct azd_signals_callbacks callbacks = {.on_stop = on_stop, .on_reload = on_reload};

static void signals_become_callbacks(void **state) {
  (void)state;
  struct azd_signals *signals;
  assert_int_equal(azd_signals_new(&signals, loop, &callbacks, NULL), 0);
  raise(SIGHUP);
  azd_loop_run(loop);
  assert_int_equal(reloads, 1);
  raise(SIGTERM);
  azd_loop_run(loop);
  assert_int_equal(stopped_by, SIGTERM);
  assert_int_equal(azd_signal_exit_code(stopped_by), 143);
  assert_int_equal(azd_signal_exit_code(SIGINT), 130);
  azd_signals_free(signals);
}

static void a_second_interrupt_ends_a_process_whose_loop_is_stuck(void **state) {
  (void)state;
  pid_t child = fork();
  if (!child) {
    struct azd_signals *signals;
    if (azd_signals_new(&signals, loop, &callbacks, NULL)) _exit(1);
    raise(SIGINT);
    raise(SIGINT);
    _exit(2); /* not reached */
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), 130);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(timers_fire_in_the_order_of_their_delays_and_never_early, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_cancelled_timer_does_not_fire, set_up, tear_down),
      cmocka_unit_test_setup_teardown(posts_of_many_threads_arrive_once_each_in_each_threads_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_callback_over_5_ms_of_cpu_is_counted_and_named, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_callback_that_only_waited_is_not_counted_as_slow, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_watch_sees_what_can_be_read, set_up, tear_down),
      cmocka_unit_test_setup_teardown(signals_become_callbacks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_second_interrupt_ends_a_process_whose_loop_is_stuck, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
