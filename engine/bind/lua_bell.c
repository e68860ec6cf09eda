/* azdrift.bell: what runs wait at until another run has something for them. A bell carries no value: whoever is woken
 * looks again at what it waited for.
 *
 *   local bell = require("azdrift.bell").new()
 *   bell:wait()          -- parks the run until a ring reaches it
 *   bell:ring()          -- wakes who has waited longest; a bell at which nobody waits rings for nothing
 *   bell:ring_all()
 *
 * Thread: the loop's. Blocks: never. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "script/run.h"

#include <lauxlib.h>
#include <sys/queue.h>

static const char class_name[] = "azdrift.bell";

/* A userdata on the waiting run's stack, above the bell: both live as long as it waits. */
struct waiter {
  TAILQ_ENTRY(waiter) link;
  struct bell *bell;
  struct azd_wait wait;
};

struct bell {
  TAILQ_HEAD(, waiter) waiters;
};

static struct bell *check_bell(lua_State *L) {
  return luaL_checkudata(L, 1, class_name);
}

static int l_new(lua_State *L) {
  struct bell *bell = lua_newuserdatauv(L, sizeof *bell, 0);
  TAILQ_INIT(&bell->waiters);
  luaL_setmetatable(L, class_name);
  return 1;
}

static void on_abandoned(void *arg) {
  struct waiter *waiter = arg;
  TAILQ_REMOVE(&waiter->bell->waiters, waiter, link);
}

static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  if (azd_run_resumed(L) != AZD_ETIMEOUT) return 0;
  azd_run_push_timeout(L);
  lua_pop(L, 1);
  return lua_error(L);
}

static int l_wait(lua_State *L) { /* bell deadline? */
  struct bell *bell = check_bell(L);
  int64_t deadline_ms = luaL_optinteger(L, 2, AZD_WAIT_MAX_MS);
  lua_settop(L, 1);
  struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 0); /* bell waiter */
  *waiter = (struct waiter){.bell = bell};
  waiter->wait = azd_run_park(
      L, &(struct azd_park){.what = "a bell", .deadline_ms = deadline_ms, .abandon = on_abandoned, .arg = waiter});
  TAILQ_INSERT_TAIL(&bell->waiters, waiter, link);
  return lua_yieldk(L, 0, 0, after_wait);
}

static bool ring(struct bell *bell) {
  struct waiter *waiter = TAILQ_FIRST(&bell->waiters);
  if (!waiter) return false;
  TAILQ_REMOVE(&bell->waiters, waiter, link); /* first: whoever is woken may wait again at once */
  azd_wait_wake(&waiter->wait);
  return true;
}

static int l_ring(lua_State *L) { /* bell */
  lua_pushboolean(L, ring(check_bell(L)));
  return 1;
}

static int l_ring_all(lua_State *L) { /* bell */
  /* Called from a run: who is woken runs when that parks, so nobody waits anew meanwhile. */
  while (ring(check_bell(L))) continue;
  return 0;
}

int azd_open_bell(lua_State *L) {
  static const luaL_Reg methods[] = {{"wait", l_wait}, {"ring", l_ring}, {"ring_all", l_ring_all}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, NULL);
  luaL_newlib(L, functions);
  return 1;
}
