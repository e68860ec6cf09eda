/* `azdrift.collectors`: pages of one collection become new versions of its commit (drift/collect.h).
 *
 *   local lease, map, commit = store:acquire(...), store:map(...), store:begin(lease)
 *   local collector = collectors.new({ store =, map =, commit =, scope =, subscription =, bundle =, shape = table,
 *     redaction_key =, redaction_id = })
 *   collector:page(reply, { single =, inventory =, names =, next = { pointer, ... }, id =, type =, view =,
 *     api_version = })                                                                          -- awaits
 *     -> { items =, fresh =, not_owned =, repeated =, redacted =, duplicate_keys =, nameless =, next = text or nil,
 *          ids = { id, type, id, type, ... } where names are wanted }
 *   collector:flush(all) -> true                -- writes what waits, where it is worth a write or all is said; awaits
 *   collector:missing(type) -> { { id =, type =, place = }, ... }: open, and shown by no page    -- awaits
 *   collector:missing_count(type) -> how many those are
 *   collector:keep(place)                       -- it is still there, or is kept for another reason
 * Failures answer nil, sentence, code. The collector keeps its store, map and commit.
 *
 * Thread: the loop's; pages are read on CPU workers, the rest works on store workers. Blocks: never. */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "bind/lua_bundle.h"
#include "bind/lua_http.h"
#include "bind/store_call.h"
#include "drift/collect.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char class_name[] = "azdrift.collector";

enum {
  PAGE_DEADLINE_MS = 120000,  /* CPU work on one reply, with the queue before it */
  STORE_DEADLINE_MS = 600000, /* the store waits for other writers by a time of its own, which is shorter */
};

/* Shared by the Lua value and by work under way, freed by the last of them. Counted on the loop thread only. */
struct collector {
  unsigned refs;
  bool is_flushing;
  struct azd_store_handle *store;
  struct azd_map_handle *map; /* in use as long as the collector lives: it must not be loaded anew meanwhile */
  struct azd_commit_handle *commit;
  struct azd_bundle *bundle;
  struct azd_collect *collect;
  struct azd_shape shape;
  struct azd_collect_options options;
  struct azd_arena arena; /* of the texts above */
};

struct box {
  struct collector *collector; /* NULL: closed */
};

static void unref(struct collector *collector) {
  if (--collector->refs) return;
  azd_collect_free(collector->collect);
  if (collector->commit) azd_commit_handle_unref(collector->commit);
  if (collector->map) {
    collector->map->users--;
    azd_map_handle_unref(collector->map);
  }
  if (collector->store) azd_store_handle_unref(collector->store);
  azd_bundle_unref(collector->bundle);
  azd_arena_free(&collector->arena);
  free(collector);
}

static struct collector *check_open(lua_State *L, int index) {
  struct box *box = luaL_checkudata(L, index, class_name);
  luaL_argcheck(L, box->collector, index, "the collector is closed");
  return box->collector;
}

static int l_close(lua_State *L) { /* collector */
  struct box *box = luaL_checkudata(L, 1, class_name);
  if (box->collector) unref(box->collector);
  box->collector = NULL;
  return 0;
}

/* ---- new ---- */

static struct azd_str copy_text(lua_State *L, struct collector *collector, int index, const char *name, bool required) {
  struct azd_str text = {"", 0};
  int type = lua_getfield(L, index, name);
  if (type == LUA_TSTRING)
    text.data = lua_tolstring(L, -1, &text.size);
  else if (type != LUA_TNIL || required)
    luaL_error(L, "collectors.new: %s: text expected, got %s", name, lua_typename(L, type));
  char *copy = azd_arena_copy(&collector->arena, text);
  if (!copy) luaL_error(L, "collectors.new: no memory");
  lua_pop(L, 1);
  return (struct azd_str){copy, text.size};
}

static void read_shape(lua_State *L, struct collector *collector) {
  lua_getfield(L, 1, "shape");
  luaL_checktype(L, -1, LUA_TTABLE);
  int index = lua_gettop(L);
  collector->shape = (struct azd_shape){
      .items = copy_text(L, collector, index, "items", true),
      .groups = copy_text(L, collector, index, "groups", false),
      .id = copy_text(L, collector, index, "id", true),
      .type = copy_text(L, collector, index, "type", true),
      .type_marker = copy_text(L, collector, index, "type_marker", true),
      .root_type = copy_text(L, collector, index, "root_type", false),
  };
  collector->options.group_marker = copy_text(L, collector, index, "group_marker", false);
  lua_pop(L, 1);
}

static void take_handles(lua_State *L, struct collector *collector) {
  lua_getfield(L, 1, "store");
  collector->store = azd_check_store(L, -1);
  collector->store->refs++;
  lua_getfield(L, 1, "map");
  collector->map = azd_check_map(L, -1);
  collector->map->refs++;
  collector->map->users++;
  lua_getfield(L, 1, "commit");
  collector->commit = azd_check_commit(L, -1);
  collector->commit->refs++;
  lua_getfield(L, 1, "bundle");
  collector->bundle = azd_bundle_ref(azd_check_bundle(L, -1));
  lua_pop(L, 4);
}

static int l_new(lua_State *L) {
  struct azd_error error;
  luaL_checktype(L, 1, LUA_TTABLE);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->collector = NULL;
  luaL_setmetatable(L, class_name);
  struct collector *collector = box->collector = calloc(1, sizeof *collector);
  if (!collector) return luaL_error(L, "collectors.new: no memory");
  collector->refs = 1;
  azd_arena_init(&collector->arena, 0);
  take_handles(L, collector);
  read_shape(L, collector);
  struct azd_collect_options *options = &collector->options;
  options->scope = copy_text(L, collector, 1, "scope", true);
  options->subscription = copy_text(L, collector, 1, "subscription", false);
  options->redaction_key = copy_text(L, collector, 1, "redaction_key", true);
  options->redaction_id = copy_text(L, collector, 1, "redaction_id", false);
  options->shape = &collector->shape;
  options->ruleset = azd_bundle_ruleset(collector->bundle);
  options->map = collector->map->map;
  options->store = collector->store->store;
  collector->collect = azd_collect_new(options, &error);
  return collector->collect ? 1 : azd_push_error(L, &error);
}

/* ---- work on a collector ---- */

struct task {
  struct azd_work work;
  struct collector *collector;
  int status;
  struct azd_error error;
};

static struct task *new_task(lua_State *L, const struct azd_work_type *type, struct collector *collector) {
  struct task *task = (struct task *)azd_work_new(L, type);
  task->collector = collector;
  collector->refs++;
  return task;
}

static void close_task(struct azd_work *work) {
  struct task *task = (struct task *)work;
  if (task->collector) unref(task->collector);
}

/* ---- pages ---- */

struct page {
  struct task task;
  struct azd_page page; /* its texts are of the anchored table */
  struct azd_buf body;  /* taken from the reply: freed by the worker as soon as it was read */
  struct azd_page_result result;
  struct azd_buf next, names; /* copies: the worker's memory goes on */
};

static void *create_worker(void) {
  return azd_collect_worker_new();
}
static void destroy_worker(void *worker) {
  azd_collect_worker_free(worker);
}
static const struct azd_worker_kind worker_kind = {create_worker, destroy_worker};

static void page_run(struct azd_work *work, struct azd_worker *worker) {
  struct page *page = (struct page *)work;
  struct task *task = &page->task;
  struct azd_collect_worker *memory = azd_worker_keep(worker, &worker_kind);
  if (!memory) {
    task->status = azd_fail(&task->error, AZD_ENOMEM, "no memory to read a page");
    return;
  }
  task->status = azd_collect_page(task->collector->collect, memory, &page->page, &page->result, &task->error);
  if (!task->status) {
    azd_buf_append_str(&page->next, page->result.next); /* may be a slice of the body */
    azd_buf_append_str(&page->names, page->result.names);
  }
  azd_buf_free(&page->body);
  if (task->status) return;
  task->status = azd_buf_status(&page->next) ? azd_buf_status(&page->next) : azd_buf_status(&page->names);
  if (task->status) azd_fail(&task->error, task->status, "no memory for the names of a page");
}

static void push_names(lua_State *L, struct azd_str names) {
  lua_Integer place = 0;
  lua_newtable(L);
  for (const char *at = names.data, *end = at + names.size; at < end;) {
    size_t size = strlen(at);
    lua_pushlstring(L, at, size);
    lua_rawseti(L, -2, ++place);
    at += size + 1;
  }
}

static int page_push(lua_State *L, struct azd_work *work) {
  struct page *page = (struct page *)work;
  const struct azd_page_result *result = &page->result;
  if (page->task.status) return azd_push_error(L, &page->task.error);
  lua_createtable(L, 0, 10);
  azd_set_integer(L, "items", result->items);
  azd_set_integer(L, "fresh", result->fresh);
  azd_set_integer(L, "not_owned", result->not_owned);
  azd_set_integer(L, "repeated", result->repeated);
  azd_set_integer(L, "redacted", result->redacted);
  azd_set_integer(L, "duplicate_keys", result->duplicate_keys);
  azd_set_integer(L, "nameless", result->nameless);
  azd_set_text(L, "next", azd_buf_str(&page->next));
  if (page->page.names) {
    push_names(L, azd_buf_str(&page->names));
    lua_setfield(L, -2, "ids");
  }
  return 1;
}

static void page_close(struct azd_work *work) {
  struct page *page = (struct page *)work;
  azd_buf_free(&page->body);
  azd_buf_free(&page->next);
  azd_buf_free(&page->names);
  close_task(work);
}

static const struct azd_work_type page_type = {"reading a page", sizeof(struct page), page_run,
                                               page_push,        page_close,          NULL};

/* Borrowed from the table at index. */
static struct azd_str text_field(lua_State *L, int index, const char *name) {
  struct azd_str text = {"", 0};
  int type = lua_getfield(L, index, name);
  if (type == LUA_TSTRING)
    text.data = lua_tolstring(L, -1, &text.size);
  else if (type != LUA_TNIL)
    luaL_error(L, "%s: text expected, got %s", name, lua_typename(L, type));
  lua_pop(L, 1);
  return text;
}

static int l_page(lua_State *L) {
  struct collector *collector = check_open(L, 1);
  struct azd_http_reply *reply = azd_check_http_reply(L, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  if (reply->encoding == AZD_HTTP_UNKNOWN_ENCODING)
    return azd_push_failure(L, AZD_EUNSUPPORTED, "the reply has a Content-Encoding that was not asked for");
  struct page *page = (struct page *)new_task(L, &page_type, collector);
  azd_work_anchor(L, &page->task.work, 3);
  page->page = (struct azd_page){
      .packed = reply->encoding != AZD_HTTP_IDENTITY,
      .single = azd_call_flag(L, 3, "single"),
      .inventory = azd_call_flag(L, 3, "inventory"),
      .names = azd_call_flag(L, 3, "names"),
      .id = text_field(L, 3, "id"),
      .type = text_field(L, 3, "type"),
      .view = text_field(L, 3, "view"),
      .api_version = text_field(L, 3, "api_version"),
  };
  if (lua_getfield(L, 3, "next") == LUA_TTABLE)
    for (int i = 0; i < AZD_PAGE_NEXT_MAX && lua_rawgeti(L, -1, i + 1) == LUA_TSTRING; i++, lua_pop(L, 1))
      page->page.next[i].data = lua_tolstring(L, -1, &page->page.next[i].size);
  page->body = reply->body; /* from here on nothing raises */
  reply->body = (struct azd_buf){0};
  page->page.bytes = azd_buf_str(&page->body);
  return azd_await_work(L, &page->task.work, azd_engine_of(L)->cpu_pool, PAGE_DEADLINE_MS);
}

/* ---- flush ---- */

static void flush_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct task *task = (struct task *)work;
  task->status = azd_collect_flush(task->collector->collect, task->collector->commit->commit, &task->error);
}

static int flush_push(lua_State *L, struct azd_work *work) {
  struct task *task = (struct task *)work;
  if (task->status) return azd_push_error(L, &task->error);
  lua_pushboolean(L, true);
  return 1;
}

static void flush_close(struct azd_work *work) {
  struct task *task = (struct task *)work;
  if (task->collector) {
    task->collector->is_flushing = false;
    task->collector->commit->users--;
  }
  close_task(work);
}

static const struct azd_work_type flush_type = {"writing versions", sizeof(struct task), flush_run,
                                                flush_push,         flush_close,         NULL};

static int l_flush(lua_State *L) {
  struct collector *collector = check_open(L, 1);
  bool all = lua_toboolean(L, 2);
  size_t waiting_bytes = azd_collect_waiting_bytes(collector->collect);
  if (all && collector->is_flushing) return azd_push_failure(L, AZD_EBUSY, "another flush is under way");
  if (collector->is_flushing || !waiting_bytes || (!all && waiting_bytes < AZD_COLLECT_FLUSH_BYTES)) {
    lua_pushboolean(L, true);
    return 1;
  }
  luaL_argcheck(L, collector->commit->commit && !collector->commit->is_ending, 1,
                "its commit was published or aborted");
  struct task *task = new_task(L, &flush_type, collector);
  collector->is_flushing = true;
  collector->commit->users++;
  return azd_await_work(L, &task->work, azd_engine_of(L)->store_pool, STORE_DEADLINE_MS);
}

/* ---- what no page showed ---- */

struct named {
  struct azd_str id, type;
};

struct missing {
  struct task task;
  struct azd_str type; /* anchored */
  size_t *places, count, capacity;
  struct named *named; /* their texts in arena */
  struct azd_arena arena;
};

static bool note_missing(void *context, size_t place) {
  struct missing *missing = context;
  if (missing->count == missing->capacity) {
    size_t capacity = missing->capacity ? missing->capacity * 2 : 32;
    size_t *grown = realloc(missing->places, capacity * sizeof *grown);
    if (!grown) {
      missing->task.status = AZD_ENOMEM;
      return false;
    }
    missing->places = grown;
    missing->capacity = capacity;
  }
  missing->places[missing->count++] = place;
  return true;
}

static bool keep_text(struct missing *missing, struct azd_str text, struct azd_str *kept) {
  char *copy = azd_arena_copy(&missing->arena, text);
  *kept = (struct azd_str){copy, text.size};
  return copy != NULL;
}

/* The map knows keys only: the store tells which ids they are. Whole versions are read one at a time: there may be a
 * hundred thousand of them. */
static void missing_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct missing *missing = (struct missing *)work;
  struct task *task = &missing->task;
  const struct azd_collect_options *options = &task->collector->options;
  azd_collect_missing(task->collector->collect, missing->type, note_missing, missing);
  missing->named = azd_arena_alloc(&missing->arena, (missing->count + 1) * sizeof *missing->named);
  if (!missing->named) task->status = AZD_ENOMEM;
  if (task->status) azd_fail(&task->error, task->status, "no memory for the missing resources");
  struct azd_arena one;
  azd_arena_init(&one, 0);
  for (size_t i = 0; i < missing->count && !task->status; i++) {
    const struct azd_map_entry *entry = &azd_map_entries(options->map)[missing->places[i]];
    struct azd_version version;
    azd_arena_reset(&one);
    task->status = azd_store_version(options->store, options->scope, &entry->key, azd_map_seq(options->map), &one,
                                     &version, &task->error);
    if (!task->status && !(keep_text(missing, version.id, &missing->named[i].id) &&
                           keep_text(missing, version.type, &missing->named[i].type)))
      task->status = azd_fail(&task->error, AZD_ENOMEM, "no memory for the missing resources");
  }
  azd_arena_free(&one);
}

static int missing_push(lua_State *L, struct azd_work *work) {
  struct missing *missing = (struct missing *)work;
  if (missing->task.status) return azd_push_error(L, &missing->task.error);
  lua_createtable(L, (int)missing->count, 0);
  for (size_t i = 0; i < missing->count; i++) {
    lua_createtable(L, 0, 3);
    azd_set_text(L, "id", missing->named[i].id);
    azd_set_text(L, "type", missing->named[i].type);
    azd_set_integer(L, "place", (int64_t)missing->places[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void missing_close(struct azd_work *work) {
  struct missing *missing = (struct missing *)work;
  free(missing->places);
  azd_arena_free(&missing->arena);
  close_task(work);
}

static const struct azd_work_type missing_type = {
    "looking for missing resources", sizeof(struct missing), missing_run, missing_push, missing_close, NULL};

static int l_missing(lua_State *L) {
  struct collector *collector = check_open(L, 1);
  struct azd_str type;
  type.data = luaL_checklstring(L, 2, &type.size);
  lua_settop(L, 2);
  struct missing *missing = (struct missing *)new_task(L, &missing_type, collector);
  azd_work_anchor(L, &missing->task.work, 2);
  missing->type = type;
  return azd_await_work(L, &missing->task.work, azd_engine_of(L)->store_pool, STORE_DEADLINE_MS);
}

static bool count_place(void *context, size_t place) {
  (void)place;
  ++*(lua_Integer *)context;
  return true;
}

/* Looks at the map only: 100,000 entries take a millisecond. */
static int l_missing_count(lua_State *L) {
  struct collector *collector = check_open(L, 1);
  struct azd_str type;
  lua_Integer count = 0;
  type.data = luaL_checklstring(L, 2, &type.size);
  azd_collect_missing(collector->collect, type, count_place, &count);
  lua_pushinteger(L, count);
  return 1;
}

static int l_keep(lua_State *L) {
  struct collector *collector = check_open(L, 1);
  lua_Integer place = luaL_checkinteger(L, 2);
  luaL_argcheck(L, place >= 0 && (size_t)place < azd_map_count(collector->options.map), 2, "no place in the map");
  azd_collect_keep(collector->collect, (size_t)place);
  return 0;
}

int azd_open_collectors(lua_State *L) {
  static const luaL_Reg methods[] = {{"page", l_page},
                                     {"flush", l_flush},
                                     {"missing", l_missing},
                                     {"missing_count", l_missing_count},
                                     {"keep", l_keep},
                                     {"close", l_close},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
