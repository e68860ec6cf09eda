/* A request as scripts see it: a table, decoded. Thread: the loop's. Blocks: never. */
#ifndef AZD_BIND_SERVER_REQUEST_H
#define AZD_BIND_SERVER_REQUEST_H

#include "bind/gate.h"

#include <lua.h>

/* [-0, +1, m] gate (NULL: none): also what it found out. lua/meta/server.lua has the names. */
void azd_push_request(lua_State *L, const struct azd_gate *gate, struct azd_http_request *request);
/* [-0, +1, m] With %xx resolved, and '+' as a space where it means one. What is no right escape stands for itself. */
void azd_push_decoded(lua_State *L, struct azd_str s, bool plus_is_space);
/* [-0, +1, m] name=value&...: a table; of a name that comes twice the first counts. Serves form bodies, too. */
void azd_push_pairs(lua_State *L, struct azd_str text);

#endif
