/* azdrift.process: runs another program and awaits its end. Without a shell: arguments are what they are. */
#include "base/process.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/engine.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { MAX_ARGUMENTS = 1000, DEADLINE_MS = 60000, MAX_BYTES = 1 << 20, BACKSTOP_MS = 5000 };

struct running {
  struct azd_work work;
  char **argv;
  int64_t deadline_ms;
  int abort_fd;
  bool is_open;
  struct azd_process_result result;
  struct azd_error error;
  int code;
};

static void process_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct running *running = (struct running *)work;
  running->code =
      azd_process_run(running->argv, running->deadline_ms, running->abort_fd, &running->result, &running->error);
}

static int process_push(lua_State *L, struct azd_work *work) {
  struct running *running = (struct running *)work;
  const struct azd_process_result *result = &running->result;
  if (running->code) return azd_push_error(L, &running->error);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, result->status);
  lua_setfield(L, -2, "status");
  if (result->signal_number) {
    lua_pushinteger(L, result->signal_number);
    lua_setfield(L, -2, "signal");
  }
  lua_pushlstring(L, result->out.data ? result->out.data : "", result->out.size);
  lua_setfield(L, -2, "stdout");
  lua_pushlstring(L, result->err.data ? result->err.data : "", result->err.size);
  lua_setfield(L, -2, "stderr");
  return 1;
}

static void process_close(struct azd_work *work) {
  struct running *running = (struct running *)work;
  if (running->is_open) close(running->abort_fd);
  for (char **argument = running->argv; argument && *argument; argument++) free(*argument);
  free(running->argv);
  azd_buf_free(&running->result.out);
  azd_buf_free(&running->result.err);
}

/* Nobody waits any more: the program is killed. */
static void process_abandon(struct azd_work *work) {
  uint64_t one = 1;
  if (write(((struct running *)work)->abort_fd, &one, sizeof one) < 0) (void)0; /* it ends by its deadline, then */
}

static const struct azd_work_type process_type = {"a program",  sizeof(struct running), process_run,
                                                  process_push, process_close,          process_abandon};

static void copy_arguments(lua_State *L, struct running *running) { /* arguments ... */
  size_t count = lua_rawlen(L, 1);
  luaL_argcheck(L, count >= 1 && count <= MAX_ARGUMENTS, 1, "a list of 1 to 1000 texts expected: program, argument...");
  running->argv = calloc(count + 1, sizeof *running->argv);
  if (!running->argv) luaL_error(L, "not enough memory");
  for (size_t i = 0; i < count; i++) {
    if (lua_rawgeti(L, 1, (lua_Integer)i + 1) != LUA_TSTRING) luaL_error(L, "argument %d: text expected", (int)i);
    if (strlen(lua_tostring(L, -1)) != lua_rawlen(L, -1)) luaL_error(L, "argument %d has a NUL byte", (int)i);
    running->argv[i] = strdup(lua_tostring(L, -1));
    if (!running->argv[i]) luaL_error(L, "not enough memory");
    lua_pop(L, 1);
  }
}

/* run({ program, argument... }, { deadline_ms =, max_bytes = }?) */
static int process_start(lua_State *L) { /* arguments options? */
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  int64_t deadline_ms = DEADLINE_MS, max_bytes = MAX_BYTES;
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_getfield(L, 2, "deadline_ms") != LUA_TNIL) deadline_ms = luaL_checkinteger(L, -1);
    if (lua_getfield(L, 2, "max_bytes") != LUA_TNIL) max_bytes = luaL_checkinteger(L, -1);
    luaL_argcheck(L, deadline_ms > 0 && deadline_ms <= AZD_WAIT_MAX_MS - BACKSTOP_MS, 2, "deadline_ms is out of range");
    luaL_argcheck(L, max_bytes > 0, 2, "max_bytes is out of range");
  }
  struct running *running = (struct running *)azd_work_new(L, &process_type);
  running->deadline_ms = deadline_ms;
  azd_buf_init(&running->result.out, (size_t)max_bytes);
  azd_buf_init(&running->result.err, (size_t)max_bytes);
  copy_arguments(L, running);
  running->abort_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (running->abort_fd < 0) return azd_push_failure(L, AZD_EIO, "no eventfd for a program: %m");
  running->is_open = true;
  return azd_await_work(L, &running->work, azd_engine_of(L)->store_pool, deadline_ms + BACKSTOP_MS);
}

int azd_open_process(lua_State *L) {
  static const luaL_Reg functions[] = {{"run", process_start}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
