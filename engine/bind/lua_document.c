/* The userdata of document.h. Two kinds, so that a view used by somebody else's finalizer while the state closes meets
 * an empty holder and not freed memory: the holder owns the document, views own nothing. */
#include "bind/await.h"
#include "bind/class.h"
#include "bind/document.h"
#include "json/pointer.h"

#include <lauxlib.h>

static const char view_class[] = "azdrift.json.view", holder_class[] = "azdrift.json.document";

struct holder {        /* user value 1: the text */
  struct azd_doc *doc; /* NULL: closed */
};

struct view { /* user value 1: the holder */
  struct holder *holder;
  azd_node node;
};

static int holder_close(lua_State *L) { /* holder */
  struct holder *holder = lua_touserdata(L, 1);
  azd_doc_free(holder->doc);
  holder->doc = NULL;
  return 0;
}

/* [-1, +1] The holder on the top becomes a view of its root. */
static void push_root(lua_State *L) { /* holder */
  struct view *view = lua_newuserdatauv(L, sizeof *view, 1);
  *view = (struct view){lua_touserdata(L, -2), 0};
  luaL_setmetatable(L, view_class);
  lua_insert(L, -2);           /* view holder */
  lua_setiuservalue(L, -2, 1); /* view */
}

int azd_document_parse(lua_State *L, int text, const struct azd_doc_limits *limits) {
  struct azd_error error;
  struct azd_str bytes;
  text = lua_absindex(L, text);
  bytes.data = luaL_checklstring(L, text, &bytes.size);
  struct holder *holder = lua_newuserdatauv(L, sizeof *holder, 1); /* holder */
  holder->doc = NULL;
  luaL_setmetatable(L, holder_class);
  lua_pushvalue(L, text);
  lua_setiuservalue(L, -2, 1);
  holder->doc = azd_doc_new();
  if (!holder->doc) return luaL_error(L, "not enough memory");
  if (azd_doc_parse(holder->doc, bytes, limits, &error)) {
    azd_doc_free(holder->doc);
    holder->doc = NULL;
    return azd_push_error(L, &error);
  }
  push_root(L);
  return 1;
}

static struct azd_view open_view(lua_State *L, const struct view *view, int index) {
  if (!view->holder->doc) luaL_argerror(L, index, "the document is closed");
  return (struct azd_view){view->holder->doc, view->node};
}

struct azd_view azd_check_view(lua_State *L, int index) {
  return open_view(L, luaL_checkudata(L, index, view_class), index);
}

bool azd_test_view(lua_State *L, int index, struct azd_view *view) {
  const struct view *found = luaL_testudata(L, index, view_class);
  if (found) *view = open_view(L, found, index);
  return found != NULL;
}

void azd_document_close(lua_State *L, int index) {
  struct view *view = luaL_checkudata(L, index, view_class);
  azd_doc_free(view->holder->doc);
  view->holder->doc = NULL;
}

static void push_view(lua_State *L, int parent, azd_node node) {
  const struct view *from = lua_touserdata(L, parent);
  struct view *view = lua_newuserdatauv(L, sizeof *view, 1); /* view */
  *view = (struct view){from->holder, node};
  luaL_setmetatable(L, view_class);
  lua_getiuservalue(L, parent, 1); /* view holder */
  lua_setiuservalue(L, -2, 1);
}

void azd_push_node(lua_State *L, int view, azd_node node) {
  const struct azd_doc *doc = azd_check_view(L, view).doc;
  int64_t integer;
  luaL_checkstack(L, 3, NULL);
  view = lua_absindex(L, view);
  if (node == AZD_NODE_NONE) {
    lua_pushnil(L);
    return;
  }
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_NULL: lua_pushnil(L); break;
  case AZD_JSON_FALSE: lua_pushboolean(L, 0); break;
  case AZD_JSON_TRUE: lua_pushboolean(L, 1); break;
  case AZD_JSON_NUMBER:
    if (azd_doc_int64(doc, node, &integer))
      lua_pushinteger(L, integer);
    else
      lua_pushnumber(L, azd_doc_double(doc, node));
    break;
  case AZD_JSON_STRING: {
    struct azd_str text = azd_doc_string(doc, node);
    lua_pushlstring(L, text.data, text.size);
    break;
  }
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: push_view(L, view, node); break;
  }
}

azd_node azd_view_child(lua_State *L, struct azd_view view, int key) {
  if (lua_type(L, key) == LUA_TSTRING) {
    struct azd_str name;
    name.data = lua_tolstring(L, key, &name.size);
    return azd_doc_member(view.doc, view.node, name);
  }
  int is_integer;
  lua_Integer index = lua_type(L, key) == LUA_TNUMBER ? lua_tointegerx(L, key, &is_integer) : 0;
  return index > 0 && index <= UINT32_MAX ? azd_doc_element(view.doc, view.node, (uint32_t)index - 1) : AZD_NODE_NONE;
}

/* ---- metamethods ---- */

int azd_view_pointer(lua_State *L) { /* view pointer */
  struct azd_view view = azd_check_view(L, 1);
  struct azd_str pointer;
  azd_node found = AZD_NODE_NONE;
  pointer.data = luaL_checklstring(L, 2, &pointer.size);
  int code = azd_pointer_resolve(view.doc, view.node, pointer, &found);
  if (code == AZD_EINVAL) return luaL_argerror(L, 2, "JSON pointer expected, as \"/a/0\"");
  if (code == AZD_ENOMEM) return luaL_error(L, "not enough memory");
  azd_push_node(L, 1, found);
  return 1;
}

/* Members win. Of the whole document, and where it has no member of that name, `pointer` is the method. */
static int view_index(lua_State *L) { /* view key */
  struct azd_view view = azd_check_view(L, 1);
  azd_node child = azd_view_child(L, view, 2);
  if (child == AZD_NODE_NONE && view.node == 0 && lua_type(L, 2) == LUA_TSTRING &&
      strcmp(lua_tostring(L, 2), "pointer") == 0)
    lua_pushcfunction(L, azd_view_pointer);
  else
    azd_push_node(L, 1, child);
  return 1;
}

static int view_newindex(lua_State *L) {
  return luaL_error(L, "a JSON document is read-only");
}

static int view_len(lua_State *L) { /* view */
  struct azd_view view = azd_check_view(L, 1);
  lua_pushinteger(L, azd_doc_count(view.doc, view.node));
  return 1;
}

/* Upvalues: view, place of the next child, its index (of an array). A null gives its key and nil, and goes on. */
static int view_next(lua_State *L) {
  struct azd_view view = azd_check_view(L, lua_upvalueindex(1));
  azd_node child = (azd_node)lua_tointeger(L, lua_upvalueindex(2));
  if (child == AZD_NODE_NONE) {
    lua_pushnil(L);
    return 1;
  }
  lua_pushinteger(L, azd_doc_next(view.doc, child));
  lua_replace(L, lua_upvalueindex(2));
  if (azd_doc_type(view.doc, view.node) == AZD_JSON_OBJECT) {
    struct azd_str name = azd_doc_key(view.doc, child);
    lua_pushlstring(L, name.data, name.size);
  } else {
    lua_Integer index = lua_tointeger(L, lua_upvalueindex(3));
    lua_pushinteger(L, index);
    lua_pushinteger(L, index + 1);
    lua_replace(L, lua_upvalueindex(3));
  }
  lua_pushvalue(L, lua_upvalueindex(1)); /* key view */
  azd_push_node(L, -1, child);           /* key view value */
  lua_remove(L, -2);
  return 2;
}

static int view_pairs(lua_State *L) { /* view */
  struct azd_view view = azd_check_view(L, 1);
  lua_pushvalue(L, 1);
  lua_pushinteger(L, azd_doc_first(view.doc, view.node));
  lua_pushinteger(L, 1);
  lua_pushcclosure(L, view_next, 3);
  return 1;
}

/* The same place of the same document. By value: json.equal. */
static int view_eq(lua_State *L) { /* a b */
  const struct view *a = luaL_testudata(L, 1, view_class), *b = luaL_testudata(L, 2, view_class);
  lua_pushboolean(L, a && b && a->holder == b->holder && a->node == b->node);
  return 1;
}

static int view_tostring(lua_State *L) { /* view */
  struct azd_view view = azd_check_view(L, 1);
  enum azd_json_type type = azd_doc_type(view.doc, view.node);
  if (type < AZD_JSON_ARRAY)
    lua_pushliteral(L, "JSON scalar");
  else
    lua_pushfstring(L, "JSON %s of %d", type == AZD_JSON_OBJECT ? "object" : "array",
                    (int)azd_doc_count(view.doc, view.node));
  return 1;
}

void azd_document_open(lua_State *L) {
  static const luaL_Reg none[] = {{NULL, NULL}};
  static const luaL_Reg metamethods[] = {
      {"__index", view_index}, {"__newindex", view_newindex}, {"__len", view_len}, {"__pairs", view_pairs},
      {"__eq", view_eq},       {"__tostring", view_tostring}, {NULL, NULL},
  };
  azd_new_class(L, holder_class, none, holder_close);
  azd_new_class(L, view_class, none, NULL);
  luaL_getmetatable(L, view_class);
  luaL_setfuncs(L, metamethods, 0);
  lua_pop(L, 1);
}
