/* One engine: the loop, its pools, and the workflow state in which the scripts of lua/ run.
 * Life: azd_engine_new .. azd_engine_free. Thread: the loop's. Blocks: azd_engine_run, until the main run ended. */
#ifndef AZD_BIND_ENGINE_H
#define AZD_BIND_ENGINE_H

#include "loop/loop.h"
#include "loop/pool.h"
#include "loop/signal.h"
#include "script/memory.h"
#include "script/pace.h"
#include "script/run.h"

enum {
  AZD_ENGINE_STORE_WORKERS = 4, /* drivers that block, on waits and not on cores */
  AZD_ENGINE_MAX_QUEUED = 4096, /* jobs of one pool that have not begun */
};
#define AZD_ENGINE_LUA_BYTES ((size_t)512 * 1024 * 1024)

/* What signals say, the more urgent first. */
enum azd_engine_signal { AZD_ENGINE_STOP, AZD_ENGINE_RELOAD, AZD_ENGINE_SIGNALS };

struct azd_engine {
  struct azd_loop *loop;
  struct azd_pool *cpu_pool, *store_pool;
  struct azd_lua_memory memory;
  struct azd_pace pace;
  lua_State *L; /* the workflow state's main thread: nothing runs in it */
  struct azd_runs *runs;
  struct azd_signals *signals;
  char *share; /* the directory with lua/, rules/, policies/, catalog/ */
  struct azd_run *main_run;
  bool is_exiting; /* os.exit was called, or a signal came; exit_code says what with */
  int exit_code;
  /* bind/lua_supervisor.c: a script takes signals upon itself. */
  struct azd_wait signal_waiter;
  bool takes_signals, has_signal_waiter, signals_seen[AZD_ENGINE_SIGNALS];
};

int azd_engine_new(struct azd_engine **engine, struct azd_error *error);
void azd_engine_free(struct azd_engine *engine);

/* Runs one Lua file as the main run, with the global arg ([0] = path, [1] ...), and the loop until it ended. Answers
 * the exit code: what os.exit was given, else the integer the file returned, else 0; 1 with a message on standard error
 * when it raised; 130 or 143 after a signal. path "azdrift.x" with is_module: the module's function main(arg) is called
 * instead. */
int azd_engine_run(struct azd_engine *engine, const char *path, bool is_module, int argc, char **argv);

/* The engine of a workflow state. */
struct azd_engine *azd_engine_of(lua_State *L);
/* Its exit is due: every run is cancelled, the exit code kept. */
void azd_engine_exit(struct azd_engine *engine, int code);

/* $AZDRIFT_SHARE, else ../share/azdrift beside the program's directory, else the source tree that built it, else where
 * it was to be installed: the first that has lua/azdrift. Given; NULL: none has. */
char *azd_share_find(struct azd_error *error);

#endif
