#include "base/clock.h"
#include "script/place.h"
#include "script/reader.h"

#include <lauxlib.h>
#include <stdio.h>

enum { RULES_MAX = 20000 };

static const char *const verbs[] = {"ignore", "observe", "compare", "key",    "set",
                                    "list",   "fold",    "same",    "redact", NULL};

static const struct {
  const char *name;
  enum azd_same same;
} sames[] = {{"instant", AZD_SAME_INSTANT},   {"location", AZD_SAME_LOCATION}, {"id", AZD_SAME_ID},
             {"json", AZD_SAME_JSON},         {"space", AZD_SAME_SPACE},       {"empty", AZD_SAME_EMPTY},
             {"duration", AZD_SAME_DURATION}, {"entry", AZD_SAME_ENTRY}};
static const char *const same_names[] = {"instant", "location", "id",    "json", "space",
                                         "empty",   "duration", "entry", NULL};

/* The one verb of a row, as its place in the list. */
static int verb_of(const struct azd_reader *r, int row) {
  int found = -1;
  for (int i = 0; verbs[i]; i++) {
    lua_pushstring(r->L, verbs[i]);
    if (lua_rawget(r->L, row) != LUA_TNIL) {
      if (found >= 0) azd_reader_fail(r, NULL, "one verb a row, and here are %s and %s", verbs[found], verbs[i]);
      found = i;
    }
    lua_pop(r->L, 1);
  }
  if (found < 0)
    azd_reader_fail(r, NULL, "a row has one of ignore, observe, compare, key, set, list, fold, same, redact");
  return found;
}

/* "2027-06-30": the rule holds on that day and is off after it. */
static int64_t till_of(const struct azd_reader *r, int row) {
  const char *text = azd_reader_text(r, row, "till", false);
  int64_t instant_ns;
  char midnight[32];
  if (!text) return 0;
  snprintf(midnight, sizeof midnight, "%.10sT00:00:00Z", text);
  if (strlen(text) != 10 || !azd_time_parse_ns(azd_str_of(midnight), &instant_ns))
    azd_reader_fail(r, "till", "'till' is a date like \"2027-06-30\", not '%.40s'", text);
  return instant_ns / 1000000 + 86400000;
}

static void read_as(const struct azd_reader *r, int row, struct azd_rule *rule) {
  lua_State *L = r->L;
  lua_pushliteral(L, "as");
  int type = lua_rawget(L, row);
  if (type == LUA_TSTRING) {
    const char *name = lua_tostring(L, -1);
    for (size_t i = 0; i < sizeof sames / sizeof *sames; i++)
      if (strcmp(name, sames[i].name) == 0) rule->same = sames[i].same;
    if (!rule->same)
      azd_reader_fail(r, "as", "'as' does not know '%.40s'%s", name, azd_reader_suggest(r, name, same_names));
  } else if (type == LUA_TTABLE && lua_rawlen(L, -1) >= 2) {
    struct azd_buf *json = &azd_sandbox_of(L)->scratch;
    azd_buf_clear(json);
    azd_json_from_lua(L, lua_gettop(L), 0, json);
    const char *copy = azd_buf_status(json) ? NULL : azd_arena_copy(&r->out->arena, azd_buf_str(json));
    if (!copy) azd_reader_fail(r, "as", "too many values");
    rule->values = (struct azd_str){copy, json->size};
    rule->same = AZD_SAME_VALUES;
  } else {
    azd_reader_fail(
        r, "as",
        "'same' wants 'as': instant, location, id, json, space, empty, duration, entry, or a list of values that "
        "mean the same");
  }
  lua_pop(L, 1);
}

static void read_by(const struct azd_reader *r, int row, struct azd_rule *rule) {
  struct azd_texts by = azd_reader_texts(r, row, "by", true);
  if (by.count > AZD_RULE_KEYS_MAX) azd_reader_fail(r, "by", "'by' takes up to %d names", AZD_RULE_KEYS_MAX);
  for (uint32_t i = 0; i < by.count; i++) rule->by[i] = azd_str_of(by.items[i]);
  rule->by_count = by.count;
}

/* "views", "versions", or both in a list. */
static uint32_t between_of(const struct azd_reader *r, int row) {
  static const char *const names[] = {"views", "versions", NULL};
  struct azd_texts asked = azd_reader_texts(r, row, "between", false);
  uint32_t between = 0;
  for (uint32_t i = 0; i < asked.count; i++) {
    uint32_t known = 0;
    for (int k = 0; names[k]; k++)
      if (strcmp(asked.items[i], names[k]) == 0) known = 1u << k;
    if (!known)
      azd_reader_fail(r, "between", "'between' is \"views\", \"versions\" or both, not '%.40s'%s", asked.items[i],
                      azd_reader_suggest(r, asked.items[i], names));
    between |= known;
  }
  return between;
}

/* Fields that go with one verb only are refused beside others. */
static void refuse_beside(const struct azd_reader *r, int row, const char *field, bool allowed, const char *where) {
  lua_pushstring(r->L, field);
  if (lua_rawget(r->L, row) != LUA_TNIL && !allowed) azd_reader_fail(r, field, "'%s' goes with %s only", field, where);
  lua_pop(r->L, 1);
}

static void read_row(struct azd_reader *r, int row, const struct azd_texts *types, const char *owner) {
  static const char *const known[] = {"ignore", "observe", "compare", "key",     "set", "list",
                                      "fold",   "same",    "redact",  "by",      "as",  "when",
                                      "till",   "why",     "owner",   "between", NULL};
  azd_reader_known(r, row, known, false);
  int verb = verb_of(r, row);
  struct azd_rule rule = {.layer = r->origin.layer, .verb = (enum azd_verb)verb, .condition = -1};
  rule.path = azd_str_of(azd_reader_text(r, row, verbs[verb], true));
  rule.why = azd_str_of(azd_reader_text(r, row, "why", true));
  const char *own = azd_reader_text(r, row, "owner", false);
  rule.owner = azd_str_of(own ? own : owner);
  if (!rule.owner.data) azd_reader_fail(r, NULL, "'owner' is missing: in the row or in the block");
  rule.till_ms = till_of(r, row);
  rule.between = between_of(r, row);
  refuse_beside(r, row, "by", rule.verb == AZD_VERB_KEY, "key");
  refuse_beside(r, row, "as", rule.verb == AZD_VERB_SAME, "same");
  refuse_beside(r, row, "when", rule.verb == AZD_VERB_IGNORE || rule.verb == AZD_VERB_OBSERVE, "ignore and observe");
  if (rule.verb == AZD_VERB_KEY) read_by(r, row, &rule);
  if (rule.verb == AZD_VERB_SAME) read_as(r, row, &rule);
  rule.condition = azd_reader_function(r, row, "when");
  rule.file = azd_str_of(r->origin.file);
  rule.line = azd_place_find(r->source, r->origin.line, r->row, NULL);
  for (uint32_t i = 0; i < types->count; i++) {
    struct azd_declarations *out = r->out;
    if (out->rule_count >= RULES_MAX) azd_reader_fail(r, NULL, "more than %d rules", RULES_MAX);
    rule.type = azd_str_of(types->items[i]);
    out->rules = azd_reader_grow(r, out->rules, out->rule_count, sizeof *out->rules);
    out->rules[out->rule_count++] = rule;
  }
}

void azd_declare_rules(struct azd_reader *r, int index) {
  static const char *const known[] = {"type", "owner", NULL};
  lua_State *L = r->L;
  azd_reader_known(r, index, known, true);
  struct azd_texts types = azd_reader_texts(r, index, "type", true);
  const char *owner = azd_reader_text(r, index, "owner", false);
  lua_Unsigned rows = lua_rawlen(L, index);
  if (rows == 0)
    azd_reader_fail(r, NULL, "no rows: a rules block holds tables like { ignore = \"...\", why = \"...\" }");
  for (lua_Unsigned i = 1; i <= rows; i++) {
    r->row = (int)i;
    if (lua_rawgeti(L, index, (lua_Integer)i) != LUA_TTABLE) azd_reader_fail(r, NULL, "row %d is no table", (int)i);
    read_row(r, lua_gettop(L), &types, owner);
    lua_pop(L, 1);
  }
  r->row = 0;
}
