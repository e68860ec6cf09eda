/* `azdrift.table`: a read-only table of text (base/table.h) for scripts.
 *
 *   local text_table = require "azdrift.table"
 *   local rows = assert(text_table.open(path))       -- or nil, sentence, code
 *   rows:has_column("api") -> boolean
 *   rows:get(key) -> { column = text, ... } or nil    -- by the first column, without case
 *   for a, b in rows:each("type", "parent") do end    -- the cells of those columns, in the order of keys
 *   for a in rows:below("a/b/", "type") do end        -- only rows whose keys begin so, without case
 *   rows:close()
 *
 * Thread: the loop's. Blocks: open reads the file (at start only). */
#include "base/table.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"

#include <lauxlib.h>

static const char class_name[] = "azdrift.table";

struct rows {
  struct azd_table *table; /* NULL once closed */
};

static struct azd_table *check_open(lua_State *L, int index) {
  struct rows *rows = luaL_checkudata(L, index, class_name);
  if (!rows->table) luaL_argerror(L, index, "the table is closed");
  return rows->table;
}

static int l_open(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct rows *rows = lua_newuserdatauv(L, sizeof *rows, 0);
  rows->table = NULL;
  luaL_setmetatable(L, class_name);
  struct azd_error error;
  return azd_table_open(path, &rows->table, &error) ? azd_push_error(L, &error) : 1;
}

static int l_close(lua_State *L) {
  struct rows *rows = luaL_checkudata(L, 1, class_name);
  azd_table_close(rows->table);
  rows->table = NULL;
  return 0;
}

static int column_of(const struct azd_table *table, const char *name) {
  for (uint32_t i = 0; i < azd_table_columns(table); i++)
    if (azd_str_equal(azd_table_column_name(table, i), azd_str_of(name))) return (int)i;
  return -1;
}

static int l_has_column(lua_State *L) {
  lua_pushboolean(L, column_of(check_open(L, 1), luaL_checkstring(L, 2)) >= 0);
  return 1;
}

static void push_str(lua_State *L, struct azd_str text) {
  lua_pushlstring(L, text.size ? text.data : "", text.size);
}

static int l_get(lua_State *L) {
  struct azd_table *table = check_open(L, 1);
  struct azd_str key;
  key.data = luaL_checklstring(L, 2, &key.size);
  uint32_t row = azd_table_find(table, key), columns = azd_table_columns(table);
  if (row == AZD_TABLE_NO_ROW) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, (int)columns);
  for (uint32_t i = 0; i < columns; i++) {
    push_str(L, azd_table_column_name(table, i));
    push_str(L, azd_table_cell(table, row, i));
    lua_rawset(L, -3);
  }
  return 1;
}

enum { UP_ROWS = 1, UP_NEXT, UP_PREFIX, UP_COUNT, UP_COLUMNS, COLUMNS_MAX = 8 };

static int l_each_next(lua_State *L) {
  struct azd_table *table = check_open(L, lua_upvalueindex(UP_ROWS));
  uint32_t row = (uint32_t)lua_tointeger(L, lua_upvalueindex(UP_NEXT));
  int columns = (int)lua_tointeger(L, lua_upvalueindex(UP_COUNT));
  struct azd_str prefix;
  prefix.data = lua_tolstring(L, lua_upvalueindex(UP_PREFIX), &prefix.size);
  if (row >= azd_table_rows(table) || !azd_str_starts_with_fold(azd_table_cell(table, row, 0), prefix)) return 0;
  for (int i = 0; i < columns; i++)
    push_str(L, azd_table_cell(table, row, (uint32_t)lua_tointeger(L, lua_upvalueindex(UP_COLUMNS + i))));
  lua_pushinteger(L, (lua_Integer)row + 1);
  lua_replace(L, lua_upvalueindex(UP_NEXT));
  return columns;
}

/* [-0, +1, e] An iterator over the rows whose keys begin with prefix; the names of columns stand at first and above. */
static int push_iterator(lua_State *L, struct azd_table *table, struct azd_str prefix, int first) {
  int columns = lua_gettop(L) - first + 1;
  luaL_argcheck(L, columns >= 1 && columns <= COLUMNS_MAX, first, "one to eight column names expected");
  lua_pushvalue(L, 1);
  lua_pushinteger(L, azd_table_from(table, prefix));
  lua_pushlstring(L, prefix.data, prefix.size);
  lua_pushinteger(L, columns);
  for (int i = 0; i < columns; i++) {
    int column = column_of(table, luaL_checkstring(L, first + i));
    if (column < 0) return luaL_argerror(L, first + i, "no such column");
    lua_pushinteger(L, column);
  }
  lua_pushcclosure(L, l_each_next, UP_COLUMNS - 1 + columns);
  return 1;
}

static int l_each(lua_State *L) { /* rows column... */
  return push_iterator(L, check_open(L, 1), (struct azd_str){"", 0}, 2);
}

static int l_below(lua_State *L) { /* rows prefix column... */
  struct azd_str prefix;
  prefix.data = luaL_checklstring(L, 2, &prefix.size);
  return push_iterator(L, check_open(L, 1), prefix, 3);
}

int azd_open_table(lua_State *L) {
  static const luaL_Reg methods[] = {{"has_column", l_has_column}, {"get", l_get},     {"each", l_each},
                                     {"below", l_below},           {"close", l_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", l_open}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
