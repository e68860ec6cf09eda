/* The parser: one loop over values, its stack on the heap, so that depth costs memory that is capped and no C stack. */
#include "json/doc.h"
#include "json/names.h"
#include "json/number.h"
#include "json/scan.h"
#include "json/string.h"

#include <stdlib.h>

enum { EXPONENT_DIGITS_MAX = 18, FIRST_NODES = 64, TEXT_BYTES_A_NODE = 24 };
static const int64_t EXPONENT_LIMIT = 1000000000000000000; /* 18 nines and one */

/* An open container. */
struct azd_doc_frame {
  azd_node node;
  uint32_t count; /* children so far */
  uint64_t seen;  /* one bit a name, by its hash: a name whose bit was there is worth comparing with the earlier ones */
  bool is_object, is_suspect;
};

/* The bytes of a string: in the text, or in the document's decoded ones. */
struct run {
  uint32_t at, size;
  bool is_decoded;
};

struct parser {
  struct azd_doc *doc;
  const char *begin, *end;
  const char *bad, *expected; /* why a reader answered NULL */
  int status;                 /* instead: AZD_ENOMEM or AZD_ELIMIT */
  uint32_t max_depth;
  struct run odd; /* what read_odd_string read */
};

/* The readers below answer the place after what they read, or NULL through one of these. */
static const char *refuse(struct parser *parser, const char *at, const char *expected) {
  parser->bad = at;
  parser->expected = expected;
  return NULL;
}

static const char *give_up(struct parser *parser, const char *at, int status, const char *why) {
  parser->status = status;
  return refuse(parser, at, why);
}

static inline const char *skip_space(const char *at, const char *end) {
  return at < end && (unsigned char)*at > ' ' ? at : azd_scan_space(at, end);
}

static bool grow_nodes(struct azd_doc *doc, size_t wanted) {
  if (wanted >= AZD_NODE_NONE) return false;
  struct azd_json_node *nodes = realloc(doc->nodes, wanted * sizeof *nodes);
  if (!nodes) return false;
  doc->nodes = nodes;
  doc->capacity = (uint32_t)wanted;
  return true;
}

/* ---- strings, numbers, words ---- */

/* A string that is not plain ASCII: into parser->odd. stop: the first byte of it that needs a look. */
static const char *read_odd_string(struct parser *parser, const char *at, const char *stop) {
  while (stop < parser->end && (unsigned char)*stop >= 0x80) {
    size_t sequence = azd_scan_utf8(stop, parser->end);
    if (!sequence) return refuse(parser, stop, "UTF-8");
    stop = azd_scan_plain(stop + sequence, parser->end);
  }
  if (stop < parser->end && *stop == '"') {
    parser->odd = (struct run){(uint32_t)(at - parser->begin), (uint32_t)(stop - at), false};
    return stop + 1;
  }
  struct azd_buf *out = &parser->doc->decoded;
  size_t before = out->size;
  stop = azd_json_decode_string(at, parser->end, out, &parser->bad, &parser->expected);
  parser->doc->base[1] = out->data;
  parser->odd = (struct run){(uint32_t)before, (uint32_t)(out->size - before), true};
  return stop && azd_buf_status(out) ? give_up(parser, at, AZD_ENOMEM, "out of memory") : stop;
}

/* After the opening quote. */
static inline const char *read_string(struct parser *parser, const char *at, struct run *run) {
  const char *stop = azd_scan_plain(at, parser->end);
  if (stop < parser->end && *stop == '"') {
    *run = (struct run){(uint32_t)(at - parser->begin), (uint32_t)(stop - at), false};
    return stop + 1;
  }
  at = read_odd_string(parser, at, stop);
  *run = parser->odd;
  return at;
}

static inline const char *skip_digits(const char *at, const char *end) {
  while (at < end && (unsigned)(*at - '0') < 10) at++;
  return at;
}

/* After the `e` of the number that began at begin. An exponent is limited as it is written and as the canonical form
 * would write it, so that what the engine wrote itself is never refused. */
static const char *read_exponent(struct parser *parser, const char *begin, const char *at) {
  static const char beyond[] = "an exponent is longer than the limit of 18 digits";
  if (at < parser->end && (*at == '+' || *at == '-')) at++;
  const char *digits = at;
  at = skip_digits(at, parser->end);
  if (at == digits) return refuse(parser, at, "a digit of the exponent");
  while (digits < at && *digits == '0') digits++;
  if (at - digits < EXPONENT_DIGITS_MAX) return at;
  if (at - digits > EXPONENT_DIGITS_MAX) return give_up(parser, digits, AZD_ELIMIT, beyond);
  struct azd_decimal decimal;
  azd_decimal_read((struct azd_str){begin, (size_t)(at - begin)}, &decimal);
  bool fits = !decimal.count || (decimal.exponent > -EXPONENT_LIMIT + 1 && decimal.exponent <= EXPONENT_LIMIT);
  return fits ? at : give_up(parser, digits, AZD_ELIMIT, beyond);
}

static inline const char *read_number(struct parser *parser, const char *at, struct azd_json_node *node) {
  const char *begin = at, *end = parser->end;
  uint8_t integer = AZD_NODE_INTEGER;
  at += *at == '-';
  if (at == end || (unsigned)(*at - '0') >= 10) return refuse(parser, at, "a digit");
  at = *at == '0' ? at + 1 : skip_digits(at, end);
  if (at < end && *at == '.') {
    const char *digits = at + 1;
    integer = 0;
    at = skip_digits(digits, end);
    if (at == digits) return refuse(parser, at, "a digit after the point");
  }
  if (at < end && (*at | 0x20) == 'e') {
    integer = 0;
    at = read_exponent(parser, begin, at + 1);
    if (!at) return NULL;
  }
  node->type = AZD_JSON_NUMBER;
  node->flags |= integer;
  node->at = (uint32_t)(begin - parser->begin);
  node->size = (uint32_t)(at - begin);
  return at;
}

static const char *read_word(struct parser *parser, const char *at, struct azd_json_node *node) {
  static const struct {
    char text[6];
    uint8_t size, type;
  } words[] = {{"null", 4, AZD_JSON_NULL}, {"false", 5, AZD_JSON_FALSE}, {"true", 4, AZD_JSON_TRUE}};
  node->at = node->size = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    if (parser->end - at < words[i].size || memcmp(at, words[i].text, words[i].size) != 0) continue;
    node->type = words[i].type;
    return at + words[i].size;
  }
  return refuse(parser, at, "a value");
}

/* A value without children. */
static inline const char *read_scalar(struct parser *parser, const char *at, struct azd_json_node *node) {
  char c = *at;
  if (c == '"') {
    struct run run;
    at = read_string(parser, at + 1, &run);
    node->type = AZD_JSON_STRING;
    node->flags |= (uint8_t)(run.is_decoded * AZD_NODE_VALUE_DECODED);
    node->at = run.at;
    node->size = run.size;
    return at;
  }
  return c == '-' || (unsigned)(c - '0') < 10 ? read_number(parser, at, node) : read_word(parser, at, node);
}

/* ---- containers ---- */

/* `"name" :` of a member; the place of its value. */
static inline const char *read_name(struct parser *parser, const char *at, struct azd_doc_frame *open,
                                    struct azd_json_node *node) {
  const char *end = parser->end;
  struct run run;
  if (at == end || *at != '"') return refuse(parser, at, open->count ? "a name in quotes" : "a name in quotes or '}'");
  at = read_string(parser, at + 1, &run);
  if (!at) return NULL;
  const char *name = parser->doc->base[run.is_decoded] + run.at;
  bool is_roomy = !run.is_decoded && end - name >= 8;
  node->key_at = run.at;
  node->key_size = run.size;
  node->hash = is_roomy ? azd_name_hash_roomy(name, run.size) : azd_name_hash(name, run.size);
  uint64_t bit = (uint64_t)1 << (node->hash >> 26);
  bool is_suspect = (open->seen & bit) != 0;
  node->flags = (uint8_t)(run.is_decoded * AZD_NODE_KEY_DECODED | is_suspect * AZD_NODE_SUSPECT);
  open->is_suspect |= is_suspect;
  open->seen |= bit;
  at = skip_space(at, end);
  if (at == end || *at != ':') return refuse(parser, at, "':' after a name");
  return skip_space(at + 1, end);
}

/* Elements that stand side by side need no table: element i is node + 1 + i. */
static int index_elements(struct azd_doc *doc, azd_node array) {
  struct azd_json_node *node = &doc->nodes[array];
  uint32_t place = azd_lookup_reserve(doc, node->size);
  if (place == AZD_NODE_NONE) return AZD_ENOMEM;
  node->at = place;
  for (azd_node element = array + 1; element < node->end; element = doc->nodes[element].end)
    doc->lookup[place++] = element;
  return 0;
}

static inline int close_container(struct azd_doc *doc, const struct azd_doc_frame *open, uint32_t end) {
  struct azd_json_node *node = &doc->nodes[open->node];
  node->size = open->count;
  node->end = end;
  node->at = AZD_NODE_NONE;
  if (!open->is_object)
    return open->count < 2 || end - open->node - 1 == open->count ? 0 : index_elements(doc, open->node);
  if (open->count > AZD_OBJECT_SCANNED_MAX) return azd_names_index(doc, open->node);
  if (open->is_suspect) azd_names_drop_doubled(doc, open->node);
  return 0;
}

static bool grow_frames(struct azd_doc *doc) {
  uint32_t capacity = doc->frame_capacity * 2 + 32;
  struct azd_doc_frame *frames = realloc(doc->frames, capacity * sizeof *frames);
  if (!frames) return false;
  doc->frames = frames;
  doc->frame_capacity = capacity;
  return true;
}

static const char *finish(struct azd_doc *doc, uint32_t size, const char *at) {
  doc->size = size;
  return at;
}

/* The root and all that is in it, from the first byte of a value to the byte after it. What the loop touches each time
 * stays in locals: the innermost open container, the place, the number of nodes. */
static const char *read_values(struct parser *parser, const char *at) {
  struct azd_doc *doc = parser->doc;
  const char *end = parser->end;
  struct azd_doc_frame open = {0};
  uint32_t depth = 0, size = 0;
  for (;;) {
    if (size == doc->capacity && !grow_nodes(doc, (size_t)size + size / 2 + FIRST_NODES))
      return give_up(parser, at, AZD_ENOMEM, "out of memory");
    struct azd_json_node *node = &doc->nodes[size];
    node->key_at = node->key_size = node->hash = 0;
    node->flags = 0;
    node->parent = open.node;
    if (open.is_object && !(at = read_name(parser, at, &open, node))) return NULL;
    if (at == end) return refuse(parser, at, "a value");
    if (*at == '{' || *at == '[') {
      if (depth == parser->max_depth) return give_up(parser, at, AZD_ELIMIT, NULL);
      if (depth == doc->frame_capacity && !grow_frames(doc)) return give_up(parser, at, AZD_ENOMEM, "out of memory");
      open.count++;
      doc->frames[depth++] = open;
      open = (struct azd_doc_frame){.node = size++, .is_object = *at == '{'};
      node->type = open.is_object ? AZD_JSON_OBJECT : AZD_JSON_ARRAY;
      at = skip_space(at + 1, end);
      if (at == end || *at != (open.is_object ? '}' : ']')) continue;
    } else {
      at = read_scalar(parser, at, node);
      if (!at) return NULL;
      node->end = ++size;
      open.count++;
      if (!depth) return finish(doc, size, at);
    }
    for (;;) { /* what ends here */
      at = skip_space(at, end);
      char c = at < end ? *at : 0;
      if (c == ',') break;
      if (c != (open.is_object ? '}' : ']')) return refuse(parser, at, open.is_object ? "',' or '}'" : "',' or ']'");
      if (close_container(doc, &open, size)) return give_up(parser, at, AZD_ENOMEM, "out of memory");
      open = doc->frames[--depth];
      at++;
      if (!depth) return finish(doc, size, at);
    }
    at = skip_space(at + 1, end);
  }
}

/* ---- the whole text ---- */

void azd_doc_count_place(struct azd_str text, uint64_t *line, uint64_t *column) {
  for (size_t i = 0; i < text.size; i++) {
    if (text.data[i] == '\n')
      ++*line, *column = 1;
    else
      *column += ((unsigned char)text.data[i] & 0xc0) != 0x80;
  }
}

int azd_doc_unexpected(uint64_t line, uint64_t column, struct azd_str rest, const char *expected,
                       struct azd_error *error) {
  unsigned long long l = line, c = column;
  if (!rest.size)
    return azd_fail(error, AZD_EPARSE, "line %llu, column %llu: expected %s, found the end of the text", l, c,
                    expected);
  if (*rest.data > ' ' && *rest.data < 0x7f)
    return azd_fail(error, AZD_EPARSE, "line %llu, column %llu: expected %s, found '%c'", l, c, expected, *rest.data);
  return azd_fail(error, AZD_EPARSE, "line %llu, column %llu: expected %s, found byte 0x%02x", l, c, expected,
                  (unsigned)(unsigned char)*rest.data);
}

static int tell(const struct parser *parser, const struct azd_doc_before *before, struct azd_error *error) {
  uint64_t line = before->line, column = before->column;
  const char *at = parser->bad;
  azd_doc_count_place((struct azd_str){parser->begin, (size_t)(at - parser->begin)}, &line, &column);
  unsigned long long l = line, c = column;
  if (parser->status == AZD_ELIMIT && !parser->expected)
    return azd_fail(error, AZD_ELIMIT, "line %llu, column %llu: nested deeper than the limit of %u", l, c,
                    parser->max_depth + before->depth);
  if (parser->status) return azd_fail(error, parser->status, "line %llu, column %llu: %s", l, c, parser->expected);
  return azd_doc_unexpected(line, column, (struct azd_str){at, (size_t)(parser->end - at)}, parser->expected, error);
}

static void empty(struct azd_doc *doc, struct azd_str text) {
  doc->size = doc->lookup_size = doc->duplicates = 0;
  doc->base[0] = text.data;
  doc->text_size = text.size;
  azd_buf_clear(&doc->decoded);
}

int azd_doc_parse(struct azd_doc *doc, struct azd_str text, const struct azd_doc_limits *limits,
                  struct azd_error *error) {
  size_t max_bytes = limits && limits->max_bytes ? limits->max_bytes : AZD_DOC_MAX_BYTES;
  if (max_bytes > UINT32_MAX - 1) max_bytes = UINT32_MAX - 1; /* nodes address text by 32 bits */
  if (text.size && (unsigned char)text.data[0] == 0xef && text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
    text = (struct azd_str){text.data + 3, text.size - 3};
  empty(doc, text);
  if (text.size > max_bytes)
    return azd_fail(error, AZD_ELIMIT, "%zu bytes of JSON are more than the limit of %zu", text.size, max_bytes);
  if (!text.size) return azd_fail(error, AZD_EPARSE, "line 1, column 1: expected a value, found the end of the text");
  struct parser parser = {.doc = doc,
                          .begin = text.data,
                          .end = text.data + text.size,
                          .max_depth = limits && limits->max_depth ? limits->max_depth : AZD_DOC_MAX_DEPTH};
  const char *at = skip_space(parser.begin, parser.end);
  size_t guess = text.size / TEXT_BYTES_A_NODE + FIRST_NODES;
  if (doc->capacity < guess && !grow_nodes(doc, guess)) at = give_up(&parser, at, AZD_ENOMEM, "out of memory");
  if (at) at = read_values(&parser, at);
  if (at && skip_space(at, parser.end) != parser.end)
    at = refuse(&parser, skip_space(at, parser.end), "nothing after the value");
  if (at && azd_names_compact(doc)) at = give_up(&parser, parser.end, AZD_ENOMEM, "out of memory");
  if (at) return 0;
  empty(doc, text);
  return tell(&parser, &(const struct azd_doc_before){.line = 1, .column = 1}, error);
}

int azd_doc_parse_first(struct azd_doc *doc, struct azd_str text, const struct azd_doc_before *before, size_t *taken,
                        struct azd_error *error) {
  if (text.size > UINT32_MAX - 1) text.size = UINT32_MAX - 1; /* nodes address text by 32 bits */
  empty(doc, text);
  struct parser parser = {.doc = doc,
                          .begin = text.data,
                          .end = text.data + text.size,
                          .max_depth = before->depth < AZD_DOC_MAX_DEPTH ? AZD_DOC_MAX_DEPTH - before->depth : 0};
  const char *at = read_values(&parser, parser.begin);
  const char *stop = at;
  if (at && azd_names_compact(doc)) at = give_up(&parser, stop, AZD_ENOMEM, "out of memory");
  *taken = (size_t)((at ? at : parser.bad) - parser.begin);
  if (at) return 0;
  empty(doc, text);
  return tell(&parser, before, error);
}
