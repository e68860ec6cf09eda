/* The collector of garbage, paced: Lua's own collector works when memory is asked for, as much as was asked for, so
 * that one large block (a table that grows, a body as text) is answered with a whole cycle, 10 ms and more. Here the
 * collector works between the slices of runs instead, for AZD_PACE_BUDGET_NS at most a turn of the loop, and Lua's own
 * stays as the backstop for slices that ask for much without ever giving way.
 *
 * cycle: marking and sweeping everything once. resting: no cycle is under way, memory has not grown enough.
 * Life: embedded by its owner, who closes the state first. Thread: the state's. Blocks: never. Units: bytes, ns. */
#ifndef AZD_SCRIPT_PACE_H
#define AZD_SCRIPT_PACE_H

#include "script/memory.h"

#include <lua.h>
#include <stdbool.h>

enum {
  AZD_PACE_BUDGET_NS = 200 * 1000,       /* of one call; the step at hand is finished */
  AZD_PACE_REST_BYTES = 2 * 1024 * 1024, /* a cycle begins after at least so much growth */
  AZD_PACE_CREDIT_KIB = 8 * 1024,        /* asked for in one slice, beyond it Lua's own collector works */
  AZD_PACE_STEP_BYTES_LOG2 = 8,          /* the smallest piece of work: 1,600 objects, about 0.1 ms */
};

struct azd_pace {
  lua_State *L;
  const struct azd_lua_memory *memory;
  size_t start_bytes;   /* resting until memory and what is kept outside pass it */
  size_t outside_bytes; /* told since the last cycle began */
  bool is_resting;
  uint64_t cycles, steps;
};

/* Takes over the state's collector. L: its main thread; memory: what its allocator counts in (borrowed). */
void azd_pace_init(struct azd_pace *pace, lua_State *L, const struct azd_lua_memory *memory);
/* An object of the state holds so many bytes outside it (a reply's body): they count as if they were Lua's. */
void azd_pace_tell_outside(struct azd_pace *pace, size_t bytes);
/* Between two slices: nothing while resting, else a piece of the cycle. Runs finalizers, which may not resume runs. */
void azd_pace_work(struct azd_pace *pace);

#endif
