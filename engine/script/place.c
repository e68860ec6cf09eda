#include "script/place.h"

#include <ctype.h>

struct scanner {
  const char *at, *end;
  int line;
};

static void advance(struct scanner *s) {
  if (*s->at++ == '\n') s->line++;
}

/* At '[': the level of a long bracket, or -1. */
static int long_bracket(const struct scanner *s) {
  const char *c = s->at + 1;
  while (c < s->end && *c == '=') c++;
  return c < s->end && *c == '[' ? (int)(c - s->at - 1) : -1;
}

static void skip_long(struct scanner *s, int level) {
  for (; s->at < s->end; advance(s)) {
    if (*s->at != ']' || s->end - s->at < level + 2) continue;
    int i = 1;
    while (i <= level && s->at[i] == '=') i++;
    if (i <= level || s->at[i] != ']') continue;
    s->at += level + 2;
    return;
  }
}

static void skip_quoted(struct scanner *s) {
  char quote = *s->at++;
  while (s->at < s->end && *s->at != quote && *s->at != '\n') {
    if (*s->at == '\\' && s->at + 1 < s->end) advance(s);
    advance(s);
  }
  if (s->at < s->end) advance(s);
}

static void skip_comment(struct scanner *s) {
  s->at += 2;
  int level = s->at < s->end && *s->at == '[' ? long_bracket(s) : -1;
  if (level >= 0) {
    skip_long(s, level);
    return;
  }
  while (s->at < s->end && *s->at != '\n') s->at++;
}

/* The next token's first character, with *word set for a name; 0 at the end. Texts answer '"'. */
static char next_token(struct scanner *s, struct azd_str *word, int *line) {
  while (s->at < s->end) {
    char c = *s->at;
    *line = s->line;
    if (isspace((unsigned char)c)) {
      advance(s);
    } else if (c == '-' && s->at + 1 < s->end && s->at[1] == '-') {
      skip_comment(s);
    } else if (c == '"' || c == '\'') {
      skip_quoted(s);
      return '"';
    } else if (c == '[' && long_bracket(s) >= 0) {
      skip_long(s, long_bracket(s));
      return '"';
    } else if (isalpha((unsigned char)c) || c == '_') {
      word->data = s->at;
      while (s->at < s->end && (isalnum((unsigned char)*s->at) || *s->at == '_')) s->at++;
      word->size = (size_t)(s->at - word->data);
      return 'a';
    } else {
      s->at++;
      return c;
    }
  }
  return 0;
}

int azd_place_find(struct azd_str source, int line, int row, const char *field) {
  struct scanner s = {source.data, source.data + source.size, 1};
  struct azd_str word = {NULL, 0}, name = {NULL, 0};
  int depth = 0, rows = 0, at_line = line, name_line = line;
  char before = 0;
  while (s.at < s.end && s.line < line) advance(&s);
  for (char c; (c = next_token(&s, &word, &at_line)) != 0; before = c) {
    if (c == '{') {
      depth++;
      if (depth == 2 && before != '=' && row > 0 && ++rows == row && !field) return at_line;
    } else if (c == '}') {
      if (--depth <= 0) break;
      if (depth == 1 && row > 0 && rows == row) break; /* the row has no such field */
    } else if (c == 'a') {
      name = word;
      name_line = at_line;
    } else if (c == '=' && before == 'a' && field && (s.at == s.end || *s.at != '=')) {
      bool inside = row > 0 ? depth == 2 && rows == row : depth == 1;
      if (inside && azd_str_equal(name, azd_str_of(field))) return name_line;
    }
  }
  return field && row > 0 ? azd_place_find(source, line, row, NULL) : line;
}
