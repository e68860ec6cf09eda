#include "script/guard.h"
#include "script/natives.h"
#include "script/sandbox.h"
#include "json/canonical.h"

#include <lauxlib.h>
#include <string.h>

/* The node of obj[key] in a document; false where obj is no document. */
static bool member_node(lua_State *L, const struct azd_doc **doc, azd_node *member) {
  azd_node object;
  unsigned slot;
  if (!azd_handle_node(L, 1, doc, &object, &slot)) return false;
  if (lua_isinteger(L, 2)) {
    lua_Integer i = lua_tointeger(L, 2);
    *member =
        i >= 1 && i <= azd_doc_count(*doc, object) ? azd_doc_element(*doc, object, (uint32_t)(i - 1)) : AZD_NODE_NONE;
    return true;
  }
  struct azd_str key;
  key.data = luaL_checklstring(L, 2, &key.size);
  *member = azd_lend_member(&azd_sandbox_of(L)->lend, slot, *doc, object, key);
  return true;
}

/* has(object, key): there, though it may be null. */
static int native_has(lua_State *L) {
  const struct azd_doc *doc;
  azd_node member;
  luaL_checkany(L, 2);
  if (member_node(L, &doc, &member)) {
    lua_pushboolean(L, member != AZD_NODE_NONE);
    return 1;
  }
  if (lua_isnil(L, 1)) return lua_pushboolean(L, 0), 1;
  lua_settop(L, 2);
  lua_gettable(L, 1);
  lua_pushboolean(L, !lua_isnil(L, -1));
  return 1;
}

/* is_null(object, key): there, and JSON null. */
static int native_is_null(lua_State *L) {
  const struct azd_doc *doc;
  azd_node member;
  luaL_checkany(L, 2);
  if (member_node(L, &doc, &member)) {
    lua_pushboolean(L, member != AZD_NODE_NONE && azd_doc_type(doc, member) == AZD_JSON_NULL);
    return 1;
  }
  if (!lua_istable(L, 1)) return lua_pushboolean(L, 0), 1;
  lua_settop(L, 2);
  lua_rawget(L, 1);
  lua_pushboolean(L, azd_sandbox_is_null(L, -1));
  return 1;
}

/* raw(object, key): the exact text: digits of a number, decoded text of a string, JSON of anything else; nil where
 * absent. */
static int native_raw(lua_State *L) {
  const struct azd_doc *doc;
  azd_node member;
  luaL_checkany(L, 2);
  if (lua_isnil(L, 1)) return lua_pushnil(L), 1;
  if (!member_node(L, &doc, &member)) return luaL_typeerror(L, 1, "document");
  if (member == AZD_NODE_NONE) return lua_pushnil(L), 1;
  struct azd_str text = {NULL, 0};
  switch (azd_doc_type(doc, member)) {
  case AZD_JSON_NUMBER: text = azd_doc_number(doc, member); break;
  case AZD_JSON_STRING: text = azd_doc_string(doc, member); break;
  default: {
    struct azd_buf *json = &azd_sandbox_of(L)->scratch; /* the sandbox's, for the push below may raise */
    azd_buf_clear(json);
    if (azd_json_write(doc, member, 0, json) != 0) return luaL_error(L, "raw: longer than 1 MiB");
    text = azd_buf_str(json);
  }
  }
  lua_pushlstring(L, text.data, text.size);
  return 1;
}

/* The member of the value on top that key names: as it is, else as a dotted path. Replaces the value. [-1, +1, e] */
static void follow(lua_State *L, const char *key) {
  int value = lua_gettop(L);
  azd_value_member(L, value, key);
  if (lua_isnil(L, -1) && strchr(key, '.')) {
    lua_pop(L, 1);
    lua_pushvalue(L, value);
    for (const char *part = key; part;) {
      const char *dot = strchr(part, '.');
      lua_pushlstring(L, part, dot ? (size_t)(dot - part) : strlen(part)); /* value ... place part */
      azd_value_member(L, -2, lua_tostring(L, -1));
      lua_replace(L, -3);
      lua_pop(L, 1);
      part = dot ? dot + 1 : NULL;
    }
  }
  lua_replace(L, value);
}

/* find(list, key, value): the first element whose member key (or path, "properties.access") is value, and its place. */
static int native_find(lua_State *L) {
  luaL_checkany(L, 3);
  const char *key = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  lua_Integer count = azd_value_count(L, 1);
  for (lua_Integer i = 1; i <= count; i++) {
    azd_sandbox_poll(L);
    azd_value_element(L, 1, i); /* list key value element */
    lua_pushvalue(L, -1);
    follow(L, key); /* list key value element member */
    if (azd_natives_same(L, 5, 3)) {
      lua_settop(L, 4);
      lua_pushinteger(L, i);
      return 2;
    }
    lua_settop(L, 3);
  }
  lua_pushnil(L);
  return 1;
}

/* keys(object): its names, sorted bytewise, as a table of one's own. */
static int native_keys(lua_State *L) {
  const struct azd_doc *doc;
  azd_node object;
  unsigned slot;
  lua_Integer count = 0;
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  lua_newtable(L); /* object names */
  if (azd_handle_node(L, 1, &doc, &object, &slot)) {
    if (azd_doc_type(doc, object) == AZD_JSON_OBJECT)
      for (azd_node n = azd_doc_first(doc, object); n != AZD_NODE_NONE; n = azd_doc_next(doc, n)) {
        struct azd_str key = azd_doc_key(doc, n);
        lua_pushlstring(L, key.data, key.size);
        lua_rawseti(L, 2, ++count);
      }
  } else if (lua_istable(L, 1)) {
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
      if (lua_type(L, -2) != LUA_TSTRING) continue;
      lua_pushvalue(L, -2);
      lua_rawseti(L, 2, ++count);
    }
  } else if (!lua_isnil(L, 1)) {
    return luaL_typeerror(L, 1, "table");
  }
  lua_pushvalue(L, lua_upvalueindex(1)); /* object names sort */
  lua_pushvalue(L, 2);
  lua_call(L, 1, 0);
  return 1;
}

void azd_natives_open_list(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"has", native_has}, {"is_null", native_is_null}, {"raw", native_raw}, {"find", native_find}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
  lua_getfield(L, -1, "table");
  lua_getfield(L, -1, "sort");
  lua_remove(L, -2);
  lua_pushcclosure(L, native_keys, 1);
  lua_setfield(L, -2, "keys");
  azd_sandbox_push_null(L);
  lua_setfield(L, -2, "null");
}
