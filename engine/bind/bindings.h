/* Every module that C gives to workflow scripts: `require "azdrift.<name>"`. A new binding is one line in bindings.c
 * and its luaopen below. Thread: the loop's. Blocks: never. */
#ifndef AZD_BIND_BINDINGS_H
#define AZD_BIND_BINDINGS_H

#include <lua.h>

struct azd_binding {
  const char *name;   /* "azdrift.task" */
  lua_CFunction open; /* [-0, +1, e] called by the first require */
};

/* Ends with a NULL name. */
extern const struct azd_binding azd_bindings[];

/* [-0, +0, e] Puts every binding into package.preload. */
void azd_bindings_register(lua_State *L);

int azd_open_bell(lua_State *L);
int azd_open_bundles(lua_State *L);
int azd_open_collectors(lua_State *L);
int azd_open_detectors(lua_State *L);
int azd_open_folders(lua_State *L);
int azd_open_gate(lua_State *L);
int azd_open_http(lua_State *L);
int azd_open_json(lua_State *L);
int azd_open_listings(lua_State *L);
int azd_open_log(lua_State *L);
int azd_open_metrics(lua_State *L);
int azd_open_pairs(lua_State *L);
int azd_open_process(lua_State *L);
int azd_open_server(lua_State *L);
int azd_open_spool(lua_State *L);
int azd_open_store(lua_State *L);
int azd_open_supervisor(lua_State *L);
int azd_open_system(lua_State *L);
int azd_open_table(lua_State *L);
int azd_open_task(lua_State *L);

#endif
