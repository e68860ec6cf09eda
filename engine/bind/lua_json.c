/* azdrift.json: documents, canonical bytes and hashes, and small JSON to and from plain tables. What each function
 * does and takes: lua/meta/json.lua. */
#include "base/crypto.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/document.h"
#include "json/canonical.h"
#include "json/number.h"

#include <lauxlib.h>
#include <math.h>

enum { SMALL_MAX_BYTES = 1 << 20, SMALL_MAX_DEPTH = 64, DEPTH_CEILING = 180 };

static const char buffer_class[] = "azdrift.json.buffer", array_class[] = "azdrift.json.array";

/* Its address is json.null. */
static const char null_marker;

/* ---- arguments ---- */

static size_t check_option(lua_State *L, int options, const char *name, size_t otherwise, size_t ceiling) {
  if (lua_isnoneornil(L, options)) return otherwise;
  luaL_checktype(L, options, LUA_TTABLE);
  int type = lua_getfield(L, options, name);
  int is_integer = type == LUA_TNIL;
  lua_Integer value = type == LUA_TNIL ? (lua_Integer)otherwise : lua_tointegerx(L, -1, &is_integer);
  lua_pop(L, 1);
  if (!is_integer || value < 1 || (size_t)value > ceiling)
    luaL_argerror(L, options, lua_pushfstring(L, "%s: an integer from 1 to %I expected", name, (lua_Integer)ceiling));
  return (size_t)value;
}

static struct azd_doc_limits check_limits(lua_State *L, int options, size_t bytes, size_t depth, size_t depth_ceiling) {
  return (struct azd_doc_limits){.max_depth = (uint32_t)check_option(L, options, "max_depth", depth, depth_ceiling),
                                 .max_bytes = check_option(L, options, "max_bytes", bytes, UINT32_MAX - 1)};
}

/* [-0, +1, m] A buffer that the collector frees when an error flies past. */
static struct azd_buf *push_buffer(lua_State *L, size_t max_bytes) {
  struct azd_buf *buffer = lua_newuserdatauv(L, sizeof *buffer, 0);
  azd_buf_init(buffer, max_bytes);
  luaL_setmetatable(L, buffer_class);
  return buffer;
}

static int buffer_close(lua_State *L) { /* buffer */
  azd_buf_free(lua_touserdata(L, 1));
  return 0;
}

/* [-0, +1, e] Its bytes as a string. */
static int push_bytes(lua_State *L, struct azd_buf *buffer) {
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

/* [-0, +1, e] The text of any value in canonical form, so that one table has one text in every state. */
static int push_encoded(lua_State *L, int value, const struct azd_doc_limits *limits) {
  struct azd_view view;
  if (azd_test_view(L, value, &view)) {
    struct azd_buf *out = push_buffer(L, limits->max_bytes);
    azd_json_canonical(view.doc, view.node, NULL, 0, out);
    return push_bytes(L, out);
  }
  struct azd_buf *raw = push_buffer(L, limits->max_bytes);
  struct encoder encoder = {.L = L, .out = raw, .max_depth = (int)limits->max_depth};
  encode_value(&encoder, value);
  push_bytes(L, raw); /* raw text */
  struct azd_doc_limits none = {.max_depth = UINT32_MAX};
  if (azd_document_parse(L, -1, &none) != 1) /* only what is not UTF-8 can be wrong with it */
    return luaL_error(L, "cannot be written as JSON: %s", lua_tostring(L, -2));
  view = azd_check_view(L, -1); /* raw text document */
  struct azd_buf *out = push_buffer(L, limits->max_bytes);
  azd_json_canonical(view.doc, view.node, NULL, 0, out);
  azd_document_close(L, -2);
  return push_bytes(L, out);
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
        lua_pushlightuserdata(L, (void *)(uintptr_t)&null_marker);
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

/* ---- the module ---- */

static int json_parse(lua_State *L) { /* text options? */
  luaL_checktype(L, 1, LUA_TSTRING);
  struct azd_doc_limits limits = check_limits(L, 2, AZD_DOC_MAX_BYTES, AZD_DOC_MAX_DEPTH, UINT32_MAX - 1);
  return azd_document_parse(L, 1, &limits);
}

static int json_decode(lua_State *L) { /* text options? */
  luaL_checktype(L, 1, LUA_TSTRING);
  struct azd_doc_limits limits = check_limits(L, 2, SMALL_MAX_BYTES, SMALL_MAX_DEPTH, DEPTH_CEILING);
  if (azd_document_parse(L, 1, &limits) != 1) return 3;
  int document = lua_gettop(L);
  push_plain(L, document, azd_check_view(L, document).doc, 0);
  azd_document_close(L, document);
  return 1;
}

static int json_encode(lua_State *L) { /* value options? */
  luaL_checkany(L, 1);
  struct azd_doc_limits limits = check_limits(L, 2, SMALL_MAX_BYTES, SMALL_MAX_DEPTH, DEPTH_CEILING);
  return push_encoded(L, 1, &limits);
}

/* As encode, but a document may be as large as it is. */
static int json_canonical(lua_State *L) { /* value */
  struct azd_view view;
  luaL_checkany(L, 1);
  struct azd_doc_limits limits = {.max_depth = SMALL_MAX_DEPTH,
                                  .max_bytes = azd_test_view(L, 1, &view) ? 0 : SMALL_MAX_BYTES};
  return push_encoded(L, 1, &limits);
}

static int json_write(lua_State *L) { /* view indent_spaces? */
  struct azd_view view = azd_check_view(L, 1);
  lua_Integer indent = luaL_optinteger(L, 2, 0);
  luaL_argcheck(L, indent >= 0 && indent <= 8, 2, "0 to 8 spaces expected");
  struct azd_buf *out = push_buffer(L, 0);
  azd_json_write(view.doc, view.node, (int)indent, out);
  return push_bytes(L, out);
}

static int json_sha256(lua_State *L) { /* bytes */
  uint8_t digest[AZD_SHA256_BYTES];
  char hex[AZD_SHA256_HEX_BYTES];
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  azd_sha256_of(bytes, size, digest);
  azd_hex(digest, sizeof digest, hex);
  lua_pushstring(L, hex);
  return 1;
}

static int json_has(lua_State *L) { /* view key */
  lua_pushboolean(L, azd_view_child(L, azd_check_view(L, 1), 2) != AZD_NODE_NONE);
  return 1;
}

static int json_is_null(lua_State *L) { /* view key */
  struct azd_view view = azd_check_view(L, 1);
  azd_node child = azd_view_child(L, view, 2);
  lua_pushboolean(L, child != AZD_NODE_NONE && azd_doc_type(view.doc, child) == AZD_JSON_NULL);
  return 1;
}

static int json_raw(lua_State *L) { /* view key */
  struct azd_view view = azd_check_view(L, 1);
  azd_node child = azd_view_child(L, view, 2);
  if (child == AZD_NODE_NONE || azd_doc_type(view.doc, child) != AZD_JSON_NUMBER) return 0;
  struct azd_str digits = azd_doc_number(view.doc, child);
  lua_pushlstring(L, digits.data, digits.size);
  return 1;
}

static int json_member(lua_State *L) { /* view name */
  struct azd_view view = azd_check_view(L, 1);
  struct azd_str name;
  name.data = luaL_checklstring(L, 2, &name.size);
  azd_push_node(L, 1, azd_doc_member_fold(view.doc, view.node, name));
  return 1;
}

static int json_kind(lua_State *L) { /* value */
  struct azd_view view;
  if (!azd_test_view(L, 1, &view)) return 0;
  enum azd_json_type type = azd_doc_type(view.doc, view.node);
  if (type < AZD_JSON_ARRAY) return 0;
  lua_pushstring(L, type == AZD_JSON_ARRAY ? "array" : "object");
  return 1;
}

static int json_equal(lua_State *L) { /* view view */
  struct azd_view a = azd_check_view(L, 1), b = azd_check_view(L, 2);
  lua_pushboolean(L, azd_json_equal(a.doc, a.node, b.doc, b.node));
  return 1;
}

static int json_duplicates(lua_State *L) { /* view */
  struct azd_str first;
  lua_pushinteger(L, azd_doc_duplicates(azd_check_view(L, 1).doc, &first));
  if (!lua_tointeger(L, -1)) return 1;
  lua_pushlstring(L, first.data, first.size);
  return 2;
}

static int json_array(lua_State *L) { /* table? */
  if (lua_isnoneornil(L, 1)) lua_settop(L, 0), lua_newtable(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_setmetatable(L, array_class);
  return 1;
}

static int json_close(lua_State *L) { /* view */
  azd_document_close(L, 1);
  return 0;
}

int azd_open_json(lua_State *L) {
  static const luaL_Reg none[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"parse", json_parse},
      {"decode", json_decode},
      {"encode", json_encode},
      {"canonical", json_canonical},
      {"write", json_write},
      {"sha256", json_sha256},
      {"pointer", azd_view_pointer},
      {"has", json_has},
      {"is_null", json_is_null},
      {"raw", json_raw},
      {"member", json_member},
      {"kind", json_kind},
      {"equal", json_equal},
      {"array", json_array},
      {"duplicates", json_duplicates},
      {"close", json_close},
      {NULL, NULL},
  };
  azd_document_open(L);
  azd_new_class(L, buffer_class, none, buffer_close);
  azd_new_class(L, array_class, none, NULL);
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, (void *)(uintptr_t)&null_marker);
  lua_setfield(L, -2, "null");
  return 1;
}
