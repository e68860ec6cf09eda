/* `azdrift.bundles`: rules and policies compiled, proved and asked (script/bundle.h) for scripts.
 *
 *   local bundle, problem, code = bundles.build({                                     -- awaits
 *     layers = { { layer = "shipped", rules = dir, policies = dir }, { layer = "user", ... } }, schema = dir,
 *     properties = dir, params = json_text, now_ms =, default = "low", tags_only = "info", unproved = boolean })
 *   bundle:stamp() -> text
 *   bundle:redaction_stamp() -> text: of what is redacted, and nothing else            -- awaits
 *   bundle:test(file or nil) -> { result, ... }                                       -- awaits
 *     result: { policy =, file =, line =, example =, expected =, got =, detail =, passed = }
 *   bundle:unknown_paths(folder) -> { unknown, ... }                   -- awaits; lua_bundle_paths.c
 *   bundle:policies() -> { { name =, file =, line =, examples = how many, types = { text, ... } }, ... }
 *   bundle:explain(type, path) -> { rule, ... } strongest first, the winner's won = true
 *   bundle:rules() -> { rule, ... }: those of files (the schema's are read when a type is met)
 *     rule: { verb =, path =, type =, layer =, file =, line =, owner =, why =, till_ms =, conditional =,
 *             between = }
 *
 * Thread: the loop's; build and test work on a CPU worker. Blocks: never. */
#include "bind/lua_bundle.h"
#include "base/arena.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "script/declare.h"
#include "json/redact_stamp.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char class_name[] = "azdrift.bundle";
enum { LAYERS_MAX = 8, BUILD_DEADLINE_MS = 120000, TEST_DEADLINE_MS = 120000 };

struct box {
  struct azd_bundle *bundle;
};

struct azd_bundle *azd_check_bundle(lua_State *L, int index) {
  struct box *box = luaL_checkudata(L, index, class_name);
  if (!box->bundle) luaL_argerror(L, index, "the bundle is closed");
  return box->bundle;
}

static int l_close(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, class_name);
  azd_bundle_unref(box->bundle);
  box->bundle = NULL;
  return 0;
}

/* ---- build ---- */

struct build {
  struct azd_work work;
  struct azd_bundle_layer layers[LAYERS_MAX];
  struct azd_bundle_options options; /* its strings belong to the anchored table */
  struct azd_bundle *bundle;
  int status;
  struct azd_error error;
};

static void build_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct build *build = (struct build *)work;
  build->status = azd_bundle_build(&build->options, &build->bundle, &build->error);
}

static int build_push(lua_State *L, struct azd_work *work) {
  struct build *build = (struct build *)work;
  if (build->status) return azd_push_error(L, &build->error);
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  box->bundle = NULL;
  luaL_setmetatable(L, class_name);
  box->bundle = build->bundle;
  build->bundle = NULL;
  return 1;
}

static void build_close(struct azd_work *work) {
  azd_bundle_unref(((struct build *)work)->bundle);
}

static const struct azd_work_type build_type = {
    "building the bundle", sizeof(struct build), build_run, build_push, build_close, NULL};

/* The text of a field, borrowed from the table at index, which the work anchors. */
static const char *text_field(lua_State *L, int index, const char *name) {
  int type = lua_getfield(L, index, name);
  if (type != LUA_TNIL && type != LUA_TSTRING)
    luaL_error(L, "bundles.build: %s: text expected, got %s", name, lua_typename(L, type));
  const char *text = type == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
  lua_pop(L, 1);
  return text;
}

static enum azd_severity severity_field(lua_State *L, int index, const char *name) {
  enum azd_severity severity = AZD_SEVERITY_NONE;
  const char *text = text_field(L, index, name);
  if (text && !azd_severity_parse(azd_str_of(text), &severity))
    luaL_error(L, "bundles.build: %s: '%s' is no severity", name, text);
  return severity;
}

static void read_layers(lua_State *L, struct build *build) {
  lua_getfield(L, 1, "layers");
  luaL_checktype(L, -1, LUA_TTABLE);
  size_t count = lua_rawlen(L, -1);
  if (count > LAYERS_MAX) luaL_error(L, "bundles.build: %d layers, at most %d", (int)count, LAYERS_MAX);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -1, (lua_Integer)i + 1);
    luaL_checktype(L, -1, LUA_TTABLE);
    const char *layer = text_field(L, lua_gettop(L), "layer");
    build->layers[i] = (struct azd_bundle_layer){
        .layer = layer && !strcmp(layer, "shipped") ? AZD_LAYER_SHIPPED : AZD_LAYER_USER,
        .rules_dir = text_field(L, lua_gettop(L), "rules"),
        .policies_dir = text_field(L, lua_gettop(L), "policies"),
    };
    lua_pop(L, 1);
  }
  build->options.layers = build->layers;
  build->options.layer_count = count;
  lua_pop(L, 1);
}

static int l_build(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct build *build = (struct build *)azd_work_new(L, &build_type);
  azd_work_anchor(L, &build->work, 1);
  read_layers(L, build);
  build->options.schema_dir = text_field(L, 1, "schema");
  build->options.properties_dir = text_field(L, 1, "properties");
  build->options.params_json = azd_str_of(text_field(L, 1, "params"));
  build->options.severity_default = severity_field(L, 1, "default");
  build->options.severity_tags_only = severity_field(L, 1, "tags_only");
  lua_getfield(L, 1, "unproved");
  build->options.unproved = lua_toboolean(L, -1);
  lua_getfield(L, 1, "now_ms");
  build->options.now_ms = luaL_checkinteger(L, -1);
  lua_pop(L, 2);
  return azd_await_work(L, &build->work, azd_engine_of(L)->cpu_pool, BUILD_DEADLINE_MS);
}

/* ---- test ---- */

struct tested {
  struct azd_example_result result; /* its texts are copies */
};

struct test {
  struct azd_work work;
  struct azd_bundle *bundle;
  const char *file; /* anchored, or NULL */
  struct tested *results;
  size_t count, capacity;
  struct azd_arena arena;
  int status;
  struct azd_error error;
};

static const char *keep(struct test *test, const char *text) {
  const char *copy = azd_arena_copy(&test->arena, azd_str_of(text ? text : ""));
  if (!copy) test->status = AZD_ENOMEM;
  return copy;
}

static void note_result(void *context, const struct azd_example_result *result) {
  struct test *test = context;
  if (test->count == test->capacity) {
    size_t capacity = test->capacity ? test->capacity * 2 : 64;
    struct tested *grown = realloc(test->results, capacity * sizeof *grown);
    if (!grown) {
      test->status = AZD_ENOMEM;
      return;
    }
    test->results = grown;
    test->capacity = capacity;
  }
  struct azd_example_result *copy = &test->results[test->count++].result;
  *copy = *result;
  copy->policy = keep(test, result->policy);
  copy->file = keep(test, result->file);
  copy->expected = keep(test, result->expected);
  copy->got = keep(test, result->got);
  copy->detail = keep(test, result->detail);
}

static void test_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct test *test = (struct test *)work;
  int status = azd_bundle_test(test->bundle, test->file, note_result, test, &test->error);
  if (status)
    test->status = status;
  else if (test->status)
    azd_fail(&test->error, test->status, "no memory for the results");
}

static int test_push(lua_State *L, struct azd_work *work) {
  struct test *test = (struct test *)work;
  if (test->status) return azd_push_error(L, &test->error);
  lua_createtable(L, (int)test->count, 0);
  for (size_t i = 0; i < test->count; i++) {
    const struct azd_example_result *result = &test->results[i].result;
    const struct {
      const char *name, *text;
    } texts[] = {{"policy", result->policy},
                 {"file", result->file},
                 {"expected", result->expected},
                 {"got", result->got},
                 {"detail", result->detail}};
    lua_createtable(L, 0, 8);
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
      lua_pushstring(L, texts[t].text);
      lua_setfield(L, -2, texts[t].name);
    }
    lua_pushinteger(L, result->line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, result->example);
    lua_setfield(L, -2, "example");
    lua_pushboolean(L, result->passed);
    lua_setfield(L, -2, "passed");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void test_close(struct azd_work *work) {
  struct test *test = (struct test *)work;
  azd_bundle_unref(test->bundle);
  azd_arena_free(&test->arena);
  free(test->results);
}

static const struct azd_work_type test_type = {
    "running the examples", sizeof(struct test), test_run, test_push, test_close, NULL};

static int l_test(lua_State *L) {
  struct azd_bundle *bundle = azd_check_bundle(L, 1);
  const char *file = luaL_optstring(L, 2, NULL);
  lua_settop(L, 2);
  struct test *test = (struct test *)azd_work_new(L, &test_type);
  if (file) azd_work_anchor(L, &test->work, 2);
  test->file = file;
  test->bundle = azd_bundle_ref(bundle);
  return azd_await_work(L, &test->work, azd_engine_of(L)->cpu_pool, TEST_DEADLINE_MS);
}

/* ---- rules ---- */

static void push_rule(lua_State *L, const struct azd_rule *rule) {
  static const char *const verbs[] = {"ignore", "observe", "compare", "key", "set", "list", "fold", "same", "redact"};
  static const char *const layers[] = {"schema", "shipped", "user"};
  const struct {
    const char *name;
    struct azd_str text;
  } texts[] = {
      {"path", rule->path}, {"type", rule->type}, {"file", rule->file}, {"owner", rule->owner}, {"why", rule->why}};
  lua_createtable(L, 0, 12);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    lua_pushlstring(L, texts[i].text.size ? texts[i].text.data : "", texts[i].text.size);
    lua_setfield(L, -2, texts[i].name);
  }
  lua_pushstring(L, verbs[rule->verb]);
  lua_setfield(L, -2, "verb");
  lua_pushstring(L, layers[rule->layer]);
  lua_setfield(L, -2, "layer");
  lua_pushinteger(L, rule->line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, rule->till_ms);
  lua_setfield(L, -2, "till_ms");
  lua_pushboolean(L, rule->condition >= 0);
  lua_setfield(L, -2, "conditional");
  static const char *const betweens[] = {"", "views", "versions", "views or versions"};
  lua_pushstring(L, betweens[rule->between]);
  lua_setfield(L, -2, "between");
}

static int l_rules(lua_State *L) {
  struct azd_ruleset *ruleset = azd_bundle_ruleset(azd_check_bundle(L, 1));
  uint32_t count = azd_ruleset_count(ruleset), listed = 0;
  lua_newtable(L);
  for (uint32_t i = 0; i < count; i++) {
    const struct azd_rule *rule = azd_ruleset_rule(ruleset, i);
    if (rule->layer == AZD_LAYER_SCHEMA) continue;
    push_rule(L, rule);
    lua_rawseti(L, -2, ++listed);
  }
  return 1;
}

struct explained {
  uint32_t rules[256];
  bool won[256];
  uint32_t count;
};

static void note_explained(void *context, uint32_t rule, bool won) {
  struct explained *explained = context;
  if (explained->count == sizeof explained->rules / sizeof *explained->rules) return;
  explained->rules[explained->count] = rule;
  explained->won[explained->count++] = won;
}

static int l_explain(lua_State *L) {
  struct azd_ruleset *ruleset = azd_bundle_ruleset(azd_check_bundle(L, 1));
  struct azd_str type, path;
  struct explained explained = {.count = 0};
  struct azd_error error;
  type.data = luaL_checklstring(L, 2, &type.size);
  path.data = luaL_checklstring(L, 3, &path.size);
  if (azd_ruleset_explain(ruleset, type, path, note_explained, &explained, &error)) return azd_push_error(L, &error);
  lua_createtable(L, (int)explained.count, 0);
  for (uint32_t i = 0; i < explained.count; i++) {
    push_rule(L, azd_ruleset_rule(ruleset, explained.rules[i]));
    lua_pushboolean(L, explained.won[i]);
    lua_setfield(L, -2, "won");
    lua_rawseti(L, -2, i + 1);
  }
  return 1;
}

static int l_policies(lua_State *L) {
  const struct azd_declarations *declarations = azd_bundle_declarations(azd_check_bundle(L, 1));
  lua_createtable(L, (int)declarations->policy_count, 0);
  for (uint32_t i = 0; i < declarations->policy_count; i++) {
    const struct azd_policy *policy = &declarations->policies[i];
    lua_createtable(L, 0, 5);
    lua_pushstring(L, policy->name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, policy->origin.file);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, policy->origin.line);
    lua_setfield(L, -2, "line");
    lua_pushinteger(L, policy->example_count);
    lua_setfield(L, -2, "examples");
    lua_createtable(L, (int)policy->types.count, 0);
    for (uint32_t t = 0; t < policy->types.count; t++) {
      lua_pushstring(L, policy->types.items[t]);
      lua_rawseti(L, -2, (lua_Integer)t + 1);
    }
    lua_setfield(L, -2, "types");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* ---- what is redacted ---- */

struct redaction {
  struct azd_work work;
  struct azd_bundle *bundle;
  char stamp[AZD_REDACT_STAMP_BYTES];
  int status;
  struct azd_error error;
};

static void redaction_run(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct redaction *redaction = (struct redaction *)work;
  redaction->status = azd_redact_stamp(azd_bundle_ruleset(redaction->bundle), redaction->stamp, &redaction->error);
}

static int redaction_push(lua_State *L, struct azd_work *work) {
  struct redaction *redaction = (struct redaction *)work;
  if (redaction->status) return azd_push_error(L, &redaction->error);
  lua_pushstring(L, redaction->stamp);
  return 1;
}

static void redaction_close(struct azd_work *work) {
  azd_bundle_unref(((struct redaction *)work)->bundle);
}

static const struct azd_work_type redaction_type = {
    "reading what is redacted", sizeof(struct redaction), redaction_run, redaction_push, redaction_close, NULL};

static int l_redaction_stamp(lua_State *L) {
  struct azd_bundle *bundle = azd_check_bundle(L, 1);
  struct redaction *redaction = (struct redaction *)azd_work_new(L, &redaction_type);
  redaction->bundle = azd_bundle_ref(bundle);
  return azd_await_work(L, &redaction->work, azd_engine_of(L)->cpu_pool, TEST_DEADLINE_MS);
}

static int l_stamp(lua_State *L) {
  lua_pushstring(L, azd_bundle_stamp(azd_check_bundle(L, 1)));
  return 1;
}

int azd_open_bundles(lua_State *L) {
  static const luaL_Reg methods[] = {{"stamp", l_stamp},
                                     {"redaction_stamp", l_redaction_stamp},
                                     {"test", l_test},
                                     {"rules", l_rules},
                                     {"explain", l_explain},
                                     {"policies", l_policies},
                                     {"unknown_paths", azd_bundle_unknown_paths},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"build", l_build}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
