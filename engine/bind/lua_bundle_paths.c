/* bundle:unknown_paths(folder) -> { unknown, ... } or nil, sentence, code: paths that no version of a type knows
 * (script/bundle.h).
 *   unknown: { policy = name or nil, verb = of a rule, file =, line =, type =, path =, unknown = the name that nobody
 *              knows, names = { those that stand at its place } }
 *
 * Thread: the loop's; works on a CPU worker. Blocks: never. */
#include "base/arena.h"
#include "bind/await.h"
#include "bind/engine.h"
#include "bind/lua_bundle.h"
#include "json/properties.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { CHECK_DEADLINE_MS = 120000 };

struct finding {
  struct finding *next;
  struct azd_unknown_path unknown; /* its texts are the arena's */
  const char *verb;
};

struct check {
  struct azd_work work;
  struct azd_bundle *bundle;
  const char *folder; /* anchored */
  struct azd_arena arena;
  struct finding *first, **last;
  int status;
  struct azd_error error;
};

static bool keep(struct check *check, struct azd_str *text) {
  text->data = azd_arena_copy(&check->arena, *text);
  return text->data != NULL;
}

static void note(void *context, const struct azd_unknown_path *unknown) {
  static const char *const verbs[] = {"ignore", "observe", "compare", "key", "set", "list", "fold", "same", "redact"};
  struct check *check = context;
  struct finding *finding = azd_arena_zalloc(&check->arena, sizeof *finding);
  struct azd_str *names = azd_arena_alloc(&check->arena, (unknown->name_count + 1) * sizeof *names);
  bool kept = finding && names;
  if (kept) {
    finding->unknown = *unknown;
    finding->verb = unknown->rule ? verbs[unknown->rule->verb] : NULL;
    if (unknown->policy) finding->unknown.policy = azd_arena_copy(&check->arena, azd_str_of(unknown->policy));
    kept = keep(check, &finding->unknown.file) && keep(check, &finding->unknown.type) &&
           keep(check, &finding->unknown.path) && keep(check, &finding->unknown.unknown);
    finding->unknown.names = names;
  }
  for (uint32_t i = 0; kept && i < unknown->name_count; i++) {
    names[i] = unknown->names[i];
    kept = keep(check, &names[i]);
  }
  if (!kept) {
    check->status = azd_fail(&check->error, AZD_ENOMEM, "no memory for what was found");
    return;
  }
  *check->last = finding;
  check->last = &finding->next;
}

static void check_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct check *check = (struct check *)work;
  struct azd_properties *properties;
  check->last = &check->first;
  int status = azd_properties_open(check->folder, &properties, &check->error);
  if (!status) {
    status = azd_bundle_check_paths(check->bundle, properties, note, check, &check->error);
    azd_properties_unref(properties);
  }
  if (status) check->status = status;
}

static void push_str(lua_State *L, const char *name, struct azd_str text) { /* table */
  lua_pushlstring(L, text.size ? text.data : "", text.size);
  lua_setfield(L, -2, name);
}

static void push_finding(lua_State *L, const struct finding *finding) {
  const struct azd_unknown_path *unknown = &finding->unknown;
  lua_createtable(L, 0, 8);
  lua_pushstring(L, unknown->policy); /* NULL: nil */
  lua_setfield(L, -2, "policy");
  lua_pushstring(L, finding->verb);
  lua_setfield(L, -2, "verb");
  lua_pushinteger(L, unknown->line);
  lua_setfield(L, -2, "line");
  push_str(L, "file", unknown->file);
  push_str(L, "type", unknown->type);
  push_str(L, "path", unknown->path);
  push_str(L, "unknown", unknown->unknown);
  lua_createtable(L, (int)unknown->name_count, 0);
  for (uint32_t i = 0; i < unknown->name_count; i++) {
    lua_pushlstring(L, unknown->names[i].data, unknown->names[i].size);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_setfield(L, -2, "names");
}

static int check_push(lua_State *L, struct azd_work *work) {
  struct check *check = (struct check *)work;
  if (check->status) return azd_push_error(L, &check->error);
  lua_Integer count = 0;
  lua_newtable(L);
  for (const struct finding *finding = check->first; finding; finding = finding->next) {
    push_finding(L, finding);
    lua_rawseti(L, -2, ++count);
  }
  return 1;
}

static void check_close(struct azd_work *work) {
  struct check *check = (struct check *)work;
  azd_bundle_unref(check->bundle);
  azd_arena_free(&check->arena);
}

static const struct azd_work_type check_type = {"checking paths", sizeof(struct check), check_run,
                                                check_push,       check_close,          NULL};

int azd_bundle_unknown_paths(lua_State *L) {
  struct azd_bundle *bundle = azd_check_bundle(L, 1);
  const char *folder = luaL_checkstring(L, 2);
  lua_settop(L, 2);
  struct check *check = (struct check *)azd_work_new(L, &check_type);
  azd_work_anchor(L, &check->work, 2);
  check->folder = folder;
  check->bundle = azd_bundle_ref(bundle);
  return azd_await_work(L, &check->work, azd_engine_of(L)->cpu_pool, CHECK_DEADLINE_MS);
}
