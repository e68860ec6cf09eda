/* azdrift.server: an HTTP server whose requests are runs.
 *
 *   local server = require("azdrift.server")
 *   local listener <close> = server.listen { address = "127.0.0.1:0", on_request = function(request)
 *     return 200, { ["Content-Type"] = "text/plain" }, request.method
 *   end }
 *   listener:wait()
 *
 * Each request is one run of on_request: it may await. A listener serves until it is closed, stopped or collected; a
 * client that leaves cancels its run. lua/meta/server.lua has every name. */
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/lua_gate.h"
#include "bind/server_call.h"
#include "bind/server_request.h"
#include "net/activation.h"
#include "net/http_server.h"
#include "net/tls.h"

#include <lauxlib.h>

enum { REQUEST_MS = 30000, STOP_MS = 60000 };

static const char listener_name[] = "azdrift.listener";

struct listener {
  struct azd_server_calls calls;  /* what its requests need */
  struct azd_http_server *server; /* NULL: closed */
  struct azd_tls *tls;            /* NULL: plain */
  struct azd_wait waiter;         /* of the run in wait() or stop() */
  bool has_waiter;
};

/* ---- the listener ---------------------------------------------------------------------------------------------- */

static struct listener *check_listener(lua_State *L) {
  return luaL_checkudata(L, 1, listener_name);
}

static void wake_waiter(struct listener *listener) {
  if (!listener->has_waiter) return;
  listener->has_waiter = false;
  azd_wait_wake(&listener->waiter);
}

/* Idempotent, and fine with a listener that was never filled in. */
static int listener_close(lua_State *L) {
  struct listener *listener = check_listener(L);
  struct azd_http_server *server = listener->server;
  listener->server = NULL;
  azd_http_server_free(server);
  azd_tls_free(listener->tls);
  listener->tls = NULL;
  luaL_unref(L, LUA_REGISTRYINDEX, listener->calls.handler);
  listener->calls.handler = LUA_NOREF;
  azd_gate_unref(listener->calls.gate);
  listener->calls.gate = NULL;
  wake_waiter(listener);
  return 0;
}

static int listener_port(lua_State *L) {
  struct listener *listener = check_listener(L);
  lua_pushinteger(L, listener->server ? azd_http_server_port(listener->server) : 0);
  return 1;
}

static int listener_stats(lua_State *L) {
  struct listener *listener = check_listener(L);
  if (listener->server == NULL) return luaL_error(L, "the listener is closed");
  const struct azd_http_server_stats stats = azd_http_server_stats(listener->server);
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {
      {"accepted", stats.accepted},
      {"turned_away", stats.turned_away},
      {"requests", stats.requests},
      {"refused", stats.refused},
      {"timeouts", stats.timeouts},
      {"gone", stats.gone},
      {"bytes_in", stats.bytes_in},
      {"bytes_out", stats.bytes_out},
      {"connections", stats.connections},
      {"accept_pauses", stats.accept_pauses},
      {"evicted", stats.evicted},
      {"handshakes_failed", stats.handshakes_failed},
      {"handshake_timeouts", stats.handshake_timeouts},
      {"head_timeouts", stats.head_timeouts},
      {"body_timeouts", stats.body_timeouts},
      {"write_timeouts", stats.write_timeouts},
  };
  lua_createtable(L, 0, sizeof rows / sizeof *rows);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    lua_pushinteger(L, (lua_Integer)rows[i].value);
    lua_setfield(L, -2, rows[i].name);
  }
  return 1;
}

static void on_wait_abandoned(void *arg) {
  ((struct listener *)arg)->has_waiter = false;
}

static void on_stopped(void *arg) {
  wake_waiter(arg);
}

static void park(lua_State *L, struct listener *listener, const char *what, int64_t deadline_ms) {
  listener->waiter = azd_run_park(
      L, &(struct azd_park){.what = what, .deadline_ms = deadline_ms, .abandon = on_wait_abandoned, .arg = listener});
  listener->has_waiter = true;
}

/* A wait has an end, a service has none: so it waits again. */
static int after_wait(lua_State *L, int status, lua_KContext context) { /* listener */
  (void)status, (void)context;
  struct listener *listener = check_listener(L);
  if (azd_run_resumed(L) != AZD_ETIMEOUT || listener->server == NULL) return 0;
  park(L, listener, "the listener", AZD_WAIT_MAX_MS);
  return lua_yieldk(L, 0, 0, after_wait);
}

static int listener_wait(lua_State *L) { /* listener */
  struct listener *listener = check_listener(L);
  if (listener->server == NULL) return 0;
  if (listener->has_waiter) return luaL_error(L, "another run waits for this listener");
  lua_settop(L, 1);
  park(L, listener, "the listener", AZD_WAIT_MAX_MS);
  return lua_yieldk(L, 0, 0, after_wait);
}

static int after_stop(lua_State *L, int status, lua_KContext context) { /* listener */
  (void)status, (void)context;
  azd_run_resumed(L); /* after the deadline what is left is cut off */
  return listener_close(L);
}

static int listener_stop(lua_State *L) { /* listener grace_ms? */
  struct listener *listener = check_listener(L);
  const lua_Integer grace_ms = luaL_optinteger(L, 2, 2000);
  luaL_argcheck(L, grace_ms >= 0 && grace_ms <= STOP_MS, 2, "grace_ms: 0 to 60000 expected");
  if (listener->server == NULL) return 0;
  if (listener->has_waiter) return luaL_error(L, "another run waits for this listener");
  lua_settop(L, 1);
  park(L, listener, "the listener's end", STOP_MS + grace_ms);
  azd_http_server_stop(listener->server, (uint32_t)grace_ms, on_stopped, listener);
  return lua_yieldk(L, 0, 0, after_stop);
}

/* [-0, +0, e] An optional number of the options at 1. */
static int64_t option(lua_State *L, const char *name, int64_t least, int64_t most, int64_t otherwise) {
  int64_t value = otherwise;
  if (lua_getfield(L, 1, name) != LUA_TNIL) {
    int is_integer;
    value = lua_tointegerx(L, -1, &is_integer);
    if (!is_integer || value < least || value > most)
      luaL_error(L, "%s: an integer of %I to %I expected", name, (LUAI_UACINT)least, (LUAI_UACINT)most);
  }
  lua_pop(L, 1);
  return value;
}

static void read_limits(lua_State *L, struct azd_http_limits *limits) {
  limits->connections = (uint32_t)option(L, "connections", 1, 1000000, limits->connections);
  limits->connections_per_address =
      (uint32_t)option(L, "connections_per_address", 1, 1000000, limits->connections_per_address);
  limits->body_bytes = (uint32_t)option(L, "body_bytes", 0, 64 << 20, limits->body_bytes);
  limits->gzip_bytes = (uint32_t)option(L, "gzip_bytes", 0, 64 << 20, limits->gzip_bytes);
  limits->handshake_ms = (uint32_t)option(L, "handshake_ms", 1, 86400000, limits->handshake_ms);
  limits->idle_ms = (uint32_t)option(L, "idle_ms", 1, 86400000, limits->idle_ms);
  limits->head_ms = (uint32_t)option(L, "head_ms", 1, 86400000, limits->head_ms);
  limits->body_ms = (uint32_t)option(L, "body_ms", 1, 86400000, limits->body_ms);
  limits->write_ms = (uint32_t)option(L, "write_ms", 1, 86400000, limits->write_ms);
  limits->drain_ms = (uint32_t)option(L, "drain_ms", 0, 86400000, limits->drain_ms);
}

/* The certificate and key that the options name, if they do; the listener owns what comes of it. */
static int open_tls(lua_State *L, struct listener *listener, struct azd_error *error) {
  struct azd_tls_options options = {0};
  const int has_certificate = lua_getfield(L, 1, "certificate") != LUA_TNIL;
  const int has_key = lua_getfield(L, 1, "key") != LUA_TNIL;
  if (!has_certificate && !has_key) return 0;
  options.certificate_file = lua_tostring(L, -2);
  options.key_file = lua_tostring(L, -1);
  if (options.certificate_file == NULL || options.key_file == NULL)
    return azd_fail(error, AZD_EINVAL, "certificate and key: paths of two files, or neither");
  lua_getfield(L, 1, "only_tls_1_3");
  options.only_1_3 = lua_toboolean(L, -1);
  return azd_tls_new(&listener->tls, &options, error);
}

/* "address", a list of them at the top, and the sockets that a service manager hands over. */
static int open_addresses(lua_State *L, struct azd_http_server *server, struct azd_error *error) {
  const int list = lua_gettop(L);
  int rc = 0;
  lua_getfield(L, 1, "inherit");
  for (int fd = AZD_ACTIVATION_FIRST_FD, end = lua_toboolean(L, -1) ? fd + azd_activation_take() : fd; fd < end; fd++)
    if (rc == 0) rc = azd_http_server_adopt(server, fd, error);
  for (lua_Integer i = 1; rc == 0 && lua_geti(L, list, i) == LUA_TSTRING; i++) {
    struct azd_str address;
    address.data = lua_tolstring(L, -1, &address.size);
    rc = azd_http_server_listen(server, address, error);
    lua_pop(L, 1);
  }
  return rc;
}

static int server_listen(lua_State *L) { /* options */
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  struct azd_http_server_options options = {.on_request = azd_server_on_request, .limits = azd_http_limits_default()};
  read_limits(L, &options.limits);
  const int64_t request_ms = option(L, "request_ms", 1, 86400000, REQUEST_MS);
  if (lua_getfield(L, 1, "on_request") != LUA_TFUNCTION) return luaL_argerror(L, 1, "on_request: a function expected");
  struct listener *listener = lua_newuserdatauv(L, sizeof *listener, 0); /* options on_request listener */
  *listener = (struct listener){0};
  listener->calls =
      (struct azd_server_calls){.engine = azd_engine_of(L), .request_ms = request_ms, .handler = LUA_NOREF};
  luaL_setmetatable(L, listener_name);
  lua_pushvalue(L, 2);
  listener->calls.handler = luaL_ref(L, LUA_REGISTRYINDEX);
  if (lua_getfield(L, 1, "gate") != LUA_TNIL) {
    listener->calls.gate = azd_gate_ref(azd_check_gate(L, -1));
    options.on_head = azd_server_on_head;
  }
  lua_settop(L, 3);
  if (lua_getfield(L, 1, "address") == LUA_TSTRING) { /* options on_request listener address */
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_seti(L, -2, 1);
  }
  if (!lua_istable(L, -1))
    return luaL_argerror(L, 1, "address: a string like 127.0.0.1:0, or a list of them, expected");
  options.arg = &listener->calls;
  struct azd_error error;
  int rc = open_tls(L, listener, &error);
  lua_settop(L, 4);
  options.tls = listener->tls;
  if (rc == 0) rc = azd_http_server_new(&listener->server, listener->calls.engine->loop, &options, &error);
  if (rc == 0) rc = open_addresses(L, listener->server, &error);
  if (rc == 0) {
    lua_settop(L, 3);
    return 1;
  }
  lua_pushcfunction(L, listener_close);
  lua_pushvalue(L, 3);
  lua_call(L, 1, 0);
  return azd_push_error(L, &error);
}

static int listener_renew(lua_State *L) { /* listener */
  struct listener *listener = check_listener(L);
  struct azd_error error;
  if (listener->tls != NULL && azd_tls_reload(listener->tls, &error) != 0) return azd_push_error(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

static int listener_certificate_ends(lua_State *L) { /* listener */
  struct listener *listener = check_listener(L);
  if (listener->tls == NULL) return 0;
  lua_pushinteger(L, azd_tls_expires_ms(listener->tls));
  return 1;
}

static int server_decode(lua_State *L) { /* text */
  struct azd_str text;
  text.data = luaL_checklstring(L, 1, &text.size);
  azd_push_decoded(L, text, false);
  return 1;
}

static int server_form(lua_State *L) { /* text */
  struct azd_str text;
  text.data = luaL_checklstring(L, 1, &text.size);
  azd_push_pairs(L, text);
  return 1;
}

int azd_open_server(lua_State *L) {
  static const luaL_Reg methods[] = {{"port", listener_port},
                                     {"stats", listener_stats},
                                     {"wait", listener_wait},
                                     {"stop", listener_stop},
                                     {"close", listener_close},
                                     {"renew_certificate", listener_renew},
                                     {"certificate_ends_ms", listener_certificate_ends},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"listen", server_listen}, {"decode", server_decode}, {"parse_form", server_form}, {NULL, NULL}};
  azd_new_class(L, listener_name, methods, listener_close);
  luaL_newlib(L, functions);
  return 1;
}
