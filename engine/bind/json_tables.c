/* Plain Lua tables as JSON text, and back. */
#include "bind/json_tables.h"
#include "bind/class.h"
#include "bind/document.h"
#include "json/canonical.h"
#include "json/number.h"

#include <lauxlib.h>
#include <math.h>

static const char buffer_class[] = "azdrift.json.buffer", array_class[] = "azdrift.json.array";

/* Its address is json.null. */
static const char null_marker;

void azd_json_push_null(lua_State *L) {
  lua_pushlightuserdata(L, (void *)(uintptr_t)&null_marker);
}

void azd_json_mark_array(lua_State *L, int table) {
  lua_pushvalue(L, table);
  luaL_setmetatable(L, array_class);
  lua_pop(L, 1);
}

/* ---- buffers ---- */

struct azd_buf *azd_json_push_buffer(lua_State *L, size_t max_bytes) {
  struct azd_buf *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
  azd_buf_init(buffer, max_bytes);
  luaL_setmetatable(L, buffer_class);
  return buffer;
}

static int buffer_close(lua_State *L) { /* buffer */
  azd_buf_free(lua_touserdata(L, 1));
  return 0;
}

int azd_json_push_bytes(lua_State *L, struct azd_buf *buffer) {
  if (azd_buf_status(buffer) == AZD_ELIMIT)
    return luaL_error(L, "more JSON than the limit of %I bytes", (lua_Integer)buffer->max_bytes);
  if (azd_buf_status(buffer)) return luaL_error(L, "not enough memory");
  lua_pushlstring(L, buffer->data, buffer->size);
  azd_buf_free(buffer);
  return 1;
}

/* ---- tables to text ---- */

struct encoder {
  lua_State *L;
  struct azd_buf *out;
  int depth, max_depth;
};

static void encode_value(struct encoder *encoder, int index);

/* How many elements a table has that is written as an array; -1: an object. Raises on a mixture. */
static lua_Integer array_length(lua_State *L, int table) {
  lua_Integer length = (lua_Integer)lua_rawlen(L, table), keys = 0;
  bool is_marked = false, has_holes = false;
  if (lua_getmetatable(L, table)) {
    luaL_getmetatable(L, array_class);
    is_marked = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  if (!is_marked && length == 0) return -1;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    keys++;
    if (!lua_isinteger(L, -2) || lua_tointeger(L, -2) < 1)
      luaL_error(L, "a table with elements and with the key %s is neither array nor object",
                 luaL_tolstring(L, -2, NULL));
    has_holes |= lua_tointeger(L, -2) > length;
  }
  if (has_holes || keys != length) luaL_error(L, "an array with holes cannot be written; json.null holds a place");
  return length;
}

static void encode_object(struct encoder *encoder, int table) {
  lua_State *L = encoder->L;
  bool is_first = true;
  azd_buf_append_char(encoder->out, '{');
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) { /* name value */
    struct azd_str name;
    if (lua_type(L, -2) != LUA_TSTRING)
      luaL_error(L, "the name of a member must be a string, not a %s", luaL_typename(L, -2));
    name.data = lua_tolstring(L, -2, &name.size);
    if (!is_first) azd_buf_append_char(encoder->out, ',');
    is_first = false;
    azd_buf_append_json(encoder->out, name);
    azd_buf_append_char(encoder->out, ':');
    encode_value(encoder, lua_gettop(L));
  }
  azd_buf_append_char(encoder->out, '}');
}

static void encode_table(struct encoder *encoder, int table) {
  lua_State *L = encoder->L;
  if (++encoder->depth > encoder->max_depth)
    luaL_error(L, "tables nested deeper than the limit of %d (or in a circle)", encoder->max_depth);
  luaL_checkstack(L, 6, "JSON nested too deep");
  lua_Integer length = array_length(L, table);
  if (length < 0) {
    encode_object(encoder, table);
  } else {
    azd_buf_append_char(encoder->out, '[');
    for (lua_Integer i = 1; i <= length; i++) {
      if (i > 1) azd_buf_append_char(encoder->out, ',');
      lua_rawgeti(L, table, i);
      encode_value(encoder, lua_gettop(L));
      lua_pop(L, 1);
    }
    azd_buf_append_char(encoder->out, ']');
  }
  encoder->depth--;
}

static void encode_value(struct encoder *encoder, int index) {
  lua_State *L = encoder->L;
  struct azd_buf *out = encoder->out;
  struct azd_str text;
  struct azd_view view;
  if (azd_buf_status(out)) return; /* told at the end */
  switch (lua_type(L, index)) {
  case LUA_TNIL: azd_buf_append_text(out, "null"); return;
  case LUA_TBOOLEAN: azd_buf_append_text(out, lua_toboolean(L, index) ? "true" : "false"); return;
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      azd_buf_printf(out, "%lld", (long long)lua_tointeger(L, index));
    else if (isfinite(lua_tonumber(L, index)))
      azd_double_append(lua_tonumber(L, index), out);
    else
      luaL_error(L, "JSON has no number for %f", lua_tonumber(L, index));
    return;
  case LUA_TSTRING:
    text.data = lua_tolstring(L, index, &text.size);
    azd_buf_append_json(out, text);
    return;
  case LUA_TTABLE: encode_table(encoder, index); return;
  case LUA_TLIGHTUSERDATA:
    if (lua_touserdata(L, index) != &null_marker) break;
    azd_buf_append_text(out, "null");
    return;
  case LUA_TUSERDATA:
    if (!azd_test_view(L, index, &view)) break;
    azd_json_canonical(view.doc, view.node, NULL, 0, out);
    return;
  }
  luaL_error(L, "a %s cannot be written as JSON", luaL_typename(L, index));
}

int azd_json_push_encoded(lua_State *L, int value, const struct azd_doc_limits *limits) {
  struct azd_view view;
  if (azd_test_view(L, value, &view)) {
    struct azd_buf *out = azd_json_push_buffer(L, limits->max_bytes);
    azd_json_canonical(view.doc, view.node, NULL, 0, out);
    return azd_json_push_bytes(L, out);
  }
  struct azd_buf *raw = azd_json_push_buffer(L, limits->max_bytes);
  struct encoder encoder = {.L = L, .out = raw, .max_depth = (int)limits->max_depth};
  encode_value(&encoder, value);
  azd_json_push_bytes(L, raw); /* raw text */
  struct azd_doc_limits none = {.max_depth = UINT32_MAX};
  if (azd_document_parse(L, -1, &none) != 1) /* only what is not UTF-8 can be wrong with it */
    return luaL_error(L, "cannot be written as JSON: %s", lua_tostring(L, -2));
  view = azd_check_view(L, -1); /* raw text document */
  struct azd_buf *out = azd_json_push_buffer(L, limits->max_bytes);
  azd_json_canonical(view.doc, view.node, NULL, 0, out);
  azd_document_close(L, -2);
  return azd_json_push_bytes(L, out);
}

/* ---- text to tables ---- */

static void push_plain(lua_State *L, int document, const struct azd_doc *doc, azd_node node);

static void push_table(lua_State *L, int document, const struct azd_doc *doc, azd_node node) {
  uint32_t count = azd_doc_count(doc, node);
  bool is_object = azd_doc_type(doc, node) == AZD_JSON_OBJECT;
  luaL_checkstack(L, 6, "JSON nested too deep");
  lua_createtable(L, is_object ? 0 : (int)count, is_object ? (int)count : 0);
  if (!is_object) luaL_setmetatable(L, array_class);
  lua_Integer index = 0;
  for (azd_node child = azd_doc_first(doc, node); child != AZD_NODE_NONE; child = azd_doc_next(doc, child)) {
    bool is_null = azd_doc_type(doc, child) == AZD_JSON_NULL;
    if (is_object) {
      if (is_null) continue;
      struct azd_str name = azd_doc_key(doc, child);
      lua_pushlstring(L, name.data, name.size); /* table name */
      push_plain(L, document, doc, child);      /* table name value */
      lua_rawset(L, -3);
    } else {
      if (is_null)
        azd_json_push_null(L);
      else
        push_plain(L, document, doc, child);
      lua_rawseti(L, -2, ++index);
    }
  }
}

static void push_plain(lua_State *L, int document, const struct azd_doc *doc, azd_node node) {
  if (azd_doc_type(doc, node) >= AZD_JSON_ARRAY)
    push_table(L, document, doc, node);
  else
    azd_push_node(L, document, node);
}

void azd_json_push_plain(lua_State *L, int document) {
  struct azd_view view = azd_check_view(L, document);
  push_plain(L, lua_absindex(L, document), view.doc, view.node);
}

void azd_json_tables_open(lua_State *L) {
  static const luaL_Reg none[] = {{NULL, NULL}};
  azd_new_class(L, buffer_class, none, buffer_close);
  azd_new_class(L, array_class, none, NULL);
}
