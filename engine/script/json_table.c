/* Lua tables to JSON text and back, for examples and params: small things that scripts wrote, never bodies of Azure's.
 */
#include "script/reader.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64, KEYS_MAX = 10000 };

static void write_value(lua_State *L, int index, int like, int depth, struct azd_buf *out);

static int by_bytes(const void *a, const void *b) {
  return azd_str_compare(*(const struct azd_str *)a, *(const struct azd_str *)b);
}

static void write_list(lua_State *L, int index, int like, int depth, struct azd_buf *out) {
  lua_Unsigned count = lua_rawlen(L, index);
  azd_buf_append_char(out, '[');
  for (lua_Unsigned i = 1; i <= count; i++) {
    if (i > 1) azd_buf_append_char(out, ',');
    lua_rawgeti(L, index, (lua_Integer)i);
    if (like && lua_istable(L, like))
      lua_rawgeti(L, like, (lua_Integer)i);
    else
      lua_pushnil(L);
    write_value(L, lua_gettop(L) - 1, lua_gettop(L), depth + 1, out);
    lua_pop(L, 2);
  }
  azd_buf_append_char(out, ']');
}

/* Sorted, for the order of a table's pairs differs from state to state. The names are the table's own, so they stand.
 */
static void write_object(lua_State *L, int index, int like, int depth, struct azd_buf *out) {
  size_t count = 0, i = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "a table that mixes names and places is no JSON");
    if (++count > KEYS_MAX) luaL_error(L, "a table with more than %d members", KEYS_MAX);
  }
  struct azd_str *keys = lua_newuserdatauv(L, (count + 1) * sizeof *keys, 0);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1), i++) keys[i].data = lua_tolstring(L, -2, &keys[i].size);
  qsort(keys, count, sizeof *keys, by_bytes);
  azd_buf_append_char(out, '{');
  for (i = 0; i < count; i++) {
    if (i) azd_buf_append_char(out, ',');
    azd_buf_append_json(out, keys[i]);
    azd_buf_append_char(out, ':');
    lua_pushlstring(L, keys[i].data, keys[i].size);
    lua_pushvalue(L, -1);
    lua_rawget(L, index); /* key value */
    lua_insert(L, -2);    /* value key */
    if (like && lua_istable(L, like))
      lua_rawget(L, like);
    else
      lua_pop(L, 1), lua_pushnil(L); /* value like */
    write_value(L, lua_gettop(L) - 1, lua_gettop(L), depth + 1, out);
    lua_pop(L, 2);
  }
  azd_buf_append_char(out, '}');
  lua_pop(L, 1);
}

static bool is_empty(lua_State *L, int index) {
  lua_pushnil(L);
  if (!lua_next(L, index)) return true;
  lua_pop(L, 2);
  return false;
}

static void write_value(lua_State *L, int index, int like, int depth, struct azd_buf *out) {
  azd_sandbox_poll(L);
  luaL_checkstack(L, 12, "too deep for JSON");
  if (depth > DEPTH_MAX) luaL_error(L, "a table deeper than %d levels is no JSON", DEPTH_MAX);
  switch (lua_type(L, index)) {
  case LUA_TBOOLEAN: azd_buf_append_text(out, lua_toboolean(L, index) ? "true" : "false"); return;
  case LUA_TSTRING: {
    struct azd_str text;
    text.data = lua_tolstring(L, index, &text.size);
    azd_buf_append_json(out, text);
    return;
  }
  case LUA_TNUMBER:
    if (lua_isinteger(L, index)) {
      azd_buf_printf(out, "%lld", (long long)lua_tointeger(L, index));
    } else {
      if (!isfinite(lua_tonumber(L, index))) luaL_error(L, "a number that is not finite is no JSON");
      azd_buf_printf(out, "%.17g", lua_tonumber(L, index));
    }
    return;
  case LUA_TTABLE:
    if (lua_rawlen(L, index) > 0)
      write_list(L, index, like, depth, out);
    else if (is_empty(L, index) && like && lua_istable(L, like) && lua_rawlen(L, like) > 0)
      azd_buf_append_text(out, "[]");
    else
      write_object(L, index, like, depth, out);
    return;
  default:
    if (!azd_sandbox_is_null(L, index)) luaL_error(L, "a %s is no JSON", luaL_typename(L, index));
    azd_buf_append_text(out, "null");
  }
}

void azd_json_from_lua(lua_State *L, int index, int like, struct azd_buf *out) {
  write_value(L, index, like, 0, out);
}

void azd_json_to_lua(lua_State *L, const struct azd_doc *doc, azd_node node) {
  int64_t integer;
  luaL_checkstack(L, 4, "too deep");
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_NULL: lua_pushnil(L); return;
  case AZD_JSON_FALSE: lua_pushboolean(L, 0); return;
  case AZD_JSON_TRUE: lua_pushboolean(L, 1); return;
  case AZD_JSON_STRING: {
    struct azd_str text = azd_doc_string(doc, node);
    lua_pushlstring(L, text.data, text.size);
    return;
  }
  case AZD_JSON_NUMBER:
    if (azd_doc_int64(doc, node, &integer))
      lua_pushinteger(L, integer);
    else
      lua_pushnumber(L, azd_doc_double(doc, node));
    return;
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: break;
  }
  lua_Integer i = 0;
  bool is_array = azd_doc_type(doc, node) == AZD_JSON_ARRAY;
  lua_newtable(L);
  for (azd_node n = azd_doc_first(doc, node); n != AZD_NODE_NONE; n = azd_doc_next(doc, n)) {
    struct azd_str key = azd_doc_key(doc, n);
    if (is_array)
      lua_pushinteger(L, ++i);
    else
      lua_pushlstring(L, key.data, key.size);
    azd_json_to_lua(L, doc, n);
    lua_rawset(L, -3);
  }
}
