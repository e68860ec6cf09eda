/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/clock.h"
#include "script/memory.h"
#include "script/run.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a test's on_end saw. */
struct outcome {
  int ends, status, results;
  bool is_cancelled;
  char text[256], traceback[1024]; /* the last value, where it is text */
};

static struct azd_loop *loop;
static struct azd_lua_memory memory;
static lua_State *L;
static struct azd_runs *runs;
static struct azd_wait held; /* of the last hang() */
static int abandoned;

static void count_abandon(void *arg) {
  (void)arg;
  abandoned++;
}

static int after_hang(lua_State *co, int status, lua_KContext context) {
  (void)status, (void)context;
  if (azd_run_resumed(co) == AZD_ETIMEOUT) return azd_run_push_timeout(co);
  lua_pushfstring(co, "woken with %d bytes", 12345); /* allocates, as results do */
  return 1;
}

static int l_hang(lua_State *co) { /* deadline_ms? */
  struct azd_park park = {.what = "hang", .deadline_ms = luaL_optinteger(co, 1, 60000), .abandon = count_abandon};
  held = azd_run_park(co, &park);
  return lua_yieldk(co, 0, 0, after_hang);
}

/* Completes before the yield. */
static int l_at_once(lua_State *co) {
  held = azd_run_park(co, &(struct azd_park){.what = "at once", .deadline_ms = 1000});
  assert_int_equal(azd_wait_wake(&held), 0);
  return lua_yieldk(co, 0, 0, after_hang);
}

/* A binding's bug: parks, then raises instead of yielding. */
static int l_park_and_raise(lua_State *co) {
  held = azd_run_park(co, &(struct azd_park){.what = "bug", .deadline_ms = 1000, .abandon = count_abandon});
  return luaL_error(co, "raised after parking");
}

static int set_up(void **state) {
  (void)state;
  static const luaL_Reg functions[] = {
      {"hang", l_hang}, {"at_once", l_at_once}, {"park_and_raise", l_park_and_raise}, {NULL, NULL}};
  memory = (struct azd_lua_memory){.max_bytes = 8 << 20};
  abandoned = 0;
  held = (struct azd_wait){0};
  if (azd_loop_new(&loop, NULL)) return -1;
  L = lua_newstate(azd_lua_memory_alloc, &memory);
  luaL_openlibs(L);
  lua_pushglobaltable(L);
  luaL_setfuncs(L, functions, 0);
  lua_pop(L, 1);
  return azd_runs_new(&runs, loop, L, NULL);
}

static int tear_down(void **state) {
  (void)state;
  azd_runs_free(runs);
  lua_close(L);
  azd_loop_free(loop);
  assert_int_equal(memory.used_bytes, 0);
  return 0;
}

static void on_end(const struct azd_run_end *end, void *arg) {
  struct outcome *outcome = arg;
  outcome->ends++;
  outcome->status = end->status;
  outcome->results = end->results;
  outcome->is_cancelled = end->is_cancelled;
  outcome->text[0] = 0;
  if (end->results && lua_type(end->co, -1) == LUA_TSTRING)
    snprintf(outcome->text, sizeof outcome->text, "%s", lua_tostring(end->co, -1));
  snprintf(outcome->traceback, sizeof outcome->traceback, "%s", end->traceback);
}

static struct azd_run *start(const char *source, struct outcome *outcome, struct azd_run *parent, int64_t deadline_ms) {
  struct azd_run *run;
  memset(outcome, 0, sizeof *outcome);
  assert_int_equal(luaL_loadbuffer(L, source, strlen(source), "=test"), LUA_OK);
  struct azd_run_options options = {
      .name = "test", .parent = parent, .deadline_ms = deadline_ms, .on_end = on_end, .arg = outcome};
  assert_int_equal(azd_run_start(runs, L, 0, &options, &run, NULL), 0);
  return run;
}

static struct azd_run *begin(const char *source, struct outcome *outcome) {
  struct azd_run *run = start(source, outcome, NULL, 0);
  azd_runs_go(runs);
  return run;
}

static void stop_loop(void *arg) {
  (void)arg;
  azd_loop_stop(loop);
}

static void run_until_idle(void) {
  azd_runs_on_idle(runs, stop_loop, NULL);
  if (azd_runs_stats(runs)->live) azd_loop_run(loop);
  azd_runs_on_idle(runs, NULL, NULL);
}

static void a_run_tells_its_results_once(void **state) {
  (void)state;
  struct outcome outcome;
  begin("return 1, 'two'", &outcome);
  assert_int_equal(outcome.ends, 1);
  assert_int_equal(outcome.status, LUA_OK);
  assert_int_equal(outcome.results, 2);
  assert_string_equal(outcome.text, "two");
  assert_int_equal(azd_runs_stats(runs)->ended_ok, 1);
}

static void a_wake_goes_through_pcall_metamethods_iterators_and_closers(void **state) {
  (void)state;
  struct outcome outcome;
  begin("local log = {} "
        "local ok, text = pcall(function() return hang() end) log[#log + 1] = text "
        "local proxy = setmetatable({}, {__index = function() return hang() end}) log[#log + 1] = proxy.x "
        "for text in function(_, last) if not last then return hang() end end do log[#log + 1] = text end "
        "do local c <close> = setmetatable({}, {__close = function() log[#log + 1] = hang() end}) end "
        "return tostring(#log)",
        &outcome);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(outcome.ends, 0);
    assert_int_equal(azd_wait_wake(&held), 0);
  }
  assert_string_equal(outcome.text, "4");
  assert_int_equal(abandoned, 0);
}

static void an_operation_may_complete_before_the_run_has_yielded(void **state) {
  (void)state;
  struct outcome outcome;
  begin("at_once() return at_once()", &outcome);
  run_until_idle();
  assert_string_equal(outcome.text, "woken with 12345 bytes");
}

static void a_second_wake_is_refused_and_counted(void **state) {
  (void)state;
  struct outcome outcome;
  begin("hang() hang()", &outcome);
  struct azd_wait first = held;
  assert_true(azd_wait_is_open(&first));
  assert_int_equal(azd_wait_wake(&first), 0);
  assert_int_equal(azd_wait_wake(&first), AZD_ECONFLICT);
  struct azd_wait wrong = held;
  wrong.number += 7;
  assert_int_equal(azd_wait_wake(&wrong), AZD_ECONFLICT);
  assert_int_equal(azd_wait_wake(&held), 0);
  assert_int_equal(outcome.ends, 1);
  assert_int_equal(azd_wait_wake(&held), AZD_ECONFLICT);

  /* The next run has the same slot, and its first wait the same number. */
  begin("hang()", &outcome);
  assert_int_equal(held.slot, first.slot);
  assert_int_equal(held.number, first.number);
  assert_int_equal(azd_wait_wake(&first), AZD_ECONFLICT);
  assert_int_equal(azd_runs_stats(runs)->refused_wakes, 4);
}

static void a_wait_past_its_deadline_gives_nil_and_says_so(void **state) {
  (void)state;
  struct outcome outcome;
  begin("local value, text, code = hang(5) assert(value == nil and code == 'timeout') return text", &outcome);
  run_until_idle();
  assert_string_equal(outcome.text, "hang took longer than 5 ms");
  assert_int_equal(abandoned, 1);
  assert_int_equal(azd_wait_wake(&held), AZD_ECONFLICT);
}

static void every_wait_must_have_a_deadline(void **state) {
  (void)state;
  struct outcome outcome;
  begin("hang(0)", &outcome);
  assert_non_null(strstr(outcome.text, "a deadline lies between"));
  begin("hang(86400001)", &outcome);
  assert_non_null(strstr(outcome.text, "a deadline lies between"));
}

static void an_error_keeps_its_value_and_its_traceback_over_awaits(void **state) {
  (void)state;
  struct outcome outcome;
  begin(
      "local function inner() hang() local x = nil return x.y end local function outer() inner() return 1 end outer()",
      &outcome);
  azd_wait_wake(&held);
  assert_int_equal(outcome.status, LUA_ERRRUN);
  assert_non_null(strstr(outcome.text, "test:1: attempt to index a nil value"));
  assert_non_null(strstr(outcome.traceback, "'inner'"));
  assert_non_null(strstr(outcome.traceback, "'outer'"));
}

static void a_cancel_raises_once_and_closers_may_await(void **state) {
  (void)state;
  struct outcome outcome;
  struct azd_run *run = begin("local c <close> = setmetatable({}, {__close = function(_, e) "
                              "  assert(e:find('cancelled: enough', 1, true)) closed_with = hang() end}) hang()",
                              &outcome);
  struct azd_wait first = held;
  azd_run_cancel(run, "enough");
  assert_int_equal(abandoned, 1);
  assert_int_equal(outcome.ends, 0); /* its closer awaits */
  assert_int_equal(azd_wait_wake(&first), AZD_ECONFLICT);
  azd_run_cancel(run, "a second cancel changes nothing");
  assert_int_equal(outcome.ends, 0);
  assert_int_equal(azd_wait_wake(&held), 0);
  assert_int_equal(outcome.ends, 1);
  assert_true(outcome.is_cancelled);
  assert_string_equal(outcome.text, "cancelled: enough");
  lua_getglobal(L, "closed_with");
  assert_string_equal(lua_tostring(L, -1), "woken with 12345 bytes");
}

static void a_cancel_that_a_script_swallows_ends_in_a_reset_after_the_grace(void **state) {
  (void)state;
  struct outcome outcome;
  azd_runs_set_grace(runs, 10);
  struct azd_run *run =
      begin("local c <close> = setmetatable({}, {__close = function() closed, why = pcall(hang) end}) "
            "while true do pcall(hang) end",
            &outcome);
  int64_t began_ns = azd_clock_mono_ns();
  azd_run_cancel(run, "enough");
  assert_int_equal(outcome.ends, 0);
  run_until_idle();
  assert_true(azd_clock_mono_ns() - began_ns >= 9 * 1000000);
  assert_int_equal(outcome.ends, 1);
  assert_true(outcome.is_cancelled);
  assert_int_equal(abandoned, 2);
  assert_int_equal(azd_runs_stats(runs)->resets, 1);
  lua_getglobal(L, "closed"); /* the closer ran, and could not await */
  assert_true(lua_isboolean(L, -1) && !lua_toboolean(L, -1));
  lua_getglobal(L, "why");
  assert_non_null(strstr(lua_tostring(L, -1), "its time of grace is over"));
}

static void a_run_cancelled_before_it_began_never_begins(void **state) {
  (void)state;
  struct outcome outcome;
  azd_run_cancel(start("began = true", &outcome, NULL, 0), "too late");
  run_until_idle();
  assert_int_equal(outcome.ends, 1);
  assert_true(outcome.is_cancelled);
  assert_int_equal(lua_getglobal(L, "began"), LUA_TNIL);
}

static void a_run_past_its_deadline_is_cancelled(void **state) {
  (void)state;
  struct outcome outcome;
  start("hang()", &outcome, NULL, 5);
  run_until_idle();
  assert_true(outcome.is_cancelled);
  assert_string_equal(outcome.text, "cancelled: its deadline passed");
}

static void a_run_that_ends_cancels_its_children(void **state) {
  (void)state;
  struct outcome parent_outcome, child_outcome;
  struct azd_run *parent = start("hang()", &parent_outcome, NULL, 0);
  azd_runs_go(runs);
  struct azd_wait parents = held;
  start("hang()", &child_outcome, parent, 0);
  azd_runs_go(runs);
  assert_int_equal(child_outcome.ends, 0);
  azd_wait_wake(&parents);
  assert_int_equal(parent_outcome.status, LUA_OK);
  assert_true(child_outcome.is_cancelled);
}

static void awaits_that_cannot_yield_are_refused_with_the_reason(void **state) {
  (void)state;
  static const struct {
    const char *source, *says;
  } cases[] = {
      {"table.sort({1, 2, 3}, function(a, b) hang() return a < b end)", "inside a sort comparison"},
      {"string.gsub('abc', '.', function() hang() end)", "a gsub callback"},
      {"package.preload.m = function() hang() return {} end require('m')", "a module's top level"},
      {"local f = coroutine.wrap(function() return hang() end) f()", "only work in a run"},
      {"coroutine.yield(1)", ""},
  };
  struct outcome outcome;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    begin(cases[i].source, &outcome);
    assert_int_equal(outcome.ends, 1);
    assert_int_equal(outcome.status, LUA_ERRRUN);
    assert_non_null(strstr(outcome.text, cases[i].says));
  }
  lua_pushcfunction(L, l_hang); /* the main thread is no run */
  assert_int_equal(lua_pcall(L, 0, 0, 0), LUA_ERRRUN);
  assert_non_null(strstr(lua_tostring(L, -1), "only work in a run"));
}

static void a_wait_left_by_a_raise_is_abandoned(void **state) {
  (void)state;
  struct outcome outcome;
  begin("pcall(park_and_raise) assert(not pcall(park_and_raise)) return hang()", &outcome);
  assert_int_equal(abandoned, 2);
  assert_int_equal(azd_wait_wake(&held), 0);
  assert_string_equal(outcome.text, "woken with 12345 bytes");
  begin("park_and_raise()", &outcome);
  assert_string_equal(outcome.text, "test:1: raised after parking");
  assert_int_equal(abandoned, 3);
}

/* The growth k of a wake fails, for each k until the wake needs no more: an error of the run each time, never an abort.
 */
static void memory_that_fails_at_any_allocation_of_a_wake_is_an_error_of_the_run(void **state) {
  (void)state;
  int failed = 0, succeeded = 0;
  lua_gc(L, LUA_GCSTOP);
  for (unsigned k = 1; succeeded < 3; k++) {
    assert_true(k < 1000);
    struct outcome outcome;
    begin("local c <close> = setmetatable({}, {__close = function() closed = (closed or 0) + 1 end}) "
          "local t = {} for i = 1, 5 do t[i] = hang() .. ('y'):rep(50 + i) end return t[5]",
          &outcome);
    memory.fail_at = memory.growths + k;
    for (int i = 0; i < 5 && !outcome.ends; i++) assert_int_equal(azd_wait_wake(&held), 0);
    memory.fail_at = 0;
    assert_int_equal(outcome.ends, 1);
    if (outcome.status == LUA_OK)
      succeeded++;
    else {
      assert_int_equal(outcome.status, LUA_ERRMEM);
      assert_string_equal(outcome.text, "not enough memory");
      failed++;
    }
  }
  assert_true(failed > 10);
}

static void memory_that_fails_at_any_allocation_of_a_start_is_an_error_of_the_caller(void **state) {
  (void)state;
  lua_gc(L, LUA_GCSTOP);
  int code = AZD_ENOMEM, top = lua_gettop(L);
  unsigned k = 1;
  for (; code; k++) {
    struct azd_run_options options = {.name = "test"};
    assert_int_equal(luaL_loadstring(L, "return 1"), LUA_OK);
    memory.fail_at = memory.growths + k;
    code = azd_run_start(runs, L, 0, &options, NULL, NULL);
    memory.fail_at = 0;
    assert_int_equal(lua_gettop(L), top);
    assert_true(!code || code == AZD_ENOMEM);
  }
  assert_true(k > 2);
  run_until_idle();
}

static void a_thousand_parked_runs_are_cancelled_and_none_is_left(void **state) {
  (void)state;
  enum { COUNT = 1000 };
  static struct outcome outcomes[COUNT];
  for (int i = 0; i < COUNT; i++) begin("hang()", &outcomes[i]);
  assert_int_equal(azd_runs_stats(runs)->live, COUNT);
  azd_runs_cancel_all(runs, "enough");
  run_until_idle();
  for (int i = 0; i < COUNT; i++) assert_true(outcomes[i].ends == 1 && outcomes[i].is_cancelled);
  assert_int_equal(abandoned, COUNT);
}

static void freeing_the_runs_resets_what_is_left(void **state) {
  (void)state;
  static struct outcome outcome; /* outlives the test: tear_down frees the runs */
  begin("local c <close> = setmetatable({}, {__close = function() pcall(hang) end}) hang()", &outcome);
  assert_int_equal(outcome.ends, 0);
  azd_runs_free(runs);
  assert_int_equal(outcome.ends, 1);
  assert_int_equal(abandoned, 1);
  assert_int_equal(azd_runs_new(&runs, loop, L, NULL), 0);
}

static void the_memory_cap_of_a_state_holds(void **state) {
  (void)state;
  struct outcome outcome;
  begin("local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end", &outcome);
  assert_int_equal(outcome.status, LUA_ERRMEM);
  assert_true(memory.peak_bytes <= memory.max_bytes);
  begin("return 'the state goes on'", &outcome);
  assert_string_equal(outcome.text, "the state goes on");
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(a_run_tells_its_results_once),
      TEST(a_wake_goes_through_pcall_metamethods_iterators_and_closers),
      TEST(an_operation_may_complete_before_the_run_has_yielded),
      TEST(a_second_wake_is_refused_and_counted),
      TEST(a_wait_past_its_deadline_gives_nil_and_says_so),
      TEST(every_wait_must_have_a_deadline),
      TEST(an_error_keeps_its_value_and_its_traceback_over_awaits),
      TEST(a_cancel_raises_once_and_closers_may_await),
      TEST(a_cancel_that_a_script_swallows_ends_in_a_reset_after_the_grace),
      TEST(a_run_cancelled_before_it_began_never_begins),
      TEST(a_run_past_its_deadline_is_cancelled),
      TEST(a_run_that_ends_cancels_its_children),
      TEST(awaits_that_cannot_yield_are_refused_with_the_reason),
      TEST(a_wait_left_by_a_raise_is_abandoned),
      TEST(memory_that_fails_at_any_allocation_of_a_wake_is_an_error_of_the_run),
      TEST(memory_that_fails_at_any_allocation_of_a_start_is_an_error_of_the_caller),
      TEST(a_thousand_parked_runs_are_cancelled_and_none_is_left),
      TEST(freeing_the_runs_resets_what_is_left),
      TEST(the_memory_cap_of_a_state_holds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
