/* Any text against any pattern: the counted port and Lua's own library agree, or one of the port's limits speaks. */
#include "script/pattern.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop;
static void raise_stop(lua_State *L) {
  luaL_error(L, "stopped");
}
static const struct azd_pattern_limits limits = {&stop, 20000, raise_stop, NULL};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int call(lua_State *L, int library, const char *name, const uint8_t *data, size_t split, size_t size) {
  int base = lua_gettop(L);
  lua_getfield(L, library, name);
  lua_pushlstring(L, (const char *)data, split);
  lua_pushlstring(L, (const char *)data + split, size - split);
  if (strcmp(name, "gsub") == 0) lua_pushliteral(L, "<%0%1>");
  int status = lua_pcall(L, lua_gettop(L) - base - 1, LUA_MULTRET, 0);
  return status == LUA_OK ? lua_gettop(L) - base : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  static const char *const names[] = {"find", "match", "gsub"};
  if (!L) {
    L = luaL_newstate();
    luaL_openlibs(L);
    lua_settop(L, 0);
    lua_newtable(L);
    azd_pattern_open(L, &limits);
    lua_getglobal(L, "string"); /* ours stock */
  }
  if (size < 2 || size > 64) return 0; /* longer ones only take the stock library longer */
  size_t split = 1 + data[0] % (size - 1);
  for (int i = 0; i < 3; i++) {
    int ours = call(L, 1, names[i], data + 1, split - 1, size - 1);
    int limited = ours < 0 && lua_isstring(L, -1) && strstr(lua_tostring(L, -1), "gave up after");
    if (limited) return lua_settop(L, 2), 0; /* the stock library might never come back */
    int stock = call(L, 2, names[i], data + 1, split - 1, size - 1);
    if (ours != stock) abort();
    for (int v = 1; v <= ours; v++)
      if (!lua_rawequal(L, 2 + v, 2 + ours + v)) abort();
    lua_settop(L, 2);
  }
  return 0;
}
