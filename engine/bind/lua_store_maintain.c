/* The store's verbs that keep it in order (store/maintain.h). */
#include "bind/store_call.h"
#include "store/maintain.h"

#include <lauxlib.h>

/* ---- scope_stats(store, scope) ---- */

static void scope_stats_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_scope_stats(call->store->store, call->texts[0], call->out, &call->error);
}

static int scope_stats_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_scope_stats *s = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, 0, 7);
  azd_set_integer(L, "snapshots", s->snapshots);
  azd_set_integer(L, "versions", s->versions);
  azd_set_integer(L, "open_versions", s->open_versions);
  azd_set_integer(L, "body_bytes", s->body_bytes);
  if (s->last_seq) {
    azd_set_integer(L, "first_ms", s->first_ms);
    azd_set_integer(L, "last_ms", s->last_ms);
    azd_set_integer(L, "last_seq", s->last_seq);
  }
  return 1;
}
AZD_STORE_VERB(scope_stats);

static int store_scope_stats(lua_State *L) { /* store scope */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &scope_stats_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->out = azd_call_room(L, call, sizeof(struct azd_scope_stats));
  return azd_store_call_go(L, call);
}

/* ---- schema(store) ---- */

static int store_schema(lua_State *L) { /* store */
  struct azd_schema schema = azd_store_schema(azd_check_store(L, 1)->store);
  lua_pushinteger(L, schema.version);
  lua_pushinteger(L, schema.found);
  return 2;
}

/* ---- rebuild_indexes(store) ---- */

static void rebuild_indexes_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_rebuild_indexes(call->store->store, &call->error);
}
#define rebuild_indexes_push azd_call_push_true
AZD_STORE_VERB(rebuild_indexes);

static int store_rebuild_indexes(lua_State *L) { /* store */
  return azd_store_call_go(L, azd_store_call_new(L, azd_check_store(L, 1), &rebuild_indexes_type));
}

/* ---- check(store, { scope?, bodies? }), verify ---- */

static int verdict_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_check *check = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, 0, 7);
  azd_set_integer(L, "snapshots", check->snapshots);
  azd_set_integer(L, "thinned", check->thinned);
  azd_set_integer(L, "versions", check->versions);
  azd_set_integer(L, "bodies", check->bodies);
  azd_set_integer(L, "left_over", check->left_over);
  azd_set_integer(L, "findings", check->findings);
  azd_set_text(L, "first", azd_str_of(check->first));
  return 1;
}

static void check_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_check(call->store->store, call->texts[0], call->numbers[0] != 0, NULL, NULL, call->out, &call->error);
}

static void verify_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_verify(call->store->store, call->texts[0], call->numbers[0] != 0, NULL, NULL, call->out, &call->error);
}
#define check_push  verdict_push
#define verify_push verdict_push
AZD_STORE_VERB(check);
AZD_STORE_VERB(verify);

static int go_over(lua_State *L, const struct azd_work_type *type) { /* store { scope?, bodies? } */
  static const char *const fields[] = {"scope", "bodies", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  call->numbers[0] = azd_call_flag(L, 2, "bodies");
  call->out = azd_call_room(L, call, sizeof(struct azd_check));
  return azd_store_call_go(L, call);
}

static int store_check(lua_State *L) {
  return go_over(L, &check_type);
}

static int store_verify(lua_State *L) {
  return go_over(L, &verify_type);
}

/* ---- has_chain(store, scope, hex) ---- */

static void has_chain_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  bool found = false;
  (void)worker;
  call->code = azd_store_has_chain(call->store->store, call->texts[0], call->in, &found, &call->error);
  call->numbers[0] = found;
}

static int has_chain_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushboolean(L, call->numbers[0] != 0);
  return 1;
}
AZD_STORE_VERB(has_chain);

static int store_has_chain(lua_State *L) { /* store scope hex */
  uint8_t chain[AZD_HASH_BYTES];
  size_t size;
  const char *hex = luaL_checklstring(L, 3, &size);
  luaL_argcheck(L, azd_unhex((struct azd_str){hex, size}, chain, sizeof chain), 3, "64 hexadecimal digits expected");
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &has_chain_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->in = azd_call_room(L, call, sizeof chain);
  memcpy(call->in, chain, sizeof chain);
  return azd_store_call_go(L, call);
}

/* ---- marks(store, scope) ---- */

static void marks_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_mark *marks = NULL;
  (void)worker;
  call->code =
      azd_store_marks(call->store->store, call->texts[0], &call->arena, &marks, &call->out_count, &call->error);
  call->out = marks;
}

static int marks_push(lua_State *L, struct azd_work *work) {
  static const char *const states[] = {[AZD_MARK_CLOSING] = "closing",
                                       [AZD_MARK_KEPT] = "kept",
                                       [AZD_MARK_THINNING] = "thinning",
                                       [AZD_MARK_THINNED] = "thinned"};
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_mark *marks = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 3);
    azd_set_integer(L, "seq", marks[i].seq);
    azd_set_integer(L, "timestamp_ms", marks[i].timestamp_ms);
    azd_set_text(L, "state", azd_str_of(states[marks[i].state]));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(marks);

static int store_marks(lua_State *L) { /* store scope */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &marks_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

/* ---- thin(store, scope, seqs), thin_count ---- */

static struct azd_store_call *seqs_call(lua_State *L, const struct azd_work_type *type) { /* store scope seqs */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), type);
  call->texts[0] = azd_call_text(L, call, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  call->in_count = lua_rawlen(L, 3);
  int64_t *seqs = call->in = azd_call_room(L, call, call->in_count * sizeof *seqs);
  for (size_t i = 0; i < call->in_count; i++) {
    lua_rawgeti(L, 3, (lua_Integer)i + 1);
    luaL_argcheck(L, lua_isinteger(L, -1), 3, "a list of seqs expected");
    seqs[i] = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  return call;
}

static void thin_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  size_t marked = 0;
  (void)worker;
  call->code = azd_store_thin(call->store->store, call->texts[0], call->in, call->in_count, &marked, &call->error);
  call->numbers[0] = (int64_t)marked;
}
#define thin_push azd_call_push_number
AZD_STORE_VERB(thin);

static int store_thin(lua_State *L) {
  return azd_store_call_go(L, seqs_call(L, &thin_type));
}

static void thin_count_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code =
      azd_store_thin_count(call->store->store, call->texts[0], call->in, call->in_count, call->out, &call->error);
}

static int thin_count_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_thin_count *counted = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, 0, 3);
  azd_set_integer(L, "snapshots", counted->snapshots);
  azd_set_integer(L, "versions", counted->versions);
  azd_set_integer(L, "body_bytes", counted->body_bytes);
  return 1;
}
AZD_STORE_VERB(thin_count);

static int store_thin_count(lua_State *L) {
  struct azd_store_call *call = seqs_call(L, &thin_count_type);
  call->out = azd_call_room(L, call, sizeof(struct azd_thin_count));
  return azd_store_call_go(L, call);
}

/* ---- thin_step(store, scope, limit) ---- */

static void thin_step_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  bool done = false;
  (void)worker;
  call->code =
      azd_store_thin_step(call->store->store, call->texts[0], call->numbers[0], &call->numbers[1], &done, &call->error);
  call->numbers[2] = done;
}

static int thin_step_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushinteger(L, call->numbers[1]);
  lua_pushboolean(L, call->numbers[2] != 0);
  return 2;
}
AZD_STORE_VERB(thin_step);

static int store_thin_step(lua_State *L) { /* store scope limit */
  int64_t limit = luaL_checkinteger(L, 3);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &thin_step_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->numbers[0] = limit;
  return azd_store_call_go(L, call);
}

const luaL_Reg azd_store_maintain_methods[] = {{"check", store_check},
                                               {"has_chain", store_has_chain},
                                               {"marks", store_marks},
                                               {"rebuild_indexes", store_rebuild_indexes},
                                               {"schema", store_schema},
                                               {"scope_stats", store_scope_stats},
                                               {"thin", store_thin},
                                               {"thin_count", store_thin_count},
                                               {"thin_step", store_thin_step},
                                               {"verify", store_verify},
                                               {NULL, NULL}};
