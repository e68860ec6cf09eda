#include "script/run.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/timer.h"
#include "script/pace.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

enum {
  AZD_RUN_BATCH_NS = 1000 * 1000, /* resuming gives way to sockets and timers after this long */
  AZD_RUN_TRACEBACK_BYTES = 4096,
};

enum run_state { RUN_READY, RUN_RUNNING, RUN_PARKED };
enum run_cancel { CANCEL_NONE, CANCEL_DUE, CANCEL_TOLD };

struct azd_run {
  struct azd_runs *runs;
  lua_State *co;
  int ref; /* in the registry: what keeps co alive */
  uint32_t slot;
  enum run_state state;
  bool is_started, is_resetting;
  int nargs;

  uint64_t wait_number;
  struct azd_park park; /* of the wait at hand; what and deadline_ms stay for the sentence after it */
  int wait_outcome;
  struct azd_timer *wait_timer;

  enum run_cancel cancel;
  char reason[96];
  struct azd_timer *limit_timer; /* the run's own deadline; after a cancel its grace */

  int status, results;
  char *traceback;
  char name[32];
  void (*on_end)(const struct azd_run_end *end, void *arg);
  void *arg;
  struct azd_run *parent;
  LIST_HEAD(, azd_run) children;
  LIST_ENTRY(azd_run) sibling;
  TAILQ_ENTRY(azd_run) ready;
};

struct slot {
  struct azd_run *run; /* NULL: free, and next_free counts */
  uint32_t generation, next_free;
};

struct azd_runs {
  struct azd_loop *loop;
  lua_State *L;
  struct slot *slots;
  uint32_t slot_count, free_slot; /* free_slot == slot_count: none */
  TAILQ_HEAD(, azd_run) ready;
  unsigned held; /* resuming, or taking a run down: what becomes ready meanwhile waits */
  bool is_ending;
  int64_t grace_ms;
  struct azd_timer *more;
  struct azd_pace *pace;
  void (*on_idle)(void *arg);
  void *idle_arg;
  struct azd_runs_stats stats;
};

static void on_more(void *arg) {
  azd_runs_go(arg);
}

int azd_runs_new(struct azd_runs **out, struct azd_loop *loop, lua_State *L, struct azd_error *error) {
  struct azd_runs *runs = calloc(1, sizeof *runs);
  if (!runs) return azd_fail(error, AZD_ENOMEM, "no memory for runs");
  runs->loop = loop;
  runs->L = L;
  runs->grace_ms = AZD_RUN_GRACE_MS;
  TAILQ_INIT(&runs->ready);
  runs->more = azd_timer_new(loop, "runs", on_more, runs);
  if (!runs->more) {
    free(runs);
    return azd_fail(error, AZD_ENOMEM, "no memory for runs");
  }
  *(struct azd_run **)lua_getextraspace(L) = NULL; /* copied into every coroutine that is made */
  *out = runs;
  return 0;
}

void azd_runs_set_grace(struct azd_runs *runs, int64_t grace_ms) {
  runs->grace_ms = grace_ms;
}

void azd_runs_set_pace(struct azd_runs *runs, struct azd_pace *pace) {
  runs->pace = pace;
}

void azd_runs_free(struct azd_runs *runs) {
  if (!runs) return;
  runs->is_ending = true;
  runs->held++;
  for (uint32_t i = 0; i < runs->slot_count; i++)
    if (runs->slots[i].run) azd_run_kill(runs->slots[i].run, "the engine stops");
  AZD_ASSERT(!runs->stats.live);
  azd_timer_free(runs->more);
  free(runs->slots);
  free(runs);
}

const struct azd_runs_stats *azd_runs_stats(const struct azd_runs *runs) {
  return &runs->stats;
}
struct azd_run *azd_run_of(lua_State *L) {
  return *(struct azd_run **)lua_getextraspace(L);
}
struct azd_runs *azd_run_runs(const struct azd_run *run) {
  return run->runs;
}
lua_State *azd_run_thread(const struct azd_run *run) {
  return run->co;
}
const char *azd_run_name(const struct azd_run *run) {
  return run->name;
}

static int take_slot(struct azd_runs *runs, struct azd_run *run) {
  if (runs->stats.live >= AZD_RUN_MAX_LIVE) return AZD_ELIMIT;
  if (runs->free_slot == runs->slot_count) {
    uint32_t count = runs->slot_count ? runs->slot_count * 2 : 16;
    struct slot *slots = realloc(runs->slots, count * sizeof *slots);
    if (!slots) return AZD_ENOMEM;
    for (uint32_t i = runs->slot_count; i < count; i++) slots[i] = (struct slot){.next_free = i + 1};
    runs->slots = slots;
    runs->slot_count = count;
  }
  run->slot = runs->free_slot;
  runs->free_slot = runs->slots[run->slot].next_free;
  runs->slots[run->slot].run = run;
  runs->stats.live++;
  return 0;
}

static void leave_slot(struct azd_run *run) {
  struct azd_runs *runs = run->runs;
  struct slot *slot = &runs->slots[run->slot];
  slot->run = NULL;
  slot->generation++;
  slot->next_free = runs->free_slot;
  runs->free_slot = run->slot;
  runs->stats.live--;
}

static void make_ready(struct azd_run *run) {
  struct azd_runs *runs = run->runs;
  run->state = RUN_READY;
  TAILQ_INSERT_TAIL(&runs->ready, run, ready);
  if (!runs->held && !azd_timer_is_started(runs->more)) azd_timer_start(runs->more, 0);
}

static void end_wait(struct azd_run *run, int outcome) {
  run->wait_outcome = outcome;
  azd_timer_cancel(run->wait_timer);
  void (*abandon)(void *) = outcome ? run->park.abandon : NULL;
  run->park.abandon = NULL;
  if (abandon) abandon(run->park.arg);
}

/* At the raise: the frames are whole, the closers have not run. The value goes on as it is; where it came from is kept
 * aside. */
static int on_error(lua_State *L) { /* value */
  struct azd_run *run = azd_run_of(L);
  if (!run || !lua_checkstack(L, 10)) return 1;
  luaL_traceback(L, L, NULL, 1); /* value trace */
  size_t bytes = 0;
  const char *text = lua_tolstring(L, -1, &bytes);
  if (bytes >= AZD_RUN_TRACEBACK_BYTES) bytes = AZD_RUN_TRACEBACK_BYTES - 1;
  free(run->traceback);
  run->traceback = text ? strndup(text, bytes) : NULL;
  lua_settop(L, 1);
  return 1;
}

static int body_done(lua_State *L, int status, lua_KContext context) { /* handler result... | handler error */
  (void)context;
  azd_run_of(L)->status = status == LUA_YIELD ? LUA_OK : status;
  return lua_gettop(L) - 1;
}

/* The protected call stands inside the coroutine, so that closers run while it unwinds, and may await there. */
static int run_main(lua_State *L) { /* body argument... */
  lua_checkstack(L, 10);
  lua_pushcfunction(L, on_error);
  lua_insert(L, 1); /* handler body argument... */
  return body_done(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, 0, body_done), 0);
}

static void free_run(struct azd_run *run) {
  azd_timer_free(run->wait_timer);
  azd_timer_free(run->limit_timer);
  free(run->traceback);
  free(run);
}

static void count_end(struct azd_runs *runs, const struct azd_run_end *end) {
  if (end->is_cancelled)
    runs->stats.ended_cancelled++;
  else if (end->status == LUA_OK)
    runs->stats.ended_ok++;
  else
    runs->stats.ended_error++;
}

/* The coroutine is over: tells its owner, cancels its children. results lie on top of co's stack. */
static void end_run(struct azd_run *run, int status, int results) {
  struct azd_runs *runs = run->runs;
  runs->held++;
  if (run->state != RUN_RUNNING)
    end_wait(run, AZD_ECANCELED); /* parked, but never yielded: a binding raised in between */
  if (run->state == RUN_READY) TAILQ_REMOVE(&runs->ready, run, ready);
  leave_slot(run);
  *(struct azd_run **)lua_getextraspace(run->co) = NULL;
  if (run->parent) LIST_REMOVE(run, sibling);
  for (struct azd_run *child; (child = LIST_FIRST(&run->children));) {
    LIST_REMOVE(child, sibling);
    child->parent = NULL;
    azd_run_cancel(child, "the run that started it ended");
  }
  struct azd_run_end end = {.status = status,
                            .is_cancelled = run->cancel != CANCEL_NONE,
                            .reason = run->reason,
                            .co = run->co,
                            .results = results,
                            .traceback = run->traceback ? run->traceback : ""};
  count_end(runs, &end);
  if (run->on_end) run->on_end(&end, run->arg);
  luaL_unref(runs->L, LUA_REGISTRYINDEX, run->ref);
  free_run(run);
  runs->held--;
  if (!runs->stats.live && runs->on_idle) runs->on_idle(runs->idle_arg);
}

/* Throws the coroutine away where it stands. Its closers run, and cannot await. */
static void reset_run(struct azd_run *run, int status) {
  run->is_resetting = true;
  run->runs->stats.resets++;
  run->runs->held++;
  if (run->is_started) lua_resetthread(run->co);
  lua_settop(run->co, 0);
  run->runs->held--;
  end_run(run, status, 0);
}

static void step(struct azd_run *run) {
  struct azd_runs *runs = run->runs;
  int results = 0, nargs = run->is_started ? 0 : run->nargs + 1; /* the body is run_main's first argument */
  run->state = RUN_RUNNING;
  run->is_started = true;
  int64_t began_ns = azd_clock_mono_ns();
  int status = lua_resume(run->co, NULL, nargs, &results);
  int64_t slice_ns = azd_clock_mono_ns() - began_ns;
  if (slice_ns > runs->stats.longest_slice_ns) runs->stats.longest_slice_ns = slice_ns;
  if (slice_ns > AZD_RUN_SLICE_WARN_MS * (int64_t)1000000)
    azd_log(AZD_LOG_INFO, "run_slice", "run \"%s\" kept the loop for %lld ms", run->name,
            (long long)slice_ns / 1000000);
  if (status == LUA_YIELD) {
    if (run->state != RUN_RUNNING) return;
    if (run->cancel == CANCEL_NONE) snprintf(run->reason, sizeof run->reason, "it yielded outside an await");
    reset_run(run, LUA_ERRRUN);
    return;
  }
  if (status == LUA_OK) {
    end_run(run, run->status, results);
    return;
  }
  /* Memory, or a bug: no frame of ours has unwound. */
  run->is_resetting = true;
  lua_resetthread(run->co); /* leaves one value: the error */
  end_run(run, status, lua_gettop(run->co) > 0 ? 1 : 0);
}

void azd_runs_go(struct azd_runs *runs) {
  if (runs->held) return;
  runs->held++;
  int64_t until_ns = azd_clock_mono_ns() + AZD_RUN_BATCH_NS;
  for (struct azd_run *run; (run = TAILQ_FIRST(&runs->ready));) {
    TAILQ_REMOVE(&runs->ready, run, ready);
    run->state = RUN_RUNNING;
    if (!run->is_started && run->cancel != CANCEL_NONE)
      reset_run(run, LUA_ERRRUN);
    else
      step(run);
    if (!TAILQ_EMPTY(&runs->ready) && azd_clock_mono_ns() >= until_ns) {
      azd_timer_start(runs->more, 0);
      break;
    }
  }
  if (runs->pace) azd_pace_work(runs->pace);
  runs->held--;
}

static void on_wait_deadline(void *arg) {
  struct azd_run *run = arg;
  struct azd_runs *runs = run->runs;
  runs->stats.timeouts++;
  end_wait(run, AZD_ETIMEOUT);
  make_ready(run);
  azd_runs_go(runs);
}

static void on_limit(void *arg) {
  struct azd_run *run = arg;
  if (run->cancel == CANCEL_NONE)
    azd_run_cancel(run, "its deadline passed");
  else
    azd_run_kill(run, run->reason);
}

static int make_coroutine(lua_State *L) { /* run */
  struct azd_run *run = lua_touserdata(L, 1);
  run->co = lua_newthread(L);
  run->ref = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static int give_coroutine(struct azd_run *run, lua_State *from, int nargs) {
  if (!lua_checkstack(from, 2)) return AZD_ENOMEM;
  lua_pushcfunction(from, make_coroutine);
  lua_pushlightuserdata(from, run);
  if (lua_pcall(from, 1, 0, 0)) {
    lua_pop(from, 1);
    return AZD_ENOMEM;
  }
  if (!lua_checkstack(run->co, nargs + 2)) {
    luaL_unref(from, LUA_REGISTRYINDEX, run->ref);
    return AZD_ENOMEM;
  }
  *(struct azd_run **)lua_getextraspace(run->co) = run;
  lua_pushcfunction(run->co, run_main);
  lua_xmove(from, run->co, nargs + 1);
  return 0;
}

int azd_run_start(struct azd_runs *runs, lua_State *from, int nargs, const struct azd_run_options *options,
                  struct azd_run **out, struct azd_error *error) {
  int code = AZD_ENOMEM, base = lua_gettop(from) - nargs - 1;
  struct azd_run *run = calloc(1, sizeof *run);
  if (!run) goto failed;
  *run =
      (struct azd_run){.runs = runs, .ref = LUA_NOREF, .nargs = nargs, .on_end = options->on_end, .arg = options->arg};
  snprintf(run->name, sizeof run->name, "%s", options->name ? options->name : "run");
  run->wait_timer = azd_timer_new(runs->loop, "wait", on_wait_deadline, run);
  run->limit_timer = azd_timer_new(runs->loop, "limit", on_limit, run);
  if (!run->wait_timer || !run->limit_timer) goto failed;
  code = runs->is_ending ? AZD_ECANCELED : take_slot(runs, run);
  if (code) goto failed;
  code = give_coroutine(run, from, nargs);
  if (code) {
    leave_slot(run);
    goto failed;
  }
  if (options->parent) {
    run->parent = options->parent;
    LIST_INSERT_HEAD(&options->parent->children, run, sibling);
  }
  if (options->deadline_ms > 0) azd_timer_start(run->limit_timer, options->deadline_ms);
  runs->stats.started++;
  make_ready(run);
  if (out) *out = run;
  return 0;
failed:
  if (run) free_run(run);
  lua_settop(from, base);
  if (code == AZD_ELIMIT) return azd_fail(error, code, "more than %d runs at once", AZD_RUN_MAX_LIVE);
  return azd_fail(error, code, code == AZD_ECANCELED ? "the engine stops: no new runs" : "no memory for a run");
}

void azd_run_cancel(struct azd_run *run, const char *reason) {
  struct azd_runs *runs = run->runs;
  if (run->cancel != CANCEL_NONE || run->is_resetting) return;
  run->cancel = CANCEL_DUE;
  snprintf(run->reason, sizeof run->reason, "%s", reason);
  azd_timer_start(run->limit_timer, runs->grace_ms);
  if (run->state == RUN_PARKED) {
    end_wait(run, AZD_ECANCELED);
    make_ready(run);
  }
  azd_runs_go(runs);
}

void azd_run_set_deadline(struct azd_run *run, int64_t deadline_ms) {
  if (run->cancel != CANCEL_NONE) return;
  if (deadline_ms > 0)
    azd_timer_start(run->limit_timer, deadline_ms);
  else
    azd_timer_cancel(run->limit_timer);
}

void azd_runs_cancel_all(struct azd_runs *runs, const char *reason) {
  runs->held++;
  for (uint32_t i = 0; i < runs->slot_count; i++)
    if (runs->slots[i].run) azd_run_cancel(runs->slots[i].run, reason);
  runs->held--;
  azd_runs_go(runs);
}

void azd_runs_on_idle(struct azd_runs *runs, void (*callback)(void *arg), void *arg) {
  runs->on_idle = callback;
  runs->idle_arg = arg;
}

void azd_run_kill(struct azd_run *run, const char *reason) {
  struct azd_runs *runs = run->runs;
  if (run->is_resetting) return;
  AZD_ASSERT(run->state != RUN_RUNNING);
  if (run->cancel == CANCEL_NONE) {
    run->cancel = CANCEL_DUE;
    snprintf(run->reason, sizeof run->reason, "%s", reason);
  }
  runs->held++;
  if (run->state == RUN_PARKED)
    end_wait(run, AZD_ECANCELED);
  else
    TAILQ_REMOVE(&runs->ready, run, ready);
  run->state = RUN_RUNNING; /* neither parked nor ready any more */
  reset_run(run, LUA_ERRRUN);
  runs->held--;
  azd_runs_go(runs);
}

static void raise_due_cancel(lua_State *L, struct azd_run *run) {
  if (run->cancel != CANCEL_DUE) return;
  run->cancel = CANCEL_TOLD;
  lua_pushfstring(L, "cancelled: %s", run->reason); /* without a position: it is nobody's line */
  lua_error(L);
}

struct azd_wait azd_run_park(lua_State *L, const struct azd_park *park) {
  struct azd_run *run = azd_run_of(L);
  if (!run) luaL_error(L, "%s awaits, and awaits only work in a run (not in a coroutine of your own)", park->what);
  if (run->is_resetting) luaL_error(L, "%s awaits, and the run is being reset: its time of grace is over", park->what);
  if (!lua_isyieldable(L))
    luaL_error(L, "%s awaits, which cannot be done inside a sort comparison, a gsub callback or a module's top level",
               park->what);
  if (park->deadline_ms < 1 || park->deadline_ms > AZD_WAIT_MAX_MS)
    luaL_error(L, "%s: a deadline lies between 1 and %d ms", park->what, (int)AZD_WAIT_MAX_MS);
  raise_due_cancel(L, run);
  if (run->state == RUN_READY) TAILQ_REMOVE(&run->runs->ready, run, ready);
  if (run->state != RUN_RUNNING)
    end_wait(run, AZD_ECANCELED); /* a binding parked and then raised instead of yielding */
  run->state = RUN_PARKED;
  run->park = *park;
  run->wait_number++;
  azd_timer_start(run->wait_timer, park->deadline_ms);
  return (struct azd_wait){run->runs, run->slot, run->runs->slots[run->slot].generation, run->wait_number};
}

void azd_run_unpark(lua_State *L) {
  struct azd_run *run = azd_run_of(L);
  AZD_ASSERT(run->state == RUN_PARKED);
  run->park.abandon = NULL;
  end_wait(run, 0);
  run->state = RUN_RUNNING;
}

int azd_run_resumed(lua_State *L) {
  struct azd_run *run = azd_run_of(L);
  raise_due_cancel(L, run);
  return run->wait_outcome == AZD_ETIMEOUT ? AZD_ETIMEOUT : 0;
}

int azd_run_push_timeout(lua_State *L) {
  struct azd_run *run = azd_run_of(L);
  luaL_checkstack(L, 3, NULL);
  lua_pushnil(L);
  lua_pushfstring(L, "%s took longer than %I ms", run->park.what, (LUAI_UACINT)run->park.deadline_ms);
  lua_pushliteral(L, "timeout");
  return 3;
}

static struct azd_run *waiting_run(const struct azd_wait *wait) {
  struct azd_runs *runs = wait->runs;
  if (!runs || wait->slot >= runs->slot_count) return NULL;
  struct slot *slot = &runs->slots[wait->slot];
  if (!slot->run || slot->generation != wait->generation) return NULL;
  return slot->run->state == RUN_PARKED && slot->run->wait_number == wait->number ? slot->run : NULL;
}

bool azd_wait_is_open(const struct azd_wait *wait) {
  return waiting_run(wait) != NULL;
}

int azd_wait_wake(const struct azd_wait *wait) {
  struct azd_run *run = waiting_run(wait);
  if (!run) {
    if (wait->runs) wait->runs->stats.refused_wakes++;
    return AZD_ECONFLICT;
  }
  wait->runs->stats.wakes++;
  end_wait(run, 0);
  make_ready(run);
  azd_runs_go(wait->runs);
  return 0;
}
