/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "loop/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static struct azd_loop *loop;
static struct azd_pool *pool;

static int set_up(void **state) {
  (void)state;
  return azd_loop_new(&loop, NULL);
}

static int tear_down(void **state) {
  (void)state;
  azd_pool_free(pool);
  pool = NULL;
  azd_loop_free(loop);
  return 0;
}

static void open_pool(unsigned workers, unsigned max_queued) {
  struct azd_pool_options options = {.name = "test", .workers = workers, .max_queued = max_queued};
  assert_int_equal(azd_pool_new(&pool, loop, &options, NULL), 0);
}

enum { JOBS = 2000 };
struct square {
  struct azd_job job;
  long in, out;
  int done;
};
static struct square squares[JOBS];
static int done_count, wanted;
static pthread_t loop_thread;

static void square_work(struct azd_job *job, struct azd_worker *worker) {
  (void)worker;
  struct square *square = (struct square *)job;
  square->out = square->in * square->in;
}

static void square_done(struct azd_job *job) {
  struct square *square = (struct square *)job;
  assert_true(pthread_equal(pthread_self(), loop_thread));
  assert_true(azd_job_has_run(job));
  square->done++;
  if (++done_count == wanted) azd_loop_stop(loop);
}

static void every_job_is_run_and_told_to_the_loop_once(void **state) {
  (void)state;
  open_pool(2, JOBS);
  loop_thread = pthread_self();
  done_count = 0, wanted = JOBS;
  for (int i = 0; i < JOBS; i++) {
    squares[i] = (struct square){.job = {.work = square_work, .done = square_done}, .in = i};
    assert_int_equal(azd_pool_submit(pool, &squares[i].job), 0);
  }
  azd_loop_run(loop);
  for (int i = 0; i < JOBS; i++) {
    assert_int_equal(squares[i].out, (long)i * i);
    assert_int_equal(squares[i].done, 1);
  }
  assert_int_equal(azd_pool_stats(pool).finished, JOBS);
}

/* A job that holds its worker until the test lets it go. */
struct held {
  struct azd_job job;
  sem_t begun, release;
  int done;
};
static void held_work(struct azd_job *job, struct azd_worker *worker) {
  (void)worker;
  struct held *held = (struct held *)job;
  sem_post(&held->begun);
  sem_wait(&held->release);
}
static void held_done(struct azd_job *job) {
  ((struct held *)job)->done++;
  azd_loop_stop(loop);
}
static void hold_the_worker(struct held *held) {
  memset(held, 0, sizeof *held);
  held->job = (struct azd_job){.work = held_work, .done = held_done};
  sem_init(&held->begun, 0, 0);
  sem_init(&held->release, 0, 0);
  assert_int_equal(azd_pool_submit(pool, &held->job), 0);
  sem_wait(&held->begun);
}

static void a_full_queue_refuses_and_leaves_the_job_alone(void **state) {
  (void)state;
  open_pool(1, 2);
  struct held held;
  hold_the_worker(&held);
  struct square three[3];
  loop_thread = pthread_self();
  done_count = 0, wanted = 2;
  for (int i = 0; i < 3; i++) three[i] = (struct square){.job = {.work = square_work, .done = square_done}, .in = i};
  assert_int_equal(azd_pool_submit(pool, &three[0].job), 0);
  assert_int_equal(azd_pool_submit(pool, &three[1].job), 0);
  assert_int_equal(azd_pool_submit(pool, &three[2].job), AZD_EBUSY);
  assert_int_equal(azd_pool_stats(pool).refused, 1);
  sem_post(&held.release);
  azd_loop_run(loop);
  if (done_count < wanted) azd_loop_run(loop);
  assert_int_equal(three[2].done, 0);
  assert_int_equal(three[0].done + three[1].done, 2);
}

static void a_queued_job_can_be_withdrawn_and_a_running_one_cannot(void **state) {
  (void)state;
  open_pool(1, 10);
  struct held held;
  hold_the_worker(&held);
  struct square queued[3];
  loop_thread = pthread_self();
  done_count = 0, wanted = 2;
  for (int i = 0; i < 3; i++) {
    queued[i] = (struct square){.job = {.work = square_work, .done = square_done}, .in = i + 2};
    assert_int_equal(azd_pool_submit(pool, &queued[i].job), 0);
  }
  assert_true(azd_job_withdraw(&queued[2].job)); /* the last: the queue's end moves */
  assert_false(azd_job_withdraw(&queued[2].job));
  assert_false(azd_job_withdraw(&held.job));
  assert_int_equal(azd_pool_submit(pool, &queued[2].job), 0);
  assert_true(azd_job_withdraw(&queued[0].job));
  sem_post(&held.release);
  azd_loop_run(loop);
  if (done_count < wanted) azd_loop_run(loop);
  assert_int_equal(held.done, 1);
  assert_int_equal(queued[0].done, 0);
  assert_int_equal(queued[1].out, 9);
  assert_int_equal(queued[2].out, 16);
}

static int overtaken, ran;
static void count_overtaken(struct azd_job *job) {
  azd_job_has_run(job) ? ran++ : overtaken++;
}
static void ignore_done(struct azd_job *job) {
  (void)job;
}
static void *release_later(void *arg) {
  struct held *held = arg;
  /* The end of the pool has begun once it takes no jobs, or takes one and tells it back itself. */
  static struct azd_job probe = {.work = held_work, .done = ignore_done};
  while (azd_pool_submit(pool, &probe) == 0 && azd_job_withdraw(&probe)) continue;
  sem_post(&held->release);
  return NULL;
}

static void the_end_of_a_pool_tells_every_job(void **state) {
  (void)state;
  open_pool(1, 10);
  struct held held;
  hold_the_worker(&held);
  struct square queued[2];
  overtaken = ran = 0;
  for (int i = 0; i < 2; i++) {
    queued[i] = (struct square){.job = {.work = square_work, .done = count_overtaken}};
    assert_int_equal(azd_pool_submit(pool, &queued[i].job), 0);
  }
  pthread_t releaser;
  assert_int_equal(pthread_create(&releaser, NULL, release_later, &held), 0);
  azd_pool_free(pool);
  pool = NULL;
  pthread_join(releaser, NULL);
  assert_int_equal(held.done, 1);
  assert_int_equal(overtaken, 2);
  assert_int_equal(ran, 0);
}

static atomic_int created, destroyed;
static void *create_thing(void) {
  atomic_fetch_add(&created, 1);
  return calloc(1, sizeof(pthread_t));
}
static void destroy_thing(void *thing) {
  AZD_ASSERT(pthread_equal(*(pthread_t *)thing, pthread_self())); /* on the worker that made it */
  atomic_fetch_add(&destroyed, 1);
  free(thing);
}
static const struct azd_worker_kind thing_kind = {create_thing, destroy_thing};
static void use_thing(struct azd_job *job, struct azd_worker *worker) {
  square_work(job, worker);
  pthread_t *thing = azd_worker_keep(worker, &thing_kind);
  *thing = pthread_self();
  AZD_ASSERT(azd_worker_keep(worker, &thing_kind) == thing);
}

static void a_worker_keeps_one_thing_a_kind_until_the_pool_ends(void **state) {
  (void)state;
  open_pool(2, JOBS);
  loop_thread = pthread_self();
  done_count = 0, wanted = JOBS;
  for (int i = 0; i < JOBS; i++) {
    squares[i] = (struct square){.job = {.work = use_thing, .done = square_done}, .in = i};
    assert_int_equal(azd_pool_submit(pool, &squares[i].job), 0);
  }
  azd_loop_run(loop);
  assert_in_range(atomic_load(&created), 1, 2);
  assert_int_equal(atomic_load(&destroyed), 0);
  azd_pool_free(pool);
  pool = NULL;
  assert_int_equal(atomic_load(&destroyed), atomic_load(&created));
}

static size_t stack_bytes;
static void measure_stack(struct azd_job *job, struct azd_worker *worker) {
  (void)job, (void)worker;
  pthread_attr_t attributes;
  void *base;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &base, &stack_bytes);
  pthread_attr_destroy(&attributes);
}
static void stop_on_done(struct azd_job *job) {
  (void)job;
  azd_loop_stop(loop);
}

static void workers_have_stacks_of_4_mb_for_lua(void **state) {
  (void)state;
  open_pool(1, 1);
  struct azd_job job = {.work = measure_stack, .done = stop_on_done};
  assert_int_equal(azd_pool_submit(pool, &job), 0);
  azd_loop_run(loop);
  assert_true(stack_bytes >= 4 * 1024 * 1024);
}

static void a_pool_without_workers_is_refused(void **state) {
  (void)state;
  struct azd_error error;
  struct azd_pool_options options = {.name = "none", .workers = 0, .max_queued = 1};
  assert_int_equal(azd_pool_new(&pool, loop, &options, &error), AZD_EINVAL);
  assert_non_null(strstr(error.text, "none"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_job_is_run_and_told_to_the_loop_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_full_queue_refuses_and_leaves_the_job_alone, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_queued_job_can_be_withdrawn_and_a_running_one_cannot, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_end_of_a_pool_tells_every_job, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_worker_keeps_one_thing_a_kind_until_the_pool_ends, set_up, tear_down),
      cmocka_unit_test_setup_teardown(workers_have_stacks_of_4_mb_for_lua, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_pool_without_workers_is_refused, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
