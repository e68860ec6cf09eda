/* azdrift.log: one line an event into the engine's log. */
#include "base/log.h"
#include "bind/bindings.h"

#include <lauxlib.h>

static int write_line(lua_State *L, enum azd_log_level level) { /* event sentence */
  const char *event = luaL_checkstring(L, 1), *sentence = luaL_checkstring(L, 2);
  azd_log(level, event, "%s", sentence);
  return 0;
}

static int log_debug(lua_State *L) {
  return write_line(L, AZD_LOG_DEBUG);
}
static int log_info(lua_State *L) {
  return write_line(L, AZD_LOG_INFO);
}
static int log_warn(lua_State *L) {
  return write_line(L, AZD_LOG_WARN);
}
static int log_error(lua_State *L) {
  return write_line(L, AZD_LOG_ERROR);
}

static int set_level(lua_State *L) { /* name */
  enum azd_log_level level;
  const char *name = luaL_checkstring(L, 1);
  luaL_argcheck(L, azd_log_level_parse(azd_str_of(name), &level), 1, "debug, info, warn, error or off expected");
  azd_log_set_level(level);
  return 0;
}

static int set_form(lua_State *L) { /* name */
  static const char *const names[] = {"text", "json", NULL};
  azd_log_set_form(luaL_checkoption(L, 1, NULL, names) ? AZD_LOG_JSON : AZD_LOG_TEXT);
  return 0;
}

int azd_open_log(lua_State *L) {
  static const luaL_Reg functions[] = {{"debug", log_debug}, {"info", log_info},       {"warn", log_warn},
                                       {"error", log_error}, {"set_level", set_level}, {"set_form", set_form},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
