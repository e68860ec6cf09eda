#include "json/schema_text.h"

enum { LINE_MAX_BYTES = 4096 };

/* The reader of one file. */
struct scan {
  struct azd_str rest, file;
  int line;
  struct azd_error *error;
};

static int refuse(const struct scan *scan, const char *what) {
  return azd_fail(scan->error, AZD_EPARSE, "%.*s:%d: %s", AZD_STR_FORMAT(scan->file), scan->line, what);
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static struct azd_str skip_blanks(struct azd_str s) {
  while (s.size && is_blank(*s.data)) s.data++, s.size--;
  return s;
}

static struct azd_str trim_end(struct azd_str s) {
  while (s.size && (is_blank(s.data[s.size - 1]) || s.data[s.size - 1] == '\r')) s.size--;
  return s;
}

/* Takes the next line off the rest. */
static bool next_line(struct scan *scan, struct azd_str *line) {
  if (!scan->rest.size) return false;
  const char *end = memchr(scan->rest.data, '\n', scan->rest.size);
  size_t size = end ? (size_t)(end - scan->rest.data) : scan->rest.size, skipped = size + (end != NULL);
  *line = (struct azd_str){scan->rest.data, size};
  scan->rest = (struct azd_str){scan->rest.data + skipped, scan->rest.size - skipped};
  scan->line++;
  return true;
}

/* Takes one word off the line; blanks and # inside quotes or brackets belong to it. */
static struct azd_str take_word(struct azd_str *line) {
  *line = skip_blanks(*line);
  size_t size = 0;
  int depth = 0;
  char quote = '\0';
  for (; size < line->size; size++) {
    char c = line->data[size];
    if (quote && c == '\\')
      size += size + 1 < line->size;
    else if (quote)
      quote = c == quote ? '\0' : quote;
    else if (depth && (c == '\'' || c == '"'))
      quote = c;
    else if (c == '[')
      depth++;
    else if (c == ']' && depth)
      depth--;
    else if (!depth && (is_blank(c) || (c == '#' && size == 0)))
      break;
  }
  struct azd_str word = {line->data, size};
  if (size == 0) line->size = 0; /* the end, or a comment */
  line->data += size;
  line->size -= size < line->size ? size : line->size;
  return word;
}

static bool read_verb(struct azd_str word, struct azd_rule *rule) {
  static const struct {
    const char *name;
    enum azd_verb verb;
  } verbs[] = {{"observe", AZD_VERB_OBSERVE}, {"fold", AZD_VERB_FOLD},       {"redact", AZD_VERB_REDACT},
               {"same", AZD_VERB_SAME},       {"key", AZD_VERB_KEY},         {"set", AZD_VERB_SET},
               {"list", AZD_VERB_LIST},       {"compare", AZD_VERB_COMPARE}, {"ignore", AZD_VERB_IGNORE}};
  rule->soft = word.size && word.data[word.size - 1] == '?';
  word.size -= rule->soft;
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    if (azd_str_equal(word, azd_str_of(verbs[i].name))) {
      rule->verb = verbs[i].verb;
      return !rule->soft || rule->verb == AZD_VERB_OBSERVE || rule->verb == AZD_VERB_IGNORE ||
             rule->verb == AZD_VERB_COMPARE;
    }
  return false;
}

static uint32_t same_of(struct azd_str word) {
  static const struct {
    const char *name;
    uint32_t same;
  } names[] = {{"instant", AZD_SAME_INSTANT},   {"location", AZD_SAME_LOCATION}, {"id", AZD_SAME_ID},
               {"json", AZD_SAME_JSON},         {"space", AZD_SAME_SPACE},       {"empty", AZD_SAME_EMPTY},
               {"duration", AZD_SAME_DURATION}, {"entry", AZD_SAME_ENTRY}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (azd_str_equal(word, azd_str_of(names[i].name))) return names[i].same;
  return 0;
}

static int read_arguments(struct scan *scan, struct azd_str line, struct azd_rule *rule) {
  struct azd_str word;
  while ((word = take_word(&line)).size) {
    if (rule->verb == AZD_VERB_KEY) {
      if (rule->by_count == AZD_RULE_KEYS_MAX) return refuse(scan, "key takes up to 4 member names");
      rule->by[rule->by_count++] = word;
    } else if (rule->verb == AZD_VERB_SAME && word.data[0] == '[') {
      if (rule->values.size) return refuse(scan, "one list of values a rule");
      rule->values = word;
      rule->same |= AZD_SAME_VALUES;
    } else if (rule->verb == AZD_VERB_SAME) {
      uint32_t same = same_of(word);
      if (!same)
        return refuse(scan, "same takes instant, location, id, json, space, empty, duration, entry or [values]");
      rule->same |= same;
    } else {
      return refuse(scan, "this verb takes only a path");
    }
  }
  if (rule->verb == AZD_VERB_KEY && !rule->by_count)
    return refuse(scan, "key needs the names of the members that identify");
  if (rule->verb == AZD_VERB_SAME && !rule->same) return refuse(scan, "same needs to be told as what");
  return 0;
}

static int read_rule(struct scan *scan, struct azd_str line, struct azd_str type, azd_schema_rule_fn *tell,
                     void *context) {
  struct azd_str verb = take_word(&line);
  if (!verb.size) return 0;
  struct azd_rule rule = {
      .layer = AZD_LAYER_SCHEMA, .type = type, .file = scan->file, .line = scan->line, .condition = -1};
  if (!type.size) return refuse(scan, "a rule before the first type");
  if (!read_verb(verb, &rule))
    return refuse(scan, "expected a verb: observe, fold, key, set, list, same, redact, compare, ignore");
  rule.path = take_word(&line);
  if (!rule.path.size) return refuse(scan, "expected a path after the verb");
  int status = read_arguments(scan, line, &rule);
  return status ? status : tell(context, &rule, scan->error);
}

static int read_header(struct scan *scan, struct azd_str line, struct azd_str *type) {
  *type = take_word(&line);
  struct azd_str version = take_word(&line);
  if (!memchr(type->data, '/', type->size)) return refuse(scan, "expected a resource type (rules are indented)");
  if ((version.size && *version.data != '@') || take_word(&line).size)
    return refuse(scan, "expected '@' and an api-version after the type, or nothing");
  return 0;
}

/* wanted: one type, or empty for all. */
static int parse(struct azd_str text, struct azd_str wanted, struct azd_str file, azd_schema_rule_fn *tell,
                 void *context, struct azd_error *error) {
  struct scan scan = {text, file, 0, error};
  struct azd_str line, type = {0};
  bool inside = !wanted.size, found = false;
  int status = 0;
  while (!status && next_line(&scan, &line)) {
    bool is_header = line.size && !is_blank(*line.data) && *line.data != '#' && *line.data != '\r';
    if (!is_header && !inside) continue;
    if (line.size > LINE_MAX_BYTES) return refuse(&scan, "a line over 4096 bytes");
    line = trim_end(line);
    if (!is_header) {
      status = read_rule(&scan, line, type, tell, context);
    } else if (found) {
      break; /* the section that was asked for has ended */
    } else {
      status = read_header(&scan, line, &type);
      if (wanted.size) inside = found = !status && azd_str_equal_fold(type, wanted);
    }
  }
  return status;
}

int azd_schema_text_parse(struct azd_str text, struct azd_str type, struct azd_str file, azd_schema_rule_fn *tell,
                          void *context, struct azd_error *error) {
  return type.size ? parse(text, type, file, tell, context, error) : 0;
}

int azd_schema_text_parse_all(struct azd_str text, struct azd_str file, azd_schema_rule_fn *tell, void *context,
                              struct azd_error *error) {
  return parse(text, (struct azd_str){0}, file, tell, context, error);
}
