/* Cursors over what may be large: versions of a snapshot, histories, differences, drifts. A cursor is called by a
 * generic `for`: it hands out a row a call and awaits a batch of rows when it has none, so the rows that stand in
 * memory are a batch, whatever there is. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/store_call.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char cursor_class[] = "azdrift.store.cursor";

enum { BATCH_ROWS = 256, BATCH_BYTES = 1024 * 1024 };

struct row {
  union {
    struct azd_pair pair; /* versions use its after alone */
    struct azd_drift drift;
  };
  struct azd_str before_body, after_body; /* decoded; data NULL: none */
};

enum form { VERSIONS, PAIRS, DRIFTS };

struct cursor {
  unsigned refs;
  bool is_busy, is_at_end, bodies;
  enum form form;
  struct azd_store_handle *store; /* counted */
  struct azd_version_cursor *versions;
  struct azd_pair_cursor *pairs;
  struct azd_drift_cursor *drifts;
  struct azd_arena arena; /* of the batch */
  struct row rows[BATCH_ROWS];
  size_t count, next;
};

static void cursor_unref(struct cursor *cursor) {
  if (--cursor->refs) return;
  azd_version_close(cursor->versions);
  azd_pair_close(cursor->pairs);
  azd_drift_close(cursor->drifts);
  azd_arena_free(&cursor->arena);
  azd_store_handle_unref(cursor->store);
  free(cursor);
}

static void release(struct azd_store_call *call) {
  struct cursor *cursor = call->held;
  cursor->is_busy = false;
  cursor_unref(cursor);
}

/* ---- a batch, on a worker ---- */

static int keep_body(struct cursor *cursor, const struct azd_version *version, struct azd_codec_work *work,
                     struct azd_buf *bytes, struct azd_str *body, struct azd_error *error) {
  if (!cursor->bodies || !version->body.size) return 0;
  azd_buf_clear(bytes);
  int rc = azd_codec_decode(azd_store_codec(cursor->store->store), work, version->body, bytes, error);
  if (rc) return rc;
  char *copy = azd_arena_copy(&cursor->arena, azd_buf_str(bytes));
  *body = (struct azd_str){copy, bytes->size};
  return copy ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for a batch of rows");
}

static int keep_texts(struct cursor *cursor, struct azd_str *const *texts, size_t count, struct azd_error *error) {
  for (size_t i = 0; i < count; i++) {
    char *copy = azd_arena_copy(&cursor->arena, *texts[i]);
    if (!copy) return azd_fail(error, AZD_ENOMEM, "no memory for a batch of rows");
    texts[i]->data = copy;
  }
  return 0;
}

static int keep_version(struct cursor *cursor, struct azd_version *v, struct azd_error *error) {
  struct azd_str *texts[] = {&v->id,       &v->type, &v->view, &v->api_version, &v->subscription_id, &v->resource_group,
                             &v->redaction};
  return keep_texts(cursor, texts, sizeof texts / sizeof *texts, error);
}

static int keep_drift(struct cursor *cursor, struct azd_drift *d, struct azd_error *error) {
  struct azd_str *texts[] = {&d->id,  &d->fingerprint, &d->kind,      &d->type,     &d->resource_id, &d->severity,
                             &d->who, &d->why,         &d->report_id, &d->document, &d->earlier};
  return keep_texts(cursor, texts, sizeof texts / sizeof *texts, error);
}

/* As azd_version_next, and everything of row is in the cursor's arena. */
static int read_row(struct cursor *cursor, struct row *row, struct azd_codec_work *work, struct azd_buf *bytes,
                    struct azd_error *error) {
  struct azd_pair *pair = &row->pair;
  int rc = 0;
  *row = (struct row){0};
  if (cursor->form == DRIFTS) {
    rc = azd_drift_next(cursor->drifts, &row->drift, error);
    if (rc <= 0) return rc;
    rc = keep_drift(cursor, &row->drift, error);
    return rc ? rc : 1;
  }
  rc = cursor->form == PAIRS ? azd_pair_next(cursor->pairs, pair, error)
                             : azd_version_next(cursor->versions, &pair->after, error);
  if (rc <= 0) return rc;
  if (cursor->form == VERSIONS) pair->has_after = true;
  rc = 0;
  if (pair->has_before) rc = keep_body(cursor, &pair->before, work, bytes, &row->before_body, error);
  if (!rc && pair->has_after) rc = keep_body(cursor, &pair->after, work, bytes, &row->after_body, error);
  if (!rc && pair->has_before) rc = keep_version(cursor, &pair->before, error);
  if (!rc && pair->has_after) rc = keep_version(cursor, &pair->after, error);
  return rc ? rc : 1;
}

static void rows_run(struct azd_work *base, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)base;
  struct cursor *cursor = call->held;
  struct azd_codec_work *work = azd_worker_codec(worker);
  struct azd_buf bytes;
  int rc = work ? 1 : azd_fail(&call->error, AZD_ENOMEM, "no memory for zstd");
  azd_buf_init(&bytes, 0);
  azd_arena_reset(&cursor->arena);
  cursor->count = cursor->next = 0;
  while (rc > 0 && cursor->count < BATCH_ROWS && cursor->arena.used_bytes < BATCH_BYTES) {
    rc = read_row(cursor, &cursor->rows[cursor->count], work, &bytes, &call->error);
    if (rc > 0) cursor->count++;
  }
  azd_buf_free(&bytes);
  cursor->is_at_end = rc <= 0;
  call->code = rc < 0 ? rc : 0;
}

/* ---- rows as Lua values ---- */

static int push_row(lua_State *L, struct cursor *cursor) {
  const struct row *row = &cursor->rows[cursor->next++];
  if (cursor->form == DRIFTS) {
    azd_push_drift(L, &row->drift);
    return 1;
  }
  if (cursor->form == VERSIONS) {
    azd_push_version(L, &row->pair.after, row->after_body);
    return 1;
  }
  lua_createtable(L, 0, 3);
  if (row->pair.has_before) {
    azd_push_version(L, &row->pair.before, row->before_body);
    lua_setfield(L, -2, "before");
  }
  if (row->pair.has_after) {
    azd_push_version(L, &row->pair.after, row->after_body);
    lua_setfield(L, -2, "after");
  }
  if (row->pair.accepted) azd_set_flag(L, "accepted", true);
  return 1;
}

/* In a `for` a failure cannot be told from the end by a nil: it is raised. */
static int rows_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct cursor *cursor = call->held;
  if (call->code) return luaL_error(L, "%s", call->error.text);
  if (cursor->next == cursor->count) return 0;
  return push_row(L, cursor);
}
AZD_STORE_VERB(rows);

static struct cursor *check_cursor(lua_State *L) {
  struct cursor **box = luaL_checkudata(L, 1, cursor_class);
  luaL_argcheck(L, *box, 1, "a cursor that was closed");
  luaL_argcheck(L, !(*box)->is_busy, 1, "a cursor that another run is reading");
  return *box;
}

static struct azd_store_call *cursor_call(lua_State *L, struct cursor *cursor, const struct azd_work_type *type) {
  struct azd_store_call *call = azd_store_call_new(L, cursor->store, type);
  call->held = cursor;
  call->release = release;
  cursor->refs++;
  cursor->is_busy = true;
  return call;
}

static int cursor_next(lua_State *L) { /* cursor ... */
  struct cursor *cursor = check_cursor(L);
  if (cursor->next < cursor->count) return push_row(L, cursor);
  if (cursor->is_at_end) return 0;
  lua_settop(L, 1);
  return azd_store_call_go(L, cursor_call(L, cursor, &rows_type));
}

static int cursor_gc(lua_State *L) { /* cursor */
  struct cursor **box = lua_touserdata(L, 1), *cursor = *box;
  *box = NULL;
  if (cursor) cursor_unref(cursor);
  return 0;
}

/* Early, so that its connection is free again before the collector comes by. */
static int cursor_close(lua_State *L) { /* cursor */
  luaL_checkudata(L, 1, cursor_class);
  return cursor_gc(L);
}

/* ---- opening ---- */

enum { OPEN_VERSIONS, OPEN_HISTORY, OPEN_DIFF, OPEN_DRIFTS, OPEN_REPORT_DRIFTS };

static void cursor_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  struct cursor *cursor = call->held;
  struct azd_store *store = call->store->store;
  const struct azd_str *texts = call->texts;
  (void)worker;
  switch (call->numbers[0]) {
  case OPEN_VERSIONS: {
    struct azd_version_query query = {
        .scope = texts[0], .type = texts[1], .seq = call->numbers[1], .bodies = cursor->bodies};
    call->code = azd_store_versions(store, &query, &cursor->versions, &call->error);
    return;
  }
  case OPEN_HISTORY: {
    struct azd_key key = azd_key_of(texts[1], texts[2]);
    call->code = azd_store_history(store, texts[0], &key, cursor->bodies, &cursor->versions, &call->error);
    return;
  }
  case OPEN_DIFF: {
    struct azd_diff_query query = {.scope = texts[0],
                                   .from_seq = call->numbers[1],
                                   .to_seq = call->numbers[2],
                                   .from_baseline = call->numbers[3],
                                   .now_ms = call->numbers[4],
                                   .types = call->in,
                                   .type_count = call->in_count,
                                   .bodies = cursor->bodies};
    call->code = azd_store_diff(store, &query, &cursor->pairs, &call->error);
    return;
  }
  case OPEN_DRIFTS:
    call->code = azd_store_drifts(store, texts[0], (unsigned)call->numbers[1], &cursor->drifts, &call->error);
    return;
  default: call->code = azd_store_report_drifts(store, texts[0], &cursor->drifts, &call->error); return;
  }
}

static int cursor_push(lua_State *L, struct azd_work *work) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  int failed = azd_call_failed(L, call);
  if (failed) return failed;
  struct cursor **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, cursor_class);
  *box = call->held;
  (*box)->refs++;
  return 1;
}
AZD_STORE_VERB(cursor);

/* A call that opens a cursor of that form; the cursor is the call's until push. */
static struct azd_store_call *opening_call(lua_State *L, enum form form, int what, bool bodies) {
  struct azd_store_handle *store = azd_check_store(L, 1);
  struct azd_store_call *call = azd_store_call_new(L, store, &cursor_type);
  struct cursor *cursor = calloc(1, sizeof *cursor);
  if (!cursor) luaL_error(L, "not enough memory");
  cursor->refs = 1;
  cursor->is_busy = true;
  cursor->form = form;
  cursor->bodies = bodies;
  cursor->store = store;
  store->refs++;
  azd_arena_init(&cursor->arena, 0);
  call->held = cursor;
  call->release = release;
  call->numbers[0] = what;
  return call;
}

int azd_store_l_versions(lua_State *L) { /* store { scope, seq, type?, bodies? } */
  static const char *const fields[] = {"scope", "seq", "type", "bodies", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = opening_call(L, VERSIONS, OPEN_VERSIONS, azd_call_flag(L, 2, "bodies"));
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  call->texts[1] = azd_call_field(L, call, 2, "type", false);
  call->numbers[1] = azd_call_integer(L, 2, "seq", 0);
  return azd_store_call_go(L, call);
}

int azd_store_l_history(lua_State *L) { /* store { scope?, type, id, bodies? } */
  static const char *const fields[] = {"scope", "type", "id", "bodies", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = opening_call(L, VERSIONS, OPEN_HISTORY, azd_call_flag(L, 2, "bodies"));
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  call->texts[1] = azd_call_field(L, call, 2, "type", true);
  call->texts[2] = azd_call_field(L, call, 2, "id", true);
  return azd_store_call_go(L, call);
}

int azd_store_l_diff(lua_State *L) { /* store { scope, from_seq | from_baseline, to_seq, types?, bodies? } */
  static const char *const fields[] = {"scope", "from_seq", "from_baseline", "to_seq",
                                       "types", "bodies",   "now_ms",        NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = opening_call(L, PAIRS, OPEN_DIFF, azd_call_flag(L, 2, "bodies"));
  call->texts[0] = azd_call_field(L, call, 2, "scope", true);
  call->numbers[1] = azd_call_integer(L, 2, "from_seq", 0);
  call->numbers[2] = azd_call_integer(L, 2, "to_seq", 0);
  call->numbers[3] = azd_call_flag(L, 2, "from_baseline");
  call->numbers[4] = azd_call_integer(L, 2, "now_ms", 0);
  call->in = azd_call_texts(L, call, 2, "types", &call->in_count);
  return azd_store_call_go(L, call);
}

int azd_store_l_drifts(lua_State *L) { /* store { scope?, statuses? } */
  static const char *const fields[] = {"scope", "statuses", NULL};
  azd_check_fields(L, 2, fields);
  struct azd_store_call *call = opening_call(L, DRIFTS, OPEN_DRIFTS, false);
  size_t count;
  call->texts[0] = azd_call_field(L, call, 2, "scope", false);
  struct azd_str *statuses = azd_call_texts(L, call, 2, "statuses", &count);
  for (size_t i = 0; i < count; i++) call->numbers[1] |= azd_check_drift_status(L, 2, statuses[i]);
  return azd_store_call_go(L, call);
}

int azd_store_l_report_drifts(lua_State *L) { /* store report_id */
  luaL_checktype(L, 2, LUA_TSTRING);
  struct azd_store_call *call = opening_call(L, DRIFTS, OPEN_REPORT_DRIFTS, false);
  call->texts[0] = azd_call_text(L, call, 2);
  return azd_store_call_go(L, call);
}

void azd_open_cursor(lua_State *L) {
  static const luaL_Reg methods[] = {{"next", cursor_next}, {"close", cursor_close}, {NULL, NULL}};
  azd_new_class(L, cursor_class, methods, cursor_gc);
  luaL_getmetatable(L, cursor_class);
  lua_pushcfunction(L, cursor_next);
  lua_setfield(L, -2, "__call");
  lua_pop(L, 1);
}
