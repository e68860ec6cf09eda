#include "script/reader.h"
#include "script/place.h"

#include <lauxlib.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXTS_MAX = 500, EXAMPLES_MAX = 100, SUGGEST_MAX_BYTES = 40 };

_Noreturn void azd_reader_fail(const struct azd_reader *r, const char *field, const char *format, ...) {
  char text[400];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  int line = field || r->row ? azd_place_find(r->source, r->origin.line, r->row, field) : r->origin.line;
  luaL_error(r->L, "%s:%d: %s: %s", r->origin.file, line, r->what, text);
  abort();
}

void *azd_reader_alloc(const struct azd_reader *r, size_t bytes) {
  void *memory = azd_arena_zalloc(&r->out->arena, bytes);
  if (!memory) luaL_error(r->L, "no memory for declarations");
  return memory;
}

void *azd_reader_grow(const struct azd_reader *r, void *items, uint32_t count, size_t item_bytes) {
  if (count & (count - 1) || (count == 0 && items)) return items; /* full at the powers of two */
  void *wider = azd_reader_alloc(r, (count ? count * 2 : 1) * item_bytes);
  if (count) memcpy(wider, items, count * item_bytes);
  return wider;
}

struct azd_str azd_reader_copy(const struct azd_reader *r, int index) {
  struct azd_str text;
  text.data = lua_tolstring(r->L, index, &text.size);
  text.data = azd_arena_copy(&r->out->arena, text);
  if (!text.data) luaL_error(r->L, "no memory for declarations");
  return text;
}

/* ---- names ---- */

static int least(int a, int b) {
  return a < b ? a : b;
}

/* How many letters to change, add, drop or swap with their neighbour; without case. Both short. */
static int distance(const char *a, const char *b) {
  int rows[3][SUGGEST_MAX_BYTES + 1];
  int a_size = (int)strlen(a), b_size = (int)strlen(b);
  if (a_size > SUGGEST_MAX_BYTES || b_size > SUGGEST_MAX_BYTES) return SUGGEST_MAX_BYTES;
  for (int j = 0; j <= b_size; j++) rows[0][j] = j;
  for (int i = 1; i <= a_size; i++) {
    int *row = rows[i % 3], *above = rows[(i + 2) % 3], *above_that = rows[(i + 1) % 3];
    row[0] = i;
    for (int j = 1; j <= b_size; j++) {
      int x = azd_fold((unsigned char)a[i - 1]), y = azd_fold((unsigned char)b[j - 1]);
      row[j] = least(above[j - 1] + (x != y), least(above[j], row[j - 1]) + 1);
      bool swapped = i > 1 && j > 1 && x == azd_fold((unsigned char)b[j - 2]) && y == azd_fold((unsigned char)a[i - 2]);
      if (swapped) row[j] = least(row[j], above_that[j - 2] + 1);
    }
  }
  return rows[a_size % 3][b_size];
}

const char *azd_reader_suggest(const struct azd_reader *r, const char *name, const char *const *known) {
  const char *best = NULL;
  int best_distance = 3;
  for (; *known; known++) {
    int d = distance(name, *known);
    if (d > 2 || d >= (int)strlen(*known)) continue;
    bool nearer =
        d < best_distance || (d == best_distance && strlen(*known) > strlen(best)); /* as near, more in common */
    if (nearer) best = *known, best_distance = d;
  }
  if (!best) return "";
  char text[SUGGEST_MAX_BYTES * 2];
  snprintf(text, sizeof text, "; did you mean '%.40s'?", best);
  char *copy = azd_arena_copy(&r->out->arena, azd_str_of(text));
  return copy ? copy : "";
}

void azd_reader_known(const struct azd_reader *r, int table, const char *const *known, bool rows) {
  lua_State *L = r->L;
  const char *unknown = NULL;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    if (lua_isinteger(L, -2) && rows) continue;
    if (lua_type(L, -2) != LUA_TSTRING)
      azd_reader_fail(r, NULL, "a field without a name: every value stands behind `name =`");
    const char *name = lua_tostring(L, -2);
    const char *const *k = known;
    while (*k && strcmp(*k, name) != 0) k++;
    if (!*k && (!unknown || strcmp(name, unknown) < 0))
      unknown = name; /* the first by name, whatever the table's order */
  }
  if (unknown)
    azd_reader_fail(r, unknown, "nobody knows the field '%.80s'%s", unknown, azd_reader_suggest(r, unknown, known));
}

/* ---- fields: each pushes it, reads, pops ---- */

/* Pushes the field and answers its type; raises where it is missing and required. */
static int push_field(const struct azd_reader *r, int table, const char *field, bool required) {
  lua_pushstring(r->L, field);
  int type = lua_rawget(r->L, table);
  if (type == LUA_TNIL && required) azd_reader_fail(r, NULL, "'%s' is missing", field);
  return type;
}

_Noreturn static void wrong_type(const struct azd_reader *r, const char *field, const char *wanted) {
  const char *got = azd_sandbox_is_null(r->L, -1) ? "null" : luaL_typename(r->L, -1);
  azd_reader_fail(r, field, "'%s' is %s, not a %s", field, wanted, got);
}

const char *azd_reader_text(const struct azd_reader *r, int table, const char *field, bool required) {
  int type = push_field(r, table, field, required);
  const char *text = NULL;
  if (type == LUA_TSTRING) {
    text = azd_reader_copy(r, -1).data;
    if (required && !*text) azd_reader_fail(r, field, "'%s' is empty", field);
  } else if (type != LUA_TNIL) {
    wrong_type(r, field, "text");
  }
  lua_pop(r->L, 1);
  return text;
}

struct azd_texts azd_reader_texts(const struct azd_reader *r, int table, const char *field, bool required) {
  lua_State *L = r->L;
  int type = push_field(r, table, field, required);
  if (type == LUA_TNIL) return lua_pop(L, 1), (struct azd_texts){NULL, 0};
  if (type != LUA_TSTRING && type != LUA_TTABLE) wrong_type(r, field, "text or a list of texts");
  lua_Unsigned count = type == LUA_TSTRING ? 1 : lua_rawlen(L, -1);
  if (count == 0 || count > TEXTS_MAX) azd_reader_fail(r, field, "'%s' wants 1 to %d texts", field, TEXTS_MAX);
  const char **texts = azd_reader_alloc(r, count * sizeof *texts);
  for (lua_Unsigned i = 0; i < count; i++) {
    if (type == LUA_TSTRING)
      lua_pushvalue(L, -1);
    else
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
    if (lua_type(L, -1) != LUA_TSTRING) wrong_type(r, field, "text or a list of texts");
    texts[i] = azd_reader_copy(r, -1).data;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return (struct azd_texts){texts, (uint32_t)count};
}

static const char *const severities[] = {"info", "low", "medium", "high", "critical", NULL};

enum azd_severity azd_reader_severity(const struct azd_reader *r, int table, const char *field, bool required) {
  enum azd_severity severity = AZD_SEVERITY_NONE;
  const char *text = azd_reader_text(r, table, field, required);
  if (text && !azd_severity_parse(azd_str_of(text), &severity))
    azd_reader_fail(r, field, "'%s' is info, low, medium, high or critical, not '%.40s'%s", field, text,
                    azd_reader_suggest(r, text, severities));
  return severity;
}

bool azd_reader_flag(const struct azd_reader *r, int table, const char *field, bool otherwise) {
  int type = push_field(r, table, field, false);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN) wrong_type(r, field, "true or false");
  bool value = type == LUA_TNIL ? otherwise : lua_toboolean(r->L, -1);
  lua_pop(r->L, 1);
  return value;
}

static void read_scalar(const struct azd_reader *r, const char *field, struct azd_scalar *out) {
  lua_State *L = r->L;
  switch (lua_type(L, -1)) {
  case LUA_TSTRING: *out = (struct azd_scalar){AZD_JSON_STRING, azd_reader_copy(r, -1)}; break;
  case LUA_TBOOLEAN: out->type = lua_toboolean(L, -1) ? AZD_JSON_TRUE : AZD_JSON_FALSE; break;
  case LUA_TNUMBER:
    lua_pushvalue(L, -1); /* a number that is made text in place would confuse whoever walks the table */
    *out = (struct azd_scalar){AZD_JSON_NUMBER, azd_reader_copy(r, -1)};
    lua_pop(L, 1);
    break;
  default:
    if (!azd_sandbox_is_null(L, -1)) wrong_type(r, field, "a text, number, boolean, null, or a list of them");
    out->type = AZD_JSON_NULL;
  }
}

struct azd_scalars azd_reader_scalars(const struct azd_reader *r, int table, const char *field) {
  lua_State *L = r->L;
  int type = push_field(r, table, field, false);
  if (type == LUA_TNIL) return lua_pop(L, 1), (struct azd_scalars){NULL, 0};
  lua_Unsigned count = type == LUA_TTABLE ? lua_rawlen(L, -1) : 1;
  if (count == 0 || count > TEXTS_MAX) azd_reader_fail(r, field, "'%s' wants 1 to %d values", field, TEXTS_MAX);
  struct azd_scalar *items = azd_reader_alloc(r, count * sizeof *items);
  for (lua_Unsigned i = 0; i < count; i++) {
    if (type == LUA_TTABLE)
      lua_rawgeti(L, -1, (lua_Integer)i + 1);
    else
      lua_pushvalue(L, -1);
    read_scalar(r, field, &items[i]);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return (struct azd_scalars){items, (uint32_t)count};
}

/* ---- examples ---- */

static void read_example(const struct azd_reader *r, int example, bool needs_documents, struct azd_example *out) {
  static const char *const known[] = {"old",     "new",          "gives",   "kind", "id",       "type",
                                      "name",    "subscription", "group",   "tags", "location", "parent",
                                      "related", "actor",        "against", "now",  "why",      NULL};
  lua_State *L = r->L;
  azd_reader_known(r, example, known, false);
  if (push_field(r, example, "gives", true) == LUA_TBOOLEAN && !lua_toboolean(L, -1))
    out->gives = AZD_SEVERITY_NONE;
  else if (lua_type(L, -1) == LUA_TSTRING)
    out->gives = azd_reader_severity(r, example, "gives", true);
  else
    wrong_type(r, "examples", "a severity or false");
  lua_pop(L, 1);
  bool has_old = push_field(r, example, "old", false) != LUA_TNIL; /* old */
  bool has_new = push_field(r, example, "new", false) != LUA_TNIL; /* old new */
  if (needs_documents && !has_old && !has_new) azd_reader_fail(r, "examples", "an example has `old`, `new` or both");
  int old = lua_gettop(L) - 1, new = old + 1;
  struct azd_buf *json = &azd_sandbox_of(L)->scratch;
  azd_buf_clear(json);
  azd_buf_append_char(json, '{');
  const char *separator = "";
  for (const char *const *k = known; *k; k++) {
    if (strcmp(*k, "gives") == 0 || strcmp(*k, "why") == 0) continue;
    if (push_field(r, example, *k, false) != LUA_TNIL) {
      azd_buf_printf(json, "%s\"%s\":", separator, *k);
      int like = strcmp(*k, "old") == 0 ? new : strcmp(*k, "new") == 0 ? old : 0;
      azd_json_from_lua(L, lua_gettop(L), like, json);
      separator = ",";
    }
    lua_pop(L, 1);
  }
  azd_buf_append_char(json, '}');
  if (azd_buf_status(json) != 0) azd_reader_fail(r, "examples", "an example is longer than 1 MiB");
  const char *copy = azd_arena_copy(&r->out->arena, azd_buf_str(json));
  if (!copy) luaL_error(L, "no memory for declarations");
  out->json = (struct azd_str){copy, json->size};
  lua_pop(L, 2);
}

struct azd_example *azd_reader_examples(const struct azd_reader *r, int table, uint32_t *count) {
  lua_State *L = r->L;
  *count = 0;
  int type = push_field(r, table, "examples", false);
  if (type != LUA_TNIL && type != LUA_TTABLE) wrong_type(r, "examples", "a list of tables");
  lua_Unsigned examples = type == LUA_TTABLE ? lua_rawlen(L, -1) : 0;
  if (examples > EXAMPLES_MAX) azd_reader_fail(r, "examples", "more than %d examples", EXAMPLES_MAX);
  struct azd_example *out = examples ? azd_reader_alloc(r, examples * sizeof *out) : NULL;
  for (lua_Unsigned i = 0; i < examples; i++) {
    if (lua_rawgeti(L, -1, (lua_Integer)i + 1) != LUA_TTABLE) wrong_type(r, "examples", "a list of tables");
    read_example(r, lua_gettop(L), true, &out[i]);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  *count = (uint32_t)examples;
  return out;
}
