/* azdrift.folders: waits for scripts to change.
 *
 *   local watched <close> = folders.watch()
 *   watched:add("policies", true)
 *   watched:wait()
 *
 * lua/meta/folders.lua has every name. */
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "loop/folders.h"

#include <lauxlib.h>

static const char watched_name[] = "azdrift.folders";

struct watched {
  struct azd_folders *folders; /* NULL: closed */
  struct azd_wait waiter;
  bool has_waiter, has_changed;
};

static void wake(struct watched *watched) {
  if (!watched->has_waiter) return;
  watched->has_waiter = false;
  azd_wait_wake(&watched->waiter);
}

static void on_change(void *arg) {
  struct watched *watched = arg;
  watched->has_changed = true;
  wake(watched);
}

static int watched_close(lua_State *L) {
  struct watched *watched = luaL_checkudata(L, 1, watched_name);
  azd_folders_free(watched->folders);
  watched->folders = NULL;
  wake(watched);
  return 0;
}

static void on_abandon(void *arg) {
  ((struct watched *)arg)->has_waiter = false;
}

static int wait_for_change(lua_State *L, struct watched *watched);

static int after_wait(lua_State *L, int status, lua_KContext context) { /* watched */
  (void)status, (void)context;
  azd_run_resumed(L); /* a wait has an end, a watch has none: so it waits again */
  return wait_for_change(L, luaL_checkudata(L, 1, watched_name));
}

static int wait_for_change(lua_State *L, struct watched *watched) { /* watched */
  if (watched->has_changed || watched->folders == NULL) {
    watched->has_changed = false;
    lua_pushboolean(L, watched->folders != NULL);
    return 1;
  }
  watched->waiter = azd_run_park(
      L, &(struct azd_park){
             .what = "a change of files", .deadline_ms = AZD_WAIT_MAX_MS, .abandon = on_abandon, .arg = watched});
  watched->has_waiter = true;
  return lua_yieldk(L, 0, 0, after_wait);
}

static int watched_wait(lua_State *L) { /* watched */
  struct watched *watched = luaL_checkudata(L, 1, watched_name);
  if (watched->has_waiter) return luaL_error(L, "another run waits for these folders");
  lua_settop(L, 1);
  return wait_for_change(L, watched);
}

/* A folder that is not there is left out: true where it was. */
static int watched_add(lua_State *L) { /* watched path deep? */
  struct watched *watched = luaL_checkudata(L, 1, watched_name);
  struct azd_error error;
  const char *path = luaL_checkstring(L, 2);
  if (watched->folders == NULL) return luaL_error(L, "the watch is closed");
  const int rc = azd_folders_add(watched->folders, path, lua_toboolean(L, 3), &error);
  if (rc != 0 && rc != AZD_ENOTFOUND) return azd_push_error(L, &error);
  lua_pushboolean(L, rc == 0);
  return 1;
}

static int folders_watch(lua_State *L) {
  struct watched *watched = lua_newuserdatauv(L, sizeof *watched, 0);
  *watched = (struct watched){0};
  luaL_setmetatable(L, watched_name);
  struct azd_error error;
  if (azd_folders_new(&watched->folders, azd_engine_of(L)->loop, on_change, watched, &error) != 0)
    return azd_push_error(L, &error);
  return 1;
}

int azd_open_folders(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"add", watched_add}, {"wait", watched_wait}, {"close", watched_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"watch", folders_watch}, {NULL, NULL}};
  azd_new_class(L, watched_name, methods, watched_close);
  luaL_newlib(L, functions);
  return 1;
}
