/* What a policy may call: the allowed names of Lua's own libraries, each with what it may be fed limited, and our
 * natives. Hooks do not see C loops, so each of these is linear in bounded input, or polls `stop`, or counts its steps.
 * Thread: the state's. Blocks: never. */
#ifndef AZD_SCRIPT_GUARD_H
#define AZD_SCRIPT_GUARD_H

#include "script/pattern.h"

enum {
  AZD_GUARD_STRING_MAX_BYTES = 1 << 20,
  AZD_GUARD_LIST_MAX = 100000,
  AZD_GUARD_VALUES_MAX = 200,
  AZD_GUARD_FORMAT_MAX_BYTES = 4096,
  AZD_GUARD_SORT_STRING_MAX_BYTES = 4096,
};

/* Pushes the model of every script's environment: names of base, string, table and math, and the natives; sets the
 * string metatable's __index to a table that no script can name; empties the real globals. limits is borrowed by the
 * state. [-0, +1, e] */
void azd_guard_open(lua_State *L, const struct azd_pattern_limits *limits);

#endif
