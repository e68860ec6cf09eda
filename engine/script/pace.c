#include "script/pace.h"
#include "base/clock.h"

/* Lua's collector owes nothing until so much more was asked for. Its debt is negative afterwards, so this does no work
 * itself. */
static void give_credit(struct azd_pace *pace) {
  lua_gc(pace->L, LUA_GCSTEP, -AZD_PACE_CREDIT_KIB);
}

void azd_pace_init(struct azd_pace *pace, lua_State *L, const struct azd_lua_memory *memory) {
  enum { PAUSE_KEPT = 0, WORK_KEPT = 0 };
  *pace = (struct azd_pace){.L = L, .memory = memory, .is_resting = true};
  pace->start_bytes = memory->used_bytes + AZD_PACE_REST_BYTES;
  lua_gc(L, LUA_GCINC, PAUSE_KEPT, WORK_KEPT, AZD_PACE_STEP_BYTES_LOG2);
  give_credit(pace);
}

void azd_pace_tell_outside(struct azd_pace *pace, size_t bytes) {
  pace->outside_bytes += bytes;
}

static void rest(struct azd_pace *pace) {
  size_t live_bytes = pace->memory->used_bytes;
  pace->start_bytes = live_bytes + (live_bytes > AZD_PACE_REST_BYTES ? live_bytes : AZD_PACE_REST_BYTES);
  pace->is_resting = true;
  pace->cycles++;
}

void azd_pace_work(struct azd_pace *pace) {
  if (pace->is_resting && pace->memory->used_bytes + pace->outside_bytes < pace->start_bytes) return;
  if (pace->is_resting) pace->outside_bytes = 0;
  pace->is_resting = false;
  int64_t until_ns = azd_clock_mono_ns() + AZD_PACE_BUDGET_NS;
  do {
    pace->steps++;
    /* A step of 0 clears the debt first: what was asked for meanwhile does not make it longer. */
    if (lua_gc(pace->L, LUA_GCSTEP, 0)) rest(pace);
  } while (!pace->is_resting && azd_clock_mono_ns() < until_ns);
  give_credit(pace);
}
