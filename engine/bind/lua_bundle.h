/* What other bindings need of `azdrift.bundle`: the bundle behind a Lua value. */
#ifndef AZD_BIND_LUA_BUNDLE_H
#define AZD_BIND_LUA_BUNDLE_H

#include "script/bundle.h"

#include <lua.h>

/* [-0, +0, v] The bundle at index; raises where it is none. Borrowed from the Lua value. */
struct azd_bundle *azd_check_bundle(lua_State *L, int index);

/* lua_bundle_paths.c: bundle:unknown_paths(folder) */
int azd_bundle_unknown_paths(lua_State *L);

#endif
