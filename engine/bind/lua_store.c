/* azdrift.store: the store as workflows see it. Every verb is awaited on a store worker and answers its result, or nil,
 * sentence, code. What each takes and gives: lua/meta/store.lua. Its objects stand in files of their own: lua_lease.c,
 * lua_map.c, lua_commit.c, lua_cursor.c; baselines and reports in lua_store_report.c, upkeep in
 * lua_store_maintain.c. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/store_call.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char store_class[] = "azdrift.store";

/* ---- the handle ---- */

void azd_store_handle_unref(struct azd_store_handle *handle) {
  if (!handle || --handle->refs) return;
  azd_store_close(handle->store);
  free(handle);
}

struct azd_store_handle *azd_check_store(lua_State *L, int index) {
  struct azd_store_handle **box = luaL_checkudata(L, index, store_class);
  luaL_argcheck(L, *box && !(*box)->is_closed, index, "a store that was closed");
  return *box;
}

static int store_gc(lua_State *L) { /* store: calls that are under way keep it open until they end */
  struct azd_store_handle **box = lua_touserdata(L, 1), *handle = *box;
  *box = NULL;
  if (handle) handle->is_closed = true;
  azd_store_handle_unref(handle);
  return 0;
}

/* ---- open, close ---- */

struct open_arguments {
  struct azd_store_options options;
  struct azd_store *opened;
};

static void open_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct open_arguments *arguments = call->in;
  (void)worker;
  call->code = azd_store_open(&arguments->options, &arguments->opened, &call->error);
}

static int open_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct open_arguments *arguments = call->in;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  struct azd_store_handle **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, store_class);
  struct azd_store_handle *handle = calloc(1, sizeof *handle);
  if (!handle) return luaL_error(L, "not enough memory");
  *handle = (struct azd_store_handle){.refs = 1, .store = arguments->opened};
  arguments->opened = NULL;
  *box = handle;
  return 1;
}
AZD_STORE_VERB(open);

static void close_unclaimed(struct azd_store_call *call) {
  struct open_arguments *arguments = call->in;
  if (arguments) azd_store_close(arguments->opened);
}

/* The numbers among the options of store_open, each from 0 (its default) up. */
static const struct {
  const char *name;
  size_t offset;
  int32_t max;
} open_numbers[] = {{"busy_timeout_ms", offsetof(struct azd_store_options, busy_timeout_ms), 600000},
                    {"select_timeout_ms", offsetof(struct azd_store_options, select_timeout_ms), 600000},
                    {"connect_timeout_ms", offsetof(struct azd_store_options, connect_timeout_ms), 600000},
                    {"socket_timeout_ms", offsetof(struct azd_store_options, socket_timeout_ms), 600000},
                    {"wait_timeout_ms", offsetof(struct azd_store_options, wait_timeout_ms), 600000},
                    {"heartbeat_ms", offsetof(struct azd_store_options, heartbeat_ms), 600000},
                    {"connections", offsetof(struct azd_store_options, connections), 1000}};

static int store_open(lua_State *L) { /* { url | path, database?, read_only?, projection?, busy_timeout_ms? ... } */
  static const char *const fields[] = {"url",
                                       "path",
                                       "database",
                                       "read_only",
                                       "projection",
                                       "busy_timeout_ms",
                                       "select_timeout_ms",
                                       "connect_timeout_ms",
                                       "socket_timeout_ms",
                                       "wait_timeout_ms",
                                       "heartbeat_ms",
                                       "connections",
                                       NULL};
  struct azd_store_options numbers = {0};
  azd_check_fields(L, 1, fields);
  for (size_t i = 0; i < sizeof open_numbers / sizeof *open_numbers; i++) {
    int64_t number = azd_call_integer(L, 1, open_numbers[i].name, 0);
    if (number < 0 || number > open_numbers[i].max)
      luaL_argerror(L, 1, lua_pushfstring(L, "%s: 0 to %d expected", open_numbers[i].name, open_numbers[i].max));
    *(int32_t *)((char *)&numbers + open_numbers[i].offset) = (int32_t)number;
  }
  bool read_only = azd_call_flag(L, 1, "read_only");
  lua_getfield(L, 1, "projection");
  bool no_projection = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_pop(L, 1);
  struct azd_store_call *call = azd_store_call_new(L, NULL, &open_type);
  struct open_arguments *arguments = azd_call_room(L, call, sizeof *arguments);
  struct azd_str url = azd_call_field(L, call, 1, "url", false), path = azd_call_field(L, call, 1, "path", !url.size);
  struct azd_str database = azd_call_field(L, call, 1, "database", false);
  arguments->options = numbers;
  arguments->options.url = url.size ? url.data : path.data;
  arguments->options.database = database.size ? database.data : NULL;
  arguments->options.read_only = read_only;
  arguments->options.no_projection = no_projection;
  call->in = arguments;
  call->release = close_unclaimed;
  return azd_store_call_go(L, call);
}

static void close_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  if (!call->numbers[0]) return;
  azd_store_close(call->store->store);
  call->store->store = NULL;
}
#define close_push azd_call_push_true
AZD_STORE_VERB(close);

/* Where calls, leases or cursors still use it, the last of them closes it. */
static int store_close(lua_State *L) { /* store */
  struct azd_store_handle **box = luaL_checkudata(L, 1, store_class);
  if (!*box || (*box)->is_closed) return 0;
  struct azd_store_call *call = azd_store_call_new(L, *box, &close_type);
  call->numbers[0] = (*box)->refs == 2; /* the userdata and this call */
  (*box)->is_closed = true;
  return azd_store_call_go(L, call);
}

static int store_name(lua_State *L) {
  lua_pushstring(L, azd_store_name(azd_check_store(L, 1)->store));
  return 1;
}

/* ---- stats, scopes, redaction_key, train, project ---- */

static void stats_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_stats(call->store->store, call->out, &call->error);
}

static int stats_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_store_stats *s = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, 0, 10);
  azd_set_integer(L, "schema_version", s->schema_version);
  azd_set_integer(L, "scopes", s->scopes);
  azd_set_integer(L, "snapshots", s->snapshots);
  azd_set_integer(L, "versions", s->versions);
  azd_set_integer(L, "open_versions", s->open_versions);
  azd_set_integer(L, "reports", s->reports);
  azd_set_integer(L, "drifts", s->drifts);
  azd_set_integer(L, "dictionaries", s->dictionaries);
  azd_set_integer(L, "body_bytes", s->body_bytes);
  azd_set_integer(L, "disk_bytes", s->disk_bytes);
  return 1;
}
AZD_STORE_VERB(stats);

static int store_stats(lua_State *L) { /* store */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &stats_type);
  call->out = azd_call_room(L, call, sizeof(struct azd_store_stats));
  return azd_store_call_go(L, call);
}

static void scopes_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const char **scopes;
  (void)worker;
  call->code = azd_store_scopes(call->store->store, &call->arena, &scopes, &call->out_count, &call->error);
  call->out = scopes;
}

static int scopes_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const char **scopes = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_pushstring(L, scopes[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(scopes);

static int store_scopes(lua_State *L) { /* store */
  return azd_store_call_go(L, azd_store_call_new(L, azd_check_store(L, 1), &scopes_type));
}

static void redaction_key_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_redaction_key(call->store->store, call->texts[0], &call->error);
}
#define redaction_key_push azd_call_push_true
AZD_STORE_VERB(redaction_key);

static int store_redaction_key(lua_State *L) { /* store key_id */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &redaction_key_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

static void train_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  bool trained = false;
  (void)worker;
  call->code = azd_store_train(call->store->store, call->texts[0], &trained, &call->error);
  call->numbers[0] = trained;
}

static int train_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushboolean(L, call->numbers[0] != 0);
  return 1;
}
AZD_STORE_VERB(train);

static int store_train(lua_State *L) { /* store scope */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &train_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

static void project_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_project(call->store->store, call->texts[0], call->numbers[0] != 0, &call->numbers[1], &call->error);
}

static int project_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushinteger(L, call->numbers[1]);
  return 1;
}
AZD_STORE_VERB(project);

static int store_project(lua_State *L) { /* store scope anew? */
  bool anew = lua_toboolean(L, 3);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &project_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->numbers[0] = anew;
  return azd_store_call_go(L, call);
}

/* ---- small documents ---- */

static void put_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_small_put(call->store->store, call->texts[0], call->texts[1], call->texts[2], call->numbers[0],
                                   &call->error);
}
#define put_push azd_call_push_true
AZD_STORE_VERB(put);

static int store_put(lua_State *L) { /* store kind id bytes expect_revision? */
  int64_t expect = luaL_optinteger(L, 5, AZD_SMALL_ANY);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &put_type);
  for (int i = 0; i < 3; i++) call->texts[i] = azd_call_text(L, call, 2 + i);
  call->numbers[0] = expect;
  return azd_store_call_go(L, call);
}

static void get_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_small_get(call->store->store, call->texts[0], call->texts[1], &call->arena, call->out, &call->error);
}

static int get_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_small *small = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushlstring(L, small->bytes.data, small->bytes.size);
  lua_pushinteger(L, small->revision);
  return 2;
}
AZD_STORE_VERB(get);

static int store_get(lua_State *L) { /* store kind id */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &get_type);
  for (int i = 0; i < 2; i++) call->texts[i] = azd_call_text(L, call, 2 + i);
  call->out = azd_call_room(L, call, sizeof(struct azd_small));
  return azd_store_call_go(L, call);
}

static void list_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_small *smalls = NULL;
  (void)worker;
  call->code =
      azd_store_small_list(call->store->store, call->texts[0], &call->arena, &smalls, &call->out_count, &call->error);
  call->out = smalls;
}

static int list_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_small *smalls = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 3);
    azd_set_text(L, "id", smalls[i].id);
    azd_set_text(L, "bytes", smalls[i].bytes);
    azd_set_integer(L, "revision", smalls[i].revision);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(list);

static int store_list(lua_State *L) { /* store kind */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &list_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

static void delete_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_small_delete(call->store->store, call->texts[0], call->texts[1], &call->error);
}
#define delete_push azd_call_push_true
AZD_STORE_VERB(delete);

static int store_delete(lua_State *L) { /* store kind id */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &delete_type);
  for (int i = 0; i < 2; i++) call->texts[i] = azd_call_text(L, call, 2 + i);
  return azd_store_call_go(L, call);
}

/* ---- the module ---- */

int azd_open_store(lua_State *L) {
  static const luaL_Reg methods[] = {{"acquire", azd_store_l_acquire},
                                     {"begin", azd_store_l_begin},
                                     {"close", store_close},
                                     {"delete", store_delete},
                                     {"diff", azd_store_l_diff},
                                     {"drifts", azd_store_l_drifts},
                                     {"get", store_get},
                                     {"history", azd_store_l_history},
                                     {"list", store_list},
                                     {"map", azd_store_l_map},
                                     {"name", store_name},
                                     {"project", store_project},
                                     {"put", store_put},
                                     {"redaction_key", store_redaction_key},
                                     {"report_drifts", azd_store_l_report_drifts},
                                     {"scopes", store_scopes},
                                     {"stats", store_stats},
                                     {"train", store_train},
                                     {"versions", azd_store_l_versions},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", store_open}, {NULL, NULL}};
  azd_new_class(L, store_class, methods, store_gc);
  luaL_getmetatable(L, store_class);
  lua_getfield(L, -1, "__index"); /* metatable methods */
  luaL_setfuncs(L, azd_store_snapshot_methods, 0);
  luaL_setfuncs(L, azd_store_baseline_methods, 0);
  luaL_setfuncs(L, azd_store_report_methods, 0);
  luaL_setfuncs(L, azd_store_maintain_methods, 0);
  lua_pop(L, 2);
  azd_open_lease(L);
  azd_open_map(L);
  azd_open_commit(L);
  azd_open_cursor(L);
  luaL_newlib(L, functions);
  return 1;
}
