/* Lua patterns (manual, 6.4.1) whose cost is counted: find, match, gmatch, gsub for scripts nobody reviewed.
 * The stock library backtracks for hours inside one C call, where no hook runs; here each step of the matcher costs one
 * of a budget, and the watchdog's `stop` is read on the way. What is found is what the stock library finds, but for the
 * limits.
 *
 * Life: limits are borrowed by the functions and must outlive the state. Thread: the state's. Blocks: never. */
#ifndef AZD_SCRIPT_PATTERN_H
#define AZD_SCRIPT_PATTERN_H

#include <lua.h>
#include <signal.h>
#include <stdint.h>

enum { AZD_PATTERN_MAX_BYTES = 512, AZD_PATTERN_STEPS = 1000000 };

struct azd_pattern_limits {
  const volatile sig_atomic_t *stop;           /* not 0: give up now */
  long steps;                                  /* one call's budget */
  void (*raise_stop)(lua_State *L);            /* raises; called when stop is set */
  void (*charge)(lua_State *L, int64_t steps); /* told after each match what it cost; may raise. NULL: nobody asks */
};

/* Sets find, match, gmatch and gsub in the table on top. [-0, +0, m] */
void azd_pattern_open(lua_State *L, const struct azd_pattern_limits *limits);

#endif
