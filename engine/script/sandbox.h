/* One policy state: a lua_State in which code that nobody reviewed may run. It has no I/O, no clock and no randomness,
 * sees an allow-list of names, and is limited in memory, time (or work), source size, and in what each library function
 * may be fed.
 *
 *   deadline   production: no hook; the watchdog stops a call after budget_us of CPU
 *   work       proving: a count hook allows work_max instructions a call, steps of our C loops counted in: the same
 * verdict on every machine. A deadline far above stands behind it, for what no count sees. stop       set once, read by
 * hook, allocator and our C loops. A stopped state is spent: free it and make another. fault      what went wrong in
 * the last call: where ("policies/x.lua:12") and what
 *
 * Life: new .. free. Thread: the one that made it; with a deadline it has joined the watchdog. Stack 4 MB or more, for
 * the Lua parser and its error messages recurse. Blocks: never. */
#ifndef AZD_SCRIPT_SANDBOX_H
#define AZD_SCRIPT_SANDBOX_H

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "script/handle.h"
#include "script/pattern.h"
#include "script/watchdog.h"

#include <lua.h>
#include <signal.h>

enum {
  AZD_SANDBOX_MAX_BYTES = 32 << 20,
  AZD_SANDBOX_BUDGET_US = 50000,
  AZD_SANDBOX_WORK = 1000000,
  AZD_SANDBOX_SOURCE_MAX_BYTES = 32 << 10,
  AZD_SANDBOX_AT_BYTES = 160,
  AZD_SANDBOX_FAULT_BYTES = 512,
};

enum azd_stop { AZD_STOP_NONE, AZD_STOP_TIME, AZD_STOP_WORK, AZD_STOP_MEMORY };

struct azd_sandbox_options {
  struct azd_watch *watch; /* the calling thread's slot, borrowed; NULL: no deadline */
  int64_t budget_us;       /* of CPU a call; 0: AZD_SANDBOX_BUDGET_US */
  int64_t work_max;        /* instructions a call; 0: not counted */
  size_t max_bytes;        /* 0: AZD_SANDBOX_MAX_BYTES */
};

struct azd_fault {
  char at[AZD_SANDBOX_AT_BYTES]; /* "" where no line of a script is to blame */
  char text[AZD_SANDBOX_FAULT_BYTES];
  bool stopped;
};

struct azd_sandbox {
  lua_State *L;
  struct azd_lend lend;
  struct azd_buf scratch; /* for natives: memory they hold while Lua may raise; at most 1 MiB */
  void *owner;            /* of whoever made the state; for the C functions it added */
  struct azd_fault fault;
  /* the rest is the sandbox's own */
  struct azd_sandbox_options options;
  struct azd_pattern_limits pattern_limits;
  size_t used_bytes;
  int64_t work;
  volatile sig_atomic_t stop; /* enum azd_stop */
  bool running, loading;
  const char *source_name; /* of what is being compiled */
  char memory_at[AZD_SANDBOX_AT_BYTES];
};

struct azd_sandbox *azd_sandbox_new(const struct azd_sandbox_options *options, struct azd_error *error);
void azd_sandbox_free(struct azd_sandbox *sandbox);

static inline struct azd_sandbox *azd_sandbox_of(lua_State *L) {
  return *(struct azd_sandbox **)lua_getextraspace(L);
}

/* Calls the function below its arguments, as lua_pcall does, within the limits. 0, or AZD_ESCRIPT with fault filled in
 * and nothing pushed. [-(arguments + 1), +results, -] */
int azd_sandbox_call(struct azd_sandbox *sandbox, int arguments, int results);

/* Runs a C function of ours within the limits, so that it may raise and run out of memory. It gets argument as a light
 * userdata at 1, which it must not hand to a script. As azd_sandbox_call. [-0, +results, -] */
int azd_sandbox_run(struct azd_sandbox *sandbox, lua_CFunction function, void *argument, int results);

/* Inside azd_sandbox_run: compiles source (text only) as a function with an environment of its own. name is a file's,
 * without
 * '@'. Raises what is wrong with it. [-0, +2 (function, environment), e] */
void azd_sandbox_load(lua_State *L, struct azd_str source, const char *name);

/* From here on scripts may make no new globals: what a policy keeps makes it impure. */
void azd_sandbox_seal(struct azd_sandbox *sandbox);

/* Counts steps of a C loop of ours as work; raises when that was too much. [-0, +0, e] */
void azd_sandbox_charge(lua_State *L, int64_t steps);
/* Raises if the state was stopped: for C loops that scripts can make long. [-0, +0, e] */
static inline void azd_sandbox_poll(lua_State *L);
/* The place in a script that is running now. false where there is none. Allocates nothing. */
bool azd_sandbox_place(lua_State *L, char *at, size_t at_bytes);
_Noreturn void azd_sandbox_raise_stop(lua_State *L);

/* JSON null as scripts write it in declarations and examples. [-0, +1, -] */
void azd_sandbox_push_null(lua_State *L);
bool azd_sandbox_is_null(lua_State *L, int index);

static inline void azd_sandbox_poll(lua_State *L) {
  if (azd_sandbox_of(L)->stop) azd_sandbox_raise_stop(L);
}

#endif
