/* The store's verbs about snapshots: finding them, one resource in one, their types, writing one out. */
#include "bind/store_call.h"
#include "store/export.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

/* ---- snapshot(store, { scope?, seq? | id? | at_ms? }) ---- */

/* Without seq, id or at_ms the last one. */
static struct azd_snapshot_query *query_of(lua_State *L, struct azd_store_call *call) {
  struct azd_snapshot_query *query = azd_call_room(L, call, sizeof *query);
  query->id = azd_call_field(L, call, 2, "id", false);
  query->scope = azd_call_field(L, call, 2, "scope", !query->id.size);
  query->seq = azd_call_integer(L, 2, "seq", 0);
  query->at_ms = azd_call_integer(L, 2, "at_ms", -1);
  query->by = query->id.size ? AZD_BY_ID : query->seq ? AZD_BY_SEQ : query->at_ms >= 0 ? AZD_BY_TIME : AZD_BY_LAST;
  return query;
}

static void snapshot_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_snapshot(call->store->store, call->in, &call->arena, call->out, &call->error);
}

static int snapshot_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  azd_push_snapshot(L, call->out);
  return 1;
}
AZD_STORE_VERB(snapshot);

static int store_snapshot(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "seq", "id", "at_ms", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &snapshot_type);
  call->in = query_of(L, call);
  call->out = azd_call_room(L, call, sizeof(struct azd_snapshot));
  return azd_store_call_go(L, call);
}

/* ---- snapshots(store, { scope?, before_seq?, limit? }) ---- */

static void snapshots_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_snapshot *snapshots = NULL;
  (void)worker;
  call->code = azd_store_snapshots(call->store->store, call->texts[0], call->numbers[0], (size_t)call->numbers[1],
                                   &call->arena, &snapshots, &call->out_count, &call->error);
  call->out = snapshots;
}

static int snapshots_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_snapshot *snapshots = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    azd_push_snapshot(L, &snapshots[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(snapshots);

static int store_snapshots(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "before_seq", "limit", NULL};
  azd_check_fields(L, 2, fields);
  int64_t limit = azd_call_integer(L, 2, "limit", 100);
  luaL_argcheck(L, limit > 0 && limit <= 10000, 2, "limit: 1 to 10000 expected");
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &snapshots_type);
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  call->numbers[0] = azd_call_integer(L, 2, "before_seq", 0);
  call->numbers[1] = limit;
  return azd_store_call_go(L, call);
}

/* ---- version(store, { scope, type, id, seq }) ---- */

static void version_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_key key = azd_key_of(call->texts[1], call->texts[2]);
  struct azd_codec_work *codec_work = azd_worker_codec(worker);
  struct azd_version *version = call->out;
  struct azd_buf bytes;
  azd_buf_init(&bytes, 0);
  call->code = azd_store_version(call->store->store, call->texts[0], &key, call->numbers[0], &call->arena, version,
                                 &call->error);
  if (!call->code && !codec_work) call->code = azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  if (!call->code)
    call->code = azd_codec_decode(azd_store_codec(call->store->store), codec_work, version->body, &bytes, &call->error);
  if (!call->code) {
    char *copy = azd_arena_copy(&call->arena, azd_buf_str(&bytes));
    call->texts[3] = (struct azd_str){copy, bytes.size};
    if (!copy) call->code = azd_fail(&call->error, AZD_ENOMEM, "no memory for a body");
  }
  azd_buf_free(&bytes);
}

static int version_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  azd_push_version(L, call->out, call->texts[3]);
  return 1;
}
AZD_STORE_VERB(version);

static int store_version(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "type", "id", "seq", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &version_type);
  for (int i = 0; i < 3; i++) call->texts[i] = azd_call_field(L, call, 2, fields[i], true);
  call->numbers[0] = azd_call_integer(L, 2, "seq", 0);
  call->out = azd_call_room(L, call, sizeof(struct azd_version));
  return azd_store_call_go(L, call);
}

/* ---- types(store, scope, seq) ---- */

static void types_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_type_count *types = NULL;
  (void)worker;
  call->code = azd_store_types(call->store->store, call->texts[0], call->numbers[0], &call->arena, &types,
                               &call->out_count, &call->error);
  call->out = types;
}

static int types_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  const struct azd_type_count *types = call->out;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  lua_createtable(L, (int)call->out_count, 0);
  for (size_t i = 0; i < call->out_count; i++) {
    lua_createtable(L, 0, 2);
    azd_set_text(L, "type", types[i].type);
    azd_set_integer(L, "versions", types[i].versions);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
AZD_STORE_VERB(types);

static int store_types(lua_State *L) { /* store scope seq */
  int64_t seq = luaL_checkinteger(L, 3);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &types_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->numbers[0] = seq;
  return azd_store_call_go(L, call);
}

/* ---- export(store, { scope?, seq? | id? | at_ms?, types?, path? }): without a path to standard output ----
 */

static int write_all(void *context, struct azd_str piece, struct azd_error *error) {
  int fd = *(int *)context;
  while (piece.size) {
    ssize_t written = write(fd, piece.data, piece.size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return azd_fail(error, AZD_EIO, "writing the export: %s", strerror(errno));
    piece.data += written;
    piece.size -= (size_t)written;
  }
  return 0;
}

static void export_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct azd_snapshot snapshot;
  const char *path = call->texts[0].data;
  int fd = STDOUT_FILENO;
  (void)worker;
  call->code = azd_store_snapshot(call->store->store, call->in, &call->arena, &snapshot, &call->error);
  if (call->code) return;
  if (*path) fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    call->code = azd_fail(&call->error, AZD_EIO, "%s: %s", path, strerror(errno));
    return;
  }
  call->code = azd_store_export(call->store->store, &snapshot, call->out, call->out_count, write_all, &fd,
                                &call->numbers[0], &call->error);
  if (*path && close(fd) && !call->code) call->code = azd_fail(&call->error, AZD_EIO, "%s: %s", path, strerror(errno));
}
#define export_push azd_call_push_number
AZD_STORE_VERB(export);

static int store_export(lua_State *L) { /* store query */
  static const char *const fields[] = {"scope", "seq", "id", "at_ms", "types", "path", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = azd_store_call_new(L, azd_check_store(L, 1), &export_type);
  call->in = query_of(L, call);
  call->texts[0] = azd_call_field(L, call, 2, "path", false);
  call->out = azd_call_texts(L, call, 2, "types", &call->out_count);
  return azd_store_call_go(L, call);
}

const luaL_Reg azd_store_snapshot_methods[] = {{"export", store_export},       {"snapshot", store_snapshot},
                                               {"snapshots", store_snapshots}, {"types", store_types},
                                               {"version", store_version},     {NULL, NULL}};
