#include "script/reader.h"

#include <lauxlib.h>
#include <stdlib.h>

enum { TAGS_MAX = 50 };

static void read_windows(const struct azd_reader *r, int index, struct azd_expected *expected) {
  struct azd_texts texts = azd_reader_texts(r, index, "within", false);
  if (!texts.count) return;
  struct azd_window *windows = azd_reader_alloc(r, texts.count * sizeof *windows);
  for (uint32_t i = 0; i < texts.count; i++) {
    struct azd_error error;
    if (azd_window_parse(azd_str_of(texts.items[i]), &windows[i], &error) != 0)
      azd_reader_fail(r, "within", "%s", error.text);
  }
  expected->windows = windows;
  expected->window_count = texts.count;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct azd_tag_match *)a)->name, ((const struct azd_tag_match *)b)->name);
}

/* tag = { env = "dev", managed_by = true } */
static void read_tags(const struct azd_reader *r, int index, struct azd_expected *expected) {
  lua_State *L = r->L;
  lua_pushliteral(L, "tag");
  int type = lua_rawget(L, index);
  if (type != LUA_TNIL && type != LUA_TTABLE) azd_reader_fail(r, "tag", "'tag' is a table like { env = \"dev\" }");
  struct azd_tag_match *tags = NULL;
  uint32_t count = 0;
  if (type == LUA_TTABLE)
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      bool any = lua_type(L, -1) == LUA_TBOOLEAN && lua_toboolean(L, -1);
      if (lua_type(L, -2) != LUA_TSTRING || (lua_type(L, -1) != LUA_TSTRING && !any) || count >= TAGS_MAX)
        azd_reader_fail(r, "tag", "'tag' is a table like { env = \"dev\", team = true }");
      tags = azd_reader_grow(r, tags, count, sizeof *tags);
      tags[count++] = (struct azd_tag_match){azd_reader_copy(r, -2).data, any ? NULL : azd_reader_copy(r, -1).data};
    }
  lua_pop(L, 1);
  if (count) qsort(tags, count, sizeof *tags, by_name);
  expected->tags = tags;
  expected->tag_count = count;
}

void azd_declare_expected(struct azd_reader *r, int index, const char *name) {
  static const char *const known[] = {"actor",  "within",    "unless",     "type", "group", "tag",
                                      "client", "operation", "deployment", "why",  NULL};
  struct azd_declarations *out = r->out;
  azd_reader_known(r, index, known, false);
  struct azd_expected expected = {.origin = r->origin, .name = name};
  expected.why = azd_reader_text(r, index, "why", true);
  expected.actors = azd_reader_texts(r, index, "actor", false);
  expected.types = azd_reader_texts(r, index, "type", false);
  expected.groups = azd_reader_texts(r, index, "group", false);
  expected.clients = azd_reader_texts(r, index, "client", false);
  expected.operations = azd_reader_texts(r, index, "operation", false);
  expected.deployments = azd_reader_texts(r, index, "deployment", false);
  read_tags(r, index, &expected);
  read_windows(r, index, &expected);
  expected.unless = azd_reader_function(r, index, "unless");
  if (!expected.actors.count && !expected.types.count && !expected.groups.count && !expected.clients.count &&
      !expected.operations.count && !expected.deployments.count && !expected.tag_count && !expected.window_count)
    azd_reader_fail(
        r, NULL,
        "expects everything: say at least one of actor, within, type, group, tag, client, operation, deployment");
  out->expected = azd_reader_grow(r, out->expected, out->expected_count, sizeof *out->expected);
  out->expected[out->expected_count++] = expected;
}

/* "7d", "90m": a number and one of s m h d w. */
static int64_t read_duration(const struct azd_reader *r, int index, const char *field) {
  static const char units[] = "smhdw";
  static const int64_t unit_ms[] = {1000, 60000, 3600000, 86400000, 604800000};
  const char *text = azd_reader_text(r, index, field, true);
  char *end;
  long count = strtol(text, &end, 10);
  const char *unit = end != text && *end && !end[1] ? strchr(units, *end) : NULL;
  if (!unit || count <= 0 || count > 100000)
    azd_reader_fail(r, field, "'%s' is a duration like \"90m\" or \"7d\", not '%.40s'", field, text);
  return count * unit_ms[unit - units];
}

void azd_declare_pattern(struct azd_reader *r, int index, const char *name) {
  static const char *const known[] = {"by",  "within",   "at_least", "severity", "message",
                                      "why", "on_group", "examples", NULL};
  static const char *const by_names[] = {"resource", "path",         "actor",      "type",
                                         "group",    "subscription", "change_set", NULL};
  lua_State *L = r->L;
  struct azd_declarations *out = r->out;
  azd_reader_known(r, index, known, false);
  struct azd_pattern_policy pattern = {.origin = r->origin, .name = name};
  pattern.by = azd_reader_texts(r, index, "by", true);
  for (uint32_t i = 0; i < pattern.by.count; i++) {
    const char *const *k = by_names;
    while (*k && strcmp(*k, pattern.by.items[i]) != 0) k++;
    if (!*k)
      azd_reader_fail(r, "by", "'by' does not know '%.40s'%s", pattern.by.items[i],
                      azd_reader_suggest(r, pattern.by.items[i], by_names));
  }
  pattern.within_ms = read_duration(r, index, "within");
  pattern.severity = azd_reader_severity(r, index, "severity", true);
  const char *message = azd_reader_text(r, index, "message", false);
  pattern.message = message ? message : "";
  azd_reader_text(r, index, "why", false);
  lua_pushliteral(L, "at_least");
  if (lua_rawget(L, index) != LUA_TNIL && !lua_isinteger(L, -1))
    azd_reader_fail(r, "at_least", "'at_least' is a whole number");
  pattern.at_least = lua_isnil(L, -1) ? 1 : lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (pattern.at_least < 1) azd_reader_fail(r, "at_least", "'at_least' is 1 or more");
  pattern.on_group = azd_reader_function(r, index, "on_group");
  lua_pushliteral(L, "examples");
  int type = lua_rawget(L, index);
  if (type != LUA_TNIL && type != LUA_TTABLE) azd_reader_fail(r, "examples", "'examples' is a list of tables");
  pattern.example_count = type == LUA_TTABLE ? (uint32_t)lua_rawlen(L, -1) : 0;
  lua_pop(L, 1);
  out->patterns = azd_reader_grow(r, out->patterns, out->pattern_count, sizeof *out->patterns);
  out->patterns[out->pattern_count++] = pattern;
}
