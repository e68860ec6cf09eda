/* The watchdog: stops a script that takes more CPU than its budget, without a hook in the scripts that behave.
 *
 * A worker joins once and gets a slot. Around each entry into Lua it says begin and end: plain stores of a run number
 * into its slot. One thread wakes every 2 ms, and where a run number stood for longer than the budget on that worker's
 * CPU clock it sends SIGURG to the worker. The handler, on the worker, calls `on_late`, which may only do what a signal
 * handler and lua_sethook may. It is sent again at every tick until the run ends, for Lua may lose one
 * (luaG_traceexec). A loaded machine kills nobody: only CPU time counts.
 *
 * One watchdog a process, for signals are the process's. Its thread lives while a slot does and sleeps while none does.
 * Thread: join, begin, end, leave on the worker itself. Blocks: join and leave take a lock for some us; begin and end
 * never. */
#ifndef AZD_SCRIPT_WATCHDOG_H
#define AZD_SCRIPT_WATCHDOG_H

#include "base/err.h"

#include <stdint.h>

enum { AZD_WATCHDOG_TICK_US = 2000, AZD_WATCHDOG_SLOTS_MAX = 64 };

struct azd_watch;

/* The calling thread's slot; joined again, the same one (each join wants its leave). AZD_ELIMIT past 64 threads,
 * AZD_ENOMEM. */
int azd_watchdog_join(struct azd_watch **watch, struct azd_error *error);
void azd_watchdog_leave(struct azd_watch *watch);

/* on_late runs in the signal handler on this thread, between begin and end only, once a tick. subject is borrowed until
 * end. Not nested. */
void azd_watchdog_begin(struct azd_watch *watch, int64_t budget_us, void (*on_late)(void *subject), void *subject);
void azd_watchdog_end(struct azd_watch *watch);

#endif
