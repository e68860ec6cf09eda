#include "json/path.h"

/* The reader of one path text. */
struct scan {
  struct azd_str text;
  size_t at;
  struct azd_arena *arena;
  struct azd_error *error;
};

static bool more(const struct scan *scan) {
  return scan->at < scan->text.size;
}
static char peek(const struct scan *scan) {
  return more(scan) ? scan->text.data[scan->at] : '\0';
}
static bool take(struct scan *scan, char c) {
  if (!more(scan) || scan->text.data[scan->at] != c) return false;
  scan->at++;
  return true;
}

static int refuse(const struct scan *scan, const char *expected) {
  return azd_fail(scan->error, AZD_EPARSE, "path '%.*s', column %zu: expected %s", AZD_STR_FORMAT(scan->text),
                  scan->at + 1, expected);
}

static int out_of_memory(const struct scan *scan) {
  return azd_fail(scan->error, AZD_ENOMEM, "no memory for a path");
}

static bool is_plain_in_name(unsigned char c) {
  return c > ' ' && c != 0x7f && !strchr(".[]{}'", c);
}
static bool is_plain_in_selector(unsigned char c) {
  return c >= ' ' && c != 0x7f && !strchr("],'\\=", c);
}

/* 'text' with \' and \\ inside; the opening quote is taken. */
static int read_quoted(struct scan *scan, struct azd_str *out) {
  char *copy = azd_arena_alloc(scan->arena, scan->text.size - scan->at + 1);
  if (!copy) return out_of_memory(scan);
  size_t size = 0;
  while (more(scan) && peek(scan) != '\'') {
    if (take(scan, '\\') && peek(scan) != '\'' && peek(scan) != '\\') return refuse(scan, "\\' or \\\\");
    if (more(scan)) copy[size++] = scan->text.data[scan->at++];
  }
  if (!take(scan, '\'')) return refuse(scan, "the closing quote");
  *out = (struct azd_str){copy, size};
  return 0;
}

static int copy_plain(struct scan *scan, size_t from, struct azd_str *out) {
  struct azd_str plain = {scan->text.data + from, scan->at - from};
  const char *copy = azd_arena_copy(scan->arena, plain);
  if (!copy) return out_of_memory(scan);
  *out = (struct azd_str){copy, plain.size};
  return 0;
}

static int read_name(struct scan *scan, struct azd_str *out) {
  size_t from = scan->at;
  while (more(scan) && is_plain_in_name((unsigned char)peek(scan))) scan->at++;
  return scan->at == from ? refuse(scan, "a name") : copy_plain(scan, from, out);
}

/* One side of name=value. */
static int read_selector_text(struct scan *scan, bool is_value, struct azd_str *out) {
  if (take(scan, '\'')) return read_quoted(scan, out);
  size_t from = scan->at;
  while (more(scan) && (is_plain_in_selector((unsigned char)peek(scan)) || (is_value && peek(scan) == '='))) scan->at++;
  if (scan->at == from && !is_value) return refuse(scan, "a member name");
  return copy_plain(scan, from, out);
}

static bool read_index(struct scan *scan, uint32_t *index) {
  size_t at = scan->at;
  uint64_t value = 0;
  while (at < scan->text.size && scan->text.data[at] >= '0' && scan->text.data[at] <= '9' && value <= UINT32_MAX)
    value = value * 10 + (uint64_t)(scan->text.data[at++] - '0');
  if (at == scan->at || at >= scan->text.size || scan->text.data[at] != ']' || value >= UINT32_MAX) return false;
  scan->at = at;
  *index = (uint32_t)value;
  return true;
}

static int read_selector(struct scan *scan, struct azd_step *step) {
  struct azd_selector *by = azd_arena_alloc(scan->arena, AZD_SELECTOR_PAIRS_MAX * sizeof *by);
  if (!by) return out_of_memory(scan);
  step->kind = AZD_STEP_SELECT;
  step->by = by;
  do {
    if (step->count == AZD_SELECTOR_PAIRS_MAX) return refuse(scan, "no more than 4 pairs");
    struct azd_selector *pair = &by[step->count];
    int status = read_selector_text(scan, false, &pair->name);
    if (status) return status;
    if (!take(scan, '=')) return refuse(scan, "'=' and a value, as in [name=ssh]");
    if ((status = read_selector_text(scan, true, &pair->value))) return status;
    step->count++;
  } while (take(scan, ','));
  return 0;
}

/* What follows "[". */
static int read_bracket(struct scan *scan, struct azd_step *step) {
  int status = 0;
  size_t open = scan->at;
  if (peek(scan) == ']')
    step->kind = AZD_STEP_ITEM;
  else if (read_index(scan, &step->count))
    step->kind = AZD_STEP_INDEX;
  else if (take(scan, '\'')) {
    step->kind = AZD_STEP_NAME;
    status = read_quoted(scan, &step->name);
    if (!status && peek(scan) == '=') { /* a selector whose member name is quoted */
      scan->at = open;
      status = read_selector(scan, step);
    }
  } else
    status = read_selector(scan, step);
  if (status) return status;
  return take(scan, ']') ? 0 : refuse(scan, "']'");
}

static int read_step(struct scan *scan, struct azd_step *step) {
  bool first = scan->at == 0;
  bool dot = take(scan, '.');
  step->deep = dot && take(scan, '.');
  if (dot && !step->deep && first) return refuse(scan, "a name, or '..' and a name");
  if (take(scan, '[')) return dot && !step->deep ? refuse(scan, "no '.' before '['") : read_bracket(scan, step);
  if (take(scan, '{')) {
    step->kind = AZD_STEP_MAP;
    if (dot && !step->deep) return refuse(scan, "no '.' before '{'");
    return take(scan, '}') ? 0 : refuse(scan, "'}'");
  }
  if (!first && !dot) return refuse(scan, "'.', '[' or '{'");
  step->kind = AZD_STEP_NAME;
  return read_name(scan, &step->name);
}

int azd_path_parse(struct azd_str text, struct azd_arena *arena, struct azd_path *path, struct azd_error *error) {
  struct scan scan = {text, 0, arena, error};
  struct azd_step steps[AZD_PATH_STEPS_MAX];
  uint32_t count = 0;
  while (more(&scan)) {
    if (count == AZD_PATH_STEPS_MAX)
      return azd_fail(error, AZD_ELIMIT, "path '%.*s' has more than %d steps", AZD_STR_FORMAT(text),
                      AZD_PATH_STEPS_MAX);
    steps[count] = (struct azd_step){0};
    int status = read_step(&scan, &steps[count++]);
    if (status) return status;
  }
  struct azd_step *kept = azd_arena_alloc(arena, (count + 1) * sizeof *kept);
  if (!kept) return out_of_memory(&scan);
  memcpy(kept, steps, count * sizeof *kept);
  *path = (struct azd_path){kept, count};
  return 0;
}

bool azd_selector_equal(const struct azd_step *a, const struct azd_step *b) {
  if (a->count != b->count) return false;
  for (uint32_t i = 0; i < a->count; i++) {
    uint32_t j = 0;
    while (j < b->count &&
           !(azd_str_equal_fold(a->by[i].name, b->by[j].name) && azd_str_equal_fold(a->by[i].value, b->by[j].value)))
      j++;
    if (j == b->count) return false;
  }
  return true;
}

static void write_quoted(struct azd_buf *out, struct azd_str text) {
  azd_buf_append_char(out, '\'');
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '\'' || text.data[i] == '\\') azd_buf_append_char(out, '\\');
    azd_buf_append_char(out, text.data[i]);
  }
  azd_buf_append_char(out, '\'');
}

void azd_path_write_name(struct azd_buf *out, struct azd_str name, bool first) {
  bool plain = name.size > 0;
  for (size_t i = 0; plain && i < name.size; i++) plain = is_plain_in_name((unsigned char)name.data[i]);
  if (plain) {
    if (!first) azd_buf_append_char(out, '.');
    azd_buf_append_str(out, name);
  } else {
    azd_buf_append_char(out, '[');
    write_quoted(out, name);
    azd_buf_append_char(out, ']');
  }
}

static void write_selector_text(struct azd_buf *out, struct azd_str text, bool is_value) {
  bool plain = is_value || text.size > 0;
  for (size_t i = 0; plain && i < text.size; i++)
    plain = is_plain_in_selector((unsigned char)text.data[i]) || (is_value && text.data[i] == '=');
  if (plain)
    azd_buf_append_str(out, text);
  else
    write_quoted(out, text);
}

void azd_path_write_selector(struct azd_buf *out, const struct azd_selector *by, uint32_t count) {
  azd_buf_append_char(out, '[');
  for (uint32_t i = 0; i < count; i++) {
    if (i) azd_buf_append_char(out, ',');
    write_selector_text(out, by[i].name, false);
    azd_buf_append_char(out, '=');
    write_selector_text(out, by[i].value, true);
  }
  azd_buf_append_char(out, ']');
}

void azd_path_write_index(struct azd_buf *out, uint32_t index) {
  azd_buf_printf(out, "[%u]", index);
}
