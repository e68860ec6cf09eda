/* azdrift.metrics: what scripts count and measure, beside what the engine does, and all of it as Prometheus reads it.
 *
 *   local age = metrics.gauge("azdrift_snapshot_age_seconds", "Age of the newest snapshot.", { "scope" })
 *   age:set(120, "/subscriptions/...")
 *
 * A family that has counted lives as long as the program, like every metric: define one where a module loads.
 * lua/meta/metrics.lua has every name. */
#include "base/metrics.h"
#include "bind/bindings.h"
#include "bind/class.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

static const char family_name[] = "azdrift.metric";

struct family { /* once it has a metric it is never freed: the registry of base/metrics.h keeps it */
  struct azd_metric_family metrics;
  int labels;
};

static int family_gc(lua_State *L) { /* family */
  struct family **box = luaL_checkudata(L, 1, family_name), *family = *box;
  *box = NULL;
  if (family == NULL || atomic_load(&family->metrics.count) != 0) return 0;
  for (int i = 0; i < AZD_METRIC_LABELS_MAX; i++) free((void *)(uintptr_t)family->metrics.labels[i]);
  free((void *)(uintptr_t)family->metrics.help);
  free((void *)(uintptr_t)family->metrics.name);
  free(family);
  return 0;
}

static const char *keep(lua_State *L, const char *text) {
  char *copy = strdup(text);
  if (copy == NULL) luaL_error(L, "not enough memory");
  return copy;
}

static int define(lua_State *L, enum azd_metric_kind kind) { /* name help labels? */
  const char *name = luaL_checkstring(L, 1), *help = luaL_checkstring(L, 2);
  const char *labels[AZD_METRIC_LABELS_MAX];
  lua_Unsigned count = 0;
  lua_settop(L, 3);
  if (!lua_isnil(L, 3)) {
    luaL_checktype(L, 3, LUA_TTABLE);
    count = lua_rawlen(L, 3);
    luaL_argcheck(L, count <= AZD_METRIC_LABELS_MAX, 3, "at most 4 labels");
    luaL_checkstack(L, (int)count, NULL);
    for (lua_Unsigned i = 0; i < count; i++) {
      lua_rawgeti(L, 3, (lua_Integer)i + 1);
      labels[i] = luaL_checkstring(L, -1);
    }
  }
  struct family **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, family_name);
  struct family *family = *box = calloc(1, sizeof *family);
  if (family == NULL) return luaL_error(L, "not enough memory");
  family->metrics.kind = kind;
  family->metrics.name = keep(L, name);
  family->metrics.help = keep(L, help);
  family->labels = (int)count;
  for (lua_Unsigned i = 0; i < count; i++) family->metrics.labels[i] = keep(L, labels[i]);
  return 1;
}

static int define_counter(lua_State *L) {
  return define(L, AZD_COUNTER);
}
static int define_gauge(lua_State *L) {
  return define(L, AZD_GAUGE);
}
static int define_histogram(lua_State *L) {
  return define(L, AZD_HISTOGRAM);
}

static struct azd_metric *check_metric(lua_State *L) { /* family value label... */
  struct family **box = luaL_checkudata(L, 1, family_name), *family = *box;
  const char *values[AZD_METRIC_LABELS_MAX];
  if (family == NULL) luaL_error(L, "the metric is closed");
  if (lua_gettop(L) != 2 + family->labels)
    luaL_error(L, "%s has %d labels, got %d", family->metrics.name, family->labels, lua_gettop(L) - 2);
  for (int i = 0; i < family->labels; i++) values[i] = luaL_checkstring(L, 3 + i);
  return azd_metric_of(&family->metrics, family->labels ? values : NULL);
}

static int metric_add(lua_State *L) {
  const lua_Integer amount = luaL_checkinteger(L, 2);
  luaL_argcheck(L, amount >= 0, 2, "not below 0");
  azd_metric_add(check_metric(L), amount);
  return 0;
}

static int metric_set(lua_State *L) {
  const lua_Number value = luaL_checknumber(L, 2);
  azd_metric_set(check_metric(L), value);
  return 0;
}

static int metric_observe(lua_State *L) {
  const lua_Number value = luaL_checknumber(L, 2);
  azd_metric_observe(check_metric(L), value);
  return 0;
}

static int metrics_text(lua_State *L) {
  struct azd_buf *out = lua_newuserdatauv(L, sizeof *out, 0);
  azd_buf_init(out, 0);
  azd_metrics_write(out);
  luaL_Buffer buffer;
  char *to = luaL_buffinitsize(L, &buffer, out->size);
  memcpy(to, out->data ? out->data : "", out->size);
  luaL_addsize(&buffer, out->size);
  azd_buf_free(out);
  luaL_pushresult(&buffer);
  return 1;
}

int azd_open_metrics(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"add", metric_add}, {"set", metric_set}, {"observe", metric_observe}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"counter", define_counter},
                                       {"gauge", define_gauge},
                                       {"histogram", define_histogram},
                                       {"text", metrics_text},
                                       {NULL, NULL}};
  azd_new_class(L, family_name, methods, family_gc);
  luaL_newlib(L, functions);
  return 1;
}
