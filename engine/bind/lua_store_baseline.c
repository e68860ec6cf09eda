/* The store's verbs about baselines: per type, and per resource what was accepted. */
#include "bind/store_call.h"

#include <lauxlib.h>

/* ---- baseline_set(store, { scope, types, seq, only_missing?, who?, why? }): how many were set ---- */

static void baseline_set_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  size_t changed = 0;
  (void)worker;
  call->code = azd_store_baseline_set(call->store->store, call->texts[0], call->in, call->in_count, call->numbers[1],
                                      call->numbers[2] != 0, call->texts[1], call->texts[2], &changed, &call->error);
  call->numbers[0] = (int64_t)changed;
}
#define baseline_set_push azd_call_push_number
AZD_STORE_VERB(baseline_set);

static int baseline_set(lua_State *L) { /* store arguments */
  static const char *const fields[] = {"scope", "types", "seq", "only_missing", "who", "why", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &baseline_set_type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  call->texts[1] = azd_call_field(L, call, 2, "who", false);
  call->texts[2] = azd_call_field(L, call, 2, "why", false);
  call->numbers[1] = azd_call_integer(L, 2, "seq", 0);
  call->numbers[2] = azd_call_flag(L, 2, "only_missing");
  call->in = azd_call_texts(L, call, 2, "types", &call->in_count);
  return azd_store_call_go(L, call);
}

/* ---- baseline_clear(store, scope, type?) ---- */

static void baseline_clear_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_baseline_clear(call->store->store, call->texts[0], call->texts[1], &call->error);
}
#define baseline_clear_push azd_call_push_true
AZD_STORE_VERB(baseline_clear);

static int baseline_clear(lua_State *L) { /* store scope type? */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &baseline_clear_type);
  call->texts[0] = azd_call_text(L, call, 2);
  if (!lua_isnoneornil(L, 3)) call->texts[1] = azd_call_text(L, call, 3);
  return azd_store_call_go(L, call);
}

/* ---- baselines(store, scope) ---- */

static void baselines_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_baseline *baselines = NULL;
  (void)worker;
  call->code =
      azd_store_baselines(call->store->store, call->texts[0], &call->arena, &baselines, &call->out_count, &call->error);
  call->out = baselines;
}

static int baselines_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_baseline *baselines = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 5);
    azd_set_text(L, "type", baselines[i].type);
    azd_set_integer(L, "seq", baselines[i].seq);
    azd_set_integer(L, "set_ms", baselines[i].set_ms);
    azd_set_text(L, "who", baselines[i].who);
    azd_set_text(L, "why", baselines[i].why);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(baselines);

static int baselines(lua_State *L) { /* store scope */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &baselines_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

/* ---- accept(store, { scope, type, id, seq, body?, until_ms?, who?, why? }) ---- */

static int encode_body(struct azd_store_call *call, struct azd_accepted *a, struct azd_codec_work *work) {
  if (!a->body.size) return 0;
  struct azd_buf encoded;
  azd_buf_init(&encoded, 0);
  azd_sha256_of(a->body.data, a->body.size, a->hash);
  int rc = work ? azd_codec_encode(azd_store_codec(call->store->store), work, a->body, &encoded, &call->error)
                : azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  char *copy = rc ? NULL : azd_arena_copy(&call->arena, azd_buf_str(&encoded));
  if (!rc && !copy) rc = azd_fail(&call->error, AZD_ENOMEM, "no memory for a body");
  a->body = (struct azd_str){copy, encoded.size};
  azd_buf_free(&encoded);
  return rc;
}

static void accept_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_accepted *accepted = call->in;
  call->code = encode_body(call, accepted, azd_worker_codec(worker));
  if (!call->code) call->code = azd_store_accept(call->store->store, call->texts[0], accepted, &call->error);
}
#define accept_push azd_call_push_true
AZD_STORE_VERB(accept);

static int accept_state(lua_State *L) { /* store arguments */
  static const char *const fields[] = {"scope", "type", "id", "seq", "body", "until_ms", "who", "why", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &accept_type);
  struct azd_accepted *a = azd_call_room(L, call, sizeof *a);
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  a->type = azd_call_field(L, call, 2, "type", true);
  a->id = azd_call_field(L, call, 2, "id", true);
  a->body = azd_call_field(L, call, 2, "body", false);
  a->who = azd_call_field(L, call, 2, "who", false);
  a->why = azd_call_field(L, call, 2, "why", false);
  a->seq = azd_call_integer(L, 2, "seq", 0);
  a->until_ms = azd_call_integer(L, 2, "until_ms", 0);
  call->in = a;
  return azd_store_call_go(L, call);
}

/* ---- unaccept(store, scope, type, id) ---- */

static void unaccept_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_unaccept(call->store->store, call->texts[0], call->texts[1], call->texts[2], &call->error);
}
#define unaccept_push azd_call_push_true
AZD_STORE_VERB(unaccept);

static int unaccept(lua_State *L) { /* store scope type id */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &unaccept_type);
  for (int i = 0; i < 3; i++) call->texts[i] = azd_call_text(L, call, 2 + i);
  return azd_store_call_go(L, call);
}

/* ---- accepted(store, scope) ---- */

static void accepted_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_accepted *accepted = NULL;
  (void)worker;
  call->code =
      azd_store_accepted(call->store->store, call->texts[0], &call->arena, &accepted, &call->out_count, &call->error);
  call->out = accepted;
}

static int accepted_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_accepted *accepted = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 8);
    azd_set_text(L, "type", accepted[i].type);
    azd_set_text(L, "id", accepted[i].id);
    azd_set_integer(L, "seq", accepted[i].seq);
    azd_set_flag(L, "has_body", accepted[i].body.size > 0);
    azd_set_integer(L, "set_ms", accepted[i].set_ms);
    if (accepted[i].until_ms) azd_set_integer(L, "until_ms", accepted[i].until_ms);
    azd_set_text(L, "who", accepted[i].who);
    azd_set_text(L, "why", accepted[i].why);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(accepted);

static int accepted(lua_State *L) { /* store scope */
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &accepted_type);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

const luaL_Reg azd_store_baseline_methods[] = {{"accept", accept_state},
                                               {"accepted", accepted},
                                               {"baseline_clear", baseline_clear},
                                               {"baseline_set", baseline_set},
                                               {"baselines", baselines},
                                               {"unaccept", unaccept},
                                               {NULL, NULL}};
