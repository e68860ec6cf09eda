/* The metatable of a bound object, the same for all of them: methods in a table of their own, so that a script can call
 * none of the metamethods by name, and a metatable that getmetatable does not show. Thread: the state's. */
#ifndef AZD_BIND_CLASS_H
#define AZD_BIND_CLASS_H

#include <lauxlib.h>

/* [-0, +0, m] Registers the metatable under name, for luaL_setmetatable and luaL_checkudata. close (may be NULL)
 * becomes __gc and
 * __close: it must be idempotent, and bear an object that was never filled in. */
void azd_new_class(lua_State *L, const char *name, const luaL_Reg *methods, lua_CFunction close);

#endif
