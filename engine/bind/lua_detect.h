/* What other bindings need of `azdrift.detectors`: the options behind a detector. */
#ifndef AZD_BIND_LUA_DETECT_H
#define AZD_BIND_LUA_DETECT_H

#include "drift/compare.h"
#include "loop/pool.h"

#include <lua.h>

/* How drift is looked for: everything in it belongs to the Lua value and does not change while that lives. */
struct azd_detect_setup {
  struct azd_detect_options options;
  struct azd_shape shape;
  struct azd_arena arena;
};

/* [-0, +0, v] Raises where index holds no detector. Borrowed from the Lua value. */
const struct azd_detect_setup *azd_check_detector(lua_State *L, int index);

/* detector:move, in lua_move.c. */
int azd_detector_l_move(lua_State *L);

/* On a worker: its comparer, or NULL without memory. */
struct azd_comparer *azd_worker_comparer(struct azd_worker *worker);

/* [-0, +1, m] The table that detector:compare answers with. */
void azd_push_compare_result(lua_State *L, const struct azd_compare_result *result, const struct azd_buf *drifts,
                             const struct azd_buf *errors, const struct azd_buf *quiet);

#endif
