/* The collector of garbage between slices (script/pace.h). */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "script/memory.h"
#include "script/pace.h"

#include <lauxlib.h>
#include <lualib.h>

static struct azd_lua_memory memory;
static struct azd_pace pace;
static lua_State *L;

static int set_up(void **state) {
  (void)state;
  memory = (struct azd_lua_memory){.max_bytes = 256 << 20};
  L = lua_newstate(azd_lua_memory_alloc, &memory);
  luaL_openlibs(L);
  azd_pace_init(&pace, L, &memory);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  lua_close(L);
  return memory.used_bytes != 0;
}

static void run(const char *source) {
  assert_int_equal(luaL_dostring(L, source), LUA_OK);
}

/* Calls until the cycle at hand is over; how many it took. */
static unsigned work_until_rest(void) {
  unsigned calls = 0;
  do {
    azd_pace_work(&pace);
    assert_true(++calls < 100000);
  } while (!pace.is_resting);
  return calls;
}

static void it_rests_until_memory_has_grown(void **state) {
  (void)state;
  run("kept = string.rep('x', 1 << 20)");
  azd_pace_work(&pace);
  assert_int_equal(pace.steps, 0);
  run("more = string.rep('y', 2 << 20)");
  azd_pace_work(&pace);
  assert_true(pace.steps > 0);
}

static void a_cycle_is_done_in_pieces_and_frees_what_is_garbage(void **state) {
  (void)state;
  run("kept = {} for i = 1, 40000 do kept[i] = { i } end "
      "local gone = {} for i = 1, 40000 do gone[i] = { i } end");
  size_t before_bytes = memory.used_bytes;
  unsigned calls = work_until_rest();
  assert_int_equal(pace.cycles, 1);
  assert_true(calls > 1);
  assert_true(pace.steps > 20); /* 80,000 objects, 1,600 at a time */
  assert_true(memory.used_bytes < before_bytes * 2 / 3);
}

/* Lua answered one block of 16 MB with a whole cycle, in the slice that asked for it: 40 ms with a large heap. */
static void a_large_block_does_not_bring_a_cycle_by_itself(void **state) {
  (void)state;
  run("kept = {} for i = 1, 40000 do kept[i] = { i } end");
  work_until_rest();
  run("weak = setmetatable({ {} }, { __mode = 'v' }) block = string.rep('x', 7 << 20)");
  run("assert(weak[1], 'a cycle ran')");
  work_until_rest();
  run("assert(not weak[1], 'no cycle ran')");
}

/* A slice that asks for much and never gives way must not grow to the cap of the state. */
static void a_slice_without_end_is_collected_by_lua_itself(void **state) {
  (void)state;
  run("for i = 1, 100000 do local s = string.rep('x', 1000) .. i end");
  assert_true(memory.peak_bytes < (size_t)AZD_PACE_CREDIT_KIB * 1024 * 3);
}

static void bytes_outside_count(void **state) {
  (void)state;
  azd_pace_tell_outside(&pace, AZD_PACE_REST_BYTES + 1);
  work_until_rest();
  assert_int_equal(pace.cycles, 1);
  azd_pace_work(&pace);
  assert_true(pace.is_resting); /* they counted once */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      TEST(it_rests_until_memory_has_grown),
      TEST(a_cycle_is_done_in_pieces_and_frees_what_is_garbage),
      TEST(a_large_block_does_not_bring_a_cycle_by_itself),
      TEST(a_slice_without_end_is_collected_by_lua_itself),
      TEST(bytes_outside_count),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
