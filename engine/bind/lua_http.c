/* azdrift.core.http: clients, and replies whose bodies stay C bytes until a script asks for text. What scripts use is
 * lua/azdrift/http.lua, which builds on it. */
#include "bind/lua_http.h"
#include "base/inflate.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"
#include "bind/engine.h"

#include <stdlib.h>
#include <string.h>

static const char client_name[] = "azdrift.http.client", reply_name[] = "azdrift.http.reply";

enum {
  BACKSTOP_MS = 5000, /* the client keeps the deadline; the wait's own comes later, and would be a bug */
  INFLATE_DEADLINE_MS = 60000,
  MAX_RULES = 1000,
  USER_BODY = 1,   /* of a reply: the client while the request is under way, later the body's text */
  USER_FIELDS = 2, /* a table: headers, and what a script keeps on the reply */
};

struct client_box {
  struct azd_http_client *client; /* NULL: closed */
  struct azd_http_rule *rules;    /* until the client has them */
  size_t rule_count;
};

struct reply_box {
  struct azd_http_reply reply;
  struct azd_http_exchange *exchange; /* NULL: over */
  struct azd_wait wait;
  size_t max_body_bytes;
};

/* --- clients --- */

static int client_close(lua_State *L) { /* client */
  struct client_box *box = luaL_checkudata(L, 1, client_name);
  azd_http_client_free(box->client);
  box->client = NULL;
  for (size_t i = 0; i < box->rule_count; i++) azd_http_rule_free(&box->rules[i]);
  free(box->rules);
  box->rules = NULL;
  box->rule_count = 0;
  return 0;
}

static struct azd_http_client *check_client(lua_State *L) {
  struct client_box *box = luaL_checkudata(L, 1, client_name);
  luaL_argcheck(L, box->client, 1, "the client is closed");
  return box->client;
}

/* [-0, +1] A field that is text or absent. */
static const char *text_field(lua_State *L, int index, const char *name, const char *absent) {
  int type = lua_getfield(L, index, name);
  if (type == LUA_TNIL) return absent;
  if (type != LUA_TSTRING) luaL_error(L, "%s: text expected, got %s", name, luaL_typename(L, -1));
  return lua_tostring(L, -1);
}

/* [-0, +0] A field that is an integer or absent. */
static int64_t integer_field(lua_State *L, int index, const char *name, int64_t absent, int64_t least, int64_t most) {
  int is_integer = 1;
  int64_t value = lua_getfield(L, index, name) == LUA_TNIL ? absent : lua_tointegerx(L, -1, &is_integer);
  if (!is_integer || value < least || value > most)
    luaL_error(L, "%s: an integer from %I to %I expected", name, (LUAI_UACINT)least, (LUAI_UACINT)most);
  lua_pop(L, 1);
  return value;
}

static char *copy_or_raise(lua_State *L, const char *text) {
  char *copy = text ? strdup(text) : NULL;
  if (text && !copy) luaL_error(L, "not enough memory");
  return copy;
}

static void read_rule(lua_State *L, struct azd_http_rule *rule, int index) { /* ... rule */
  struct azd_error error;
  char canonical[AZD_HTTP_ORIGIN_BYTES];
  luaL_checktype(L, index, LUA_TTABLE);
  const char *method = text_field(L, index, "method", NULL), *origin = text_field(L, index, "origin", NULL);
  const char *path = text_field(L, index, "path", NULL); /* ... rule method origin path */
  if (!method || !*method || strlen(method) >= sizeof rule->method)
    luaL_error(L, "allow: each rule names a method (or \"*\")");
  if (origin && azd_http_origin_of(azd_str_of(origin), canonical, &error))
    luaL_error(L, "allow: origin: %s", error.text);
  memcpy(rule->method, method, strlen(method) + 1);
  rule->origin = copy_or_raise(L, origin ? canonical : NULL);
  rule->path = copy_or_raise(L, path);
  lua_pop(L, 3);
}

static void read_rules(lua_State *L, struct client_box *box, int index) { /* ... rules */
  luaL_checktype(L, index, LUA_TTABLE);
  size_t count = lua_rawlen(L, index);
  if (count > MAX_RULES) luaL_error(L, "allow: at most %d rules", MAX_RULES);
  box->rules = calloc(count + 1, sizeof *box->rules);
  if (!box->rules) luaL_error(L, "not enough memory");
  for (; box->rule_count < count;) {
    lua_rawgeti(L, index, (lua_Integer)box->rule_count + 1);
    box->rule_count++;
    read_rule(L, &box->rules[box->rule_count - 1], lua_gettop(L));
    lua_pop(L, 1);
  }
}

static void refuse_unknown(lua_State *L, int index, const char *const *known) {
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "(no text)";
    size_t i = 0;
    while (known[i] && strcmp(known[i], name)) i++;
    if (!known[i]) luaL_error(L, "http knows no option \"%s\"", name);
  }
}

/* client{ allow =, connections =, connect_timeout_ms =, proxy =, no_proxy =, ca_file = } */
static int new_client(lua_State *L) { /* options */
  static const char *const known[] = {"allow",   "connections", "connect_timeout_ms", "proxy", "no_proxy",
                                      "ca_file", NULL};
  struct azd_error error;
  luaL_checktype(L, 1, LUA_TTABLE);
  refuse_unknown(L, 1, known);
  lua_settop(L, 1);
  struct client_box *box = lua_newuserdatauv(L, sizeof *box, 0); /* options client */
  *box = (struct client_box){0};
  luaL_setmetatable(L, client_name);
  lua_getfield(L, 1, "allow");
  read_rules(L, box, 3);
  struct azd_http_client_options options = {
      .max_connections =
          (unsigned)integer_field(L, 1, "connections", AZD_HTTP_CONNECTIONS, 1, AZD_HTTP_MAX_CONNECTIONS),
      .connect_timeout_ms = integer_field(L, 1, "connect_timeout_ms", AZD_HTTP_CONNECT_TIMEOUT_MS, 1, 600000),
      .proxy = text_field(L, 1, "proxy", NULL),
      .no_proxy = text_field(L, 1, "no_proxy", NULL),
      .ca_file = text_field(L, 1, "ca_file", NULL),
      .pool = azd_engine_of(L)->cpu_pool,
      .rules = box->rules,
      .rule_count = box->rule_count,
  };
  int code = azd_http_client_new(&box->client, azd_engine_of(L)->loop, &options, &error);
  if (code) return azd_push_error(L, &error);
  box->rule_count = 0; /* the client has them */
  lua_settop(L, 2);
  return 1;
}

static int client_stats(lua_State *L) { /* client */
  const struct azd_http_client_stats *stats = azd_http_client_stats(check_client(L));
  const struct {
    const char *name;
    uint64_t value;
  } fields[] = {{"sent", stats->sent},       {"replied", stats->replied}, {"failed", stats->failed},
                {"aborted", stats->aborted}, {"denied", stats->denied},   {"reused", stats->reused},
                {"active", stats->active},   {"queued", stats->queued},   {"connected", stats->connected}};
  lua_createtable(L, 0, sizeof fields / sizeof *fields);
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    lua_pushinteger(L, (lua_Integer)fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

/* --- requests --- */

/* A Lua string's bytes; the string stays where it is on the stack. */
static struct azd_str bytes_at(lua_State *L, int index) {
  struct azd_str text = {NULL, 0};
  text.data = lua_tolstring(L, index, &text.size);
  return text;
}

/* [-0, +n] headers: names and values are borrowed from the table. */
static void read_headers(lua_State *L, struct azd_http_client_request *request) { /* client options */
  if (lua_getfield(L, 2, "headers") == LUA_TNIL) return;
  luaL_checktype(L, -1, LUA_TTABLE);
  int table = lua_gettop(L);
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
      luaL_error(L, "headers: names and values are text");
    count++;
  }
  struct azd_http_header *headers = lua_newuserdatauv(L, (count + 1) * sizeof *headers, 0);
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    headers[request->header_count++] = (struct azd_http_header){bytes_at(L, -2), bytes_at(L, -1)};
  request->headers = headers;
}

static void read_request(lua_State *L, struct azd_http_client_request *request) { /* client options */
  static const char *const known[] = {
      "url",  "method", "headers",      "body", "deadline_ms", "max_body_bytes", "max_header_bytes",
      "gzip", "token",  "token_origin", NULL};
  luaL_checktype(L, 2, LUA_TTABLE);
  refuse_unknown(L, 2, known);
  if (!text_field(L, 2, "url", NULL)) luaL_error(L, "url: text expected");
  request->url = bytes_at(L, -1);
  request->method = text_field(L, 2, "method", "GET");
  request->has_body = text_field(L, 2, "body", NULL) != NULL;
  if (request->has_body) request->body = bytes_at(L, -1);
  request->refuses_gzip = lua_getfield(L, 2, "gzip") == LUA_TBOOLEAN && !lua_toboolean(L, -1);
  request->deadline_ms = integer_field(L, 2, "deadline_ms", AZD_HTTP_DEADLINE_MS, 1, AZD_WAIT_MAX_MS - BACKSTOP_MS);
  request->max_body_bytes = (size_t)integer_field(L, 2, "max_body_bytes", AZD_HTTP_MAX_BODY_BYTES, 1, INT64_C(1) << 31);
  request->max_header_bytes = (size_t)integer_field(L, 2, "max_header_bytes", AZD_HTTP_MAX_HEADER_BYTES, 1, 1 << 20);
  read_headers(L, request);
}

static void on_reply(struct azd_http_reply *reply, void *arg) {
  struct reply_box *box = arg;
  box->reply = *reply;
  memset(reply, 0, sizeof *reply);
  box->exchange = NULL;
  azd_wait_wake(&box->wait);
}

static void on_abandon(void *arg) {
  struct reply_box *box = arg;
  if (box->exchange) azd_http_abort(box->exchange);
  box->exchange = NULL;
}

static int after_request(lua_State *L, int status, lua_KContext index) {
  (void)status;
  if (azd_run_resumed(L) == AZD_ETIMEOUT) return azd_run_push_timeout(L);
  struct reply_box *box = lua_touserdata(L, (int)index);
  lua_pushnil(L);
  lua_setiuservalue(L, (int)index, USER_BODY);
  if (box->reply.error.code) {
    int count = azd_push_error(L, &box->reply.error);
    lua_pushstring(L, box->reply.reason);
    return count + 1;
  }
  azd_pace_tell_outside(&azd_engine_of(L)->pace, box->reply.body.capacity + box->reply.headers.capacity);
  lua_pushvalue(L, (int)index);
  return 1;
}

/* The token goes to its origin or nowhere; it is not kept here. */
static int send_with_token(struct azd_http_client *client, struct azd_http_client_request *request,
                           struct azd_str origin, struct azd_str bearer, struct reply_box *box,
                           struct azd_error *error) {
  struct azd_http_credential *credential = NULL;
  int code = bearer.size ? azd_http_credential_new(&credential, origin, error) : 0;
  if (!code && bearer.size) code = azd_http_credential_set(credential, bearer, error);
  request->credential = credential;
  if (!code) code = azd_http_send(client, request, on_reply, box, &box->exchange, error);
  azd_http_credential_free(credential);
  return code;
}

/* request{ url =, method =, headers =, body =, deadline_ms =, max_body_bytes =, token =, token_origin = } */
static int client_request(lua_State *L) { /* client options */
  struct azd_http_client_request request = {0};
  struct azd_error error;
  struct azd_http_client *client = check_client(L);
  lua_settop(L, 2);
  read_request(L, &request);
  struct azd_str bearer = {NULL, 0}, origin = {NULL, 0};
  const char *token = text_field(L, 2, "token", NULL);
  if (token) {
    if (!text_field(L, 2, "token_origin", NULL))
      return luaL_error(L, "token: token_origin says the only host it may go to");
    origin = bytes_at(L, -1);
    lua_pushfstring(L, "Bearer %s", token);
    bearer = bytes_at(L, -1);
  }
  struct reply_box *box = lua_newuserdatauv(L, sizeof *box, 2);
  *box = (struct reply_box){.max_body_bytes = request.max_body_bytes};
  luaL_setmetatable(L, reply_name);
  int index = lua_gettop(L);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, index, USER_BODY);
  box->wait = azd_run_park(L, &(struct azd_park){.what = "an HTTP request",
                                                 .deadline_ms = request.deadline_ms + BACKSTOP_MS,
                                                 .abandon = on_abandon,
                                                 .arg = box});
  if (send_with_token(client, &request, origin, bearer, box, &error)) {
    azd_run_unpark(L);
    return azd_push_error(L, &error);
  }
  return lua_yieldk(L, 0, index, after_request);
}

/* --- replies --- */

struct azd_http_reply *azd_check_http_reply(lua_State *L, int index) {
  return &((struct reply_box *)luaL_checkudata(L, index, reply_name))->reply;
}

static int reply_close(lua_State *L) { /* reply */
  struct reply_box *box = luaL_checkudata(L, 1, reply_name);
  azd_http_reply_free(&box->reply);
  return 0;
}

/* Inflates a body for a script that wants it as text. */
struct unpacking {
  struct azd_work work;
  const struct azd_http_reply *reply; /* anchored */
  struct azd_buf text;
  struct azd_error error;
  bool is_property; /* reply.body: kept on the reply, and a failure is raised */
};

static void unpack(struct azd_work *work, struct azd_worker *worker) {
  (void)worker;
  struct unpacking *unpacking = (struct unpacking *)work;
  unpacking->error.code = 0;
  azd_inflate(azd_buf_str(&unpacking->reply->body), &unpacking->text, &unpacking->error);
}

static int unpack_push(lua_State *L, struct azd_work *work) { /* reply ... */
  struct unpacking *unpacking = (struct unpacking *)work;
  if (unpacking->error.code && unpacking->is_property) return luaL_error(L, "reply.body: %s", unpacking->error.text);
  if (unpacking->error.code) return azd_push_error(L, &unpacking->error);
  lua_pushlstring(L, unpacking->text.data ? unpacking->text.data : "", unpacking->text.size);
  if (unpacking->is_property) {
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, USER_BODY);
  }
  return 1;
}

static void unpack_close(struct azd_work *work) {
  azd_buf_free(&((struct unpacking *)work)->text);
}

static const struct azd_work_type unpack_type = {.name = "inflating a reply",
                                                 .bytes = sizeof(struct unpacking),
                                                 .run = unpack,
                                                 .push = unpack_push,
                                                 .close = unpack_close};

/* The body as it was before Content-Encoding; awaits where it is encoded. */
static int push_text(lua_State *L, struct reply_box *box, size_t max_bytes, bool is_property) { /* reply ... */
  const struct azd_http_reply *reply = &box->reply;
  if (reply->encoding == AZD_HTTP_UNKNOWN_ENCODING)
    return azd_push_failure(L, AZD_EUNSUPPORTED, "the reply has a Content-Encoding that was not asked for");
  if (reply->encoding == AZD_HTTP_IDENTITY || !reply->body.size) {
    if (reply->body.size > max_bytes)
      return azd_push_failure(L, AZD_ELIMIT, "the body is larger than %zu bytes", max_bytes);
    lua_pushlstring(L, reply->body.data ? reply->body.data : "", reply->body.size);
    return 1;
  }
  struct unpacking *unpacking = (struct unpacking *)azd_work_new(L, &unpack_type);
  azd_work_anchor(L, &unpacking->work, 1);
  unpacking->reply = reply;
  unpacking->is_property = is_property;
  azd_buf_init(&unpacking->text, max_bytes);
  return azd_await_work(L, &unpacking->work, azd_engine_of(L)->cpu_pool, INFLATE_DEADLINE_MS);
}

static int reply_text(lua_State *L) { /* reply max_bytes? */
  struct reply_box *box = luaL_checkudata(L, 1, reply_name);
  lua_Integer max_bytes = luaL_optinteger(L, 2, (lua_Integer)box->max_body_bytes);
  luaL_argcheck(L, max_bytes > 0, 2, "a positive number of bytes expected");
  return push_text(L, box, (size_t)max_bytes, false);
}

/* Repeated headers are joined with a comma, as RFC 9110 allows. */
static void push_headers(lua_State *L, const struct azd_http_reply *reply) {
  struct azd_http_header header;
  lua_newtable(L); /* headers */
  for (size_t at = 0; azd_http_reply_next_header(reply, &at, &header);) {
    lua_pushlstring(L, header.name.data, header.name.size); /* headers name */
    lua_pushvalue(L, -1);                                   /* headers name name */
    if (lua_rawget(L, -3) == LUA_TSTRING) {                 /* headers name former */
      lua_pushlstring(L, header.value.data, header.value.size);
      lua_pushfstring(L, "%s, %s", lua_tostring(L, -2), lua_tostring(L, -1)); /* headers name former value joined */
      lua_replace(L, -3);
      lua_pop(L, 1); /* headers name joined */
    } else {
      lua_pop(L, 1);
      lua_pushlstring(L, header.value.data, header.value.size); /* headers name value */
    }
    lua_rawset(L, -3);
  }
}

/* [-0, +1] The table of what is kept on the reply. */
static void push_fields(lua_State *L) { /* reply ... */
  if (lua_getiuservalue(L, 1, USER_FIELDS) == LUA_TTABLE) return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, 1, USER_FIELDS);
}

static int reply_index(lua_State *L) { /* reply name */
  struct reply_box *box = luaL_checkudata(L, 1, reply_name);
  const char *name = luaL_checkstring(L, 2);
  lua_settop(L, 2);
  if (!strcmp(name, "status")) return lua_pushinteger(L, box->reply.status), 1;
  if (!strcmp(name, "body_bytes")) return lua_pushinteger(L, (lua_Integer)box->reply.body.size), 1;
  if (!strcmp(name, "duration_ms")) return lua_pushinteger(L, box->reply.duration_ms), 1;
  if (!strcmp(name, "is_reused")) return lua_pushboolean(L, box->reply.is_reused), 1;
  if (!strcmp(name, "text")) return lua_pushcfunction(L, reply_text), 1;
  if (!strcmp(name, "body")) {
    if (lua_getiuservalue(L, 1, USER_BODY) == LUA_TSTRING) return 1;
    lua_settop(L, 2);
    return push_text(L, box, box->max_body_bytes, true);
  }
  push_fields(L); /* reply name fields */
  lua_pushvalue(L, 2);
  if (lua_rawget(L, 3) != LUA_TNIL || strcmp(name, "headers")) return 1;
  push_headers(L, &box->reply); /* reply name fields nil headers */
  lua_pushvalue(L, -1);
  lua_setfield(L, 3, "headers");
  return 1;
}

static int reply_new_index(lua_State *L) { /* reply name value */
  luaL_checkudata(L, 1, reply_name);
  luaL_checkstring(L, 2);
  lua_settop(L, 3);
  push_fields(L); /* reply name value fields */
  lua_insert(L, 2);
  lua_rawset(L, 2);
  return 0;
}

int azd_open_http(lua_State *L) {
  static const luaL_Reg client_methods[] = {
      {"request", client_request}, {"stats", client_stats}, {"close", client_close}, {NULL, NULL}};
  static const luaL_Reg no_methods[] = {{NULL, NULL}};
  static const luaL_Reg functions[] = {{"client", new_client}, {NULL, NULL}};
  azd_new_class(L, client_name, client_methods, client_close);
  azd_new_class(L, reply_name, no_methods, reply_close);
  luaL_getmetatable(L, reply_name); /* fields are computed, so indexing is a function */
  lua_pushcfunction(L, reply_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, reply_new_index);
  lua_setfield(L, -2, "__newindex");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
