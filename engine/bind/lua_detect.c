/* `azdrift.detectors`: finds drift (drift/detect.h, drift/compare.h) for scripts. Bodies and drifts stay C bytes and
 * JSON text; only counts become Lua values.
 *
 *   local detector = require("azdrift.detectors").new({ bundle =, shape = table, raw =, rules_only =, show_ignored =,
 *     redaction_key = text, scope = text, now_ms =, against_baseline = })         bundle may be nil where raw is set
 *   detector:compare(old_path, new_path) -> result or nil, sentence, code                                   -- awaits
 *   detector:move(...): lua_move.c
 *   detector:pair({ before = json_text, after = json_text, before_view =, before_api_version =, after_view =,
 *     after_api_version = }) -> result: two bodies of one resource                                          -- awaits
 *     result: { drifts = json_text (an array), errors = json_text (an array), quiet = json_text (an array), count =,
 * by_severity = { high = 1 }, changes =, effects =, notes =, ignored =, not_compared =, complete =, duplicate_keys =,
 * old_resources =, new_resources = } detector:batch(lines_text) -> answers_text, drifted, failed -- awaits shape: {
 * items =, groups =, id =, type =, type_marker =, root_type =, identities = { pointer, ... } }
 *
 * Thread: the loop's; the work is done on CPU workers, which also read the two files. Blocks: never. */
#include "bind/lua_detect.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "bind/lua_bundle.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char class_name[] = "azdrift.detector";
enum { COMPARE_DEADLINE_MS = 600000, BATCH_DEADLINE_MS = 600000 };

struct box {
  struct azd_detect_setup *setup;
};

const struct azd_detect_setup *azd_check_detector(lua_State *L, int index) {
  struct box *box = luaL_checkudata(L, index, class_name);
  if (!box->setup) luaL_argerror(L, index, "the detector is closed");
  return box->setup;
}

static int l_close(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, class_name);
  if (!box->setup) return 0;
  azd_bundle_unref(box->setup->options.bundle);
  azd_arena_free(&box->setup->arena);
  free(box->setup);
  box->setup = NULL;
  return 0;
}

static struct azd_str copy_field(lua_State *L, struct azd_detect_setup *setup, int index, const char *name) {
  int type = lua_getfield(L, index, name);
  struct azd_str text = {"", 0};
  if (type == LUA_TSTRING)
    text.data = lua_tolstring(L, -1, &text.size);
  else if (type != LUA_TNIL)
    luaL_error(L, "detectors.new: %s: text expected, got %s", name, lua_typename(L, type));
  char *copy = azd_arena_copy(&setup->arena, text);
  if (!copy) luaL_error(L, "detectors.new: no memory");
  lua_pop(L, 1);
  return (struct azd_str){copy, text.size};
}

static bool flag_field(lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  bool flag = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return flag;
}

static void read_shape(lua_State *L, struct azd_detect_setup *setup) {
  lua_getfield(L, 1, "shape");
  luaL_checktype(L, -1, LUA_TTABLE);
  int index = lua_gettop(L);
  setup->shape = (struct azd_shape){
      .items = copy_field(L, setup, index, "items"),
      .groups = copy_field(L, setup, index, "groups"),
      .id = copy_field(L, setup, index, "id"),
      .type = copy_field(L, setup, index, "type"),
      .type_marker = copy_field(L, setup, index, "type_marker"),
      .root_type = copy_field(L, setup, index, "root_type"),
  };
  if (lua_getfield(L, index, "identities") == LUA_TTABLE) {
    size_t count = lua_rawlen(L, -1);
    if (count > AZD_DETECT_IDENTITIES_MAX)
      luaL_error(L, "detectors.new: at most %d identities", AZD_DETECT_IDENTITIES_MAX);
    for (size_t i = 0; i < count; i++) {
      struct azd_str pointer;
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
      pointer.data = luaL_checklstring(L, -1, &pointer.size);
      char *copy = azd_arena_copy(&setup->arena, pointer);
      if (!copy) luaL_error(L, "detectors.new: no memory");
      setup->options.identities[i] = (struct azd_str){copy, pointer.size};
      lua_pop(L, 1);
    }
    setup->options.identity_count = (uint32_t)count;
  }
  lua_pop(L, 2);
}

static int l_new(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->setup = NULL;
  luaL_setmetatable(L, class_name);
  struct azd_detect_setup *setup = box->setup = calloc(1, sizeof *setup);
  if (!setup) return luaL_error(L, "detectors.new: no memory");
  azd_arena_init(&setup->arena, 0);
  read_shape(L, setup);
  setup->options.raw = flag_field(L, 1, "raw");
  setup->options.rules_only = flag_field(L, 1, "rules_only");
  setup->options.show_ignored = flag_field(L, 1, "show_ignored");
  setup->options.against_baseline = flag_field(L, 1, "against_baseline");
  setup->options.redaction_key = copy_field(L, setup, 1, "redaction_key");
  setup->options.scope = copy_field(L, setup, 1, "scope");
  lua_getfield(L, 1, "now_ms");
  setup->options.now_ms = luaL_checkinteger(L, -1);
  lua_pop(L, 1);
  if (lua_getfield(L, 1, "bundle") != LUA_TNIL)
    setup->options.bundle = azd_bundle_ref(azd_check_bundle(L, -1));
  else if (!setup->options.raw)
    return luaL_argerror(L, 1, "a bundle is needed unless raw");
  lua_pop(L, 1);
  return 1;
}

static void *create_comparer(void) {
  return azd_comparer_new();
}
static void destroy_comparer(void *comparer) {
  azd_comparer_free(comparer);
}
static const struct azd_worker_kind comparer_kind = {create_comparer, destroy_comparer};

struct azd_comparer *azd_worker_comparer(struct azd_worker *worker) {
  return azd_worker_keep(worker, &comparer_kind);
}

/* ---- compare two files, or two bodies ---- */

struct compare {
  struct azd_work work;
  const struct azd_detect_setup *setup;
  const char *old_path, *new_path; /* NULL: input has the texts, anchored */
  struct azd_compare_input input;
  struct azd_buf old_text, new_text, drifts, errors, quiet;
  struct azd_compare_result result;
  int status;
  struct azd_error error;
};

static int read_files(struct compare *compare) {
  int status = azd_read_file(compare->old_path, AZD_COMPARE_FILE_MAX_BYTES, &compare->old_text, &compare->error);
  if (!status)
    status = azd_read_file(compare->new_path, AZD_COMPARE_FILE_MAX_BYTES, &compare->new_text, &compare->error);
  compare->input.old_text = azd_buf_str(&compare->old_text);
  compare->input.new_text = azd_buf_str(&compare->new_text);
  return status;
}

/* The side becomes the file's name. */
static void name_file(struct compare *compare) {
  char *text = compare->error.text;
  if (!compare->old_path || (strncmp(text, "old: ", 5) && strncmp(text, "new: ", 5))) return;
  const char *path = text[0] == 'o' ? compare->old_path : compare->new_path;
  memmove(text, text + 5, strlen(text + 5) + 1);
  azd_error_prefix(&compare->error, "%s", path);
}

static int compare_sides(struct compare *compare, struct azd_comparer *comparer) {
  int status = compare->old_path ? read_files(compare) : 0;
  if (status) return status;
  azd_buf_append_char(&compare->errors, '[');
  azd_buf_append_char(&compare->quiet, '[');
  status = azd_compare_texts(comparer, &compare->setup->options, &compare->setup->shape, &compare->input,
                             &compare->drifts, &compare->errors, &compare->quiet, &compare->result, &compare->error);
  azd_buf_append_char(&compare->errors, ']');
  azd_buf_append_char(&compare->quiet, ']');
  if (!status && (azd_buf_status(&compare->errors) || azd_buf_status(&compare->quiet)))
    status = azd_fail(&compare->error, AZD_ENOMEM, "no memory for the report");
  if (status) name_file(compare);
  return status;
}

static void compare_run(struct azd_work *work, struct azd_worker *worker) {
  struct compare *compare = (struct compare *)work;
  struct azd_comparer *comparer = azd_worker_comparer(worker);
  if (!comparer)
    compare->status = azd_fail(&compare->error, AZD_ENOMEM, "no memory for a comparison");
  else
    compare->status = compare_sides(compare, comparer);
}

static void set_count(lua_State *L, const char *name, uint32_t count) {
  lua_pushinteger(L, count);
  lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const struct azd_buf *text) {
  lua_pushlstring(L, text->data, text->size);
  lua_setfield(L, -2, name);
}

void azd_push_compare_result(lua_State *L, const struct azd_compare_result *result, const struct azd_buf *drifts,
                             const struct azd_buf *errors, const struct azd_buf *quiet) {
  lua_createtable(L, 0, 13);
  set_text(L, "drifts", drifts);
  set_text(L, "errors", errors);
  set_text(L, "quiet", quiet);
  set_count(L, "count", result->drifts);
  set_count(L, "changes", result->changes);
  set_count(L, "effects", result->effects);
  set_count(L, "notes", result->notes);
  set_count(L, "ignored", result->ignored);
  set_count(L, "not_compared", result->not_compared);
  set_count(L, "duplicate_keys", result->duplicate_keys);
  set_count(L, "old_resources", result->old_resources);
  set_count(L, "new_resources", result->new_resources);
  lua_pushboolean(L, result->complete);
  lua_setfield(L, -2, "complete");
  lua_newtable(L);
  for (int severity = AZD_SEVERITY_INFO; severity <= AZD_SEVERITY_CRITICAL; severity++)
    if (result->by_severity[severity])
      set_count(L, azd_severity_name((enum azd_severity)severity), result->by_severity[severity]);
  lua_setfield(L, -2, "by_severity");
}

static int compare_push(lua_State *L, struct azd_work *work) {
  struct compare *compare = (struct compare *)work;
  if (compare->status) return azd_push_error(L, &compare->error);
  azd_push_compare_result(L, &compare->result, &compare->drifts, &compare->errors, &compare->quiet);
  return 1;
}

static void compare_close(struct azd_work *work) {
  struct compare *compare = (struct compare *)work;
  azd_buf_free(&compare->old_text);
  azd_buf_free(&compare->new_text);
  azd_buf_free(&compare->drifts);
  azd_buf_free(&compare->errors);
  azd_buf_free(&compare->quiet);
}

static const struct azd_work_type compare_type = {"comparing",  sizeof(struct compare), compare_run,
                                                  compare_push, compare_close,          NULL};

static int l_compare(lua_State *L) {
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  const char *old_path = luaL_checkstring(L, 2), *new_path = luaL_checkstring(L, 3);
  lua_settop(L, 3);
  struct compare *compare = (struct compare *)azd_work_new(L, &compare_type);
  for (int i = 1; i <= 3; i++) azd_work_anchor(L, &compare->work, i);
  compare->setup = setup;
  compare->old_path = old_path;
  compare->new_path = new_path;
  return azd_await_work(L, &compare->work, azd_engine_of(L)->cpu_pool, COMPARE_DEADLINE_MS);
}

/* Borrowed from the table at index, which the work anchors. */
static struct azd_str text_field(lua_State *L, int index, const char *name, bool is_needed) {
  struct azd_str text = {"", 0};
  int type = lua_getfield(L, index, name);
  if (type == LUA_TSTRING)
    text.data = lua_tolstring(L, -1, &text.size);
  else if (type != LUA_TNIL || is_needed)
    luaL_error(L, "detector:pair: %s: text expected, got %s", name, lua_typename(L, type));
  lua_pop(L, 1);
  return text;
}

static int l_pair(lua_State *L) {
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  struct compare *compare = (struct compare *)azd_work_new(L, &compare_type);
  for (int i = 1; i <= 2; i++) azd_work_anchor(L, &compare->work, i);
  compare->setup = setup;
  compare->input = (struct azd_compare_input){
      .old_text = text_field(L, 2, "before", true),
      .new_text = text_field(L, 2, "after", true),
      .old_view = text_field(L, 2, "before_view", false),
      .new_view = text_field(L, 2, "after_view", false),
      .old_api_version = text_field(L, 2, "before_api_version", false),
      .new_api_version = text_field(L, 2, "after_api_version", false),
  };
  return azd_await_work(L, &compare->work, azd_engine_of(L)->cpu_pool, COMPARE_DEADLINE_MS);
}

/* ---- many pairs of files ---- */

struct batch {
  struct azd_work work;
  const struct azd_detect_setup *setup;
  struct azd_str lines; /* anchored */
  struct azd_buf answers;
  lua_Integer drifted, failed;
  int status;
  struct azd_error error;
};

static void batch_run(struct azd_work *work, struct azd_worker *worker) {
  struct batch *batch = (struct batch *)work;
  struct azd_comparer *comparer = azd_worker_comparer(worker);
  struct azd_str rest = batch->lines;
  if (!comparer) batch->status = azd_fail(&batch->error, AZD_ENOMEM, "no memory for a comparison");
  while (!batch->status && rest.size) {
    const char *end = memchr(rest.data, '\n', rest.size);
    struct azd_str line = {rest.data, end ? (size_t)(end - rest.data) : rest.size};
    size_t taken = line.size + (end != NULL);
    rest = (struct azd_str){rest.data + taken, rest.size - taken};
    if (!line.size) continue;
    bool drifted = false, failed = false;
    batch->status = azd_compare_line(comparer, &batch->setup->options, &batch->setup->shape, line, &batch->answers,
                                     &drifted, &failed);
    batch->drifted += drifted;
    batch->failed += failed;
    if (batch->status) azd_fail(&batch->error, batch->status, "no memory for the answers");
  }
}

static int batch_push(lua_State *L, struct azd_work *work) {
  struct batch *batch = (struct batch *)work;
  if (batch->status) return azd_push_error(L, &batch->error);
  lua_pushlstring(L, batch->answers.size ? batch->answers.data : "", batch->answers.size);
  lua_pushinteger(L, batch->drifted);
  lua_pushinteger(L, batch->failed);
  return 3;
}

static void batch_close(struct azd_work *work) {
  azd_buf_free(&((struct batch *)work)->answers);
}

static const struct azd_work_type batch_type = {
    "a batch of comparisons", sizeof(struct batch), batch_run, batch_push, batch_close, NULL};

static int l_batch(lua_State *L) {
  const struct azd_detect_setup *setup = azd_check_detector(L, 1);
  struct azd_str lines;
  lines.data = luaL_checklstring(L, 2, &lines.size);
  lua_settop(L, 2);
  struct batch *batch = (struct batch *)azd_work_new(L, &batch_type);
  azd_work_anchor(L, &batch->work, 1);
  azd_work_anchor(L, &batch->work, 2);
  batch->setup = setup;
  batch->lines = lines;
  return azd_await_work(L, &batch->work, azd_engine_of(L)->cpu_pool, BATCH_DEADLINE_MS);
}

int azd_open_detectors(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"compare", l_compare}, {"pair", l_pair}, {"batch", l_batch}, {"move", azd_detector_l_move}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
