/* azdrift.supervisor: what those who run a service say to it (SIGTERM, SIGINT, SIGHUP) and hear from it (sd_notify).
 *
 *   supervisor.take()                       -- from now on signals are this script's business
 *   local word = supervisor.await()         -- "stop" or "reload"
 *
 * lua/meta/supervisor.lua has every name. */
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/engine.h"
#include "net/activation.h"

#include <lauxlib.h>

static const char *const WORDS[] = {"stop", "reload"};

/* [-0, +1, -] The word that waits, the more urgent first; false: none does. */
static bool push_word(lua_State *L, struct azd_engine *engine) {
  for (int i = 0; i < AZD_ENGINE_SIGNALS; i++) {
    if (!engine->signals_seen[i]) continue;
    engine->signals_seen[i] = false;
    lua_pushstring(L, WORDS[i]);
    return true;
  }
  return false;
}

static int l_take(lua_State *L) {
  azd_engine_of(L)->takes_signals = true;
  return 0;
}

static void on_abandon(void *arg) {
  ((struct azd_engine *)arg)->has_signal_waiter = false;
}

static int await_word(lua_State *L);

/* A wait has an end, a service has none: so it waits again. */
static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  azd_run_resumed(L);
  return await_word(L);
}

static int await_word(lua_State *L) {
  struct azd_engine *engine = azd_engine_of(L);
  if (push_word(L, engine)) return 1;
  engine->signal_waiter = azd_run_park(
      L, &(struct azd_park){.what = "a signal", .deadline_ms = AZD_WAIT_MAX_MS, .abandon = on_abandon, .arg = engine});
  engine->has_signal_waiter = true;
  return lua_yieldk(L, 0, 0, after_wait);
}

static int l_await(lua_State *L) {
  struct azd_engine *engine = azd_engine_of(L);
  if (!engine->takes_signals) return luaL_error(L, "supervisor.take() comes first");
  if (engine->has_signal_waiter) return luaL_error(L, "another run waits for signals");
  lua_settop(L, 0);
  return await_word(L);
}

static int l_notify(lua_State *L) { /* text */
  struct azd_error error;
  if (azd_activation_notify(luaL_checkstring(L, 1), &error) != 0) return azd_push_error(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_watchdog_ms(lua_State *L) {
  lua_pushinteger(L, azd_activation_watchdog_ms());
  return 1;
}

int azd_open_supervisor(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"take", l_take}, {"await", l_await}, {"notify", l_notify}, {"watchdog_ms", l_watchdog_ms}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
