/* What runs cost: a wake with its result and the next park; a run from start to end; a job on a worker; parked runs'
 * memory. */
#include "base/clock.h"
#include "bind/engine.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct azd_wait held;

static int after_hang(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  azd_run_resumed(L);
  lua_pushinteger(L, 1);
  return 1;
}

static int hang(lua_State *L) {
  held = azd_run_park(L, &(struct azd_park){.what = "hang", .deadline_ms = 60000});
  return lua_yieldk(L, 0, 0, after_hang);
}

static void start(struct azd_engine *engine, const char *source) {
  struct azd_run_options options = {.name = "bench"};
  struct azd_error error;
  if (luaL_loadstring(engine->L, source) || azd_run_start(engine->runs, engine->L, 0, &options, NULL, &error)) abort();
  azd_runs_go(engine->runs);
}

static void report(const char *what, int64_t began_ns, int count) {
  printf("%-44s %8.0f ns\n", what, (double)(azd_clock_mono_ns() - began_ns) / count);
}

int main(void) {
  enum { WAKES = 500000, RUNS = 200000, PARKED = 10000 };
  struct azd_error error;
  struct azd_engine *engine;
  if (azd_engine_new(&engine, &error)) {
    fprintf(stderr, "bench_runs: %s\n", error.text);
    return 1;
  }
  lua_register(engine->L, "hang", hang);
  start(engine, "while true do hang() end");
  int64_t began_ns = azd_clock_mono_ns();
  for (int i = 0; i < WAKES; i++) azd_wait_wake(&held);
  report("a wake, its result, the next park", began_ns, WAKES);

  luaL_loadstring(engine->L, "return 1");
  began_ns = azd_clock_mono_ns();
  for (int i = 0; i < RUNS; i++) {
    struct azd_run_options options = {.name = "bench"};
    lua_pushvalue(engine->L, -1);
    if (azd_run_start(engine->runs, engine->L, 0, &options, NULL, &error)) abort();
    azd_runs_go(engine->runs);
  }
  report("a run from start to end", began_ns, RUNS);
  lua_pop(engine->L, 1);

  lua_gc(engine->L, LUA_GCCOLLECT);
  size_t before = engine->memory.used_bytes;
  began_ns = azd_clock_mono_ns();
  for (int i = 0; i < PARKED; i++) start(engine, "hang()");
  report("starting and parking a run", began_ns, PARKED);
  printf("%-44s %8zu bytes of Lua\n", "a parked run", (engine->memory.used_bytes - before) / PARKED);
  began_ns = azd_clock_mono_ns();
  azd_runs_cancel_all(engine->runs, "the benchmark ends");
  while (azd_runs_stats(engine->runs)->live) azd_runs_go(engine->runs);
  report("cancelling a parked run", began_ns, PARKED);
  azd_engine_free(engine);
  return 0;
}
