/* A commit as scripts see it. Collect jobs put into it from C (store_call.h); put and remove here are for what a
 * workflow knows by itself: resources read one by one, and those found gone. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/store_call.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char commit_class[] = "azdrift.store.commit";

struct azd_commit_handle *azd_commit_handle_new(struct azd_store_handle *store) {
  struct azd_commit_handle *handle = calloc(1, sizeof *handle);
  if (!handle) return NULL;
  handle->refs = 1;
  handle->store = store;
  store->refs++;
  return handle;
}

void azd_commit_handle_unref(struct azd_commit_handle *handle) {
  if (--handle->refs) return;
  azd_commit_abort(handle->commit);
  azd_store_handle_unref(handle->store);
  free(handle);
}

static struct azd_commit_handle *check_any(lua_State *L, int index) {
  struct azd_commit_handle **box = luaL_checkudata(L, index, commit_class);
  luaL_argcheck(L, *box, index, "a commit that was closed");
  return *box;
}

struct azd_commit_handle *azd_check_commit(lua_State *L, int index) {
  struct azd_commit_handle *commit = check_any(L, index);
  luaL_argcheck(L, commit->commit && !commit->is_ending, index, "a commit that was published or aborted");
  return commit;
}

void azd_push_commit(lua_State *L, struct azd_commit_handle *handle) {
  struct azd_commit_handle **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, commit_class);
  handle->refs++;
  *box = handle;
}

static int commit_gc(lua_State *L) { /* commit: given up where it was not published */
  struct azd_commit_handle **box = lua_touserdata(L, 1);
  if (*box) azd_commit_handle_unref(*box);
  *box = NULL;
  return 0;
}

static struct azd_store_call *call_of(lua_State *L, const struct azd_work_type *type) {
  struct azd_commit_handle *commit = azd_check_commit(L, 1);
  struct azd_store_call *call = azd_store_call_new(L, commit->store, type);
  call->commit = commit;
  commit->refs++;
  commit->users++;
  return call;
}

/* The map stays as it is while a call looks up in it. */
static void use_map(lua_State *L, struct azd_store_call *call, int index) {
  struct azd_map_handle *map = azd_check_map(L, index);
  call->map = map;
  map->refs++;
  map->users++;
}

/* ---- put(commit, map, list) ---- */

static int encode_all(struct azd_store_call *call, struct azd_codec_work *codec_work, struct azd_buf *bodies) {
  struct azd_new_version *versions = call->in;
  const struct azd_codec *codec = azd_store_codec(call->store->store);
  int rc = 0;
  for (size_t i = 0; !rc && i < call->in_count; i++) {
    struct azd_new_version *v = &versions[i];
    azd_buf_clear(bodies);
    azd_sha256_of(v->body.data, v->body.size, v->hash);
    v->key = azd_key_of(v->type, v->id);
    v->previous = azd_map_find(call->map->map, &v->key);
    rc = azd_codec_encode(codec, codec_work, v->body, bodies, &call->error);
    if (rc) break;
    char *copy = azd_arena_copy(&call->arena, azd_buf_str(bodies));
    v->body = (struct azd_str){copy, bodies->size};
    if (!copy) rc = azd_fail(&call->error, AZD_ENOMEM, "no memory for new versions");
  }
  return rc;
}

/* What is open with the same hash is no new version. */
static size_t without_unchanged(struct azd_new_version *versions, size_t count) {
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (!versions[i].previous || memcmp(versions[i].previous->hash, versions[i].hash, AZD_HASH_BYTES))
      versions[kept++] = versions[i];
  return kept;
}

static void put_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_codec_work *codec_work = azd_worker_codec(worker);
  struct azd_buf bodies;
  azd_buf_init(&bodies, 0);
  call->code =
      codec_work ? encode_all(call, codec_work, &bodies) : azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  azd_buf_free(&bodies);
  size_t duplicates = 0, changed = call->code ? 0 : without_unchanged(call->in, call->in_count);
  if (!call->code) call->code = azd_commit_put(call->commit->commit, call->in, changed, &duplicates, &call->error);
  call->numbers[0] = (int64_t)(changed - duplicates);
}
#define put_push azd_call_push_number
AZD_STORE_VERB(put);

static int commit_put(lua_State *L) { /* commit map list */
  static const char *const fields[] = {"id",   "type",      "view", "api_version", "subscription_id", "resource_group",
                                       "body", "redaction", NULL};
  luaL_checktype(L, 3, LUA_TTABLE);
  struct azd_store_call *call = call_of(L, &put_type);
  use_map(L, call, 2);
  call->in_count = lua_rawlen(L, 3);
  struct azd_new_version *versions = azd_call_room(L, call, call->in_count * sizeof *versions);
  call->in = versions;
  for (size_t i = 0; i < call->in_count; i++) {
    lua_rawgeti(L, 3, (lua_Integer)i + 1);
    int row = lua_gettop(L);
    azd_check_fields(L, row, fields);
    versions[i] = (struct azd_new_version){.id = azd_call_field(L, call, row, "id", true),
                                           .type = azd_call_field(L, call, row, "type", true),
                                           .view = azd_call_field(L, call, row, "view", false),
                                           .api_version = azd_call_field(L, call, row, "api_version", false),
                                           .subscription_id = azd_call_field(L, call, row, "subscription_id", false),
                                           .resource_group = azd_call_field(L, call, row, "resource_group", false),
                                           .redaction = azd_call_field(L, call, row, "redaction", false),
                                           .body = azd_call_field(L, call, row, "body", true)};
    lua_settop(L, row - 1);
  }
  return azd_store_call_go(L, call);
}

/* ---- remove(commit, map, list of { type, id }) ---- */

static void remove_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_removal *removals = call->in;
  size_t open = 0, duplicates = 0;
  (void)worker;
  for (size_t i = 0; i < call->in_count; i++) {
    struct azd_key key = azd_key_of(removals[i].type, removals[i].id);
    removals[open] = removals[i];
    removals[open].previous = azd_map_find(call->map->map, &key);
    if (removals[open].previous) open++; /* what is not open cannot end */
  }
  call->code = azd_commit_remove(call->commit->commit, removals, open, &duplicates, &call->error);
  call->numbers[0] = (int64_t)(open - duplicates);
}
#define remove_push azd_call_push_number
AZD_STORE_VERB(remove);

static int commit_remove(lua_State *L) { /* commit map list */
  luaL_checktype(L, 3, LUA_TTABLE);
  struct azd_store_call *call = call_of(L, &remove_type);
  use_map(L, call, 2);
  call->in_count = lua_rawlen(L, 3);
  struct azd_removal *removals = azd_call_room(L, call, call->in_count * sizeof *removals);
  call->in = removals;
  for (size_t i = 0; i < call->in_count; i++) {
    lua_rawgeti(L, 3, (lua_Integer)i + 1);
    int row = lua_gettop(L);
    luaL_checktype(L, row, LUA_TTABLE);
    removals[i] = (struct azd_removal){.id = azd_call_field(L, call, row, "id", true),
                                       .type = azd_call_field(L, call, row, "type", true)};
    lua_settop(L, row - 1);
  }
  return azd_store_call_go(L, call);
}

/* ---- publish(commit, fields), abort(commit) ---- */

static void publish_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_commit_publish(call->commit->commit, call->out, &call->error);
  if (!call->code) call->commit->commit = NULL;
}

static int publish_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  azd_push_snapshot(L, call->out);
  return 1;
}
AZD_STORE_VERB(publish);

static void end_is_over(struct azd_store_call *call) {
  call->commit->is_ending = false;
}

/* Alone: no put may be under way, and none may begin. */
static struct azd_store_call *ending_call(lua_State *L, const struct azd_work_type *type) {
  struct azd_commit_handle *commit = azd_check_commit(L, 1);
  luaL_argcheck(L, !commit->users, 1, "a commit that is being put into");
  struct azd_store_call *call = call_of(L, type);
  commit->is_ending = true;
  call->release = end_is_over;
  return call;
}

static int commit_publish(lua_State *L) { /* commit fields */
  static const char *const fields[] = {"id",       "status",  "timestamp_ms", "subscription_id", "resource_group",
                                       "coverage", "missing", "stamps",       "redaction_key",   NULL};
  static const char *const statuses[] = {"partial", "complete", NULL};
  azd_check_fields(L, 2, fields);
  lua_getfield(L, 2, "status");
  int status = luaL_checkoption(L, -1, NULL, statuses);
  struct azd_store_call *call = ending_call(L, &publish_type);
  struct azd_snapshot *s = azd_call_room(L, call, sizeof *s);
  struct azd_str id = azd_call_field(L, call, 2, "id", false);
  luaL_argcheck(L, !id.size || id.size == AZD_UUID_TEXT_BYTES - 1, 2, "id: a UUID expected");
  memcpy(s->id, id.data, id.size);
  s->status = status ? AZD_SNAPSHOT_COMPLETE : AZD_SNAPSHOT_PARTIAL;
  s->timestamp_ms = azd_call_integer(L, 2, "timestamp_ms", 0);
  luaL_argcheck(L, s->timestamp_ms > 0, 2, "timestamp_ms: milliseconds since 1970 expected");
  s->subscription_id = azd_call_field(L, call, 2, "subscription_id", false);
  s->resource_group = azd_call_field(L, call, 2, "resource_group", false);
  s->coverage = azd_call_field(L, call, 2, "coverage", true);
  s->missing = azd_call_field(L, call, 2, "missing", false);
  s->stamps = azd_call_field(L, call, 2, "stamps", false);
  s->redaction_key = azd_call_field(L, call, 2, "redaction_key", false);
  call->out = s;
  return azd_store_call_go(L, call);
}

static void abort_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  azd_commit_abort(call->commit->commit);
  call->commit->commit = NULL;
}
#define abort_push azd_call_push_true
AZD_STORE_VERB(abort);

static int commit_abort(lua_State *L) { /* commit */
  if (!check_any(L, 1)->commit) return 0;
  return azd_store_call_go(L, ending_call(L, &abort_type));
}

void azd_open_commit(lua_State *L) {
  static const luaL_Reg methods[] = {{"put", commit_put},
                                     {"remove", commit_remove},
                                     {"publish", commit_publish},
                                     {"abort", commit_abort},
                                     {NULL, NULL}};
  azd_new_class(L, commit_class, methods, commit_gc);
}
