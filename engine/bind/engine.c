#include "bind/engine.h"
#include "base/log.h"
#include "bind/bindings.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char engine_key; /* its address names the engine in the registry */

struct azd_engine *azd_engine_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &engine_key);
  struct azd_engine *engine = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return engine;
}

void azd_engine_exit(struct azd_engine *engine, int code) {
  if (engine->is_exiting) return;
  engine->is_exiting = true;
  engine->exit_code = code;
  if (engine->main_run) azd_run_cancel(engine->main_run, "the program exits");
}

/* os.exit ends the main run, not the process: closers, lua_close and the sanitizers still have their turn. */
static int os_exit(lua_State *L) { /* code? */
  int code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
  azd_engine_exit(azd_engine_of(L), code);
  lua_pushliteral(L, "cancelled: the program exits");
  return lua_error(L);
}

/* Scripts get no coroutines of their own (they cannot await in them; azdrift.task is the way), and no end of the
 * process. */
static void trim_libraries(lua_State *L) {
  lua_pushnil(L);
  lua_setglobal(L, LUA_COLIBNAME);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushnil(L);
  lua_setfield(L, -2, LUA_COLIBNAME);
  lua_pop(L, 1);
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, os_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

/* Ours first, then Debian's; never the current directory, where anybody may have put a file of that name. */
static void set_search_path(lua_State *L, const char *share) {
  lua_getglobal(L, LUA_LOADLIBNAME); /* package */
  lua_getfield(L, -1, "path");       /* package stock */
  luaL_gsub(L, lua_tostring(L, -1), ";./?.lua", "");
  luaL_gsub(L, lua_tostring(L, -1), ";./?/init.lua", ""); /* package stock shorter shortest */
  lua_pushfstring(L, "%s/lua/?.lua;%s/lua/?/init.lua;%s", share, share, lua_tostring(L, -1));
  lua_setfield(L, -5, "path");
  lua_settop(L, -4); /* package */
  lua_getfield(L, -1, "cpath");
  luaL_gsub(L, lua_tostring(L, -1), ";./?.so", ""); /* package stock shorter */
  lua_setfield(L, -3, "cpath");
  lua_pop(L, 2);
}

static int set_up_state(lua_State *L) { /* engine */
  struct azd_engine *engine = lua_touserdata(L, 1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &engine_key);
  /* The same modules whatever LUA_PATH and LUA_INIT say in somebody's shell. */
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
  luaL_openlibs(L);
  trim_libraries(L);
  set_search_path(L, engine->share);
  azd_bindings_register(L);
  return 0;
}

static int on_lua_panic(lua_State *L) {
  const char *message = lua_tostring(L, -1);
  azd_panic(__FILE__, __LINE__, message ? message : "an error outside every protected call");
}

/* The main run and, after their grace at the latest, all others have ended. */
static void on_idle(void *arg) {
  struct azd_engine *engine = arg;
  if (!engine->main_run) azd_loop_stop(engine->loop);
}

static int new_state(struct azd_engine *engine, struct azd_error *error) {
  engine->memory.max_bytes = AZD_ENGINE_LUA_BYTES;
  engine->L = lua_newstate(azd_lua_memory_alloc, &engine->memory);
  if (!engine->L) return azd_fail(error, AZD_ENOMEM, "no memory for Lua");
  lua_atpanic(engine->L, on_lua_panic);
  azd_pace_init(&engine->pace, engine->L, &engine->memory);
  lua_pushcfunction(engine->L, set_up_state);
  lua_pushlightuserdata(engine->L, engine);
  if (lua_pcall(engine->L, 1, 0, 0)) return azd_fail(error, AZD_ESCRIPT, "%s", lua_tostring(engine->L, -1));
  int code = azd_runs_new(&engine->runs, engine->loop, engine->L, error);
  if (code) return code;
  azd_runs_set_pace(engine->runs, &engine->pace);
  azd_runs_on_idle(engine->runs, on_idle, engine);
  return code;
}

static void tell_script(struct azd_engine *engine, enum azd_engine_signal word) {
  engine->signals_seen[word] = true;
  if (!engine->has_signal_waiter) return;
  engine->has_signal_waiter = false;
  azd_wait_wake(&engine->signal_waiter);
}

static void on_stop(int signal_number, void *arg) {
  struct azd_engine *engine = arg;
  if (engine->takes_signals) {
    tell_script(engine, AZD_ENGINE_STOP);
    return;
  }
  azd_engine_exit(engine, azd_signal_exit_code(signal_number));
}

static void on_reload(void *arg) {
  struct azd_engine *engine = arg;
  if (engine->takes_signals)
    tell_script(engine, AZD_ENGINE_RELOAD);
  else
    azd_log(AZD_LOG_INFO, "reload_ignored", "SIGHUP reloads a service; this command is none");
}

int azd_engine_new(struct azd_engine **out, struct azd_error *error) {
  struct azd_engine *engine = calloc(1, sizeof *engine);
  if (!engine) return azd_fail(error, AZD_ENOMEM, "no memory for an engine");
  int code = AZD_ENOTFOUND;
  engine->share = azd_share_find(error);
  if (!engine->share) goto failed;
  if ((code = azd_loop_new(&engine->loop, error))) goto failed;
  struct azd_signals_callbacks callbacks = {.on_stop = on_stop, .on_reload = on_reload, .arg = engine};
  if ((code = azd_signals_new(&engine->signals, engine->loop, &callbacks, error))) goto failed;
  struct azd_pool_options cpu = {.name = "cpu", .workers = azd_pool_cores(), .max_queued = AZD_ENGINE_MAX_QUEUED};
  struct azd_pool_options store = {
      .name = "store", .workers = AZD_ENGINE_STORE_WORKERS, .max_queued = AZD_ENGINE_MAX_QUEUED};
  if ((code = azd_pool_new(&engine->cpu_pool, engine->loop, &cpu, error))) goto failed;
  if ((code = azd_pool_new(&engine->store_pool, engine->loop, &store, error))) goto failed;
  if ((code = new_state(engine, error))) goto failed;
  *out = engine;
  return 0;
failed:
  azd_engine_free(engine);
  return code;
}

/* Runs first: they abandon what they wait for. Pools next: their last jobs touch neither Lua nor a wait any more. */
void azd_engine_free(struct azd_engine *engine) {
  if (!engine) return;
  azd_runs_free(engine->runs);
  azd_pool_free(engine->cpu_pool);
  azd_pool_free(engine->store_pool);
  if (engine->L) lua_close(engine->L);
  azd_signals_free(engine->signals);
  azd_loop_free(engine->loop);
  free(engine->share);
  free(engine);
}

static void report_error(const struct azd_run_end *end) {
  const char *message = end->results ? lua_tostring(end->co, -1) : end->reason;
  fprintf(stderr, "azdrift: %s\n", message ? message : "the script raised a value that is not text");
  if (*end->traceback) fprintf(stderr, "%s\n", end->traceback);
}

static void on_main_end(const struct azd_run_end *end, void *arg) {
  struct azd_engine *engine = arg;
  engine->main_run = NULL;
  if (!engine->is_exiting) {
    engine->is_exiting = true;
    engine->exit_code = end->status == LUA_OK ? 0 : 1;
    if (end->status != LUA_OK)
      report_error(end);
    else if (end->results && lua_isinteger(end->co, -end->results))
      engine->exit_code = (int)lua_tointeger(end->co, -end->results);
  }
  azd_runs_cancel_all(engine->runs, "the program exits");
}

struct start {
  const char *path;
  bool is_module;
  int argc;
  char **argv;
};

static int main_body(lua_State *L) { /* start */
  struct start *start = lua_touserdata(L, 1);
  lua_createtable(L, start->argc, 1); /* start arg */
  lua_pushstring(L, start->path);
  lua_rawseti(L, -2, 0);
  for (int i = 0; i < start->argc; i++) {
    lua_pushstring(L, start->argv[i]);
    lua_rawseti(L, -2, i + 1);
  }
  if (!start->is_module) {
    lua_setglobal(L, "arg");
    if (luaL_loadfilex(L, start->path, "t")) return lua_error(L); /* start chunk */
    for (int i = 0; i < start->argc; i++) lua_pushstring(L, start->argv[i]);
    return start->argc;
  }
  lua_getglobal(L, "require");
  lua_pushstring(L, start->path);
  lua_call(L, 1, 1); /* start arg module */
  lua_getfield(L, -1, "main");
  lua_replace(L, -2);
  lua_insert(L, -2); /* start main arg */
  return 1;
}

static int main_done(lua_State *L, int status, lua_KContext base) {
  (void)status;
  return lua_gettop(L) - (int)base;
}

static int main_run(lua_State *L) { /* start */
  luaL_checkstack(L, ((struct start *)lua_touserdata(L, 1))->argc + 10, "too many arguments");
  int nargs = main_body(L); /* start function argument... */
  lua_callk(L, nargs, LUA_MULTRET, 1, main_done);
  return main_done(L, LUA_OK, 1);
}

int azd_engine_run(struct azd_engine *engine, const char *path, bool is_module, int argc, char **argv) {
  struct azd_error error;
  struct start start = {.path = path, .is_module = is_module, .argc = argc, .argv = argv};
  struct azd_run_options options = {.name = path, .on_end = on_main_end, .arg = engine};
  lua_pushcfunction(engine->L, main_run);
  lua_pushlightuserdata(engine->L, &start);
  if (azd_run_start(engine->runs, engine->L, 1, &options, &engine->main_run, &error)) {
    fprintf(stderr, "azdrift: %s\n", error.text);
    return 1;
  }
  azd_loop_run(engine->loop);
  return engine->exit_code;
}
