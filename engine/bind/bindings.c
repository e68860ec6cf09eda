#include "bind/bindings.h"

#include <lauxlib.h>

/* clang-format off: one a line, so that two changes that add one do not meet */
const struct azd_binding azd_bindings[] = {
    {"azdrift.bell", azd_open_bell},
    {"azdrift.bundles", azd_open_bundles},
    {"azdrift.collectors", azd_open_collectors},
    {"azdrift.core.http", azd_open_http},
    {"azdrift.core.task", azd_open_task},
    {"azdrift.detectors", azd_open_detectors},
    {"azdrift.folders", azd_open_folders},
    {"azdrift.gate", azd_open_gate},
    {"azdrift.json", azd_open_json},
    {"azdrift.listings", azd_open_listings},
    {"azdrift.log", azd_open_log},
    {"azdrift.metrics", azd_open_metrics},
    {"azdrift.pairs", azd_open_pairs},
    {"azdrift.process", azd_open_process},
    {"azdrift.server", azd_open_server},
    {"azdrift.spool", azd_open_spool},
    {"azdrift.store", azd_open_store},
    {"azdrift.supervisor", azd_open_supervisor},
    {"azdrift.system", azd_open_system},
    {"azdrift.table", azd_open_table},
    {NULL, NULL},
};
/* clang-format on */

void azd_bindings_register(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  for (const struct azd_binding *binding = azd_bindings; binding->name; binding++) {
    lua_pushcfunction(L, binding->open);
    lua_setfield(L, -2, binding->name);
  }
  lua_pop(L, 1);
}
