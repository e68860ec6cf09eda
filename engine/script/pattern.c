#include "script/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <string.h>

enum {
  CAPTURES_MAX = 32,
  DEPTH_MAX = 200, /* as the stock library: nested matches live on the C stack */
  LENGTH_OPEN = -1,
  LENGTH_POSITION = -2,
};

struct capture {
  const char *start;
  ptrdiff_t length; /* or LENGTH_OPEN, LENGTH_POSITION */
};

struct matcher {
  lua_State *L;
  const struct azd_pattern_limits *limits;
  const char *text, *text_end;
  const char *pattern, *pattern_end; /* both strings are Lua's: a NUL stands at their end and may be read */
  long steps_left;
  int depth_left, captures;
  struct capture capture[CAPTURES_MAX];
};

static const char *match(struct matcher *m, const char *s, const char *p);

static void out_of_steps(struct matcher *m) {
  if (*m->limits->stop) m->limits->raise_stop(m->L);
  luaL_error(m->L, "pattern gave up after %d steps: it backtracks too much for this text", (int)m->limits->steps);
}

static inline void spend(struct matcher *m, long steps) {
  m->steps_left -= steps;
  if (m->steps_left < 0 || *m->limits->stop) out_of_steps(m);
}

/* ---- one character ---- */

/* The end of the single-character class that begins at p. */
static const char *class_end(struct matcher *m, const char *p) {
  char first = *p++;
  if (first == '%') {
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
    return p + 1;
  }
  if (first != '[') return p;
  if (*p == '^') p++;
  do { /* the first character of a set may be ']' */
    if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
    if (*p++ == '%' && p < m->pattern_end) p++;
  } while (*p != ']');
  return p + 1;
}

static bool in_class(int c, int letter) {
  int is;
  switch (tolower(letter)) {
  case 'a': is = isalpha(c); break;
  case 'c': is = iscntrl(c); break;
  case 'd': is = isdigit(c); break;
  case 'g': is = isgraph(c); break;
  case 'l': is = islower(c); break;
  case 'p': is = ispunct(c); break;
  case 's': is = isspace(c); break;
  case 'u': is = isupper(c); break;
  case 'w': is = isalnum(c); break;
  case 'x': is = isxdigit(c); break;
  case 'z': is = c == 0; break; /* no longer in the manual, still in the library */
  default: return letter == c;
  }
  return isupper(letter) ? !is : is != 0;
}

/* open at '[', close at its ']'. A set costs what its author wrote. */
static bool in_set(struct matcher *m, int c, const char *open, const char *close) {
  bool wanted = true;
  const unsigned char *p = (const unsigned char *)open + 1, *end = (const unsigned char *)close;
  if (*p == '^') wanted = false, p++;
  spend(m, end - p);
  while (p < end) {
    if (*p == '%') {
      if (in_class(c, p[1])) return wanted;
      p += 2;
    } else if (p[1] == '-' && p + 2 < end) {
      if (p[0] <= c && c <= p[2]) return wanted;
      p += 3;
    } else if (*p++ == c) {
      return wanted;
    }
  }
  return !wanted;
}

static inline bool one(struct matcher *m, const char *s, const char *p, const char *end) {
  spend(m, 1);
  if (s >= m->text_end) return false;
  int c = (unsigned char)*s;
  switch (*p) {
  case '.': return true;
  case '%': return in_class(c, (unsigned char)p[1]);
  case '[': return in_set(m, c, p, end - 1);
  default: return (unsigned char)*p == c;
  }
}

/* ---- what may follow a class, and the items that are no class: each answers where the match ends, or NULL ---- */

static const char *longest_first(struct matcher *m, const char *s, const char *p, const char *end) {
  ptrdiff_t n = 0;
  while (one(m, s + n, p, end)) n++;
  for (; n >= 0; n--) {
    const char *found = match(m, s + n, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *shortest_first(struct matcher *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match(m, s, end + 1);
    if (found) return found;
    if (!one(m, s, p, end)) return NULL;
  }
}

static const char *balanced(struct matcher *m, const char *s, const char *pair) {
  if (pair + 1 >= m->pattern_end) luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->text_end || *s != pair[0]) return NULL;
  for (int open = 1; ++s < m->text_end;) {
    spend(m, 1);
    if (*s == pair[1]) {
      if (--open == 0) return s + 1;
    } else if (*s == pair[0]) {
      open++;
    }
  }
  return NULL;
}

static bool at_frontier(struct matcher *m, const char *s, const char *set, const char *end) {
  int before = s == m->text ? 0 : (unsigned char)s[-1], here = s == m->text_end ? 0 : (unsigned char)*s;
  return !in_set(m, before, set, end - 1) && in_set(m, here, set, end - 1);
}

static const char *open_capture(struct matcher *m, const char *s, const char *p, ptrdiff_t length) {
  if (m->captures >= CAPTURES_MAX) luaL_error(m->L, "too many captures");
  m->capture[m->captures++] = (struct capture){s, length};
  const char *found = match(m, s, p);
  if (!found) m->captures--;
  return found;
}

static const char *close_capture(struct matcher *m, const char *s, const char *p) {
  int i = m->captures;
  while (--i >= 0 && m->capture[i].length != LENGTH_OPEN) {
  }
  if (i < 0) luaL_error(m->L, "invalid pattern capture");
  m->capture[i].length = s - m->capture[i].start;
  const char *found = match(m, s, p);
  if (!found) m->capture[i].length = LENGTH_OPEN;
  return found;
}

static const char *same_again(struct matcher *m, const char *s, int digit) {
  int i = digit - '1';
  if (i < 0 || i >= m->captures || m->capture[i].length == LENGTH_OPEN)
    luaL_error(m->L, "invalid capture index %%%d in pattern", i + 1);
  if (m->capture[i].length == LENGTH_POSITION) return NULL; /* a position has no text */
  size_t length = (size_t)m->capture[i].length;
  spend(m, (long)(length / 8)); /* memcmp is cheap, not free */
  if ((size_t)(m->text_end - s) < length || memcmp(m->capture[i].start, s, length) != 0) return NULL;
  return s + length;
}

/* The items that begin with % and are no class. true: *s is where to go on (NULL: no match) and *p what comes next. */
static bool special_item(struct matcher *m, const char **s, const char **p) {
  unsigned char what = (unsigned char)(*p)[1];
  if (what == 'b') {
    *s = balanced(m, *s, *p + 2);
    *p += 4;
  } else if (what == 'f') {
    const char *set = *p + 2;
    if (*set != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
    const char *end = class_end(m, set);
    if (!at_frontier(m, *s, set, end)) *s = NULL;
    *p = end;
  } else if (isdigit(what)) {
    *s = same_again(m, *s, what);
    *p += 2;
  } else {
    return false;
  }
  return true;
}

/* Where p's match at s ends, or NULL. Recurses where there is a choice, goes on in the loop where there is none. */
static const char *match_here(struct matcher *m, const char *s, const char *p) {
  while (p != m->pattern_end) {
    spend(m, 1);
    if (*p == '(') {
      return p[1] == ')' ? open_capture(m, s, p + 2, LENGTH_POSITION) : open_capture(m, s, p + 1, LENGTH_OPEN);
    }
    if (*p == ')') return close_capture(m, s, p + 1);
    if (*p == '$' && p + 1 == m->pattern_end) return s == m->text_end ? s : NULL;
    if (*p == '%' && special_item(m, &s, &p)) {
      if (!s) return NULL;
      continue;
    }
    const char *end = class_end(m, p);
    switch (end < m->pattern_end ? *end : 0) {
    case '*': return longest_first(m, s, p, end);
    case '+': return one(m, s, p, end) ? longest_first(m, s + 1, p, end) : NULL;
    case '-': return shortest_first(m, s, p, end);
    case '?': {
      const char *found = one(m, s, p, end) ? match(m, s + 1, end + 1) : NULL;
      if (found) return found;
      p = end + 1;
      break;
    }
    default:
      if (!one(m, s, p, end)) return NULL;
      s++;
      p = end;
    }
  }
  return s;
}

static const char *match(struct matcher *m, const char *s, const char *p) {
  if (m->depth_left-- == 0) luaL_error(m->L, "pattern too complex");
  const char *found = match_here(m, s, p);
  m->depth_left++;
  return found;
}

/* A match that begins exactly at s. */
static const char *match_from(struct matcher *m, const char *s, const char *p) {
  m->captures = 0;
  m->depth_left = DEPTH_MAX;
  spend(m, 1);
  return match(m, s, p);
}

static void settle(const struct matcher *m) {
  if (m->limits->charge) m->limits->charge(m->L, m->limits->steps - m->steps_left);
}

/* ---- captures to Lua ---- */

/* Capture i, or the whole match where there are no captures. [-0, +1, e] */
static void push_capture(struct matcher *m, int i, const char *s, const char *end) {
  if (i >= m->captures) {
    if (i != 0) luaL_error(m->L, "invalid capture index %%%d", i + 1);
    lua_pushlstring(m->L, s, (size_t)(end - s));
    return;
  }
  const struct capture *capture = &m->capture[i];
  if (capture->length == LENGTH_OPEN) luaL_error(m->L, "unfinished capture");
  if (capture->length == LENGTH_POSITION)
    lua_pushinteger(m->L, capture->start - m->text + 1);
  else
    lua_pushlstring(m->L, capture->start, (size_t)capture->length);
}

/* All captures; where there are none the whole match, unless s is NULL. [-0, +n, e] */
static int push_captures(struct matcher *m, const char *s, const char *end) {
  int n = m->captures == 0 && s ? 1 : m->captures;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) push_capture(m, i, s, end);
  return n;
}

/* ---- the four functions; upvalue 1 is the limits ---- */

static void start(struct matcher *m, lua_State *L, int text_index, int pattern_index) {
  size_t text_bytes, pattern_bytes;
  m->L = L;
  m->limits = lua_touserdata(L, lua_upvalueindex(1));
  m->text = luaL_checklstring(L, text_index, &text_bytes);
  m->text_end = m->text + text_bytes;
  m->pattern = luaL_checklstring(L, pattern_index, &pattern_bytes);
  m->pattern_end = m->pattern + pattern_bytes;
  m->steps_left = m->limits->steps;
  if (pattern_bytes > AZD_PATTERN_MAX_BYTES) luaL_argerror(L, pattern_index, "pattern longer than 512 bytes");
}

/* The manual's optional `init`, as an offset; beyond the text: its size + 1. */
static size_t start_offset(lua_State *L, int index, size_t text_bytes) {
  lua_Integer init = luaL_optinteger(L, index, 1);
  if (init > 0) return (lua_Unsigned)init - 1 > text_bytes ? text_bytes + 1 : (size_t)init - 1;
  if (init == 0 || init < -(lua_Integer)text_bytes) return 0;
  return text_bytes + (size_t)init;
}

static bool has_specials(const char *p, const char *end) {
  for (; p < end; p++)
    if (*p && strchr("^$*+?.([%-", *p)) return true;
  return false;
}

/* memmem is linear (two-way); the stock plain find is quadratic. */
static int find_plain(struct matcher *m, const char *from) {
  size_t bytes = (size_t)(m->pattern_end - m->pattern);
  const char *at = bytes ? memmem(from, (size_t)(m->text_end - from), m->pattern, bytes) : from;
  if (!at) {
    luaL_pushfail(m->L);
    return 1;
  }
  lua_pushinteger(m->L, at - m->text + 1);
  lua_pushinteger(m->L, at - m->text + (lua_Integer)bytes);
  return 2;
}

static int find_or_match(lua_State *L, bool find) {
  struct matcher m;
  start(&m, L, 1, 2);
  size_t offset = start_offset(L, 3, (size_t)(m.text_end - m.text));
  if (offset <= (size_t)(m.text_end - m.text)) {
    const char *s = m.text + offset, *p = m.pattern;
    if (find && (lua_toboolean(L, 4) || !has_specials(p, m.pattern_end))) return find_plain(&m, s);
    bool anchored = *p == '^';
    p += anchored;
    do {
      const char *end = match_from(&m, s, p);
      if (!end) continue;
      settle(&m);
      if (!find) return push_captures(&m, s, end);
      lua_pushinteger(L, s - m.text + 1);
      lua_pushinteger(L, end - m.text);
      return push_captures(&m, NULL, NULL) + 2;
    } while (s++ < m.text_end && !anchored);
    settle(&m);
  }
  luaL_pushfail(L);
  return 1;
}

static int pattern_find(lua_State *L) {
  return find_or_match(L, true);
}
static int pattern_match(lua_State *L) {
  return find_or_match(L, false);
}

enum { GMATCH_LIMITS = 1, GMATCH_TEXT, GMATCH_PATTERN, GMATCH_AT, GMATCH_LAST, GMATCH_UPVALUES = GMATCH_LAST };

static int gmatch_next(lua_State *L) {
  struct matcher m;
  start(&m, L, lua_upvalueindex(GMATCH_TEXT), lua_upvalueindex(GMATCH_PATTERN));
  lua_Integer last = lua_tointeger(L, lua_upvalueindex(GMATCH_LAST)); /* -1 before the first: equals no end */
  for (const char *s = m.text + lua_tointeger(L, lua_upvalueindex(GMATCH_AT)); s <= m.text_end; s++) {
    const char *end = match_from(&m, s, m.pattern);
    if (!end || end - m.text == last) continue; /* an empty match right after the last one is that one again */
    settle(&m);
    lua_pushinteger(L, end - m.text);
    lua_pushvalue(L, -1);
    lua_replace(L, lua_upvalueindex(GMATCH_AT));
    lua_replace(L, lua_upvalueindex(GMATCH_LAST));
    return push_captures(&m, s, end);
  }
  return 0;
}

static int pattern_gmatch(lua_State *L) {
  struct matcher m;
  start(&m, L, 1, 2);
  size_t offset = start_offset(L, 3, (size_t)(m.text_end - m.text));
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_pushinteger(L, (lua_Integer)offset);
  lua_pushinteger(L, -1); /* limits text pattern at last */
  lua_pushcclosure(L, gmatch_next, GMATCH_UPVALUES);
  return 1;
}

static void add_template(struct matcher *m, luaL_Buffer *out, const char *s, const char *end) {
  size_t bytes;
  const char *r = lua_tolstring(m->L, 3, &bytes), *r_end = r + bytes;
  spend(m, (long)bytes);
  for (; r < r_end; r++) {
    if (*r != '%') {
      luaL_addchar(out, *r);
    } else if (*++r == '%') { /* at the end it is the NUL */
      luaL_addchar(out, '%');
    } else if (*r == '0') {
      luaL_addlstring(out, s, (size_t)(end - s));
    } else if (isdigit((unsigned char)*r)) {
      push_capture(m, *r - '1', s, end);
      luaL_tolstring(m->L, -1, NULL); /* a position is a number */
      lua_remove(m->L, -2);
      luaL_addvalue(out);
    } else {
      luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
  }
}

static void add_replacement(struct matcher *m, luaL_Buffer *out, const char *s, const char *end, int type) {
  lua_State *L = m->L;
  if (type == LUA_TSTRING || type == LUA_TNUMBER) {
    add_template(m, out, s, end);
    return;
  }
  if (type == LUA_TTABLE) {
    push_capture(m, 0, s, end);
    lua_gettable(L, 3);
  } else {
    lua_pushvalue(L, 3);
    lua_call(L, push_captures(m, s, end), 1);
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(out, s, (size_t)(end - s));
    return;
  }
  if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(out);
}

static int pattern_gsub(lua_State *L) {
  struct matcher m;
  start(&m, L, 1, 2);
  int type = lua_type(L, 3);
  luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                   "string/function/table");
  lua_Integer most = luaL_optinteger(L, 4, m.text_end - m.text + 1), done = 0;
  bool anchored = *m.pattern == '^';
  const char *s = m.text, *last = NULL, *p = m.pattern + anchored;
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  while (done < most) {
    const char *end = match_from(&m, s, p);
    if (end && end != last) {
      done++;
      add_replacement(&m, &out, s, end, type);
      s = last = end;
    } else if (s < m.text_end) {
      luaL_addchar(&out, *s++);
    } else {
      break;
    }
    if (anchored) break;
  }
  luaL_addlstring(&out, s, (size_t)(m.text_end - s));
  luaL_pushresult(&out);
  settle(&m);
  lua_pushinteger(L, done);
  return 2;
}

void azd_pattern_open(lua_State *L, const struct azd_pattern_limits *limits) {
  static const luaL_Reg functions[] = {{"find", pattern_find},
                                       {"match", pattern_match},
                                       {"gmatch", pattern_gmatch},
                                       {"gsub", pattern_gsub},
                                       {NULL, NULL}};
  lua_pushlightuserdata(L, (void *)limits);
  luaL_setfuncs(L, functions, 1);
}
