/* What other bindings need of `azdrift.detectors`: the options behind a detector. */
#ifndef AZD_BIND_LUA_DETECT_H
#define AZD_BIND_LUA_DETECT_H

#include "drift/compare.h"

#include <lua.h>

/* How drift is looked for: everything in it belongs to the Lua value and does not change while that lives. */
struct azd_detect_setup {
  struct azd_detect_options options;
  struct azd_shape shape;
  struct azd_arena arena;
};

/* [-0, +0, v] Raises where index holds no detector. Borrowed from the Lua value. */
const struct azd_detect_setup *azd_check_detector(lua_State *L, int index);

#endif
