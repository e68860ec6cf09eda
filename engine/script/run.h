/* Workflow runs: one coroutine a run, one outcome, told once. A script reads as if its calls blocked; each such call
 * parks the run in a numbered wait with a deadline, and the loop thread resumes the run when the wait is over.
 *
 * run: a body (a Lua function and its arguments) in a coroutine of its own. wait: one parking of one run; its number
 * makes a late or doubled completion recognisable, which is then refused and counted. wake: the completion of a wait.
 * cancel: the wait at hand, or the next one, raises once; what the script closes meanwhile may still await, for
 * AZD_RUN_GRACE_MS; then the coroutine is reset, and its closers cannot await any more.
 *
 * Life: struct azd_runs stands for one workflow lua_State and is freed before it. A struct azd_run lives until its
 * on_end was called. Thread: the loop's. Blocks: never. Units: ms. Lua is entered only by resuming a coroutine:
 * whatever runs out of memory there ends the run, never the process. */
#ifndef AZD_SCRIPT_RUN_H
#define AZD_SCRIPT_RUN_H

#include "loop/loop.h"

#include <lua.h>

enum {
  AZD_RUN_GRACE_MS = 5000,
  AZD_RUN_MAX_LIVE = 100000,
  AZD_RUN_SLICE_WARN_MS = 100, /* a run that keeps the loop longer than this is named in the log */
};
/* No wait without an end; what really waits for days waits again. */
#define AZD_WAIT_MAX_MS ((int64_t)24 * 3600 * 1000)

struct azd_pace;
struct azd_runs;
struct azd_run;

/* L: the state's main thread, which no run may be using. */
int azd_runs_new(struct azd_runs **runs, struct azd_loop *loop, lua_State *L, struct azd_error *error);
/* How long a cancelled run may go on; AZD_RUN_GRACE_MS unless set. For cancels from here on. */
void azd_runs_set_grace(struct azd_runs *runs, int64_t grace_ms);
/* The collector of garbage that works between slices; borrowed until azd_runs_free. NULL: Lua's own way. */
void azd_runs_set_pace(struct azd_runs *runs, struct azd_pace *pace);
/* Resets every run that is left; their on_end are called. */
void azd_runs_free(struct azd_runs *runs);

/* How a run ended; borrowed by on_end. */
struct azd_run_end {
  int status;         /* LUA_OK, or LUA_ERRRUN, LUA_ERRMEM ... */
  bool is_cancelled;  /* it was cancelled before it ended, however it ended */
  const char *reason; /* of the cancel; "" without one */
  lua_State *co;      /* its stack: the results, or one error value, or nothing after a reset */
  int results;
  const char *traceback; /* of the error; "" where there is none */
};

struct azd_run_options {
  const char *name;       /* for the log; copied */
  int64_t deadline_ms;    /* from now; then the run is cancelled. 0: none */
  struct azd_run *parent; /* a run that ends cancels its children. NULL: none */
  /* Once, on the loop thread, not from within azd_run_start; outside any Lua call, so it must not raise. NULL: nobody
   * asks. */
  void (*on_end)(const struct azd_run_end *end, void *arg);
  void *arg;
};

/* [-(nargs + 1), +0, -] Takes a function and its arguments from `from` (any thread of the state) into a new run. It
 * begins at the next azd_runs_go or turn of the loop. *run may be NULL. AZD_ENOMEM, AZD_ELIMIT. */
int azd_run_start(struct azd_runs *runs, lua_State *from, int nargs, const struct azd_run_options *options,
                  struct azd_run **run, struct azd_error *error);
/* Resumes what is ready, for about 1 ms; the rest at the loop's next turn. Called from within a run it does nothing:
 * what is ready has its turn when that run parks. Callbacks that start a run call it to save a turn of the loop. */
void azd_runs_go(struct azd_runs *runs);

/* Cancels; a second cancel of one run does nothing. reason: "cancelled: <reason>" is what the script sees; copied, 95
 * bytes. The run may have ended, and be gone, when this returns. */
void azd_run_cancel(struct azd_run *run, const char *reason);
/* Its deadline is so far from now, whatever it was; 0: none any more. Nothing happens to a run that is cancelled
 * already. */
void azd_run_set_deadline(struct azd_run *run, int64_t deadline_ms);
/* Resets now, without telling the script and without a grace. Not from within the run itself. */
void azd_run_kill(struct azd_run *run, const char *reason);
/* Cancels every run of the state, whoever started it. */
void azd_runs_cancel_all(struct azd_runs *runs, const char *reason);
/* callback: on the loop thread, each time the last live run ended, after its on_end. */
void azd_runs_on_idle(struct azd_runs *runs, void (*callback)(void *arg), void *arg);
/* The run that L is the coroutine of; NULL in the main thread and in coroutines that a script made itself. */
struct azd_run *azd_run_of(lua_State *L);
struct azd_runs *azd_run_runs(const struct azd_run *run);
lua_State *azd_run_thread(const struct azd_run *run);
const char *azd_run_name(const struct azd_run *run);

struct azd_runs_stats {
  uint64_t started, ended_ok, ended_error, ended_cancelled, resets;
  uint64_t wakes, refused_wakes, timeouts;
  unsigned live;
  int64_t longest_slice_ns;
};
const struct azd_runs_stats *azd_runs_stats(const struct azd_runs *runs);

/* --- For bindings. A function that awaits ends like this, with nothing of value in its C locals:
 *
 *   operation->wait = azd_run_park(L, &(struct azd_park){.what = "GET", .deadline_ms = 5000, .abandon = stop, .arg =
 * operation});
 *   ... start the operation, which calls azd_wait_wake(&operation->wait) when it is done, perhaps at once ...
 *   return lua_yieldk(L, 0, context, continuation);
 *
 * and its continuation begins with azd_run_resumed. bind/await.h is that for work on a pool: prefer it. */

/* A completion's ticket: a value, kept by the operation, good as long as the runs live, accepted at most once.
 * azd_runs_free abandons every open wait, so an operation that heeds abandon never wakes after it. */
struct azd_wait {
  struct azd_runs *runs;
  uint32_t slot, generation;
  uint64_t number;
};

struct azd_park {
  const char *what;    /* static; "GET took longer than 5000 ms" */
  int64_t deadline_ms; /* from now, 1 .. AZD_WAIT_MAX_MS */
  /* Once, on the loop thread, when the wait ended by its deadline, a cancel or a reset: the operation may stop, nobody
   * waits for it. Not after an accepted wake. Must not raise, wake or start runs. NULL: let it run into its refused
   * wake. */
  void (*abandon)(void *arg);
  void *arg;
};
/* [-0, +0, e] Begins a wait of the calling run. Raises outside a run, where Lua cannot yield, and when a cancel is due.
 */
struct azd_wait azd_run_park(lua_State *L, const struct azd_park *park);

/* Takes back a park whose operation could not be started: the binding then returns instead of yielding. */
void azd_run_unpark(lua_State *L);

/* [-0, +0, e] First call of a continuation: 0, or AZD_ETIMEOUT after the deadline. Raises "cancelled: ..." when that is
 * due. */
int azd_run_resumed(lua_State *L);
/* [-0, +3, m] After AZD_ETIMEOUT: pushes nil, "<what> took longer than <n> ms", "timeout". Answers 3. */
int azd_run_push_timeout(lua_State *L);

/* Ends a wait: 0, or AZD_ECONFLICT where it is over already (counted). The run is resumed before this returns, unless
 * another one is running or ready. Thread: the loop's. */
int azd_wait_wake(const struct azd_wait *wait);
/* Whether anybody still waits. */
bool azd_wait_is_open(const struct azd_wait *wait);

#endif
