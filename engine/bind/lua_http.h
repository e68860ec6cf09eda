/* Replies of azdrift.http as other bindings read them: the bytes go from the socket to a worker without a Lua string
 * between. Thread: the loop's. Blocks: never. */
#ifndef AZD_BIND_LUA_HTTP_H
#define AZD_BIND_LUA_HTTP_H

#include "net/http_client.h"

#include <lua.h>

/* [-0, +0, e] The reply at index; raises where there is none. Borrowed as long as the value lives: a work that reads it
 * on a worker anchors it (azd_work_anchor). */
struct azd_http_reply *azd_check_http_reply(lua_State *L, int index);

#endif
