#include "bind/server_request.h"

#include <lauxlib.h>

/* ---- the request as a table ------------------------------------------------------------------------------------ */

static void push_str(lua_State *L, struct azd_str s) {
  lua_pushlstring(L, s.data ? s.data : "", s.size);
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* [-0, +1, m] With %xx resolved, and '+' as a space where it means one. What is no right escape stands for itself. */
void azd_push_decoded(lua_State *L, struct azd_str s, bool plus_is_space) {
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, s.size);
  size_t n = 0;
  for (size_t i = 0; i < s.size; i++) {
    char c = s.data[i];
    if (c == '%' && i + 2 < s.size && hex_digit(s.data[i + 1]) >= 0 && hex_digit(s.data[i + 2]) >= 0) {
      c = (char)(hex_digit(s.data[i + 1]) << 4 | hex_digit(s.data[i + 2]));
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    out[n++] = c;
  }
  luaL_pushresultsize(&buffer, n);
}

/* [-0, +1, m] name=value&...: a table; of a name that comes twice the first counts. Serves form bodies, too. */
void azd_push_pairs(lua_State *L, struct azd_str text) {
  lua_newtable(L);
  while (text.size > 0) {
    const char *amp = memchr(text.data, '&', text.size);
    const struct azd_str pair = {text.data, amp ? (size_t)(amp - text.data) : text.size};
    const size_t step = pair.size + (amp != NULL);
    text = (struct azd_str){text.data + step, text.size - step};
    if (pair.size == 0) continue;
    const char *equals = memchr(pair.data, '=', pair.size);
    const size_t name_size = equals ? (size_t)(equals - pair.data) : pair.size;
    azd_push_decoded(L, (struct azd_str){pair.data, name_size}, true); /* pairs name */
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) { /* pairs name former */
      lua_pop(L, 2);
      continue;
    }
    lua_pop(L, 1);
    if (equals)
      azd_push_decoded(L, (struct azd_str){equals + 1, pair.size - name_size - 1}, true);
    else
      lua_pushliteral(L, ""); /* pairs name value */
    lua_rawset(L, -3);
  }
}

static void push_lower(lua_State *L, struct azd_str s) {
  luaL_Buffer buffer;
  char *out = luaL_buffinitsize(L, &buffer, s.size);
  for (size_t i = 0; i < s.size; i++) out[i] = (char)azd_fold((unsigned char)s.data[i]);
  luaL_pushresultsize(&buffer, s.size);
}

/* [-0, +1, m] Names in lower case; fields of one name joined with ", ", as RFC 9110 5.3 allows. */
static void push_headers(lua_State *L, const struct azd_http_request *request) {
  const size_t n = azd_http_request_n_fields(request);
  lua_createtable(L, 0, (int)n); /* headers */
  for (size_t i = 0; i < n; i++) {
    struct azd_str name, value;
    azd_http_request_field_at(request, i, &name, &value);
    push_lower(L, name); /* headers name */
    push_str(L, value);  /* headers name value */
    lua_pushvalue(L, -2);
    if (lua_rawget(L, -4) == LUA_TSTRING) { /* headers name value former */
      lua_pushfstring(L, "%s, %s", lua_tostring(L, -1), lua_tostring(L, -2));
      lua_replace(L, -3);
    }
    lua_pop(L, 1); /* headers name value */
    lua_rawset(L, -3);
  }
}

/* [-0, +0, m] Who is at the other end, into the request at the top. */
static void push_peer(lua_State *L, const struct azd_http_request *request) {
  const struct azd_http_peer peer = azd_http_request_peer(request);
  lua_pushstring(L, peer.is_unix ? "unix" : peer.address);
  lua_setfield(L, -2, "remote");
  lua_pushboolean(L, azd_http_request_is_tls(request));
  lua_setfield(L, -2, "is_tls");
  lua_pushboolean(L, peer.is_unix || peer.is_loopback);
  lua_setfield(L, -2, "is_local");
  if (peer.uid == UINT32_MAX) return;
  lua_pushinteger(L, peer.uid);
  lua_setfield(L, -2, "uid");
}

/* [-0, +0, m] What the gate found out, into the request at the top. */
static void push_admission(lua_State *L, const struct azd_gate *gate, struct azd_http_request *request) {
  static const char *const PRINCIPALS[] = {"nobody", "anonymous", "peer", "key", "token"};
  const struct azd_admission *admission = azd_gate_admission(request);
  struct azd_route_match match;
  azd_gate_match(gate, request, &match);
  lua_pushinteger(L, (lua_Integer)admission->route + 1);
  lua_setfield(L, -2, "route");
  lua_pushstring(L, admission->id);
  lua_setfield(L, -2, "id");
  lua_createtable(L, 0, (int)match.n_params); /* request params */
  for (unsigned i = 0; i < match.n_params; i++) {
    push_str(L, azd_route_param_name(azd_gate_routes(gate), admission->route, i));
    azd_push_decoded(L, match.params[i], false);
    lua_rawset(L, -3);
  }
  lua_setfield(L, -2, "params");
  lua_createtable(L, 0, 3); /* request principal */
  lua_pushstring(L, PRINCIPALS[admission->principal]);
  lua_setfield(L, -2, "kind");
  lua_pushstring(L, azd_role_name((enum azd_role)admission->role));
  lua_setfield(L, -2, "role");
  if (admission->key_id[0]) {
    lua_pushstring(L, admission->key_id);
    lua_setfield(L, -2, "key");
  }
  if (admission->subject[0]) {
    lua_pushstring(L, admission->subject);
    lua_setfield(L, -2, "subject");
  }
  lua_setfield(L, -2, "principal");
}

void azd_push_request(lua_State *L, const struct azd_gate *gate, struct azd_http_request *request) {
  struct azd_str query = {NULL, 0};
  const bool has_query = azd_http_request_query(request, &query);
  lua_createtable(L, 0, 16); /* request */
  push_str(L, azd_http_request_method(request));
  lua_setfield(L, -2, "method");
  push_str(L, azd_http_request_path(request));
  lua_setfield(L, -2, "path");
  push_str(L, azd_http_request_host(request));
  lua_setfield(L, -2, "host");
  push_str(L, azd_http_request_body(request));
  lua_setfield(L, -2, "body");
  if (has_query) {
    push_str(L, query);
    lua_setfield(L, -2, "raw_query");
  }
  azd_push_pairs(L, query);
  lua_setfield(L, -2, "query");
  push_headers(L, request);
  lua_setfield(L, -2, "headers");
  push_peer(L, request);
  if (gate != NULL) push_admission(L, gate, request);
}
