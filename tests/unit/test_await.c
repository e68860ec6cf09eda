/* Work on a pool awaited by runs: bind/await.h as a binding uses it. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "bind/await.h"
#include "bind/engine.h"

#include <lauxlib.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct doubling {
  struct azd_work work;
  long in, out;
  char *text; /* something to leak */
  const char *anchored;
  bool is_held;
};

static struct azd_engine *engine;
static struct azd_pool *pool; /* of one worker, with a short queue */
static sem_t begun, release;
static atomic_int ran, closed, abandoned;
static long anchored_bytes;

static void doubling_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct doubling *doubling = (struct doubling *)work;
  if (doubling->is_held) {
    sem_post(&begun);
    sem_wait(&release);
  }
  if (doubling->anchored) anchored_bytes = (long)strlen(doubling->anchored);
  doubling->out = doubling->in * 2;
  atomic_fetch_add(&ran, 1);
}

static int doubling_push(lua_State *L, struct azd_work *work) {
  struct doubling *doubling = (struct doubling *)work;
  if (doubling->in < 0) return azd_push_failure(L, AZD_EINVAL, "%ld is negative", doubling->in);
  if (doubling->in == 13) return luaL_error(L, "13 is bad luck");
  lua_pushfstring(L, "%d", (int)doubling->out);
  return 1;
}

static void doubling_close(struct azd_work *work) {
  atomic_fetch_add(&closed, 1);
  free(((struct doubling *)work)->text);
}

static void doubling_abandon(struct azd_work *work) {
  (void)work;
  atomic_fetch_add(&abandoned, 1);
}

static const struct azd_work_type doubling_type = {"doubling",    sizeof(struct doubling), doubling_run,
                                                   doubling_push, doubling_close,          doubling_abandon};

/* double(number, held?, anchor?, deadline_ms?) */
static int l_double(lua_State *L) {
  long in = (long)luaL_checkinteger(L, 1);
  lua_settop(L, 4); /* what was not given is nil, and not the work that is pushed next */
  int64_t deadline_ms = luaL_optinteger(L, 4, 20000);
  struct doubling *doubling = (struct doubling *)azd_work_new(L, &doubling_type);
  doubling->in = in;
  doubling->is_held = lua_toboolean(L, 2);
  doubling->text = strdup("something to leak");
  if (lua_isstring(L, 3)) {
    doubling->anchored = lua_tostring(L, 3);
    azd_work_anchor(L, &doubling->work, 3);
  }
  return azd_await_work(L, &doubling->work, pool, deadline_ms);
}

static int set_up(void **state) {
  (void)state;
  struct azd_error error;
  if (azd_engine_new(&engine, &error)) fail_msg("%s", error.text);
  struct azd_pool_options options = {.name = "test", .workers = 1, .max_queued = 2};
  if (azd_pool_new(&pool, engine->loop, &options, NULL)) return -1;
  lua_register(engine->L, "double", l_double);
  sem_init(&begun, 0, 0);
  sem_init(&release, 0, 0);
  ran = closed = abandoned = 0;
  anchored_bytes = 0;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (pool) azd_pool_free(pool);
  pool = NULL;
  azd_engine_free(engine);
  return 0;
}

struct outcome {
  int ends, status;
  char text[200];
};
static void on_end(const struct azd_run_end *end, void *arg) {
  struct outcome *outcome = arg;
  outcome->ends++;
  outcome->status = end->status;
  const char *text = end->results ? lua_tostring(end->co, -1) : end->reason;
  snprintf(outcome->text, sizeof outcome->text, "%s", text ? text : "");
}

static struct azd_run *begin(const char *source, struct outcome *outcome) {
  struct azd_run *run;
  struct azd_run_options options = {.name = "test", .on_end = on_end, .arg = outcome};
  memset(outcome, 0, sizeof *outcome);
  assert_int_equal(luaL_loadstring(engine->L, source), LUA_OK);
  assert_int_equal(azd_run_start(engine->runs, engine->L, 0, &options, &run, NULL), 0);
  azd_runs_go(engine->runs);
  return run;
}

static void stop_loop(void *arg) {
  (void)arg;
  azd_loop_stop(engine->loop);
}

static void run_until_idle(void) {
  azd_runs_on_idle(engine->runs, stop_loop, NULL);
  if (azd_runs_stats(engine->runs)->live) azd_loop_run(engine->loop);
}

static void results_failures_and_errors_come_back_to_the_run(void **state) {
  (void)state;
  struct outcome outcome;
  begin("assert(double(21) == '42') local value, text, code = double(-1) assert(value == nil and code == 'invalid') "
        "local ok, message = pcall(double, 13) assert(not ok and message:find('13 is bad luck')) return text",
        &outcome);
  run_until_idle();
  assert_string_equal(outcome.text, "-1 is negative");
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_int_equal(atomic_load(&closed), 3);
}

static void a_full_queue_is_a_failure_that_says_so(void **state) {
  (void)state;
  struct outcome outcomes[4];
  begin("return double(1, true)", &outcomes[0]);
  sem_wait(&begun);
  begin("return double(2)", &outcomes[1]);
  begin("return double(3)", &outcomes[2]);
  begin("local value, text, code = double(4) assert(value == nil and code == 'busy') return text", &outcomes[3]);
  assert_int_equal(outcomes[3].ends, 1);
  assert_string_equal(outcomes[3].text, "doubling: the pool's queue is full");
  sem_post(&release);
  run_until_idle();
  assert_string_equal(outcomes[2].text, "6");
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_int_equal(atomic_load(&closed), 4);
}

static void cancelled_work_that_has_not_begun_never_runs(void **state) {
  (void)state;
  struct outcome first, second;
  begin("return double(1, true)", &first);
  sem_wait(&begun);
  struct azd_run *run = begin("double(2)", &second);
  azd_run_cancel(run, "enough");
  assert_string_equal(second.text, "cancelled: enough");
  assert_int_equal(atomic_load(&closed), 1);
  sem_post(&release);
  run_until_idle();
  assert_int_equal(atomic_load(&ran), 1);
  assert_int_equal(atomic_load(&abandoned), 0);
}

static void cancelled_work_that_runs_is_told_and_freed_when_it_ends(void **state) {
  (void)state;
  struct outcome outcome;
  struct azd_run *run = begin("double(1, true)", &outcome);
  sem_wait(&begun);
  azd_run_cancel(run, "enough");
  assert_int_equal(outcome.ends, 1);
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_int_equal(atomic_load(&abandoned), 1);
  assert_int_equal(atomic_load(&closed), 0); /* the worker is at it */
  sem_post(&release);
  azd_pool_free(pool);
  pool = NULL;
  assert_int_equal(atomic_load(&closed), 1);
}

static void work_past_its_deadline_is_a_failure_and_ends_unheard(void **state) {
  (void)state;
  struct outcome outcome;
  begin("local value, text, code = double(1, true, nil, 20) assert(code == 'timeout') return text", &outcome);
  run_until_idle();
  assert_string_equal(outcome.text, "doubling took longer than 20 ms");
  assert_int_equal(atomic_load(&abandoned), 1);
  sem_post(&release);
  azd_pool_free(pool);
  pool = NULL;
  assert_int_equal(atomic_load(&closed), 1);
  assert_int_equal(azd_runs_stats(engine->runs)->refused_wakes, 0);
}

static void an_anchored_string_outlives_the_run_that_gave_it(void **state) {
  (void)state;
  struct outcome outcome;
  struct azd_run *run = begin("double(1, true, ('x'):rep(100000))", &outcome);
  sem_wait(&begun);
  azd_run_cancel(run, "enough");
  assert_int_equal(outcome.ends, 1);
  lua_gc(engine->L, LUA_GCCOLLECT);
  size_t held_bytes = engine->memory.used_bytes;
  sem_post(&release);
  azd_pool_free(pool); /* the worker reads it meanwhile */
  pool = NULL;
  assert_int_equal(anchored_bytes, 100000);
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_true(engine->memory.used_bytes + 100000 <= held_bytes);
}

static void outside_a_run_nothing_is_started_and_nothing_leaks(void **state) {
  (void)state;
  lua_getglobal(engine->L, "double");
  lua_pushinteger(engine->L, 1);
  assert_int_equal(lua_pcall(engine->L, 1, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(engine->L, -1), "only work in a run"));
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_int_equal(atomic_load(&ran), 0);
  assert_int_equal(atomic_load(&closed), 1);
}

/* Each allocation of an await fails once, from making the work to pushing its result. */
static void memory_that_fails_at_any_allocation_of_an_await_is_an_error_and_no_leak(void **state) {
  (void)state;
  int failed = 0, succeeded = 0, started = 0;
  lua_gc(engine->L, LUA_GCSTOP);
  for (unsigned k = 1; succeeded < 3; k++) {
    struct outcome outcome;
    assert_true(k < 500);
    struct azd_run_options options = {.name = "test", .on_end = on_end, .arg = &outcome};
    memset(&outcome, 0, sizeof outcome);
    assert_int_equal(luaL_loadstring(engine->L, "return double(21, false, ('y'):rep(50))"), LUA_OK);
    assert_int_equal(azd_run_start(engine->runs, engine->L, 0, &options, NULL, NULL), 0);
    started++;
    engine->memory.fail_at = engine->memory.growths + k;
    run_until_idle();
    engine->memory.fail_at = 0;
    assert_int_equal(outcome.ends, 1);
    if (outcome.status == LUA_OK)
      succeeded++;
    else {
      assert_string_equal(outcome.text, "not enough memory");
      failed++;
    }
  }
  assert_true(failed >= 3);
  lua_gc(engine->L, LUA_GCRESTART);
  lua_gc(engine->L, LUA_GCCOLLECT);
  assert_true(atomic_load(&closed) >= atomic_load(&ran)); /* every work that came to be was closed */
  assert_true(started == failed + succeeded);
}

static void the_end_of_the_engine_finds_work_under_way(void **state) {
  (void)state;
  static struct outcome outcome;
  struct azd_pool *cpu = pool;
  begin("double(1, true)", &outcome);
  sem_wait(&begun);
  sem_post(&release);
  azd_runs_free(engine->runs);
  engine->runs = NULL;
  azd_pool_free(cpu);
  pool = NULL;
  assert_int_equal(outcome.ends, 1);
  assert_int_equal(atomic_load(&closed), 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(results_failures_and_errors_come_back_to_the_run),
      TEST(a_full_queue_is_a_failure_that_says_so),
      TEST(cancelled_work_that_has_not_begun_never_runs),
      TEST(cancelled_work_that_runs_is_told_and_freed_when_it_ends),
      TEST(work_past_its_deadline_is_a_failure_and_ends_unheard),
      TEST(an_anchored_string_outlives_the_run_that_gave_it),
      TEST(outside_a_run_nothing_is_started_and_nothing_leaks),
      TEST(memory_that_fails_at_any_allocation_of_an_await_is_an_error_and_no_leak),
      TEST(the_end_of_the_engine_finds_work_under_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
