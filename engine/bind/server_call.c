#include "bind/server_call.h"

#include "base/log.h"
#include "bind/server_request.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { MAX_REPLY_FIELDS = 64, CLIENT_GONE = 499 };
enum { AT_BEGIN, AFTER_PIECE, AFTER_READER }; /* where a stream stands */

/* One request and its run. Owned by the run: freed when that has ended. */
struct call {
  struct azd_http_request *request; /* NULL: ended */
  struct azd_gate *gate;            /* a reference; NULL: none */
  struct azd_run *run;
  struct azd_wait drained; /* of a stream, for its reader */
  int64_t request_ms;
  uint64_t body_bytes;
  int status;
  bool is_streaming, is_noted;
};

/* Just before the reply ends the request, or when its client has gone; the first word holds. */
static void note(struct call *call, int status, uint64_t body_bytes) {
  if (call->gate != NULL && !call->is_noted) azd_gate_note(call->gate, call->request, status, body_bytes);
  call->is_noted = true;
}

/* ---- the reply -------------------------------------------------------------------------------------------------- */

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
  if (!azd_http_pairs_are_sendable(fields, n))
    luaL_error(L, "on_request: a header that cannot be sent, or that the server sets itself");
  return n;
}

/* { cut_after_bytes = n, reset = true }: sends the head and so much of the body, then closes or resets. */
static void send_broken(lua_State *L, struct azd_http_request *request, int status, const struct azd_http_pair *fields,
                        size_t n_fields, struct azd_str body) { /* call status headers body fault */
  const int cut_type = lua_getfield(L, 5, "cut_after_bytes");
  const lua_Integer cut = lua_tointeger(L, -1);
  lua_getfield(L, 5, "reset");
  const bool reset = lua_toboolean(L, -1);
  lua_pop(L, 2);
  if (cut_type != LUA_TNIL) {
    if (cut < 0 || (size_t)cut > body.size)
      luaL_error(L, "on_request: cut_after_bytes: 0 to the body's %d", (int)body.size);
    azd_http_reply_start(request, status, fields, n_fields, (int64_t)body.size);
    (void)azd_http_reply_write(request, (struct azd_str){body.data, (size_t)cut});
  }
  azd_http_reply_abort(request, reset ? AZD_HTTP_ABORT_RESET : AZD_HTTP_ABORT_CLOSE);
}

static void send_whole(lua_State *L, struct call *call, int status, const struct azd_http_pair *fields,
                       size_t n_fields) { /* call status headers body fault */
  struct azd_str body = {"", 0};
  if (!lua_isnil(L, 4)) body.data = lua_tolstring(L, 4, &body.size);
  struct azd_http_request *request = call->request;
  if (lua_istable(L, 5)) {
    send_broken(L, request, status, fields, n_fields, body);
  } else {
    note(call, status, body.size);
    azd_http_reply(request, status, fields, n_fields, body);
  }
  call->request = NULL;
}

/* ---- a stream: the body is a function that gives a piece a call, and nil at the end ------------------------------ */

static void on_drained(void *arg) {
  azd_wait_wake(&((struct call *)arg)->drained);
}

/* true: the piece at the top is out, or the last was; false: the stream is over. */
static bool send_piece(lua_State *L, struct call *call) { /* call reader piece */
  if (lua_isnil(L, 3)) {
    note(call, call->status, call->body_bytes);
    azd_http_reply_end(call->request);
    call->request = NULL;
    return false;
  }
  struct azd_str piece;
  if (lua_type(L, 3) != LUA_TSTRING)
    luaL_error(L, "on_request: a piece of the body: a string expected, got %s", luaL_typename(L, 3));
  piece.data = lua_tolstring(L, 3, &piece.size);
  call->body_bytes += piece.size;
  azd_run_set_deadline(call->run, call->request_ms);
  return azd_http_reply_write(call->request, piece) == 0;
}

static int stream_on(lua_State *L, int result, lua_KContext context);

/* Back-pressure: the next piece is asked for when the client has taken the last ones. */
static int wait_for_reader(lua_State *L, struct call *call) { /* call reader piece */
  lua_settop(L, 2);
  call->drained = azd_run_park(L, &(struct azd_park){.what = "the client", .deadline_ms = call->request_ms});
  azd_http_reply_on_drained(call->request, on_drained, call);
  return lua_yieldk(L, 0, AFTER_READER, stream_on);
}

/* Whatever it waited for is there: the loop goes on where it was. The stack of C does not grow with the number of
 * pieces. */
static int stream_on(lua_State *L, int result, lua_KContext context) { /* call reader piece? */
  (void)result;
  struct call *call = lua_touserdata(L, 1);
  if (context == AFTER_READER && azd_run_resumed(L) == AZD_ETIMEOUT)
    return luaL_error(L, "the client does not take the reply");
  bool has_piece = context == AFTER_PIECE;
  for (;;) {
    if (!has_piece) {
      lua_settop(L, 2);
      lua_pushvalue(L, 2);
      lua_callk(L, 0, 1, AFTER_PIECE, stream_on); /* call reader piece */
    }
    has_piece = false;
    if (call->request == NULL || !send_piece(L, call)) return 0;
    if (azd_http_reply_is_full(call->request)) return wait_for_reader(L, call);
  }
}

static int begin_stream(lua_State *L, struct call *call, int status, const struct azd_http_pair *fields,
                        size_t n_fields) { /* call status headers body fault */
  call->status = status;
  call->is_streaming = true;
  azd_http_reply_start(call->request, status, fields, n_fields, -1);
  lua_settop(L, 4);
  lua_remove(L, 2);
  lua_remove(L, 2); /* call reader */
  return stream_on(L, LUA_OK, AT_BEGIN);
}

/* ---- the run ---------------------------------------------------------------------------------------------------- */

/* The handler has returned. */
static int send_reply(lua_State *L, int result, lua_KContext context) { /* call status headers body fault */
  (void)result, (void)context;
  struct call *call = lua_touserdata(L, 1);
  const lua_Integer status = lua_isinteger(L, 2) ? lua_tointeger(L, 2) : 0;
  if (status < 200 || status > 599) return luaL_error(L, "on_request: a status of 200 to 599 comes first");
  if (!lua_isnil(L, 4) && lua_type(L, 4) != LUA_TSTRING && !lua_isfunction(L, 4))
    return luaL_error(L, "on_request: body: a string or a function expected, got %s", luaL_typename(L, 4));
  struct azd_http_pair fields[MAX_REPLY_FIELDS];
  const size_t n_fields = read_fields(L, 3, fields);
  if (call->request == NULL) return 0;
  if (lua_isfunction(L, 4)) return begin_stream(L, call, (int)status, fields, n_fields);
  send_whole(L, call, (int)status, fields, n_fields);
  return 0;
}

static int run_call(lua_State *L) { /* call handler */
  struct call *call = lua_touserdata(L, 1);
  azd_push_request(L, call->gate, call->request); /* call handler request */
  lua_callk(L, 1, 4, 0, send_reply);
  return send_reply(L, LUA_OK, 0);
}

static void answer_failure(struct call *call, bool is_cancelled) {
  static const struct azd_http_pair type = {{"Content-Type", 12}, {"application/problem+json", 24}};
  static const char given_up[] = "{\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,"
                                 "\"code\":\"given-up\",\"detail\":\"the request was given up\"}\n";
  static const char failed[] = "{\"type\":\"about:blank\",\"title\":\"Internal Server Error\",\"status\":500,"
                               "\"code\":\"internal\",\"detail\":\"the handler failed\"}\n";
  note(call, is_cancelled ? 503 : 500, 0);
  if (call->is_streaming) /* what is missing must show */
    azd_http_reply_abort(call->request, AZD_HTTP_ABORT_CLOSE);
  else if (is_cancelled)
    azd_http_reply(call->request, 503, &type, 1, AZD_STR(given_up));
  else
    azd_http_reply(call->request, 500, &type, 1, AZD_STR(failed));
}

static void on_call_end(const struct azd_run_end *end, void *arg) {
  struct call *call = arg;
  if (end->status != LUA_OK && !end->is_cancelled)
    azd_log(AZD_LOG_ERROR, "request_failed", "%s%s%s\n%s",
            call->gate && call->request ? azd_gate_admission(call->request)->id : "",
            call->gate && call->request ? ": " : "",
            end->results && lua_type(end->co, -1) == LUA_TSTRING ? lua_tostring(end->co, -1) : "(no text)",
            end->traceback);
  if (call->request != NULL) {
    azd_http_request_on_gone(call->request, NULL, NULL);
    answer_failure(call, end->is_cancelled);
  }
  azd_gate_unref(call->gate);
  free(call);
}

static void on_gone(void *arg) {
  struct call *call = arg;
  note(call, CLIENT_GONE, call->body_bytes);
  azd_run_cancel(call->run, "the client is gone");
}

int azd_server_on_head(struct azd_http_request *request, void *arg) {
  const struct azd_server_calls *calls = arg;
  return azd_gate_admit(calls->gate, request);
}

int azd_server_on_request(struct azd_http_request *request, void *arg) {
  const struct azd_server_calls *calls = arg;
  struct azd_engine *engine = calls->engine;
  lua_State *L = engine->L;
  struct call *call = calloc(1, sizeof *call);
  if (call == NULL || !lua_checkstack(L, 3)) {
    free(call);
    return AZD_ENOMEM;
  }
  *call = (struct call){.request = request, .gate = calls->gate, .request_ms = calls->request_ms};
  if (call->gate != NULL) {
    azd_gate_ref(call->gate);
    const uint32_t own_ms = azd_gate_deadline_ms(call->gate, azd_gate_admission(request)->route);
    if (own_ms != 0) call->request_ms = own_ms;
  }
  lua_pushcfunction(L, run_call);
  lua_pushlightuserdata(L, call);
  lua_rawgeti(L, LUA_REGISTRYINDEX, calls->handler); /* run_call call handler */
  const struct azd_run_options options = {
      .name = "http request", .deadline_ms = call->request_ms, .on_end = on_call_end, .arg = call};
  struct azd_error error;
  const int rc = azd_run_start(engine->runs, L, 2, &options, &call->run, &error);
  if (rc != 0) {
    azd_log(AZD_LOG_ERROR, "request_refused", "%s", error.text);
    azd_gate_unref(call->gate);
    free(call);
    return rc;
  }
  azd_http_request_on_gone(request, on_gone, call);
  azd_runs_go(engine->runs);
  return 0;
}
