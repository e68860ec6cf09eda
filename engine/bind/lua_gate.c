/* azdrift.gate: the routes that are served and the keys that are taken, for server.listen { gate = ... }; and making
 * keys.
 *
 *   local gate = require("azdrift.gate").new()
 *   local index = gate:add { method = "GET", path = "/v1/drifts/{id}", role = "reader" }
 *   gate:set_keys { { id = "aZ3...", hash = "<64 hex>", role = "reader", expires_ms = 0 } }
 *
 * lua/meta/gate.lua has every name. */
#include "bind/lua_gate.h"
#include "bind/await.h"
#include "bind/bindings.h"
#include "bind/class.h"

#include <lauxlib.h>
#include <string.h>

static const char gate_name[] = "azdrift.gate";

struct azd_gate *azd_check_gate(lua_State *L, int index) {
  struct azd_gate **box = luaL_checkudata(L, index, gate_name);
  if (*box == NULL) luaL_error(L, "the gate is closed");
  return *box;
}

/* Servers that ask it go on doing so. */
static int gate_gc(lua_State *L) {
  struct azd_gate **box = luaL_checkudata(L, 1, gate_name);
  azd_gate_unref(*box);
  *box = NULL;
  return 0;
}

static struct azd_str check_field(lua_State *L, int table, const char *name) {
  struct azd_str text;
  if (lua_getfield(L, table, name) != LUA_TSTRING) luaL_error(L, "%s: a string expected", name);
  text.data = lua_tolstring(L, -1, &text.size);
  return text; /* stays on the stack */
}

static enum azd_role check_role(lua_State *L, int table) {
  enum azd_role role;
  if (!azd_role_parse(check_field(L, table, "role"), &role))
    luaL_error(L, "role: none, reader, operator or admin expected");
  return role;
}

static uint32_t optional_number(lua_State *L, int table, const char *name, uint32_t otherwise) {
  const int type = lua_getfield(L, table, name);
  const lua_Integer value = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (type == LUA_TNIL) return otherwise;
  if (type != LUA_TNUMBER || value < 0 || value > UINT32_MAX) luaL_error(L, "%s: an integer from 0 up expected", name);
  return (uint32_t)value;
}

static int gate_new(lua_State *L) { /* options? */
  struct azd_gate_limits limits = azd_gate_limits_default();
  if (lua_istable(L, 1)) {
    limits.reads_per_second = optional_number(L, 1, "reads_per_second", limits.reads_per_second);
    limits.read_burst = optional_number(L, 1, "read_burst", limits.read_burst);
    limits.writes_per_second = optional_number(L, 1, "writes_per_second", limits.writes_per_second);
    limits.write_burst = optional_number(L, 1, "write_burst", limits.write_burst);
    limits.failures_per_minute = optional_number(L, 1, "failures_per_minute", limits.failures_per_minute);
  }
  struct azd_gate **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, gate_name);
  *box = azd_gate_new();
  if (*box == NULL) return luaL_error(L, "not enough memory");
  azd_gate_set_limits(*box, &limits);
  return 1;
}

static int gate_add(lua_State *L) { /* gate route */
  struct azd_gate *gate = azd_check_gate(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  const struct azd_gate_route wanted = {.method = check_field(L, 2, "method"),
                                        .path = check_field(L, 2, "path"),
                                        .role = check_role(L, 2),
                                        .body_bytes = optional_number(L, 2, "body_bytes", 0),
                                        .deadline_ms = optional_number(L, 2, "deadline_ms", 0)};
  struct azd_error error;
  unsigned route;
  if (azd_gate_add(gate, &wanted, &route, &error) != 0) return azd_push_error(L, &error);
  lua_pushinteger(L, (lua_Integer)route + 1);
  return 1;
}

static int gate_set_anonymous(lua_State *L) { /* gate role */
  enum azd_role role;
  luaL_argcheck(L, azd_role_parse(azd_str_of(luaL_checkstring(L, 2)), &role), 2, "a role expected");
  azd_gate_set_anonymous(azd_check_gate(L, 1), role);
  return 0;
}

/* The row at the top of the stack as an entry; raises. */
static void read_key(lua_State *L, struct azd_keyring_entry *entry) {
  const int row = lua_gettop(L);
  if (!lua_istable(L, row)) luaL_error(L, "keys: a list of tables expected");
  const struct azd_str id = check_field(L, row, "id"), hash = check_field(L, row, "hash");
  *entry = (struct azd_keyring_entry){.role = check_role(L, row)};
  if (id.size != sizeof entry->id || !azd_unhex(hash, entry->hash, sizeof entry->hash))
    luaL_error(L, "keys: id of 8 characters and hash of 64 hex digits expected");
  memcpy(entry->id, id.data, sizeof entry->id);
  if (lua_getfield(L, row, "expires_ms") != LUA_TNIL) entry->expires_ms = luaL_checkinteger(L, -1);
  lua_settop(L, row);
}

static int gate_set_keys(lua_State *L) { /* gate keys */
  struct azd_gate *gate = azd_check_gate(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  const size_t count = lua_rawlen(L, 2);
  struct azd_keyring_entry *entries = lua_newuserdatauv(L, (count + 1) * sizeof *entries, 0);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    read_key(L, &entries[i]);
    lua_pop(L, 1);
  }
  struct azd_keyring *keyring = azd_keyring_new(); /* no Lua call until it has its owner */
  int rc = keyring ? 0 : AZD_ENOMEM;
  for (size_t i = 0; i < count && rc == 0; i++) rc = azd_keyring_add(keyring, &entries[i]);
  if (rc == 0)
    azd_gate_set_keys(gate, keyring);
  else
    azd_keyring_free(keyring);
  if (rc == AZD_ENOMEM) return luaL_error(L, "not enough memory");
  if (rc != 0) return azd_push_failure(L, rc, "two keys have one id, or there are more than %d", AZD_KEYRING_MAX);
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

/* [-0, +1, m] { [id] = when it was last taken }, of those that were since they were added. */
static int gate_used(lua_State *L) { /* gate */
  struct azd_keyring *keyring = azd_gate_keys(azd_check_gate(L, 1));
  lua_newtable(L);
  for (size_t i = 0; i < azd_keyring_count(keyring); i++) {
    const struct azd_keyring_entry *entry = azd_keyring_at(keyring, i);
    if (entry->used_ms == 0) continue;
    lua_pushlstring(L, entry->id, sizeof entry->id);
    lua_pushinteger(L, entry->used_ms);
    lua_rawset(L, -3);
  }
  return 1;
}

static int gate_take_refusals(lua_State *L) { /* gate */
  struct azd_gate *gate = azd_check_gate(L, 1);
  struct azd_gate_refusal *refusals = lua_newuserdatauv(L, AZD_GATE_REFUSALS_MAX * sizeof *refusals, 0);
  lua_createtable(L, AZD_GATE_REFUSALS_MAX, 0); /* gate refusals list */
  const size_t count = azd_gate_take_refusals(gate, refusals);
  for (size_t i = 0; i < count; i++) {
    lua_createtable(L, 0, 5);
    lua_pushinteger(L, refusals[i].status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, refusals[i].remote);
    lua_setfield(L, -2, "remote");
    lua_pushstring(L, refusals[i].path);
    lua_setfield(L, -2, "path");
    lua_pushinteger(L, (lua_Integer)refusals[i].count);
    lua_setfield(L, -2, "count");
    if (refusals[i].key_id[0]) {
      lua_pushstring(L, refusals[i].key_id);
      lua_setfield(L, -2, "key");
    }
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* [-0, +3, m] A fresh key: its text, its id, and the hash that is kept of it. */
static int make_key(lua_State *L) {
  char text[AZD_API_KEY_BYTES + 1], hex[AZD_SHA256_HEX_BYTES];
  uint8_t hash[AZD_SHA256_BYTES];
  azd_api_key_make(text);
  azd_sha256_of(text, AZD_API_KEY_BYTES, hash);
  azd_hex(hash, sizeof hash, hex);
  const struct azd_str id = azd_api_key_id((struct azd_str){text, AZD_API_KEY_BYTES});
  lua_pushlstring(L, text, AZD_API_KEY_BYTES);
  lua_pushlstring(L, id.data, id.size);
  lua_pushstring(L, hex);
  return 3;
}

/* [-0, +0, e] The list of texts at the field, NULL behind the last; borrowed from the table. */
static void read_names(lua_State *L, int table, const char *field, const char *names[AZD_JWT_NAMES_MAX]) {
  if (lua_getfield(L, table, field) != LUA_TTABLE) luaL_error(L, "%s: a list of texts expected", field);
  const lua_Unsigned count = lua_rawlen(L, -1);
  if (count > AZD_JWT_NAMES_MAX) luaL_error(L, "%s: at most %d", field, AZD_JWT_NAMES_MAX);
  for (lua_Unsigned i = 0; i < count; i++) {
    if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TSTRING) luaL_error(L, "%s: a list of texts expected", field);
    names[i] = lua_tostring(L, -1); /* the table keeps it */
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

static int gate_take_tokens(lua_State *L) { /* gate options */
  struct azd_gate *gate = azd_check_gate(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  struct azd_tokens_options options = {.tenant = check_field(L, 2, "tenant").data};
  read_names(L, 2, "issuers", options.issuers);
  read_names(L, 2, "audiences", options.audiences);
  struct azd_tokens *tokens;
  struct azd_error error;
  if (azd_tokens_new(&tokens, &options, &error) != 0) return azd_push_error(L, &error);
  azd_gate_set_tokens(gate, tokens);
  lua_pushboolean(L, 1);
  return 1;
}

static int gate_set_token_keys(lua_State *L) { /* gate json */
  struct azd_gate *gate = azd_check_gate(L, 1);
  struct azd_str json;
  struct azd_error error;
  json.data = luaL_checklstring(L, 2, &json.size);
  if (azd_gate_tokens(gate) == NULL) return luaL_error(L, "gate:take_tokens comes first");
  if (azd_tokens_set_keys(azd_gate_tokens(gate), json, &error) != 0) return azd_push_error(L, &error);
  lua_pushboolean(L, 1);
  return 1;
}

static int gate_missed_token_key(lua_State *L) { /* gate */
  struct azd_gate *gate = azd_check_gate(L, 1);
  lua_pushboolean(L, azd_gate_tokens(gate) != NULL && azd_tokens_missed_key(azd_gate_tokens(gate)));
  return 1;
}

int azd_open_gate(lua_State *L) {
  static const luaL_Reg methods[] = {{"add", gate_add},
                                     {"set_anonymous", gate_set_anonymous},
                                     {"set_keys", gate_set_keys},
                                     {"used", gate_used},
                                     {"take_refusals", gate_take_refusals},
                                     {"take_tokens", gate_take_tokens},
                                     {"set_token_keys", gate_set_token_keys},
                                     {"missed_token_key", gate_missed_token_key},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"new", gate_new}, {"make_key", make_key}, {NULL, NULL}};
  azd_new_class(L, gate_name, methods, gate_gc);
  luaL_newlib(L, functions);
  return 1;
}
