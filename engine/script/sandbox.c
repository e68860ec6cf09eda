#include "script/sandbox.h"
#include "script/guard.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORK_STEP = 1000, READ_BYTES = 512, PLACE_LEVELS = 64 };

/* Registry keys: addresses nobody else has. */
static const char environment_key, null_key;

/* ---- where ---- */

bool azd_sandbox_place(lua_State *L, char *at, size_t at_bytes) {
  lua_Debug frame;
  for (int level = 0; level < PLACE_LEVELS && lua_getstack(L, level, &frame); level++) {
    if (!lua_getinfo(L, "Sl", &frame) || frame.currentline <= 0 || *frame.source != '@') continue;
    snprintf(at, at_bytes, "%s:%d", frame.source + 1, frame.currentline);
    return true;
  }
  return false;
}

/* ---- memory ---- */

/* Growing may fail, shrinking never: Lua relies on that. A refused growth first makes Lua collect its garbage and ask
 * again, so it is no verdict yet; but nobody is told where memory ended (Lua runs no message handler then), so the
 * place is noted here. That reads what the collector is about to walk anyway: the chain of calls, which is whole at
 * each allocation. */
static void *capped_alloc(void *context, void *memory, size_t old_bytes, size_t bytes) {
  struct azd_sandbox *sandbox = context;
  if (!memory) old_bytes = 0; /* Lua says there what kind of object it is */
  if (bytes == 0) {
    sandbox->used_bytes -= old_bytes;
    free(memory);
    return NULL;
  }
  if (bytes > old_bytes && (sandbox->stop || sandbox->used_bytes - old_bytes + bytes > sandbox->options.max_bytes)) {
    if (sandbox->running) azd_sandbox_place(sandbox->L, sandbox->memory_at, sizeof sandbox->memory_at);
    return NULL;
  }
  void *fresh = realloc(memory, bytes);
  if (!fresh) return bytes <= old_bytes ? memory : NULL;
  sandbox->used_bytes += bytes - old_bytes;
  return fresh;
}

/* ---- time and work ---- */

_Noreturn void azd_sandbox_raise_stop(lua_State *L) {
  struct azd_sandbox *sandbox = azd_sandbox_of(L);
  if (!*sandbox->fault.at) azd_sandbox_place(L, sandbox->fault.at, sizeof sandbox->fault.at);
  lua_pushlightuserdata(L, sandbox); /* needs no memory, for the allocator refuses now */
  lua_error(L);
  abort();
}

static void raise_stop(lua_State *L) {
  azd_sandbox_raise_stop(L);
}

static void stop_hook(lua_State *L, lua_Debug *frame) {
  (void)frame;
  azd_sandbox_raise_stop(L);
}

/* In the signal handler: lua_sethook is made for that. */
static void on_late(void *subject) {
  struct azd_sandbox *sandbox = subject;
  if (!sandbox->stop) sandbox->stop = AZD_STOP_TIME;
  lua_sethook(sandbox->L, stop_hook, LUA_MASKCOUNT, 1);
}

void azd_sandbox_charge(lua_State *L, int64_t steps) {
  struct azd_sandbox *sandbox = azd_sandbox_of(L);
  azd_sandbox_poll(L);
  if (!sandbox->options.work_max) return;
  sandbox->work += steps;
  if (sandbox->work <= sandbox->options.work_max) return;
  sandbox->stop = AZD_STOP_WORK;
  azd_sandbox_raise_stop(L);
}

static void work_hook(lua_State *L, lua_Debug *frame) {
  (void)frame;
  azd_sandbox_charge(L, WORK_STEP);
}

/* ---- calls ---- */

static void enter(struct azd_sandbox *sandbox) {
  sandbox->fault.at[0] = sandbox->fault.text[0] = sandbox->memory_at[0] = 0;
  sandbox->fault.stopped = false;
  sandbox->work = 0;
  sandbox->running = true;
  if (sandbox->options.watch) azd_watchdog_begin(sandbox->options.watch, sandbox->options.budget_us, on_late, sandbox);
  if (sandbox->options.work_max) lua_sethook(sandbox->L, work_hook, LUA_MASKCOUNT, WORK_STEP);
}

static void leave(struct azd_sandbox *sandbox) {
  if (sandbox->options.watch) azd_watchdog_end(sandbox->options.watch);
  if (sandbox->options.work_max) lua_sethook(sandbox->L, NULL, 0, 0);
  sandbox->running = false;
}

/* "policies/x.lua:12: what" becomes at and text. Lua cuts long file names in its messages: those begin with "...". */
static void take_message(struct azd_sandbox *sandbox, const char *message, size_t bytes) {
  struct azd_fault *fault = &sandbox->fault;
  const char *text = message;
  for (const char *c = memchr(message, ':', bytes < AZD_SANDBOX_AT_BYTES ? bytes : AZD_SANDBOX_AT_BYTES); c;
       c = strchr(c + 1, ':')) {
    char *end;
    long line = strtol(c + 1, &end, 10);
    if (end == c + 1 || line <= 0 || strncmp(end, ": ", 2) != 0) continue;
    if (strncmp(message, "...", 3) == 0 && sandbox->source_name)
      snprintf(fault->at, sizeof fault->at, "%s:%ld", sandbox->source_name, line);
    else if (strncmp(message, "...", 3) != 0)
      snprintf(fault->at, sizeof fault->at, "%.*s", (int)(end - message), message);
    text = end + 2;
    break;
  }
  snprintf(fault->text, sizeof fault->text, "%s", text);
}

/* The message handler. Takes the message out of Lua there and then: constant work, no metamethod, no memory. */
static int on_error(lua_State *L) {
  struct azd_sandbox *sandbox = azd_sandbox_of(L);
  if (lua_islightuserdata(L, 1) && lua_touserdata(L, 1) == sandbox) return 1;
  azd_sandbox_place(L, sandbox->fault.at, sizeof sandbox->fault.at);
  if (lua_type(L, 1) == LUA_TSTRING)
    take_message(sandbox, lua_tostring(L, 1), lua_rawlen(L, 1));
  else
    snprintf(sandbox->fault.text, sizeof sandbox->fault.text, "raised a %s, not a message",
             lua_typename(L, lua_type(L, 1)));
  return 1;
}

/* The order matters: a stop shows as many things on its way out. */
static void conclude(struct azd_sandbox *sandbox, int status) {
  struct azd_fault *fault = &sandbox->fault;
  if (status == LUA_ERRMEM) { /* also what a stop ends in when the script asks for memory first */
    if (!sandbox->stop) sandbox->stop = AZD_STOP_MEMORY;
    snprintf(fault->at, sizeof fault->at, "%s", sandbox->memory_at);
  }
  if (!*fault->at && sandbox->source_name) snprintf(fault->at, sizeof fault->at, "%s:1", sandbox->source_name);
  fault->stopped = sandbox->stop != AZD_STOP_NONE;
  switch (sandbox->stop) {
  case AZD_STOP_TIME:
    snprintf(fault->text, sizeof fault->text, "stopped: more than %d ms of CPU time",
             (int)(sandbox->options.budget_us / 1000));
    break;
  case AZD_STOP_WORK:
    snprintf(fault->text, sizeof fault->text, "stopped: more than %lld instructions",
             (long long)sandbox->options.work_max);
    break;
  case AZD_STOP_MEMORY:
    snprintf(fault->text, sizeof fault->text, "stopped: more than %zu KiB of memory", sandbox->options.max_bytes >> 10);
    break;
  default:
    if (!*fault->text) snprintf(fault->text, sizeof fault->text, "failed while it was failing");
  }
}

int azd_sandbox_call(struct azd_sandbox *sandbox, int arguments, int results) {
  lua_State *L = sandbox->L;
  int base = lua_gettop(L) - arguments; /* the function */
  if (sandbox->stop) {
    lua_settop(L, base - 1);
    snprintf(sandbox->fault.text, sizeof sandbox->fault.text, "this state was stopped before");
    return AZD_ESCRIPT;
  }
  lua_pushcfunction(L, on_error);
  lua_insert(L, base); /* handler function arguments */
  enter(sandbox);
  int status = lua_pcall(L, arguments, results, base);
  leave(sandbox);
  if (status == LUA_OK && !sandbox->stop) {
    lua_remove(L, base);
    return 0;
  }
  lua_settop(L, base - 1);
  conclude(sandbox, status);
  return AZD_ESCRIPT;
}

int azd_sandbox_run(struct azd_sandbox *sandbox, lua_CFunction function, void *argument, int results) {
  lua_pushcfunction(sandbox->L, function);
  lua_pushlightuserdata(sandbox->L, argument);
  int rc = azd_sandbox_call(sandbox, 1, results);
  sandbox->source_name = NULL;
  return rc;
}

/* ---- loading ---- */

struct reader {
  struct azd_str left;
};

/* In small pieces, for the parser is one long C call otherwise. */
static const char *read_piece(lua_State *L, void *context, size_t *bytes) {
  struct reader *reader = context;
  azd_sandbox_poll(L);
  const char *piece = reader->left.data;
  *bytes = reader->left.size < READ_BYTES ? reader->left.size : READ_BYTES;
  reader->left.data += *bytes;
  reader->left.size -= *bytes;
  return piece;
}

/* A fresh environment: the allowed names, with copies of the library tables, so that scripts cannot change each
 * other's. */
static void push_environment(lua_State *L) {
  lua_newtable(L);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &environment_key); /* env model */
  for (lua_pushnil(L); lua_next(L, -2);) {             /* env model name value */
    if (lua_istable(L, -1)) {
      lua_newtable(L); /* env model name library copy */
      for (lua_pushnil(L); lua_next(L, -3);) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* env model name library copy key key value */
        lua_rawset(L, -4);
      }
      lua_remove(L, -2);
    }
    lua_pushvalue(L, -2);
    lua_insert(L, -2); /* env model name name value */
    lua_rawset(L, -5);
  }
  lua_getmetatable(L, -1); /* env model meta: of the model and of every environment */
  lua_setmetatable(L, -3);
  lua_pop(L, 1);
}

void azd_sandbox_load(lua_State *L, struct azd_str source, const char *name) {
  struct azd_sandbox *sandbox = azd_sandbox_of(L);
  struct reader reader = {source};
  sandbox->source_name = name;
  if (source.size > AZD_SANDBOX_SOURCE_MAX_BYTES)
    luaL_error(L, "%s:1: longer than %d KiB: split the file", name, AZD_SANDBOX_SOURCE_MAX_BYTES >> 10);
  lua_pushfstring(L, "@%s", name);
  if (lua_load(L, read_piece, &reader, lua_tostring(L, -1), "t") != LUA_OK) lua_error(L);
  lua_remove(L, -2); /* function */
  push_environment(L);
  lua_pushvalue(L, -1);
  const char *upvalue = lua_setupvalue(L, -3, 1);
  AZD_ASSERT(upvalue); /* a main chunk always has _ENV */
}

void azd_sandbox_seal(struct azd_sandbox *sandbox) {
  sandbox->loading = false;
}

/* ---- making a state ---- */

static int environment_unknown(lua_State *L) { /* environment name: a name that nobody set */
  if (lua_type(L, 2) != LUA_TSTRING) return 0;
  return luaL_error(L, "unknown name '%s'", lua_tostring(L, 2));
}

static int environment_new(lua_State *L) { /* environment name value: a global that was not there */
  if (!azd_sandbox_of(L)->loading)
    return luaL_error(L, "'%s' would be a new global: a policy keeps nothing, use local", luaL_tolstring(L, 2, NULL));
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 0;
}

static int open_state(lua_State *L) {
  static const luaL_Reg meta[] = {{"__index", environment_unknown}, {"__newindex", environment_new}, {NULL, NULL}};
  struct azd_sandbox *sandbox = azd_sandbox_of(L);
  lua_newuserdatauv(L, 0, 0);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &null_key);
  azd_handle_open(L);
  azd_guard_open(L, &sandbox->pattern_limits); /* model */
  luaL_newlib(L, meta);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &environment_key);
  return 0;
}

struct azd_sandbox *azd_sandbox_new(const struct azd_sandbox_options *options, struct azd_error *error) {
  struct azd_sandbox *sandbox = calloc(1, sizeof *sandbox);
  if (!sandbox) goto no_memory;
  sandbox->options = *options;
  if (!sandbox->options.budget_us) sandbox->options.budget_us = AZD_SANDBOX_BUDGET_US;
  if (!sandbox->options.max_bytes) sandbox->options.max_bytes = AZD_SANDBOX_MAX_BYTES;
  sandbox->pattern_limits =
      (struct azd_pattern_limits){&sandbox->stop, AZD_PATTERN_STEPS, raise_stop, azd_sandbox_charge};
  sandbox->loading = true;
  sandbox->lend.epoch = 1;
  azd_buf_init(&sandbox->scratch, AZD_GUARD_STRING_MAX_BYTES);
  sandbox->L = lua_newstate(capped_alloc, sandbox);
  if (!sandbox->L) goto no_memory;
  *(struct azd_sandbox **)lua_getextraspace(sandbox->L) = sandbox;
  if (azd_sandbox_run(sandbox, open_state, NULL, 0) == 0) return sandbox;
  azd_fail(error, sandbox->stop == AZD_STOP_MEMORY ? AZD_ENOMEM : AZD_ESCRIPT, "script state: %s", sandbox->fault.text);
  azd_sandbox_free(sandbox);
  return NULL;
no_memory:
  azd_sandbox_free(sandbox);
  azd_fail(error, AZD_ENOMEM, "no memory for a script state");
  return NULL;
}

void azd_sandbox_free(struct azd_sandbox *sandbox) {
  if (!sandbox) return;
  if (sandbox->L) lua_close(sandbox->L); /* frees only: no script has a finalizer */
  azd_buf_free(&sandbox->scratch);
  free(sandbox);
}

void azd_sandbox_push_null(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &null_key);
}

bool azd_sandbox_is_null(lua_State *L, int index) {
  if (lua_type(L, index) != LUA_TUSERDATA) return false;
  azd_sandbox_push_null(L);
  bool is_null = lua_rawequal(L, lua_absindex(L, index < 0 ? index - 1 : index), -1);
  lua_pop(L, 1);
  return is_null;
}
