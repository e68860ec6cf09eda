/* The map of open versions as scripts see it: load, count, look up. Collect jobs use it from C (store_call.h). */
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/store_call.h"

#include <lauxlib.h>
#include <stdlib.h>

static const char map_class[] = "azdrift.store.map";

void azd_map_handle_unref(struct azd_map_handle *handle) {
  if (--handle->refs) return;
  azd_map_free(handle->map);
  free(handle);
}

static struct azd_map_handle *check_any(lua_State *L, int index) {
  struct azd_map_handle **box = luaL_checkudata(L, index, map_class);
  luaL_argcheck(L, *box, index, "a map that was closed");
  return *box;
}

struct azd_map_handle *azd_check_map(lua_State *L, int index) {
  struct azd_map_handle *map = check_any(L, index);
  luaL_argcheck(L, !map->is_loading, index, "a map that is being loaded");
  return map;
}

static int map_gc(lua_State *L) { /* map */
  struct azd_map_handle **box = lua_touserdata(L, 1);
  if (*box) azd_map_handle_unref(*box);
  *box = NULL;
  return 0;
}

/* [-0, +1, m] */
static struct azd_map_handle *push_new(lua_State *L) {
  struct azd_map_handle **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, map_class);
  struct azd_map_handle *map = calloc(1, sizeof *map);
  if (map) map->map = azd_map_new();
  if (!map || !map->map) {
    free(map);
    luaL_error(L, "not enough memory");
  }
  map->refs = 1;
  *box = map;
  return map;
}

static void map_run(struct azd_work *work, struct azd_worker *worker) {
  struct azd_store_call *call = (struct azd_store_call *)work;
  (void)worker;
  call->code = azd_store_map_load(call->store->store, call->texts[0], call->map->map, &call->error);
}

static int map_push(lua_State *L, struct azd_work *work) { /* store scope map */
  int failed = azd_call_failed(L, (struct azd_store_call *)work);
  if (failed) return failed;
  lua_pushvalue(L, 3);
  return 1;
}
AZD_STORE_VERB(map);

int azd_store_l_map(lua_State *L) { /* store scope map? */
  struct azd_store_handle *store = azd_check_store(L, 1);
  luaL_checktype(L, 2, LUA_TSTRING);
  if (lua_isnoneornil(L, 3)) {
    lua_settop(L, 2);
    push_new(L);
  }
  lua_settop(L, 3);
  struct azd_map_handle *map = azd_check_map(L, 3);
  luaL_argcheck(L, !map->users, 3, "a map that is in use");
  struct azd_store_call *call = azd_store_call_new(L, store, &map_type);
  call->texts[0] = azd_call_text(L, call, 2);
  call->map = map;
  map->refs++;
  map->users++;
  map->is_loading = true;
  return azd_store_call_go(L, call);
}

static int map_seq(lua_State *L) {
  lua_pushinteger(L, azd_map_seq(azd_check_map(L, 1)->map));
  return 1;
}

/* count(map, type?) */
static int map_count(lua_State *L) {
  struct azd_map *map = azd_check_map(L, 1)->map;
  size_t first, bytes;
  const char *type = luaL_optlstring(L, 2, NULL, &bytes);
  lua_pushinteger(
      L, (lua_Integer)(type ? azd_map_of_type(map, (struct azd_str){type, bytes}, &first) : azd_map_count(map)));
  return 1;
}

/* find(map, type, id): hash, from_seq; nil where nothing is open */
static int map_find(lua_State *L) {
  struct azd_map *map = azd_check_map(L, 1)->map;
  struct azd_str type, id;
  type.data = luaL_checklstring(L, 2, &type.size);
  id.data = luaL_checklstring(L, 3, &id.size);
  struct azd_key key = azd_key_of(type, id);
  const struct azd_map_entry *entry = azd_map_find(map, &key);
  if (!entry) return 0;
  char hex[2 * AZD_HASH_BYTES + 1];
  azd_hex(entry->hash, AZD_HASH_BYTES, hex);
  lua_pushstring(L, hex);
  lua_pushinteger(L, entry->from_seq);
  return 2;
}

void azd_open_map(lua_State *L) {
  static const luaL_Reg methods[] = {{"seq", map_seq}, {"count", map_count}, {"find", map_find}, {NULL, NULL}};
  azd_new_class(L, map_class, methods, map_gc);
}
