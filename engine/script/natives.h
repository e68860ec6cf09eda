/* Functions scripts have besides Lua's own, each setting its names in the table on top. [-0, +0, m]
 * Text compares without ASCII case, as Azure's own policies do; nil is never equal, never contains, never like
 * anything. Thread: the state's. Blocks: never. */
#ifndef AZD_SCRIPT_NATIVES_H
#define AZD_SCRIPT_NATIVES_H

#include <lua.h>

void azd_natives_open_text(lua_State *L); /* like contains starts_with ends_with one_of */
void azd_natives_open_list(lua_State *L); /* has is_null raw find keys null */
void azd_natives_open_net(lua_State *L);  /* cidr_contains cidr_overlaps */

/* Both values by the rule above: text without case, everything else as Lua's ==. [-0, +0, -] */
int azd_natives_same(lua_State *L, int a, int b);

#endif
