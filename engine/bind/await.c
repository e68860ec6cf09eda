#include "bind/await.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const char box_name[] = "azdrift.work";

static void free_work(struct azd_work *work) {
  if (work->type->close) work->type->close(work);
  while (work->anchor_count) luaL_unref(work->L, LUA_REGISTRYINDEX, work->anchors[--work->anchor_count]);
  free(work);
}

/* The owner's end. Under way means that a wait is open, and its abandon comes with the end of the run: leave it to
 * that. */
static int box_gc(lua_State *L) { /* box */
  struct azd_work **box = lua_touserdata(L, 1), *work = *box;
  *box = NULL;
  if (!work) return 0;
  work->box = NULL;
  if (!work->is_under_way) free_work(work);
  return 0;
}

struct azd_work *azd_work_new(lua_State *L, const struct azd_work_type *type) {
  struct azd_work **box = lua_newuserdatauv(L, sizeof *box, 1);
  *box = NULL;
  if (luaL_newmetatable(L, box_name)) { /* box metatable */
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
  struct azd_work *work = calloc(1, type->bytes);
  if (!work) luaL_error(L, "not enough memory");
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  work->L = lua_tothread(L, -1);
  lua_pop(L, 1);
  work->type = type;
  work->box = box;
  work->box_index = lua_gettop(L);
  *box = work;
  return work;
}

/* Who waited has gone. The worker may be at it: then the job's end frees it, else it is freed here. */
static void on_abandon(void *arg) {
  struct azd_work *work = arg;
  if (work->box) *work->box = NULL;
  work->box = NULL;
  if (azd_job_withdraw(&work->job))
    free_work(work);
  else if (work->type->abandon)
    work->type->abandon(work);
}

static void on_work(struct azd_job *job, struct azd_worker *worker) {
  struct azd_work *work = (struct azd_work *)((char *)job - offsetof(struct azd_work, job));
  work->type->run(work, worker);
}

static void on_done(struct azd_job *job) {
  struct azd_work *work = (struct azd_work *)((char *)job - offsetof(struct azd_work, job));
  work->is_under_way = false;
  if (!work->box) {
    free_work(work);
    return;
  }
  /* Refused only where the box outlived its wait, and then it frees the work. */
  azd_wait_wake(&work->wait);
}

static int after_work(lua_State *L, int status, lua_KContext box_index) {
  (void)status;
  if (azd_run_resumed(L) == AZD_ETIMEOUT) return azd_run_push_timeout(L);
  struct azd_work **box = lua_touserdata(L, (int)box_index), *work = *box;
  if (!azd_job_has_run(&work->job)) return azd_push_failure(L, AZD_ECANCELED, "%s: the engine stops", work->type->name);
  int results = work->type->push(L, work);
  *box = NULL;
  free_work(work);
  return results;
}

int azd_await_work(lua_State *L, struct azd_work *work, struct azd_pool *pool, int64_t deadline_ms) {
  work->wait = azd_run_park(
      L, &(struct azd_park){.what = work->type->name, .deadline_ms = deadline_ms, .abandon = on_abandon, .arg = work});
  work->job = (struct azd_job){.work = on_work, .done = on_done};
  work->is_under_way = true;
  int code = azd_pool_submit(pool, &work->job);
  if (code) {
    work->is_under_way = false;
    azd_run_unpark(L);
    return azd_push_failure(L, code, "%s: the pool's queue is full", work->type->name);
  }
  return lua_yieldk(L, 0, work->box_index, after_work);
}

void azd_work_anchor(lua_State *L, struct azd_work *work, int index) {
  AZD_ASSERT(work->anchor_count < AZD_WORK_ANCHORS);
  lua_pushvalue(L, index);
  work->anchors[work->anchor_count] = luaL_ref(L, LUA_REGISTRYINDEX);
  work->anchor_count++;
}

int azd_push_failure(lua_State *L, int code, const char *format, ...) {
  char text[AZD_ERROR_TEXT_BYTES];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  luaL_checkstack(L, 3, NULL);
  lua_pushnil(L);
  lua_pushstring(L, text);
  lua_pushstring(L, azd_err_name(code));
  return 3;
}

int azd_push_error(lua_State *L, const struct azd_error *error) {
  return azd_push_failure(L, error->code, "%s", error->text);
}
