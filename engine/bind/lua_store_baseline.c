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
  lua_settop(L, 3);
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

/* ---- accept(store, { scope, type, id, states = { { seq, until_ms?, body?, redaction? }, ... }, revision?,
 * baseline_ms?, who?, why?, evidence? }) ---- */

static int encode_body(struct azd_store_call *call, struct azd_accepted_state *state, struct azd_codec_work *work,
                       struct azd_buf *encoded) {
  if (!state->body.size) return 0;
  azd_buf_clear(encoded);
  azd_sha256_of(state->body.data, state->body.size, state->hash);
  int rc = work ? azd_codec_encode(azd_store_codec(call->store->store), work, state->body, encoded, &call->error)
                : azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  char *copy = rc ? NULL : azd_arena_copy(&call->arena, azd_buf_str(encoded));
  if (!rc && !copy) rc = azd_fail(&call->error, AZD_ENOMEM, "no memory for a body");
  state->body = (struct azd_str){copy, encoded->size};
  return rc;
}

static void accept_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_accepted *accepted = call->in;
  struct azd_buf encoded;
  azd_buf_init(&encoded, 0);
  for (size_t i = 0; !call->code && i < accepted->state_count; i++)
    call->code = encode_body(call, &accepted->states[i], azd_worker_codec(worker), &encoded);
  azd_buf_free(&encoded);
  if (!call->code) call->code = azd_store_accept(call->store->store, call->texts[0], accepted, &call->error);
}
#define accept_push azd_call_push_true
AZD_STORE_VERB(accept);

static void check_states(lua_State *L, struct azd_store_call *call, struct azd_accepted *a) {
  static const char *const fields[] = {"seq", "until_ms", "body", "redaction", NULL};
  lua_getfield(L, 2, "states");
  luaL_argcheck(L, lua_istable(L, -1), 2, "states: a list expected");
  int list = lua_gettop(L);
  a->state_count = lua_rawlen(L, list);
  luaL_argcheck(L, a->state_count <= AZD_ACCEPTED_STATES_MAX, 2, "states: too many");
  a->states = azd_call_room(L, call, a->state_count * sizeof *a->states);
  for (size_t i = 0; i < a->state_count; i++, lua_settop(L, list)) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    azd_check_fields(L, list + 1, fields);
    a->states[i] = (struct azd_accepted_state){.seq = azd_call_integer(L, list + 1, "seq", 0),
                                               .until_ms = azd_call_integer(L, list + 1, "until_ms", 0),
                                               .body = azd_call_field(L, call, list + 1, "body", false),
                                               .redaction = azd_call_field(L, call, list + 1, "redaction", false)};
  }
  lua_settop(L, list - 1);
}

static int accept_state(lua_State *L) { /* store arguments */
  static const char *const fields[] = {"scope",       "type", "id",       "states", "revision",
                                       "baseline_ms", "who",  "evidence", "why",    NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &accept_type);
  struct azd_accepted *a = azd_call_room(L, call, sizeof *a);
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  a->type = azd_call_field(L, call, 2, "type", true);
  a->id = azd_call_field(L, call, 2, "id", true);
  a->who = azd_call_field(L, call, 2, "who", false);
  a->why = azd_call_field(L, call, 2, "why", false);
  a->evidence = azd_call_field(L, call, 2, "evidence", false);
  a->revision = azd_call_integer(L, 2, "revision", AZD_ACCEPTED_ANY);
  a->baseline_ms = azd_call_integer(L, 2, "baseline_ms", 0);
  check_states(L, call, a);
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

/* ---- accepted(store, scope, { type, id }?): of one resource with its bodies ---- */

static int decode_bodies(struct azd_store_call *call, struct azd_accepted *a, struct azd_codec_work *work) {
  int rc = work ? 0 : azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  for (size_t i = 0; !rc && i < a->state_count; i++) {
    struct azd_str *body = &a->states[i].body;
    if (!body->size) continue;
    azd_buf_clear(&bytes);
    rc = azd_codec_decode(azd_store_codec(call->store->store), work, *body, &bytes, &call->error);
    if (rc) break;
    *body = (struct azd_str){azd_arena_copy(&call->arena, azd_buf_str(&bytes)), bytes.size};
    if (!body->data) rc = azd_fail(&call->error, AZD_ENOMEM, "no memory for a body");
  }
  azd_buf_free(&bytes);
  return rc;
}

static void accepted_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_accepted *accepted = NULL;
  bool is_one = call->numbers[0];
  struct azd_key key = is_one ? azd_key_of(call->texts[1], call->texts[2]) : (struct azd_key){{0}};
  call->code = azd_store_accepted(call->store->store, call->texts[0], is_one ? &key : NULL, &call->arena, &accepted,
                                  &call->out_count, &call->error);
  for (size_t i = 0; is_one && !call->code && i < call->out_count; i++)
    call->code = decode_bodies(call, &accepted[i], azd_worker_codec(worker));
  call->out = accepted;
}

static void push_states(lua_State *L, const struct azd_accepted *a, bool with_bodies) {
  lua_createtable(L, (int)a->state_count, 0);
  for (size_t i = 0; i < a->state_count; i++) {
    const struct azd_accepted_state *state = &a->states[i];
    lua_createtable(L, 0, 5);
    azd_set_integer(L, "seq", state->seq);
    if (state->until_ms) azd_set_integer(L, "until_ms", state->until_ms);
    azd_set_flag(L, "has_body", state->body.size > 0);
    azd_set_text(L, "redaction", state->redaction);
    if (with_bodies) azd_set_text(L, "body", state->body);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "states");
}

static int accepted_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_accepted *accepted = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 9);
    azd_set_text(L, "type", accepted[i].type);
    azd_set_text(L, "id", accepted[i].id);
    azd_set_integer(L, "revision", accepted[i].revision);
    if (accepted[i].baseline_ms) azd_set_integer(L, "baseline_ms", accepted[i].baseline_ms);
    azd_set_integer(L, "set_ms", accepted[i].set_ms);
    azd_set_text(L, "who", accepted[i].who);
    azd_set_text(L, "why", accepted[i].why);
    azd_set_text(L, "evidence", accepted[i].evidence);
    push_states(L, &accepted[i], call->numbers[0]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(accepted);

static int accepted(lua_State *L) { /* store scope resource? */
  static const char *const fields[] = {"type", "id", NULL};
  lua_settop(L, 3);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &accepted_type);
  call->texts[0] = azd_call_text(L, call, 2);
  if (!lua_isnil(L, 3)) {
    azd_check_fields(L, 3, fields);
    call->texts[1] = azd_call_field(L, call, 3, "type", true);
    call->texts[2] = azd_call_field(L, call, 3, "id", true);
    call->numbers[0] = 1;
  }
  return azd_store_call_go(L, call);
}

const luaL_Reg azd_store_baseline_methods[] = {{"accept", accept_state},
                                               {"accepted", accepted},
                                               {"baseline_clear", baseline_clear},
                                               {"baseline_set", baseline_set},
                                               {"baselines", baselines},
                                               {"unaccept", unaccept},
                                               {NULL, NULL}};
