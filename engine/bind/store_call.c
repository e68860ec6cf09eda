#include "bind/store_call.h"
#include "bind/engine.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { CALL_DEADLINE_MS = 600000 };

/* ---- calls ---- */

void azd_store_call_close(struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  if (call->release) call->release(call);
  if (call->map) {
    call->map->users--;
    call->map->is_loading = false;
    azd_map_handle_unref(call->map);
  }
  if (call->commit) {
    call->commit->users--;
    azd_commit_handle_unref(call->commit);
  }
  azd_store_handle_unref(call->store);
  azd_arena_free(&call->arena);
}

struct azd_store_call *azd_store_call_new(lua_State *L, struct azd_store_handle *store,
                                          const struct azd_work_type *type) {
  if (store && store->is_closed) luaL_error(L, "the store was closed");
  struct azd_store_call *call = (struct azd_store_call *)azd_work_new(L, type);
  azd_arena_init(&call->arena, 0);
  call->store = store;
  if (store) store->refs++;
  return call;
}

int azd_store_call_go(lua_State *L, struct azd_store_call *call) {
  return azd_await_work(L, &call->work, azd_engine_of(L)->store_pool, CALL_DEADLINE_MS);
}

int azd_call_failed(lua_State *L, const struct azd_store_call *call) {
  return call->code ? azd_push_failure(L, call->code, "%s", call->error.text) : 0;
}

int azd_call_push_true(lua_State *L, struct azd_work *work) {
  int failed = azd_call_failed(L, (struct azd_store_call *)work);
  if (failed) return failed;
  lua_pushboolean(L, 1);
  return 1;
}

int azd_call_push_number(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_pushinteger(L, call->numbers[0]);
  return 1;
}

/* ---- arguments ---- */

void azd_check_fields(lua_State *L, int index, const char *const *names) {
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) { /* key value */
    const char *const *known = names;
    if (lua_type(L, -2) == LUA_TSTRING)
      while (*known && strcmp(*known, lua_tostring(L, -2))) known++;
    if (lua_type(L, -2) != LUA_TSTRING || !*known)
      luaL_argerror(L, index, lua_pushfstring(L, "no field '%s' is known here", luaL_tolstring(L, -2, NULL)));
  }
}

void *azd_call_room(lua_State *L, struct azd_store_call *call, size_t bytes) {
  void *room = azd_arena_zalloc(&call->arena, bytes ? bytes : 1);
  if (!room) luaL_error(L, "not enough memory");
  return room;
}

static struct azd_str keep(lua_State *L, struct azd_store_call *call, int index) {
  struct azd_str s;
  s.data = lua_tolstring(L, index, &s.size);
  char *copy = azd_arena_copy(&call->arena, s);
  if (!copy) luaL_error(L, "not enough memory");
  return (struct azd_str){copy, s.size};
}

struct azd_str azd_call_text(lua_State *L, struct azd_store_call *call, int index) {
  luaL_checktype(L, index, LUA_TSTRING);
  return keep(L, call, index);
}

struct azd_str azd_call_field(lua_State *L, struct azd_store_call *call, int index, const char *name, bool required) {
  struct azd_str text = {"", 0};
  int type = lua_getfield(L, index, name);
  if (type == LUA_TSTRING)
    text = keep(L, call, -1);
  else if (type != LUA_TNIL || required)
    luaL_argerror(L, index, lua_pushfstring(L, "%s: text expected, got %s", name, luaL_typename(L, -1)));
  lua_pop(L, 1);
  return text;
}

int64_t azd_call_integer(lua_State *L, int index, const char *name, int64_t otherwise) {
  int is_integer = 1, type = lua_getfield(L, index, name);
  int64_t value = type == LUA_TNIL ? otherwise : lua_tointegerx(L, -1, &is_integer);
  if (!is_integer)
    luaL_argerror(L, index, lua_pushfstring(L, "%s: an integer expected, got %s", name, luaL_typename(L, -1)));
  lua_pop(L, 1);
  return value;
}

bool azd_call_flag(lua_State *L, int index, const char *name) {
  int type = lua_getfield(L, index, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    luaL_argerror(L, index, lua_pushfstring(L, "%s: true or false expected, got %s", name, lua_typename(L, type)));
  bool value = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return value;
}

struct azd_str *azd_call_texts(lua_State *L, struct azd_store_call *call, int index, const char *name, size_t *count) {
  struct azd_str *texts = NULL;
  *count = 0;
  int type = lua_getfield(L, index, name); /* list? */
  if (type == LUA_TTABLE) {
    *count = lua_rawlen(L, -1);
    texts = azd_call_room(L, call, *count * sizeof *texts);
    for (size_t i = 0; i < *count; i++) {
      if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING)
        luaL_argerror(L, index, lua_pushfstring(L, "%s: a list of texts expected", name));
      texts[i] = keep(L, call, -1);
      lua_pop(L, 1);
    }
  } else if (type != LUA_TNIL) {
    luaL_argerror(L, index, lua_pushfstring(L, "%s: a list of texts expected, got %s", name, lua_typename(L, type)));
  }
  lua_pop(L, 1);
  return texts;
}

/* ---- results ---- */

void azd_set_text(lua_State *L, const char *name, struct azd_str text) {
  if (!text.size) return;
  lua_pushlstring(L, text.data, text.size);
  lua_setfield(L, -2, name);
}

void azd_set_integer(lua_State *L, const char *name, int64_t value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, name);
}

void azd_set_flag(lua_State *L, const char *name, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, name);
}

void azd_set_hex(lua_State *L, const char *name, const uint8_t *bytes, size_t count) {
  char hex[2 * AZD_HASH_BYTES + 1];
  AZD_ASSERT(count <= AZD_HASH_BYTES);
  azd_hex(bytes, count, hex);
  lua_pushstring(L, hex);
  lua_setfield(L, -2, name);
}

void azd_push_snapshot(lua_State *L, const struct azd_snapshot *s) {
  lua_createtable(L, 0, 16);
  azd_set_text(L, "id", azd_str_of(s->id));
  azd_set_text(L, "scope", s->scope);
  azd_set_integer(L, "seq", s->seq);
  azd_set_integer(L, "timestamp_ms", s->timestamp_ms);
  azd_set_text(L, "status", s->status == AZD_SNAPSHOT_COMPLETE ? AZD_STR("complete") : AZD_STR("partial"));
  azd_set_text(L, "subscription_id", s->subscription_id);
  azd_set_text(L, "resource_group", s->resource_group);
  azd_set_text(L, "coverage", s->coverage);
  azd_set_text(L, "missing", s->missing);
  azd_set_text(L, "stamps", s->stamps);
  azd_set_text(L, "redaction_key", s->redaction_key);
  azd_set_integer(L, "resources", s->resources);
  azd_set_integer(L, "added", s->added);
  azd_set_integer(L, "changed", s->changed);
  azd_set_integer(L, "removed", s->removed);
  azd_set_hex(L, "chain", s->chain, AZD_HASH_BYTES);
}

void azd_push_version(lua_State *L, const struct azd_version *v, struct azd_str body) {
  lua_createtable(L, 0, 12);
  azd_set_text(L, "id", v->id);
  azd_set_text(L, "type", v->type);
  azd_set_text(L, "view", v->view);
  azd_set_text(L, "api_version", v->api_version);
  azd_set_text(L, "subscription_id", v->subscription_id);
  azd_set_text(L, "resource_group", v->resource_group);
  azd_set_text(L, "redaction", v->redaction);
  azd_set_integer(L, "from_seq", v->from_seq);
  if (v->to_seq != AZD_SEQ_OPEN) azd_set_integer(L, "to_seq", v->to_seq);
  if (v->from_seq == v->to_seq)
    azd_set_flag(L, "removed", true);
  else
    azd_set_hex(L, "hash", v->hash, AZD_HASH_BYTES);
  if (body.data) azd_set_text(L, "body", body);
}

static struct azd_str status_name(enum azd_drift_status status) {
  switch (status) {
  case AZD_DRIFT_OPEN: return AZD_STR("open");
  case AZD_DRIFT_ACKNOWLEDGED: return AZD_STR("acknowledged");
  case AZD_DRIFT_MUTED: return AZD_STR("muted");
  case AZD_DRIFT_ACCEPTED: return AZD_STR("accepted");
  case AZD_DRIFT_RESOLVED: return AZD_STR("resolved");
  }
  return AZD_STR("unknown");
}

enum azd_drift_status azd_check_drift_status(lua_State *L, int argument, struct azd_str name) {
  for (unsigned status = AZD_DRIFT_OPEN; status <= AZD_DRIFT_RESOLVED; status <<= 1)
    if (azd_str_equal(name, status_name((enum azd_drift_status)status))) return (enum azd_drift_status)status;
  luaL_argerror(L, argument, "status: open, acknowledged, muted, accepted or resolved expected");
  return AZD_DRIFT_OPEN;
}

void azd_push_drift(lua_State *L, const struct azd_drift *d) {
  lua_createtable(L, 0, 16);
  azd_set_text(L, "id", d->id);
  azd_set_text(L, "fingerprint", d->fingerprint);
  azd_set_text(L, "kind", d->kind);
  azd_set_text(L, "type", d->type);
  azd_set_text(L, "resource_id", d->resource_id);
  azd_set_text(L, "severity", d->severity);
  azd_set_text(L, "status", status_name(d->status));
  azd_set_integer(L, "first_seen_seq", d->first_seen_seq);
  azd_set_integer(L, "first_seen_ms", d->first_seen_ms);
  azd_set_integer(L, "last_seen_seq", d->last_seen_seq);
  azd_set_integer(L, "last_seen_ms", d->last_seen_ms);
  if (d->until_ms) azd_set_integer(L, "until_ms", d->until_ms);
  azd_set_text(L, "who", d->who);
  azd_set_text(L, "why", d->why);
  azd_set_text(L, "report_id", d->report_id);
  azd_set_text(L, "earlier", d->earlier);
  azd_set_text(L, "document", d->document);
}

/* ---- what a worker keeps ---- */

static void *codec_create(void) {
  return azd_codec_work_new();
}
static void codec_destroy(void *work) {
  azd_codec_work_free(work);
}
static const struct azd_worker_kind codec_kind = {codec_create, codec_destroy};

struct azd_codec_work *azd_worker_codec(struct azd_worker *worker) {
  return azd_worker_keep(worker, &codec_kind);
}
