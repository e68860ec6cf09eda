#include "script/guard.h"
#include "script/natives.h"
#include "script/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* Most functions here check and then call the stock one, which is their upvalue. */
static int call_stock(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static bool is_scalar(lua_State *L, int index) {
  int type = lua_type(L, index);
  return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING;
}

/* ---- base ---- */

/* Anything but a scalar gives its type: an address would differ from run to run. */
static int guard_tostring(lua_State *L) {
  luaL_checkany(L, 1);
  if (is_scalar(L, 1))
    luaL_tolstring(L, 1, NULL);
  else
    azd_native_type(L);
  return 1;
}

/* ---- string ---- */

static int guard_rep(lua_State *L) {
  size_t bytes, between_bytes;
  luaL_checklstring(L, 1, &bytes);
  luaL_optlstring(L, 3, "", &between_bytes);
  lua_Integer count = luaL_checkinteger(L, 2);
  if (bytes + between_bytes == 0 || count <= 0) { /* the stock one loops `count` times over nothing */
    lua_pushliteral(L, "");
    return 1;
  }
  luaL_argcheck(L, (lua_Unsigned)count <= AZD_GUARD_STRING_MAX_BYTES / (bytes + between_bytes), 2,
                "result longer than 1 MiB");
  return call_stock(L);
}

static int guard_format(lua_State *L) {
  size_t bytes;
  const char *format = luaL_checklstring(L, 1, &bytes), *end = format + bytes;
  luaL_argcheck(L, bytes <= AZD_GUARD_FORMAT_MAX_BYTES, 1, "format longer than 4096 bytes");
  for (const char *c = format; c < end; c++) {
    if (*c != '%') continue;
    c++;
    if (c < end && *c == '%') continue;
    c += strspn(c, "-+ #0123456789.");
    luaL_argcheck(L, c < end && strchr("diuxXcgGeEfsq", *c), 1, "only d i u x X c g G e E f s q may follow %");
  }
  for (int i = 2; i <= lua_gettop(L); i++)
    luaL_argcheck(L, is_scalar(L, i), i, "text, number, boolean or nil expected: a table has no text");
  return call_stock(L);
}

static int guard_linear(lua_State *L) { /* upper lower reverse sub len char: as long as their subject */
  for (int i = 1; i <= lua_gettop(L); i++)
    luaL_argcheck(L, lua_type(L, i) != LUA_TSTRING || lua_rawlen(L, i) <= AZD_GUARD_STRING_MAX_BYTES, i,
                  "longer than 1 MiB");
  return call_stock(L);
}

static int guard_byte(lua_State *L) {
  size_t bytes;
  luaL_checklstring(L, 1, &bytes);
  lua_Integer from = luaL_optinteger(L, 2, 1), to = luaL_optinteger(L, 3, from);
  if (from < 0) from = from < -(lua_Integer)bytes ? 1 : from + (lua_Integer)bytes + 1;
  if (to < 0) to = to < -(lua_Integer)bytes ? 0 : to + (lua_Integer)bytes + 1;
  luaL_argcheck(L, to < from || (lua_Unsigned)to - (lua_Unsigned)from < AZD_GUARD_VALUES_MAX, 3,
                "more than 200 values");
  return call_stock(L);
}

/* ---- table ---- */

/* A script's own table: without a metatable its length cannot lie. */
static lua_Integer check_list(lua_State *L, int index) {
  if (lua_islightuserdata(L, index)) luaL_argerror(L, index, "a table of your own expected: documents are read-only");
  luaL_checktype(L, index, LUA_TTABLE);
  if (lua_getmetatable(L, index)) luaL_argerror(L, index, "a plain table expected");
  lua_Unsigned count = lua_rawlen(L, index);
  luaL_argcheck(L, count <= AZD_GUARD_LIST_MAX, index, "more than 100000 elements");
  return (lua_Integer)count;
}

static int guard_insert_remove(lua_State *L) {
  check_list(L, 1);
  return call_stock(L);
}

static int guard_concat(lua_State *L) {
  lua_Integer count = check_list(L, 1);
  size_t between_bytes, total = 0;
  luaL_optlstring(L, 2, "", &between_bytes);
  lua_Integer from = luaL_optinteger(L, 3, 1), to = luaL_optinteger(L, 4, count);
  luaL_argcheck(L, from > to || (from >= 1 && to <= count), 4, "outside the table");
  for (lua_Integer i = from; i <= to; i++) {
    lua_rawgeti(L, 1, i);
    total += lua_rawlen(L, -1) + between_bytes;
    lua_pop(L, 1);
    if (total > AZD_GUARD_STRING_MAX_BYTES) return luaL_error(L, "table.concat: result longer than 1 MiB");
  }
  return call_stock(L);
}

static int guard_unpack(lua_State *L) {
  lua_Integer count = check_list(L, 1), from = luaL_optinteger(L, 2, 1), to = luaL_optinteger(L, 3, count);
  luaL_argcheck(L, from > to || (from >= 1 && to - from < AZD_GUARD_VALUES_MAX), 3, "more than 200 values");
  return call_stock(L);
}

static int sort_less(lua_State *L) { /* a b; upvalue 1 the script's own comparison, or nil */
  azd_sandbox_poll(L);
  if (!lua_isnil(L, lua_upvalueindex(1))) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 2, 1);
    return 1;
  }
  if (lua_type(L, 1) == LUA_TSTRING && lua_type(L, 2) == LUA_TSTRING &&
      lua_rawlen(L, 1) > AZD_GUARD_SORT_STRING_MAX_BYTES && lua_rawlen(L, 2) > AZD_GUARD_SORT_STRING_MAX_BYTES)
    return luaL_error(L, "table.sort: text longer than 4096 bytes");
  lua_pushboolean(L, lua_compare(L, 1, 2, LUA_OPLT));
  return 1;
}

static int guard_sort(lua_State *L) {
  check_list(L, 1);
  if (!lua_isnoneornil(L, 2)) luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_settop(L, 2);
  lua_pushcclosure(L, sort_less, 1);
  return call_stock(L);
}

/* ---- the list ---- */

struct allowed {
  const char *name;
  lua_CFunction guard; /* NULL: the stock one is harmless */
};

/* Sets the allowed names of the stock library (on top) in the table below it, guarded. [-1, +0, m] */
static void allow(lua_State *L, const struct allowed *names) {
  for (; names->name; names++) {
    lua_getfield(L, -1, names->name); /* to library stock */
    AZD_ASSERT(!lua_isnil(L, -1));
    if (names->guard) lua_pushcclosure(L, names->guard, 1);
    lua_setfield(L, -3, names->name);
  }
  lua_pop(L, 1);
}

static void open_base(lua_State *L) {
  static const struct allowed names[] = {
      {"assert", NULL}, {"error", NULL}, {"select", NULL}, {"tonumber", NULL}, {NULL, NULL}};
  static const luaL_Reg own[] = {{"ipairs", azd_native_ipairs}, {"pairs", azd_native_pairs},  {"next", azd_native_next},
                                 {"type", azd_native_type},     {"tostring", guard_tostring}, {NULL, NULL}};
  luaL_requiref(L, LUA_GNAME, luaopen_base, 0);
  allow(L, names);
  luaL_setfuncs(L, own, 0);
}

static void open_string(lua_State *L, const struct azd_pattern_limits *limits) {
  static const struct allowed names[] = {{"byte", guard_byte},      {"char", guard_linear},
                                         {"format", guard_format},  {"len", guard_linear},
                                         {"lower", guard_linear},   {"rep", guard_rep},
                                         {"reverse", guard_linear}, {"sub", guard_linear},
                                         {"upper", guard_linear},   {NULL, NULL}};
  lua_newtable(L);
  luaL_requiref(L, LUA_STRLIBNAME, luaopen_string, 0);
  allow(L, names);
  azd_pattern_open(L, limits); /* string */
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1); /* string "" meta */
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, -5);) { /* string "" meta methods name function */
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  lua_setfield(L, -2, "__index"); /* methods of strings: a table that no script can name or change */
  lua_pop(L, 2);
}

static void open_table(lua_State *L) {
  static const struct allowed names[] = {{"concat", guard_concat},        {"insert", guard_insert_remove},
                                         {"remove", guard_insert_remove}, {"sort", guard_sort},
                                         {"unpack", guard_unpack},        {NULL, NULL}};
  lua_newtable(L);
  luaL_requiref(L, LUA_TABLIBNAME, luaopen_table, 0);
  allow(L, names);
}

static void open_math(lua_State *L) {
  static const struct allowed names[] = {{"abs", NULL},        {"ceil", NULL}, {"floor", NULL},      {"fmod", NULL},
                                         {"huge", NULL},       {"max", NULL},  {"maxinteger", NULL}, {"min", NULL},
                                         {"mininteger", NULL}, {"sqrt", NULL}, {"tointeger", NULL},  {"type", NULL},
                                         {"ult", NULL},        {NULL, NULL}};
  lua_newtable(L);
  luaL_requiref(L, LUA_MATHLIBNAME, luaopen_math, 0);
  allow(L, names);
}

void azd_guard_open(lua_State *L, const struct azd_pattern_limits *limits) {
  lua_newtable(L); /* model */
  open_base(L);
  open_string(L, limits);
  lua_setfield(L, -2, "string");
  open_table(L);
  lua_setfield(L, -2, "table");
  open_math(L);
  lua_setfield(L, -2, "math");
  azd_natives_open_text(L);
  azd_natives_open_list(L);
  azd_natives_open_net(L);
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS); /* the stock globals are out of every reach */
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
