#include "bind/class.h"

void azd_new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close) {
  if (!luaL_newmetatable(L, name)) { /* metatable */
    lua_pop(L, 1);
    return;
  }
  lua_newtable(L); /* metatable methods */
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  if (close) {
    lua_pushcfunction(L, close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, close);
    lua_setfield(L, -2, "__close");
  }
  lua_pop(L, 1);
}
