/* azdrift.core.task: runs started by runs, and sleeping. What scripts use is lua/azdrift/task.lua, which builds on it.
 * A task is the C side of a spawned run, shared by the run and by its handle in Lua; whoever goes last frees it. The
 * handle keeps the coroutine (its user value), and with it the results, until they are joined or the handle is dropped.
 */
#include "base/clock.h"
#include "base/log.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char task_name[] = "azdrift.task";

/* A run that waits for the end: a userdata on that run's stack, above the handle, so both live as long as it waits. */
struct joiner {
  struct joiner *next;
  struct task *task;
  struct azd_wait wait;
};

struct task {
  struct azd_run *run; /* NULL: ended */
  bool has_handle, is_joined, is_cancelled, is_waking;
  int status, results;
  char reason[96];
  char *message; /* of a failure that is text, with its traceback: for the log, when nobody joins */
  struct joiner *joiners;
};

static void free_task(struct task *task) {
  free(task->message);
  free(task);
}

static void log_unheard(const struct task *task) {
  if (task->status == LUA_OK || task->is_cancelled || task->is_joined) return;
  azd_log(AZD_LOG_ERROR, "task_failed", "a task failed and nobody joined it: %s",
          task->message ? task->message : "(no text)");
}

static void unlink_joiner(struct joiner *joiner) {
  struct joiner **at = &joiner->task->joiners;
  while (*at && *at != joiner) at = &(*at)->next;
  if (*at) *at = joiner->next;
}

/* Whoever is woken may cancel others who wait, and may drop the last handle. */
static void wake_joiners(struct task *task) {
  task->is_waking = true;
  while (task->joiners) {
    struct joiner *joiner = task->joiners;
    task->joiners = joiner->next;
    azd_wait_wake(&joiner->wait);
  }
  task->is_waking = false;
}

static void on_end(const struct azd_run_end *end, void *arg) {
  struct task *task = arg;
  task->run = NULL;
  task->status = end->status;
  task->results = end->results;
  task->is_cancelled = end->is_cancelled;
  snprintf(task->reason, sizeof task->reason, "%s", end->reason);
  if (end->status != LUA_OK && end->results && lua_type(end->co, -1) == LUA_TSTRING &&
      asprintf(&task->message, "%s\n%s", lua_tostring(end->co, -1), end->traceback) < 0)
    task->message = NULL;
  if (task->has_handle) wake_joiners(task);
  if (task->has_handle) return;
  log_unheard(task);
  free_task(task);
}

static struct task *check_task(lua_State *L) {
  struct task **handle = luaL_checkudata(L, 1, task_name);
  luaL_argcheck(L, *handle, 1, "a task that was not started");
  return *handle;
}

static int task_gc(lua_State *L) { /* handle */
  struct task **handle = lua_touserdata(L, 1), *task = *handle;
  *handle = NULL;
  if (!task) return 0;
  task->has_handle = false;
  if (task->run || task->is_waking) return 0;
  log_unheard(task);
  free_task(task);
  return 0;
}

/* spawn(deadline_ms or nil, body, ...): starts a child of the calling run, cancelled when that ends. */
static int task_spawn(lua_State *L) { /* deadline body argument... */
  struct azd_engine *engine = azd_engine_of(L);
  struct azd_error error;
  int64_t deadline_ms = luaL_optinteger(L, 1, 0);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_remove(L, 1); /* body argument... */
  lua_Debug info;
  lua_pushvalue(L, 1);
  lua_getinfo(L, ">S", &info);
  char name[32];
  snprintf(name, sizeof name, "%.24s:%d", info.short_src, info.linedefined);
  struct task **handle = lua_newuserdatauv(L, sizeof *handle, 1); /* body argument... handle */
  *handle = NULL;
  luaL_setmetatable(L, task_name);
  lua_insert(L, 1); /* handle body argument... */
  struct task *task = calloc(1, sizeof *task);
  if (!task) return luaL_error(L, "not enough memory");
  *handle = task;
  task->has_handle = true;
  struct azd_run_options options = {
      .name = name, .deadline_ms = deadline_ms, .parent = azd_run_of(L), .on_end = on_end, .arg = task};
  if (azd_run_start(engine->runs, L, lua_gettop(L) - 2, &options, &task->run, &error)) /* handle */
    return luaL_error(L, "%s", error.text);
  lua_State *co = azd_run_thread(task->run);
  luaL_checkstack(L, 2, NULL);
  lua_pushthread(co);
  lua_xmove(co, L, 1); /* handle thread */
  lua_setiuservalue(L, 1, 1);
  return 1;
}

/* The outcome, as often as it is asked for: results, or the error raised here. */
static int give_outcome(lua_State *L, struct task *task) { /* handle */
  task->is_joined = true;
  if (!task->results && task->status != LUA_OK) { /* reset: there is no error value */
    lua_pushfstring(L, task->is_cancelled ? "cancelled: %s" : "the task broke: %s", task->reason);
    return lua_error(L);
  }
  lua_getiuservalue(L, 1, 1); /* handle thread */
  lua_State *co = lua_tothread(L, -1);
  luaL_checkstack(L, task->results + 1, "too many results");
  if (!lua_checkstack(co, task->results)) return luaL_error(L, "not enough memory");
  int first = lua_gettop(co) - task->results + 1;
  for (int i = 0; i < task->results; i++) lua_pushvalue(co, first + i);
  lua_xmove(co, L, task->results);
  return task->status == LUA_OK ? task->results : lua_error(L);
}

static void on_join_abandoned(void *arg) {
  unlink_joiner(arg);
}

enum { TAKE_OUTCOME, LEAVE_OUTCOME };

static int after_join(lua_State *L, int status, lua_KContext context) { /* handle joiner */
  (void)status;
  lua_settop(L, 1);
  if (azd_run_resumed(L) == AZD_ETIMEOUT) {
    azd_run_push_timeout(L);
    lua_pop(L, 1);
    return lua_error(L);
  }
  return context == LEAVE_OUTCOME ? 0 : give_outcome(L, check_task(L));
}

static int await_end(lua_State *L, lua_KContext context) { /* handle deadline? */
  struct task *task = check_task(L);
  int64_t deadline_ms = luaL_optinteger(L, 2, AZD_WAIT_MAX_MS);
  lua_settop(L, 1);
  if (!task->run) return context == LEAVE_OUTCOME ? 0 : give_outcome(L, task);
  if (task->run == azd_run_of(L)) return luaL_error(L, "a task cannot join itself");
  struct joiner *joiner = lua_newuserdatauv(L, sizeof *joiner, 0); /* handle joiner */
  *joiner = (struct joiner){.task = task};
  joiner->wait = azd_run_park(
      L, &(struct azd_park){.what = "join", .deadline_ms = deadline_ms, .abandon = on_join_abandoned, .arg = joiner});
  joiner->next = task->joiners;
  task->joiners = joiner;
  return lua_yieldk(L, 0, context, after_join);
}

static int task_join(lua_State *L) { /* handle deadline? */
  return await_end(L, TAKE_OUTCOME);
}

/* Raises nothing of the task's: what it raises is the caller's own cancel. */
static int task_wait(lua_State *L) { /* handle deadline? */
  return await_end(L, LEAVE_OUTCOME);
}

static int task_cancel(lua_State *L) { /* handle reason? */
  struct task *task = check_task(L);
  const char *reason = luaL_optstring(L, 2, "by its owner");
  if (task->run) azd_run_cancel(task->run, reason);
  return 0;
}

static int task_status(lua_State *L) { /* handle */
  struct task *task = check_task(L);
  lua_pushstring(L, task->run                ? "running"
                    : task->is_cancelled     ? "cancelled"
                    : task->status == LUA_OK ? "done"
                                             : "failed");
  return 1;
}

static int after_sleep(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  azd_run_resumed(L);
  return 0;
}

/* A sleep is a wait that nobody ends. */
static int sleep_ms(lua_State *L) { /* delay */
  int64_t delay_ms = luaL_checkinteger(L, 1);
  luaL_argcheck(L, delay_ms >= 0 && delay_ms <= AZD_WAIT_MAX_MS, 1, "0 to 86400000 ms expected");
  if (delay_ms == 0) delay_ms = 1;
  azd_run_park(L, &(struct azd_park){.what = "sleep", .deadline_ms = delay_ms});
  return lua_yieldk(L, 0, 0, after_sleep);
}

static int now_ms(lua_State *L) {
  lua_pushinteger(L, azd_clock_wall_ms());
  return 1;
}

static int now(lua_State *L) {
  lua_pushinteger(L, azd_clock_wall_ms() / 1000);
  return 1;
}

static int clock_ms(lua_State *L) {
  lua_pushinteger(L, azd_clock_mono_ns() / 1000000);
  return 1;
}

int azd_open_task(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"join", task_join}, {"wait", task_wait}, {"cancel", task_cancel}, {"status", task_status}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"spawn", task_spawn}, {"sleep_ms", sleep_ms}, {"now", now},
                                       {"now_ms", now_ms},    {"clock_ms", clock_ms}, {NULL, NULL}};
  azd_new_class(L, task_name, methods, task_gc);
  luaL_newlib(L, functions);
  return 1;
}
