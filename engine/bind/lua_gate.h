/* What other bindings need of `azdrift.gate`: the gate behind it. */
#ifndef AZD_BIND_LUA_GATE_H
#define AZD_BIND_LUA_GATE_H

#include "bind/gate.h"

#include <lua.h>

/* [-0, +0, v] Raises where index holds no gate. Borrowed from the Lua value. */
struct azd_gate *azd_check_gate(lua_State *L, int index);

#endif
