/* Collecting declarations while files run, and reading them when all have run: order never matters. */
#include "script/declare.h"
#include "script/place.h"
#include "script/reader.h"

#include <lauxlib.h>
#include <stdio.h>

enum { RECORD_KIND = 1, RECORD_NAME, RECORD_FILE, RECORD_LINE, RECORD_LAYER, RECORD_BODY, DECLARATIONS_MAX = 5000 };
enum kind { KIND_RULES, KIND_POLICY, KIND_TUNE, KIND_EXPECTED, KIND_PATTERN, KINDS };

static const char *const kind_names[] = {"rules", "policy", "tune", "expected", "pattern"};

/* Registry keys. */
static const char records_key, functions_key;

/* ---- while files run ---- */

static int calling_line(lua_State *L) {
  lua_Debug frame;
  if (!lua_getstack(L, 1, &frame) || !lua_getinfo(L, "l", &frame)) return 1;
  return frame.currentline > 0 ? frame.currentline : 1;
}

/* Pushes a new record, known to the registry. */
static void push_record(lua_State *L, enum kind kind, const struct azd_origin *origin) {
  if (!azd_sandbox_of(L)->loading) luaL_error(L, "%s declares: that belongs at the top of a file", kind_names[kind]);
  lua_createtable(L, RECORD_BODY, 0);
  lua_pushinteger(L, kind);
  lua_rawseti(L, -2, RECORD_KIND);
  lua_pushstring(L, origin->file);
  lua_rawseti(L, -2, RECORD_FILE);
  lua_pushinteger(L, calling_line(L));
  lua_rawseti(L, -2, RECORD_LINE);
  lua_pushinteger(L, origin->layer);
  lua_rawseti(L, -2, RECORD_LAYER);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key); /* record records */
  lua_Integer count = (lua_Integer)lua_rawlen(L, -1);
  if (count >= DECLARATIONS_MAX) luaL_error(L, "more than %d declarations", DECLARATIONS_MAX);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, count + 1);
  lua_pop(L, 1);
}

static int declare_rules(lua_State *L) { /* rules { ... } */
  luaL_checktype(L, 1, LUA_TTABLE);
  push_record(L, KIND_RULES, lua_touserdata(L, lua_upvalueindex(1)));
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, RECORD_BODY);
  return 0;
}

static int declare_body(lua_State *L) { /* the { ... } of policy "name" { ... }; upvalues: record, kind */
  if (!lua_istable(L, 1))
    return luaL_error(L, "%s \"name\" is followed by { ... }", kind_names[lua_tointeger(L, lua_upvalueindex(2))]);
  lua_pushvalue(L, 1);
  lua_rawseti(L, lua_upvalueindex(1), RECORD_BODY);
  return 0;
}

static int declare_named(lua_State *L) { /* policy "name"; upvalues: origin, kind */
  enum kind kind = (enum kind)lua_tointeger(L, lua_upvalueindex(2));
  if (lua_type(L, 1) != LUA_TSTRING || lua_rawlen(L, 1) == 0)
    return luaL_error(L, "%s is followed by a name in quotes", kind_names[kind]);
  push_record(L, kind, lua_touserdata(L, lua_upvalueindex(1))); /* name record */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, RECORD_NAME);
  lua_pushinteger(L, kind);
  lua_pushcclosure(L, declare_body, 2);
  return 1;
}

static int declare_elsewhere(lua_State *L) { /* upvalues: word, folder */
  return luaL_error(L, "%s belongs in a file of %s/", lua_tostring(L, lua_upvalueindex(1)),
                    lua_tostring(L, lua_upvalueindex(2)));
}

void azd_declare_open(lua_State *L, enum azd_script_kind script, struct azd_origin *current) {
  static const char *const strangers[][2] = {{"route", "routes"}, {"collector", "collectors"}};
  for (int kind = 0; kind < KINDS; kind++) {
    bool here = (kind == KIND_RULES) == (script == AZD_SCRIPT_RULES);
    if (here) {
      lua_pushlightuserdata(L, current);
      lua_pushinteger(L, kind);
      lua_pushcclosure(L, kind == KIND_RULES ? declare_rules : declare_named, 2);
    } else {
      lua_pushstring(L, kind_names[kind]);
      lua_pushstring(L, kind == KIND_RULES ? "rules" : "policies");
      lua_pushcclosure(L, declare_elsewhere, 2);
    }
    lua_setfield(L, -2, kind_names[kind]);
  }
  for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
    lua_pushstring(L, strangers[i][0]);
    lua_pushstring(L, strangers[i][1]);
    lua_pushcclosure(L, declare_elsewhere, 2);
    lua_setfield(L, -2, strangers[i][0]);
  }
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key) == LUA_TNIL) {
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &records_key);
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &functions_key);
  }
  lua_pop(L, 1);
}

/* ---- functions by number ---- */

/* FNV-1a: what each number stands for, so that two states can be compared. */
static void note_function(struct azd_reader *r, const char *field) {
  uint64_t hash = r->out->functions_seen ? r->out->functions_seen : 0xcbf29ce484222325u;
  const char *const parts[] = {r->origin.file, r->what, field};
  for (int i = 0; i < 3; i++)
    for (const char *c = parts[i];; c++) {
      hash = (hash ^ (unsigned char)*c) * 0x100000001b3u;
      if (!*c) break;
    }
  r->out->functions_seen = (hash ^ (uint64_t)r->origin.line) * 0x100000001b3u;
}

int azd_reader_function(const struct azd_reader *r, int table, const char *field) {
  lua_State *L = r->L;
  lua_pushstring(L, field);
  int type = lua_rawget(L, table);
  if (type == LUA_TNIL) return lua_pop(L, 1), AZD_FUNCTION_NONE;
  if (type != LUA_TFUNCTION) azd_reader_fail(r, field, "'%s' is a function, not a %s", field, luaL_typename(L, -1));
  int number = (int)r->out->function_count++;
  note_function((struct azd_reader *)r, field);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key); /* function functions */
  lua_insert(L, -2);
  lua_rawseti(L, -2, number + 1);
  lua_pop(L, 1);
  return number;
}

void azd_declare_push_function(lua_State *L, int number) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &functions_key);
  lua_rawgeti(L, -1, number + 1);
  lua_remove(L, -2);
}

/* ---- when all files have run ---- */

static lua_Integer record_integer(lua_State *L, int record, int field) {
  lua_rawgeti(L, record, field);
  lua_Integer value = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return value;
}

static const char *record_text(const struct azd_reader *r, int record, int field) {
  lua_rawgeti(r->L, record, field);
  const char *copy = lua_isstring(r->L, -1) ? azd_reader_copy(r, -1).data : "";
  lua_pop(r->L, 1);
  return copy;
}

static void read_record(struct azd_reader *r, int record, struct azd_str (*sources)(void *, const char *),
                        void *context) {
  lua_State *L = r->L;
  enum kind kind = (enum kind)record_integer(L, record, RECORD_KIND);
  r->origin = (struct azd_origin){record_text(r, record, RECORD_FILE), (int)record_integer(L, record, RECORD_LINE),
                                  (enum azd_rule_layer)record_integer(L, record, RECORD_LAYER)};
  r->source = sources(context, r->origin.file);
  r->row = 0;
  const char *name = record_text(r, record, RECORD_NAME);
  char what[160];
  snprintf(what, sizeof what, kind == KIND_RULES ? "%s" : "%s '%.120s'", kind_names[kind], name);
  r->what = azd_arena_copy(&r->out->arena, azd_str_of(what));
  if (!r->what) luaL_error(L, "no memory for declarations");
  if (lua_rawgeti(L, record, RECORD_BODY) != LUA_TTABLE) azd_reader_fail(r, NULL, "a name without { ... }");
  int body = lua_gettop(L);
  switch (kind) {
  case KIND_RULES: azd_declare_rules(r, body); break;
  case KIND_POLICY: azd_declare_policy(r, body, name); break;
  case KIND_TUNE: azd_declare_tune(r, body, name); break;
  case KIND_EXPECTED: azd_declare_expected(r, body, name); break;
  default: azd_declare_pattern(r, body, name);
  }
  lua_pop(L, 1);
}

void azd_declare_read(lua_State *L, struct azd_declarations *out,
                      struct azd_str (*sources)(void *context, const char *file), void *context) {
  struct azd_reader reader = {.L = L, .out = out, .what = "declarations"};
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &records_key) == LUA_TTABLE) {
    int records = lua_gettop(L);
    lua_Unsigned count = lua_rawlen(L, records);
    for (lua_Unsigned i = 1; i <= count; i++) {
      lua_rawgeti(L, records, (lua_Integer)i);
      read_record(&reader, lua_gettop(L), sources, context);
      lua_pop(L, 1);
    }
    azd_declare_together(&reader);
    lua_newtable(L); /* the tables are read: only the functions stay */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &records_key);
  }
  lua_pop(L, 1);
}
