/* `azdrift.pairs`: what differs between two moments of a store, judged batch by batch (drift/batch.h).
 *
 *   local changes, problem, code = pairs_of.open(store, {                              -- awaits
 *     scope =, to_seq =, from_seq = or from_baseline = true, now_ms = or nil, types = { ... } or nil,
 *     shape = { type_marker =, root_type =, group_marker =, managed_by = } or nil })
 *   changes:fill() -> how many pairs were taken, 0 at the end                          -- awaits
 *   changes:judge(detector) -> batch: drift looked for in them                         -- awaits
 *     batch: { drifts = { drift, ... }, pairs =, effects =, notes =, ignored =, not_compared =,
 *       complete =, errors = json_text, quiet = json_text, apart = { { id =, type = }, ... } }
 *     drift: { id =, type =, kind =, severity =, fingerprint =, expected = text or nil, accepted =,
 *       complete =, changes =, effects =, json = text }
 *   changes:close()
 * Failures answer nil, sentence, code.
 *
 * A batch is read on a store worker and judged on a CPU worker. Thread: the loop's. Blocks: never. */
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "bind/lua_detect.h"
#include "bind/store_call.h"
#include "drift/batch.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char class_name[] = "azdrift.pairs";
enum { STORE_DEADLINE_MS = 600000, JUDGE_DEADLINE_MS = 600000, TYPES_MAX = 10000 };

/* Used by one wait at a time; freed when neither the Lua value nor work needs it. */
struct changes {
  unsigned refs;
  bool is_busy;
  struct azd_store_handle *store;
  struct azd_pair_cursor *cursor;
  struct azd_batch *batch;
  bool looks_around;
  struct azd_around around;
  struct azd_shape shape;
  struct azd_arena arena; /* of the texts of these */
};

struct box {
  struct changes *changes;
};

static void unref(struct changes *changes) {
  if (--changes->refs) return;
  azd_pair_close(changes->cursor);
  azd_batch_free(changes->batch);
  azd_arena_free(&changes->arena);
  azd_store_handle_unref(changes->store);
  free(changes);
}

static struct changes *check_open(lua_State *L, int index) {
  struct box *box = luaL_checkudata(L, index, class_name);
  if (!box->changes) luaL_argerror(L, index, "it is closed");
  return box->changes;
}

static int l_close(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, class_name);
  if (box->changes) unref(box->changes);
  box->changes = NULL;
  return 0;
}

struct task {
  struct azd_work work;
  struct changes *changes;
  int status;
  struct azd_error error;
};

static void close_task(struct azd_work *work) {
  struct task *task = (struct task *)work;
  if (!task->changes) return;
  task->changes->is_busy = false;
  unref(task->changes);
}

static struct task *new_task(lua_State *L, const struct azd_work_type *type, struct changes *changes) {
  if (changes->is_busy) luaL_error(L, "a batch of these changes is under way");
  struct task *task = (struct task *)azd_work_new(L, type);
  azd_work_anchor(L, &task->work, 1);
  task->changes = changes;
  changes->refs++;
  changes->is_busy = true;
  return task;
}

/* ---- open ---- */

struct open {
  struct task task;
  struct azd_diff_query query; /* its texts are of the anchored table */
  struct azd_str *types;
};

static void open_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct open *open = (struct open *)work;
  open->task.status =
      azd_store_diff(open->task.changes->store->store, &open->query, &open->task.changes->cursor, &open->task.error);
}

static int open_push(lua_State *L, struct azd_work *work) {
  struct open *open = (struct open *)work;
  if (open->task.status) return azd_push_error(L, &open->task.error);
  lua_pushvalue(L, 3);
  return 1;
}

static void open_close(struct azd_work *work) {
  free(((struct open *)work)->types);
  close_task(work);
}

static const struct azd_work_type open_type = {
    "looking for changes", sizeof(struct open), open_run, open_push, open_close, NULL};

static struct azd_str copy_field(lua_State *L, struct changes *changes, int index, const char *name) {
  struct azd_str text;
  lua_getfield(L, index, name);
  text.data = luaL_checklstring(L, -1, &text.size);
  char *copy = azd_arena_copy(&changes->arena, text);
  if (!copy) luaL_error(L, "no memory");
  lua_pop(L, 1);
  return (struct azd_str){copy, text.size};
}

/* With a shape, policies see the group and the parent as the newer moment shows them. */
static void read_around(lua_State *L, struct changes *changes) {
  if (lua_getfield(L, 2, "shape") == LUA_TTABLE) {
    int index = lua_gettop(L);
    changes->shape = (struct azd_shape){.type_marker = copy_field(L, changes, index, "type_marker"),
                                        .root_type = copy_field(L, changes, index, "root_type")};
    changes->around = (struct azd_around){.store = changes->store->store,
                                          .scope = copy_field(L, changes, 2, "scope"),
                                          .shape = &changes->shape,
                                          .group_marker = copy_field(L, changes, index, "group_marker"),
                                          .managed_by = copy_field(L, changes, index, "managed_by")};
    lua_getfield(L, 2, "to_seq");
    changes->around.seq = luaL_checkinteger(L, -1);
    lua_pop(L, 1);
    changes->looks_around = true;
  }
  lua_pop(L, 1);
}

static void read_query(lua_State *L, struct open *open) {
  struct azd_diff_query *query = &open->query;
  query->bodies = true;
  lua_getfield(L, 2, "scope");
  query->scope.data = luaL_checklstring(L, -1, &query->scope.size);
  lua_getfield(L, 2, "from_baseline");
  query->from_baseline = lua_toboolean(L, -1);
  lua_getfield(L, 2, "to_seq");
  query->to_seq = luaL_checkinteger(L, -1);
  lua_getfield(L, 2, "from_seq");
  query->from_seq = query->from_baseline ? 0 : luaL_checkinteger(L, -1);
  lua_getfield(L, 2, "now_ms");
  query->now_ms = luaL_optinteger(L, -1, 0);
  if (lua_getfield(L, 2, "types") != LUA_TNIL) {
    luaL_checktype(L, -1, LUA_TTABLE);
    size_t count = lua_rawlen(L, -1);
    if (count > TYPES_MAX) luaL_error(L, "types: at most %d", TYPES_MAX);
    open->types = calloc(count + 1, sizeof *open->types);
    if (!open->types) luaL_error(L, "no memory");
    for (size_t i = 0; i < count; i++, lua_pop(L, 1)) {
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      open->types[i].data = luaL_checklstring(L, -1, &open->types[i].size);
    }
    query->types = open->types;
    query->type_count = count;
  }
}

static int l_open(lua_State *L) {
  struct azd_store_handle *store = azd_check_store(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->changes = NULL;
  luaL_setmetatable(L, class_name);
  struct changes *changes = box->changes = calloc(1, sizeof *changes);
  if (!changes) return luaL_error(L, "no memory");
  changes->refs = 1;
  azd_arena_init(&changes->arena, 0);
  changes->store = store;
  store->refs++;
  changes->batch = azd_batch_new();
  if (!changes->batch) return luaL_error(L, "no memory");
  struct open *open = (struct open *)new_task(L, &open_type, changes);
  azd_work_anchor(L, &open->task.work, 2);
  azd_work_anchor(L, &open->task.work, 3);
  read_query(L, open);
  read_around(L, changes);
  return azd_await_work(L, &open->task.work, azd_engine_of(L)->store_pool, STORE_DEADLINE_MS);
}

/* ---- judge what was filled ---- */

struct judge {
  struct task task;
  const struct azd_detect_setup *setup;
  struct azd_batch_result result;
};

static void *create_worker(void) {
  return azd_batch_worker_new();
}
static void destroy_worker(void *worker) {
  azd_batch_worker_free(worker);
}
static const struct azd_worker_kind worker_kind = {create_worker, destroy_worker};

static void judge_run(struct azd_work *work, struct azd_worker *worker) {
  struct judge *judge = (struct judge *)work;
  struct changes *changes = judge->task.changes;
  struct azd_batch_worker *memory = azd_worker_keep(worker, &worker_kind);
  if (!memory)
    judge->task.status = azd_fail(&judge->task.error, AZD_ENOMEM, "no memory to look for drift");
  else
    judge->task.status = azd_batch_judge(changes->batch, memory, &judge->setup->options,
                                         azd_store_codec(changes->store->store), &judge->result, &judge->task.error);
}

static void set_array(lua_State *L, const char *name, struct azd_str objects) {
  lua_pushliteral(L, "[");
  lua_pushlstring(L, objects.size ? objects.data : "", objects.size);
  lua_pushliteral(L, "]");
  lua_concat(L, 3);
  lua_setfield(L, -2, name);
}

static void push_drift(lua_State *L, const struct azd_batch_drift *drift) {
  const struct azd_detected *detected = &drift->detected;
  lua_createtable(L, 0, 11);
  azd_set_text(L, "id", drift->id);
  azd_set_text(L, "type", drift->type);
  azd_set_text(L, "kind", azd_str_of(azd_drift_kind_name(detected->kind)));
  azd_set_text(L, "severity", azd_str_of(azd_severity_name(detected->severity)));
  azd_set_text(L, "fingerprint", azd_str_of(detected->fingerprint));
  if (detected->expected) azd_set_text(L, "expected", azd_str_of(detected->expected));
  azd_set_flag(L, "accepted", drift->accepted);
  azd_set_flag(L, "complete", detected->complete);
  azd_set_integer(L, "changes", detected->changes);
  azd_set_integer(L, "effects", detected->effects);
  azd_set_text(L, "json", detected->json);
}

static int judge_push(lua_State *L, struct azd_work *work) {
  struct judge *judge = (struct judge *)work;
  const struct azd_batch_result *result = &judge->result;
  if (judge->task.status) return azd_push_error(L, &judge->task.error);
  lua_createtable(L, 0, 10);
  azd_set_integer(L, "pairs", result->pairs);
  azd_set_integer(L, "effects", result->effects);
  azd_set_integer(L, "notes", result->notes);
  azd_set_integer(L, "ignored", result->ignored);
  azd_set_integer(L, "not_compared", result->not_compared);
  azd_set_flag(L, "complete", result->complete);
  set_array(L, "errors", result->errors);
  set_array(L, "quiet", result->quiet);
  lua_createtable(L, (int)result->count, 0);
  for (uint32_t i = 0; i < result->count; i++) {
    push_drift(L, &result->drifts[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "drifts");
  lua_createtable(L, (int)result->apart_count, 0);
  for (uint32_t i = 0; i < result->apart_count; i++) {
    lua_createtable(L, 0, 2);
    azd_set_text(L, "id", result->apart[i].id);
    azd_set_text(L, "type", result->apart[i].type);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "apart");
  return 1;
}

static const struct azd_work_type judge_type = {"looking for drift", sizeof(struct judge), judge_run,
                                                judge_push,          close_task,           NULL};

/* ---- fill ---- */

struct fill {
  struct task task;
  int filled;
};

static void fill_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct fill *fill = (struct fill *)work;
  struct changes *changes = fill->task.changes;
  fill->filled = azd_batch_fill(changes->batch, changes->cursor, changes->looks_around ? &changes->around : NULL,
                                &fill->task.error);
}

static int fill_push(lua_State *L, struct azd_work *work) {
  struct fill *fill = (struct fill *)work;
  if (fill->filled < 0) return azd_push_error(L, &fill->task.error);
  lua_pushinteger(L, fill->filled);
  return 1;
}

static const struct azd_work_type fill_type = {"reading changes", sizeof(struct fill), fill_run,
                                               fill_push,         close_task,          NULL};

static int l_fill(lua_State *L) {
  struct changes *changes = check_open(L, 1);
  lua_settop(L, 1);
  return azd_await_work(L, &new_task(L, &fill_type, changes)->work, azd_engine_of(L)->store_pool, STORE_DEADLINE_MS);
}

static int l_judge(lua_State *L) {
  struct changes *changes = check_open(L, 1);
  const struct azd_detect_setup *setup = azd_check_detector(L, 2);
  lua_settop(L, 2);
  struct judge *judge = (struct judge *)new_task(L, &judge_type, changes);
  azd_work_anchor(L, &judge->task.work, 2);
  judge->setup = setup;
  return azd_await_work(L, &judge->task.work, azd_engine_of(L)->cpu_pool, JUDGE_DEADLINE_MS);
}

int azd_open_pairs(lua_State *L) {
  static const luaL_Reg methods[] = {{"fill", l_fill}, {"judge", l_judge}, {"close", l_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
