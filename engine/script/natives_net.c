#include "script/natives.h"
#include "script/sandbox.h"

#include <arpa/inet.h>
#include <lauxlib.h>
#include <stdio.h>

/* A run of addresses of one family, first to last: what "10.0.0.0/8", "2001:db8::1" or "10.0.0.4-10.0.0.9" mean. */
struct span {
  int family;
  uint8_t first[16], last[16];
};

static bool parse_address(struct azd_str text, int *family, uint8_t address[16]) {
  char copy[INET6_ADDRSTRLEN];
  if (text.size == 0 || text.size >= sizeof copy) return false;
  memcpy(copy, text.data, text.size);
  copy[text.size] = 0;
  if (strlen(copy) != text.size) return false;
  memset(address, 0, 16);
  *family = memchr(copy, ':', text.size) ? AF_INET6 : AF_INET;
  return inet_pton(*family, copy, address) == 1;
}

static bool parse_prefix(struct azd_str text, int bits_max, int *bits) {
  if (text.size < 1 || text.size > 3) return false;
  *bits = 0;
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    *bits = *bits * 10 + (text.data[i] - '0');
  }
  return *bits <= bits_max;
}

/* Bits below the prefix may be set ("10.1.2.3/8" is all of 10): Azure accepts that in places. */
static void widen(struct span *span, int bits) {
  int size = span->family == AF_INET ? 4 : 16;
  for (int i = 0; i < size; i++) {
    int kept = bits - i * 8;
    uint8_t mask = kept >= 8 ? 0xff : kept <= 0 ? 0 : (uint8_t)(0xff << (8 - kept));
    span->first[i] &= mask;
    span->last[i] = (uint8_t)(span->first[i] | (uint8_t)~mask);
  }
}

static bool parse_span(struct azd_str text, struct span *span) {
  const char *slash = text.size ? memchr(text.data, '/', text.size) : NULL;
  const char *dash = text.size ? memchr(text.data, '-', text.size) : NULL;
  const char *cut = slash ? slash : dash;
  struct azd_str head = {text.data, cut ? (size_t)(cut - text.data) : text.size};
  struct azd_str tail = {cut ? cut + 1 : NULL, cut ? text.size - head.size - 1 : 0};
  if (!parse_address(head, &span->family, span->first)) return false;
  memcpy(span->last, span->first, sizeof span->last);
  if (slash) {
    int bits;
    if (!parse_prefix(tail, span->family == AF_INET ? 32 : 128, &bits)) return false;
    widen(span, bits);
    return true;
  }
  if (!dash) return true;
  int family;
  return parse_address(tail, &family, span->last) && family == span->family && memcmp(span->first, span->last, 16) <= 0;
}

static bool covers(const struct span *a, const struct span *b) {
  return a->family == b->family && memcmp(a->first, b->first, 16) <= 0 && memcmp(b->last, a->last, 16) <= 0;
}

static bool meets(const struct span *a, const struct span *b) {
  return a->family == b->family && memcmp(a->first, b->last, 16) <= 0 && memcmp(b->first, a->last, 16) <= 0;
}

static bool span_at(lua_State *L, int index, struct span *span) {
  struct azd_str text;
  if (lua_type(L, index) != LUA_TSTRING) return false;
  text.data = lua_tolstring(L, index, &text.size);
  return parse_span(text, span);
}

/* Whether one of networks (text or a list) stands so to the value; what is no network (a service tag, "*") never does.
 */
static int any_network(lua_State *L, bool (*stands)(const struct span *, const struct span *)) {
  struct span network, value;
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  bool found = false;
  if (span_at(L, 2, &value)) {
    if (lua_type(L, 1) == LUA_TSTRING) {
      found = span_at(L, 1, &network) && stands(&network, &value);
    } else {
      lua_Integer count = azd_value_count(L, 1);
      for (lua_Integer i = 1; i <= count && !found; i++) {
        azd_sandbox_poll(L);
        azd_value_element(L, 1, i);
        found = span_at(L, 3, &network) && stands(&network, &value);
        lua_pop(L, 1);
      }
    }
  }
  lua_pushboolean(L, found);
  return 1;
}

static int native_cidr_contains(lua_State *L) {
  return any_network(L, covers);
}
static int native_cidr_overlaps(lua_State *L) {
  return any_network(L, meets);
}

void azd_natives_open_net(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"cidr_contains", native_cidr_contains}, {"cidr_overlaps", native_cidr_overlaps}, {NULL, NULL}};
  luaL_setfuncs(L, functions, 0);
}
