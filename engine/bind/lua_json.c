/* azdrift.json: documents, canonical bytes and hashes, and small JSON to and from plain tables. What each function
 * does and takes: lua/meta/json.lua. */
#include "base/crypto.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/document.h"
#include "bind/json_tables.h"
#include "json/canonical.h"

#include <lauxlib.h>

enum { SMALL_MAX_BYTES = 1 << 20, SMALL_MAX_DEPTH = 64, DEPTH_CEILING = 180 };

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
  azd_json_push_plain(L, document);
  azd_document_close(L, document);
  return 1;
}

static int json_encode(lua_State *L) { /* value options? */
  luaL_checkany(L, 1);
  struct azd_doc_limits limits = check_limits(L, 2, SMALL_MAX_BYTES, SMALL_MAX_DEPTH, DEPTH_CEILING);
  return azd_json_push_encoded(L, 1, &limits);
}

/* As encode, but a document may be as large as it is. */
static int json_canonical(lua_State *L) { /* value */
  struct azd_view view;
  luaL_checkany(L, 1);
  struct azd_doc_limits limits = {.max_depth = SMALL_MAX_DEPTH,
                                  .max_bytes = azd_test_view(L, 1, &view) ? 0 : SMALL_MAX_BYTES};
  return azd_json_push_encoded(L, 1, &limits);
}

static int json_write(lua_State *L) { /* view indent_spaces? */
  struct azd_view view = azd_check_view(L, 1);
  lua_Integer indent = luaL_optinteger(L, 2, 0);
  luaL_argcheck(L, indent >= 0 && indent <= 8, 2, "0 to 8 spaces expected");
  struct azd_buf *out = azd_json_push_buffer(L, 0);
  azd_json_write(view.doc, view.node, (int)indent, out);
  return azd_json_push_bytes(L, out);
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
  azd_json_mark_array(L, 1);
  return 1;
}

static int json_close(lua_State *L) { /* view */
  azd_document_close(L, 1);
  return 0;
}

int azd_open_json(lua_State *L) {
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
  azd_json_tables_open(L);
  luaL_newlib(L, functions);
  azd_json_push_null(L);
  lua_setfield(L, -2, "null");
  return 1;
}
