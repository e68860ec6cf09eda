#include "script/handle.h"
#include "script/sandbox.h"

#include <lauxlib.h>

enum { EPOCH_MASK = 0xffffff };

static inline struct azd_lend *lend_of(lua_State *L) {
  return &azd_sandbox_of(L)->lend;
}

static inline void *word_of(const struct azd_lend *lend, unsigned slot, uint32_t number) {
  return (void *)((uintptr_t)(lend->epoch & EPOCH_MASK) << 40 | (uintptr_t)slot << 32 | number);
}

void azd_lend_document(struct azd_lend *lend, unsigned slot, const struct azd_doc *doc) {
  lend->docs[slot] = doc;
  lend->sizes[slot] = doc ? azd_doc_size(doc) : 0;
}

void azd_lend_return(struct azd_lend *lend) {
  lend->epoch++;
  for (unsigned i = 0; i < AZD_LEND_DOCS; i++) azd_lend_document(lend, i, NULL);
  lend->objects = NULL;
  lend->host = NULL;
}

/* ---- pushing ---- */

static void push_number(lua_State *L, const struct azd_doc *doc, azd_node node) {
  int64_t integer;
  if (azd_doc_int64(doc, node, &integer))
    lua_pushinteger(L, integer);
  else
    lua_pushnumber(L, azd_doc_double(doc, node));
}

static inline void push_node(lua_State *L, const struct azd_lend *lend, unsigned slot, azd_node node) {
  const struct azd_doc *doc = lend->docs[slot];
  if (!doc || node == AZD_NODE_NONE) {
    lua_pushnil(L);
    return;
  }
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_NULL: lua_pushnil(L); return;
  case AZD_JSON_FALSE: lua_pushboolean(L, 0); return;
  case AZD_JSON_TRUE: lua_pushboolean(L, 1); return;
  case AZD_JSON_NUMBER: push_number(L, doc, node); return;
  case AZD_JSON_STRING: {
    struct azd_str text = azd_doc_string(doc, node);
    lua_pushlstring(L, text.data, text.size);
    return;
  }
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: lua_pushlightuserdata(L, word_of(lend, slot, node)); return;
  }
}

void azd_handle_push(lua_State *L, unsigned slot, azd_node node) {
  push_node(L, lend_of(L), slot, node);
}

void azd_handle_push_object(lua_State *L, uint32_t object) {
  lua_pushlightuserdata(L, word_of(lend_of(L), AZD_LEND_OBJECTS, object));
}

/* ---- resolving ---- */

struct target {
  struct azd_lend *lend;
  unsigned slot;
  uint32_t number;           /* node, or the host's object */
  const struct azd_doc *doc; /* NULL: an object of the host */
};

/* The handle at index, which is a light userdata. The number is below the document's size even where the epoch wrapped,
 * so a stale handle can at worst read another place of a lent document. */
static inline void resolve(lua_State *L, int index, struct target *target) {
  uintptr_t word = (uintptr_t)lua_touserdata(L, index);
  struct azd_lend *lend = target->lend = lend_of(L);
  target->slot = (word >> 32) & 0xff;
  target->number = (uint32_t)word;
  target->doc = NULL;
  if ((word >> 40) == (lend->epoch & EPOCH_MASK)) {
    if (target->slot < AZD_LEND_DOCS && target->number < lend->sizes[target->slot]) {
      target->doc = lend->docs[target->slot];
      return;
    }
    if (target->slot == AZD_LEND_OBJECTS && lend->objects) return;
  }
  luaL_error(L, "this document is no longer there: it lives for one call, so take what you need out of it");
}

bool azd_handle_node(lua_State *L, int index, const struct azd_doc **doc, azd_node *node, unsigned *slot) {
  struct target target;
  if (!lua_islightuserdata(L, index)) return false;
  resolve(L, index, &target);
  *doc = target.doc;
  *node = target.number;
  *slot = target.slot;
  return target.doc != NULL;
}

static uint32_t count_of(const struct target *target) {
  if (target->doc) return azd_doc_count(target->doc, target->number);
  return target->lend->objects->count(target->lend->host, target->number);
}

/* Pushes key and value of the i-th child, from 0. */
static void push_child(lua_State *L, const struct target *target, uint32_t i) {
  luaL_checkstack(L, 4, NULL);
  lua_pushinteger(L, (lua_Integer)i + 1);
  push_node(L, target->lend, target->slot, azd_doc_element(target->doc, target->number, i));
}

azd_node azd_lend_member(const struct azd_lend *lend, unsigned slot, const struct azd_doc *doc, azd_node object,
                         struct azd_str key) {
  if (lend->reader && azd_doc_type(doc, object) == AZD_JSON_OBJECT)
    lend->reader->read(lend->reader->context, slot, doc, object, key);
  return azd_doc_member(doc, object, key);
}

/* ---- metamethods: no script can reach them but by the operators, so the first operand is what it is ---- */

static int handle_index(lua_State *L) { /* handle key */
  struct target target;
  resolve(L, 1, &target);
  if (!target.doc) {
    lua_settop(L, 2);
    target.lend->objects->index(L, target.lend->host, target.number);
    return 1;
  }
  azd_node child = AZD_NODE_NONE;
  if (lua_type(L, 2) == LUA_TSTRING) {
    struct azd_str key;
    key.data = lua_tolstring(L, 2, &key.size);
    child = azd_lend_member(target.lend, target.slot, target.doc, target.number, key);
  } else if (lua_isinteger(L, 2)) {
    lua_Integer i = lua_tointeger(L, 2);
    if (i >= 1 && i <= azd_doc_count(target.doc, target.number))
      child = azd_doc_element(target.doc, target.number, (uint32_t)(i - 1));
  }
  push_node(L, target.lend, target.slot, child);
  return 1;
}

static int handle_len(lua_State *L) {
  struct target target;
  resolve(L, 1, &target);
  lua_pushinteger(L, count_of(&target));
  return 1;
}

static int handle_newindex(lua_State *L) {
  return luaL_error(L, "documents are read-only");
}

/* Without it Lua would speak of userdata, a word scripts have never met. */
static int handle_no_operator(lua_State *L) {
  return luaL_error(L, "a document has no order and no arithmetic: compare its fields");
}

static int nil_index(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

void azd_handle_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"__index", handle_index},       {"__len", handle_len},
                                     {"__newindex", handle_newindex}, {"__lt", handle_no_operator},
                                     {"__le", handle_no_operator},    {NULL, NULL}};
  lua_pushlightuserdata(L, NULL);
  luaL_newlib(L, methods);
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, nil_index);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_pop(L, 1);
}

/* ---- iteration ---- */

static int ipairs_step(lua_State *L) { /* list i: arguments are a script's, checked each time */
  lua_Integer i = luaL_checkinteger(L, 2);
  if (lua_islightuserdata(L, 1)) {
    struct target target;
    resolve(L, 1, &target);
    if (i < 0 || i >= count_of(&target)) return lua_pushnil(L), 1;
    if (target.doc) {
      if (azd_doc_type(target.doc, target.number) != AZD_JSON_ARRAY) return lua_pushnil(L), 1;
      push_child(L, &target, (uint32_t)i);
    } else {
      target.lend->objects->member(L, target.lend->host, target.number, (uint32_t)i);
    }
    return 2;
  }
  if (!lua_istable(L, 1)) return luaL_typeerror(L, 1, "list");
  i = luaL_intop(+, i, 1);
  lua_pushinteger(L, i);
  return lua_rawgeti(L, 1, i) == LUA_TNIL ? 1 : 2;
}

static int empty_step(lua_State *L) {
  lua_pushnil(L);
  return 1;
}

/* ipairs of a document runs to its length, over nulls; nil is empty. */
int azd_native_ipairs(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_isnil(L, 1))
    lua_pushcfunction(L, empty_step);
  else if (lua_istable(L, 1) || lua_islightuserdata(L, 1))
    lua_pushcfunction(L, ipairs_step);
  else
    return luaL_typeerror(L, 1, "list");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 0);
  return 3;
}

enum { PAIRS_HANDLE = 1, PAIRS_NEXT, PAIRS_UPVALUES = PAIRS_NEXT };

/* A closure, so that a step costs the same however far it is: upvalues are the handle, and the next child's node
 * (documents) or number (host objects). */
static int pairs_step(lua_State *L) {
  struct target target;
  lua_settop(L, 0);
  lua_pushvalue(L, lua_upvalueindex(PAIRS_HANDLE));
  resolve(L, 1, &target);
  lua_Integer next = lua_tointeger(L, lua_upvalueindex(PAIRS_NEXT));
  if (!target.doc) {
    if (next >= count_of(&target)) return lua_pushnil(L), 1;
    target.lend->objects->member(L, target.lend->host, target.number, (uint32_t)next);
    lua_pushinteger(L, next + 1);
    lua_replace(L, lua_upvalueindex(PAIRS_NEXT));
    return 2;
  }
  bool is_array = azd_doc_type(target.doc, target.number) == AZD_JSON_ARRAY;
  if (is_array) {
    if (next >= azd_doc_count(target.doc, target.number)) return lua_pushnil(L), 1;
    push_child(L, &target, (uint32_t)next++);
  } else {
    if (next < 0) return lua_pushnil(L), 1;
    azd_node child = (azd_node)next, following = azd_doc_next(target.doc, child);
    struct azd_str key = azd_doc_key(target.doc, child);
    lua_pushlstring(L, key.data, key.size);
    push_node(L, target.lend, target.slot, child);
    next = following == AZD_NODE_NONE ? -1 : (lua_Integer)following;
  }
  lua_pushinteger(L, next);
  lua_replace(L, lua_upvalueindex(PAIRS_NEXT));
  return 2;
}

int azd_native_pairs(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_isnil(L, 1)) {
    lua_pushcfunction(L, empty_step);
    return 1;
  }
  if (lua_islightuserdata(L, 1)) {
    struct target target;
    resolve(L, 1, &target);
    lua_Integer first = 0;
    if (target.doc && azd_doc_type(target.doc, target.number) == AZD_JSON_OBJECT) {
      azd_node child = azd_doc_first(target.doc, target.number);
      first = child == AZD_NODE_NONE ? -1 : (lua_Integer)child;
    }
    lua_pushvalue(L, 1);
    lua_pushinteger(L, first);
    lua_pushcclosure(L, pairs_step, PAIRS_UPVALUES);
    return 1;
  }
  if (!lua_istable(L, 1)) return luaL_typeerror(L, 1, "table");
  lua_pushcfunction(L, azd_native_next);
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

/* Of a document: looks its way to the key, so a walk by next() is quadratic; pairs() is not. */
int azd_native_next(lua_State *L) {
  struct target target;
  lua_settop(L, 2);
  if (lua_istable(L, 1)) return lua_next(L, 1) ? 2 : (lua_pushnil(L), 1);
  if (!lua_islightuserdata(L, 1)) return luaL_typeerror(L, 1, "table");
  resolve(L, 1, &target);
  if (!target.doc) return luaL_error(L, "next: use pairs for this");
  azd_node child;
  if (lua_isnil(L, 2)) {
    child = azd_doc_first(target.doc, target.number);
  } else if (lua_isinteger(L, 2)) {
    lua_Integer i = lua_tointeger(L, 2);
    child = i < 0 || i > UINT32_MAX - 1 ? AZD_NODE_NONE : azd_doc_element(target.doc, target.number, (uint32_t)i);
    if (child == AZD_NODE_NONE) return lua_pushnil(L), 1;
    push_child(L, &target, (uint32_t)i);
    return 2;
  } else {
    struct azd_str key;
    key.data = luaL_checklstring(L, 2, &key.size);
    child = azd_doc_member(target.doc, target.number, key);
    if (child == AZD_NODE_NONE) return luaL_error(L, "next: no such key");
    child = azd_doc_next(target.doc, child);
  }
  if (child == AZD_NODE_NONE) return lua_pushnil(L), 1;
  if (azd_doc_type(target.doc, target.number) == AZD_JSON_ARRAY) {
    push_child(L, &target, 0);
    return 2;
  }
  struct azd_str key = azd_doc_key(target.doc, child);
  lua_pushlstring(L, key.data, key.size);
  push_node(L, target.lend, target.slot, child);
  return 2;
}

int azd_native_type(lua_State *L) {
  luaL_checkany(L, 1);
  if (lua_islightuserdata(L, 1))
    lua_pushliteral(L, "table");
  else if (azd_sandbox_is_null(L, 1))
    lua_pushliteral(L, "null");
  else
    lua_pushstring(L, luaL_typename(L, 1));
  return 1;
}

/* ---- values ---- */

lua_Integer azd_value_count(lua_State *L, int index) {
  if (lua_isnoneornil(L, index)) return 0;
  if (lua_istable(L, index)) return (lua_Integer)lua_rawlen(L, index);
  if (!lua_islightuserdata(L, index)) return luaL_typeerror(L, index, "list");
  struct target target;
  resolve(L, index, &target);
  if (target.doc && azd_doc_type(target.doc, target.number) != AZD_JSON_ARRAY) return 0;
  return count_of(&target);
}

void azd_value_element(lua_State *L, int index, lua_Integer i) {
  if (lua_istable(L, index)) {
    lua_rawgeti(L, index, i);
    return;
  }
  struct target target;
  resolve(L, index, &target);
  if (target.doc) {
    push_node(L, target.lend, target.slot, azd_doc_element(target.doc, target.number, (uint32_t)(i - 1)));
    return;
  }
  target.lend->objects->member(L, target.lend->host, target.number, (uint32_t)(i - 1));
  lua_remove(L, -2);
}

void azd_value_member(lua_State *L, int index, const char *key) {
  if (lua_istable(L, index)) {
    index = lua_absindex(L, index);
    lua_pushstring(L, key);
    lua_rawget(L, index);
  } else if (lua_islightuserdata(L, index)) {
    lua_getfield(L, index, key);
  } else {
    lua_pushnil(L);
  }
}
