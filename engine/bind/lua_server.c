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
#include "base/log.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"
#include "net/activation.h"
#include "net/http_server.h"
#include "net/tls.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { REQUEST_MS = 30000, MAX_REPLY_FIELDS = 64, STOP_MS = 60000 };

static const char listener_name[] = "azdrift.listener";

struct listener {
  struct azd_http_server *server; /* NULL: closed */
  struct azd_tls *tls;            /* NULL: plain */
  struct azd_engine *engine;
  struct azd_wait waiter; /* of the run in wait() or stop() */
  int64_t request_ms;
  int handler; /* registry reference to on_request */
  bool has_waiter;
};

/* One request and its run. Owned by the run: freed when that has ended. */
struct call {
  struct azd_http_request *request; /* NULL: ended */
  struct azd_run *run;
};

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
static void push_decoded(lua_State *L, struct azd_str s, bool plus_is_space) {
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
static void push_pairs(lua_State *L, struct azd_str text) {
  lua_newtable(L);
  while (text.size > 0) {
    const char *amp = memchr(text.data, '&', text.size);
    const struct azd_str pair = {text.data, amp ? (size_t)(amp - text.data) : text.size};
    const size_t step = pair.size + (amp != NULL);
    text = (struct azd_str){text.data + step, text.size - step};
    if (pair.size == 0) continue;
    const char *equals = memchr(pair.data, '=', pair.size);
    const size_t name_size = equals ? (size_t)(equals - pair.data) : pair.size;
    push_decoded(L, (struct azd_str){pair.data, name_size}, true); /* pairs name */
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) { /* pairs name former */
      lua_pop(L, 2);
      continue;
    }
    lua_pop(L, 1);
    if (equals)
      push_decoded(L, (struct azd_str){equals + 1, pair.size - name_size - 1}, true);
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

static void push_request(lua_State *L, const struct azd_http_request *request) {
  struct azd_str query = {NULL, 0};
  const bool has_query = azd_http_request_query(request, &query);
  lua_createtable(L, 0, 12); /* request */
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
  push_pairs(L, query);
  lua_setfield(L, -2, "query");
  push_headers(L, request);
  lua_setfield(L, -2, "headers");
  push_peer(L, request);
}

/* ---- the reply ------------------------------------------------------------------------------------------------- */

/* [-0, +0, e] The table at index as header fields, borrowed from it. */
static size_t read_fields(lua_State *L, int index, struct azd_http_pair fields[MAX_REPLY_FIELDS]) {
  size_t n = 0;
  if (lua_isnil(L, index)) return 0;
  if (!lua_istable(L, index)) luaL_error(L, "on_request: headers: a table expected, got %s", luaL_typename(L, index));
  lua_pushnil(L);
  while (lua_next(L, index)) { /* name value */
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "on_request: headers: names and values are strings");
    if (n == MAX_REPLY_FIELDS) luaL_error(L, "on_request: headers: at most %d", MAX_REPLY_FIELDS);
    fields[n].name.data = lua_tolstring(L, -2, &fields[n].name.size);
    fields[n].value.data = lua_tolstring(L, -1, &fields[n].value.size);
    n++;
    lua_pop(L, 1);
  }
  return n;
}

/* { cut_after_bytes = n, reset = true }: sends the head and so much of the body, then closes or resets. */
static int send_broken(lua_State *L, struct azd_http_request *request, int status, const struct azd_http_pair *fields,
                       size_t n_fields, struct azd_str body) { /* status headers body fault */
  const int cut_type = lua_getfield(L, 4, "cut_after_bytes");
  const lua_Integer cut = lua_tointeger(L, -1);
  lua_getfield(L, 4, "reset");
  const bool reset = lua_toboolean(L, -1);
  lua_pop(L, 2);
  int rc = 0;
  if (cut_type != LUA_TNIL) {
    if (cut < 0 || (size_t)cut > body.size)
      luaL_error(L, "on_request: cut_after_bytes: 0 to the body's %d", (int)body.size);
    rc = azd_http_reply_start(request, status, fields, n_fields, (int64_t)body.size);
    if (rc == 0) (void)azd_http_reply_write(request, (struct azd_str){body.data, (size_t)cut});
  }
  if (rc == 0) azd_http_reply_abort(request, reset ? AZD_HTTP_ABORT_RESET : AZD_HTTP_ABORT_CLOSE);
  return rc;
}

/* The handler has returned: its call, status, headers, body, fault. */
static int send_reply(lua_State *L, int result, lua_KContext context) { /* call status headers body fault */
  (void)result, (void)context;
  struct call *call = lua_touserdata(L, 1);
  lua_remove(L, 1); /* status headers body fault */
  const lua_Integer status = lua_isinteger(L, 1) ? lua_tointeger(L, 1) : 0;
  if (status < 200 || status > 599) return luaL_error(L, "on_request: a status of 200 to 599 comes first");
  if (!lua_isnil(L, 3) && lua_type(L, 3) != LUA_TSTRING)
    return luaL_error(L, "on_request: body: a string expected, got %s", luaL_typename(L, 3));
  struct azd_str body = {"", 0};
  if (!lua_isnil(L, 3)) body.data = lua_tolstring(L, 3, &body.size);
  struct azd_http_pair fields[MAX_REPLY_FIELDS];
  const size_t n_fields = read_fields(L, 2, fields);
  struct azd_http_request *request = call->request;
  if (request == NULL) return 0;
  const int rc = lua_istable(L, 4) ? send_broken(L, request, (int)status, fields, n_fields, body)
                                   : azd_http_reply(request, (int)status, fields, n_fields, body);
  if (rc != 0) return luaL_error(L, "on_request: a header that cannot be sent, or that the server sets itself");
  call->request = NULL;
  return 0;
}

static int run_call(lua_State *L) { /* call handler */
  struct call *call = lua_touserdata(L, 1);
  push_request(L, call->request); /* call handler request */
  lua_callk(L, 1, 4, 0, send_reply);
  return send_reply(L, LUA_OK, 0);
}

static void answer_failure(struct azd_http_request *request, bool is_cancelled) {
  static const struct azd_http_pair type = {{"Content-Type", 12}, {"application/problem+json", 24}};
  if (is_cancelled)
    azd_http_reply(request, 503, &type, 1,
                   AZD_STR("{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                           "\"detail\":\"the request was given up\"}\n"));
  else
    azd_http_reply(request, 500, &type, 1,
                   AZD_STR("{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
                           "\"detail\":\"the handler failed\"}\n"));
}

static void on_call_end(const struct azd_run_end *end, void *arg) {
  struct call *call = arg;
  if (end->status != LUA_OK && !end->is_cancelled)
    azd_log(AZD_LOG_ERROR, "request_failed", "%s\n%s",
            end->results && lua_type(end->co, -1) == LUA_TSTRING ? lua_tostring(end->co, -1) : "(no text)",
            end->traceback);
  if (call->request != NULL) {
    azd_http_request_on_gone(call->request, NULL, NULL);
    answer_failure(call->request, end->is_cancelled);
  }
  free(call);
}

static void on_gone(void *arg) {
  azd_run_cancel(((struct call *)arg)->run, "the client is gone");
}

static int on_request(struct azd_http_request *request, void *arg) {
  struct listener *listener = arg;
  lua_State *L = listener->engine->L;
  struct call *call = calloc(1, sizeof *call);
  if (call == NULL || !lua_checkstack(L, 3)) {
    free(call);
    return AZD_ENOMEM;
  }
  call->request = request;
  lua_pushcfunction(L, run_call);
  lua_pushlightuserdata(L, call);
  lua_rawgeti(L, LUA_REGISTRYINDEX, listener->handler); /* run_call call handler */
  const struct azd_run_options options = {
      .name = "http request", .deadline_ms = listener->request_ms, .on_end = on_call_end, .arg = call};
  struct azd_error error;
  const int rc = azd_run_start(listener->engine->runs, L, 2, &options, &call->run, &error);
  if (rc != 0) {
    azd_log(AZD_LOG_ERROR, "request_refused", "%s", error.text);
    free(call);
    return rc;
  }
  azd_http_request_on_gone(request, on_gone, call);
  azd_runs_go(listener->engine->runs);
  return 0;
}

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
  luaL_unref(L, LUA_REGISTRYINDEX, listener->handler);
  listener->handler = LUA_NOREF;
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
  struct azd_http_server_options options = {.on_request = on_request, .limits = azd_http_limits_default()};
  read_limits(L, &options.limits);
  const int64_t request_ms = option(L, "request_ms", 1, 86400000, REQUEST_MS);
  if (lua_getfield(L, 1, "on_request") != LUA_TFUNCTION) return luaL_argerror(L, 1, "on_request: a function expected");
  struct listener *listener = lua_newuserdatauv(L, sizeof *listener, 0); /* options on_request listener */
  *listener = (struct listener){.engine = azd_engine_of(L), .request_ms = request_ms, .handler = LUA_NOREF};
  luaL_setmetatable(L, listener_name);
  lua_pushvalue(L, 2);
  listener->handler = luaL_ref(L, LUA_REGISTRYINDEX);
  if (lua_getfield(L, 1, "address") == LUA_TSTRING) { /* options on_request listener address */
    lua_createtable(L, 1, 0);
    lua_insert(L, -2);
    lua_seti(L, -2, 1);
  }
  if (!lua_istable(L, -1))
    return luaL_argerror(L, 1, "address: a string like 127.0.0.1:0, or a list of them, expected");
  options.arg = listener;
  struct azd_error error;
  int rc = open_tls(L, listener, &error);
  lua_settop(L, 4);
  options.tls = listener->tls;
  if (rc == 0) rc = azd_http_server_new(&listener->server, listener->engine->loop, &options, &error);
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
  push_decoded(L, text, false);
  return 1;
}

static int server_form(lua_State *L) { /* text */
  struct azd_str text;
  text.data = luaL_checklstring(L, 1, &text.size);
  push_pairs(L, text);
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
