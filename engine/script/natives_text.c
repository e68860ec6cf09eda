#include "script/natives.h"
#include "script/sandbox.h"

#include <lauxlib.h>

enum { CHARGE_EVERY = 4096 };

/* Text at index, or false: nil, numbers and tables are no text here. */
static bool text_at(lua_State *L, int index, struct azd_str *text) {
  if (lua_type(L, index) != LUA_TSTRING) return false;
  text->data = lua_tolstring(L, index, &text->size);
  return true;
}

/* The needle is the script's own: anything but text is a mistake worth telling. */
static struct azd_str check_text(lua_State *L, int index) {
  struct azd_str text;
  luaL_checktype(L, index, LUA_TSTRING);
  text_at(L, index, &text);
  return text;
}

int azd_natives_same(lua_State *L, int a, int b) {
  struct azd_str left, right;
  if (lua_isnoneornil(L, a) || lua_isnoneornil(L, b)) return 0;
  if (text_at(L, a, &left) && text_at(L, b, &right)) return azd_str_equal_fold(left, right);
  return lua_rawequal(L, a, b);
}

/* `*` is any run, `?` one character. Goes back to the last star only, so a text costs at most its length times the
 * pattern's, which is charged. */
static bool is_like(lua_State *L, struct azd_str text, struct azd_str pattern) {
  size_t t = 0, p = 0, star = SIZE_MAX, star_text = 0;
  for (int64_t steps = 1; t < text.size; steps++) {
    if (steps % CHARGE_EVERY == 0) azd_sandbox_charge(L, CHARGE_EVERY);
    if (p < pattern.size && pattern.data[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size && (pattern.data[p] == '?' || azd_fold((unsigned char)pattern.data[p]) ==
                                                                  azd_fold((unsigned char)text.data[t]))) {
      p++, t++;
    } else if (star != SIZE_MAX) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size && pattern.data[p] == '*') p++;
  return p == pattern.size;
}

/* like(value, pattern): pattern may be a list, of which one is enough. */
static int native_like(lua_State *L) {
  struct azd_str text, pattern;
  if (!lua_isstring(L, 2)) {
    lua_Integer count = azd_value_count(L, 2);
    bool found = false;
    bool has_text = text_at(L, 1, &text);
    for (lua_Integer i = 1; i <= count && !found && has_text; i++) {
      azd_value_element(L, 2, i);
      if (text_at(L, -1, &pattern)) {
        luaL_argcheck(L, pattern.size <= AZD_PATTERN_MAX_BYTES, 2, "pattern longer than 512 bytes");
        found = is_like(L, text, pattern);
      }
      lua_pop(L, 1);
    }
    lua_pushboolean(L, found);
    return 1;
  }
  pattern = check_text(L, 2);
  luaL_argcheck(L, pattern.size <= AZD_PATTERN_MAX_BYTES, 2, "pattern longer than 512 bytes");
  lua_pushboolean(L, text_at(L, 1, &text) && is_like(L, text, pattern));
  return 1;
}

static bool holds(lua_State *L, struct azd_str text, struct azd_str part) {
  int64_t each = 1 + (int64_t)part.size / 4; /* at worst all of part is compared at each place */
  for (size_t i = 0; i + part.size <= text.size; i++) {
    if (i % CHARGE_EVERY == CHARGE_EVERY - 1) azd_sandbox_charge(L, each * CHARGE_EVERY);
    if (azd_str_equal_fold((struct azd_str){text.data + i, part.size}, part)) return true;
  }
  return false;
}

static bool is_in(lua_State *L, int list, int value) {
  lua_Integer count = azd_value_count(L, list);
  bool found = false;
  for (lua_Integer i = 1; i <= count && !found; i++) {
    azd_sandbox_poll(L);
    azd_value_element(L, list, i);
    found = azd_natives_same(L, lua_gettop(L), value);
    lua_pop(L, 1);
  }
  return found;
}

/* contains(text, part) or contains(list, value). */
static int native_contains(lua_State *L) {
  struct azd_str text;
  lua_settop(L, 2);
  if (text_at(L, 1, &text)) {
    struct azd_str part = check_text(L, 2);
    luaL_argcheck(L, part.size <= AZD_PATTERN_MAX_BYTES, 2, "longer than 512 bytes");
    lua_pushboolean(L, holds(L, text, part));
  } else {
    bool list = lua_istable(L, 1) || lua_islightuserdata(L, 1);
    lua_pushboolean(L, list && is_in(L, 1, 2));
  }
  return 1;
}

static int native_starts_with(lua_State *L) {
  struct azd_str text, part = check_text(L, 2);
  lua_pushboolean(L, text_at(L, 1, &text) && azd_str_starts_with_fold(text, part));
  return 1;
}

static int native_ends_with(lua_State *L) {
  struct azd_str text, part = check_text(L, 2);
  bool ends = text_at(L, 1, &text) && text.size >= part.size &&
              azd_str_equal_fold((struct azd_str){text.data + text.size - part.size, part.size}, part);
  lua_pushboolean(L, ends);
  return 1;
}

/* one_of(value, list), or one_of(value, a, b, ...). */
static int native_one_of(lua_State *L) {
  luaL_checkany(L, 2);
  if (lua_istable(L, 2) || lua_islightuserdata(L, 2)) {
    lua_settop(L, 2);
    lua_pushboolean(L, is_in(L, 2, 1));
    return 1;
  }
  bool found = false;
  for (int i = 2; i <= lua_gettop(L) && !found; i++) found = azd_natives_same(L, 1, i);
  lua_pushboolean(L, found);
  return 1;
}

void azd_natives_open_text(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"like", native_like},           {"contains", native_contains}, {"starts_with", native_starts_with},
      {"ends_with", native_ends_with}, {"one_of", native_one_of},     {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
