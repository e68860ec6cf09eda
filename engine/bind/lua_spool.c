/* `azdrift.spool`: a long list of texts that does not have to fit into memory (base/spool.h).
 *
 *   local texts = require("azdrift.spool").new()
 *   texts:add(text, key or nil) -> true or nil, sentence, code
 *   texts:count() -> integer
 *   texts:text(number) -> text: in the order of adding, from 1; nil beyond
 *   texts:sorted(place) -> text: in the order of keys, from 1; nil beyond
 *   texts:close()
 *
 * Thread: the loop's. Blocks: on the page cache of a temporary file, 256 KiB at a time. */
#include "base/spool.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"

#include <lauxlib.h>

static const char class_name[] = "azdrift.spool";

struct box {
  struct azd_spool *spool; /* NULL once closed */
  struct azd_buf text;     /* of the last one that was read */
};

static struct box *check_open(lua_State *L, int index) {
  struct box *box = luaL_checkudata(L, index, class_name);
  if (!box->spool) luaL_argerror(L, index, "it is closed");
  return box;
}

static int l_new(lua_State *L) {
  struct box *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = (struct box){0};
  luaL_setmetatable(L, class_name);
  azd_buf_init(&box->text, 0);
  box->spool = azd_spool_new();
  return box->spool ? 1 : luaL_error(L, "no memory");
}

static int l_close(lua_State *L) {
  struct box *box = luaL_checkudata(L, 1, class_name);
  azd_spool_free(box->spool);
  azd_buf_free(&box->text);
  *box = (struct box){0};
  return 0;
}

static int l_add(lua_State *L) {
  struct box *box = check_open(L, 1);
  struct azd_str text, key;
  struct azd_error error;
  text.data = luaL_checklstring(L, 2, &text.size);
  key.data = luaL_optlstring(L, 3, "", &key.size);
  if (azd_spool_add(box->spool, text, key, &error)) return azd_push_error(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_count(lua_State *L) {
  lua_pushinteger(L, azd_spool_count(check_open(L, 1)->spool));
  return 1;
}

static int push_text(lua_State *L, bool in_order_of_keys) {
  struct box *box = check_open(L, 1);
  lua_Integer number = luaL_checkinteger(L, 2);
  struct azd_error error;
  if (number < 1 || number > azd_spool_count(box->spool)) return 0;
  uint32_t place = (uint32_t)(number - 1);
  azd_buf_clear(&box->text);
  if (azd_spool_read(box->spool, in_order_of_keys ? azd_spool_sorted(box->spool, place) : place, &box->text, &error))
    return luaL_error(L, "%s", error.text);
  lua_pushlstring(L, box->text.size ? box->text.data : "", box->text.size);
  return 1;
}

static int l_text(lua_State *L) {
  return push_text(L, false);
}

static int l_sorted(lua_State *L) {
  return push_text(L, true);
}

int azd_open_spool(lua_State *L) {
  static const luaL_Reg methods[] = {{"add", l_add},       {"count", l_count}, {"text", l_text},
                                     {"sorted", l_sorted}, {"close", l_close}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", l_new}, {NULL, NULL}};
  azd_new_class(L, class_name, methods, l_close);
  luaL_newlib(L, functions);
  return 1;
}
