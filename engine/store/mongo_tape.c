/* From our own documents to BSON, for people who look into the database: never bson_new_from_json, which turns 2^64
 * into 0 and takes {"$oid": ...} for an object id. What BSON cannot carry is written as text or left out, and said. */
#include "store/mongo.h"
#include "json/canonical.h"
#include "json/number.h"

enum { DEPTH_MAX = 100, NOTES_MAX = 20, INT32_DIGITS = 10, DECIMAL_DIGITS = 34, PATH_BYTES = 512 };

struct writer {
  const struct azd_doc *doc;
  bson_t *notes; /* an array: {path, is} */
  int note_count;
  struct azd_buf *path; /* a JSON pointer to where we are */
  struct azd_buf *text; /* scratch */
  bool is_full;         /* libbson would not take more: beyond its 2 GB */
};

static void note(struct writer *w, const char *is) {
  char room[16];
  const char *key;
  bson_t each;
  struct azd_str path = azd_buf_str(w->path);
  if (w->note_count++ >= NOTES_MAX) return;
  while (path.size > PATH_BYTES && (path.data[PATH_BYTES] & 0xc0) == 0x80) path.size--; /* not within a character */
  bson_uint32_to_string((uint32_t)w->note_count - 1, &key, room, sizeof room);
  bson_append_document_begin(w->notes, key, -1, &each);
  bson_append_utf8(&each, "path", -1, path.size ? path.data : "",
                   (int)(path.size < PATH_BYTES ? path.size : PATH_BYTES));
  BSON_APPEND_UTF8(&each, "is", is);
  bson_append_document_end(w->notes, &each);
}

static void took(struct writer *w, bool ok) {
  if (!ok) w->is_full = true;
}

/* ---- numbers ---- */

/* Is this how the double is written? Then it is that double, and not only the nearest. */
static bool is_double(struct writer *w, struct azd_str digits, double value) {
  if (value - value != 0) return false; /* infinite */
  azd_buf_clear(w->text);
  azd_double_append(value, w->text);
  return azd_str_equal(azd_buf_str(w->text), digits);
}

static void put_number(struct writer *w, bson_t *to, struct azd_str key, azd_node node) {
  struct azd_str digits = azd_doc_number(w->doc, node);
  struct azd_decimal parts;
  bson_decimal128_t decimal;
  int64_t whole;
  if (azd_doc_int64(w->doc, node, &whole)) {
    took(w, whole >= INT32_MIN && whole <= INT32_MAX ? bson_append_int32(to, key.data, (int)key.size, (int32_t)whole)
                                                     : bson_append_int64(to, key.data, (int)key.size, whole));
    return;
  }
  azd_decimal_read(digits, &parts);
  double value = azd_decimal_double(&parts);
  if (!parts.is_integer && is_double(w, digits, value)) {
    took(w, bson_append_double(to, key.data, (int)key.size, value));
    return;
  }
  if (parts.count <= DECIMAL_DIGITS && bson_decimal128_from_string_w_len(digits.data, (int)digits.size, &decimal)) {
    took(w, bson_append_decimal128(to, key.data, (int)key.size, &decimal));
    return;
  }
  note(w, "a number with more digits than BSON has, as text");
  took(w, bson_append_utf8(to, key.data, (int)key.size, digits.data, (int)digits.size));
}

/* ---- values ---- */

static void put_value(struct writer *w, bson_t *to, struct azd_str key, azd_node node, int depth);

static void put_as_text(struct writer *w, bson_t *to, struct azd_str key, azd_node node) {
  azd_buf_clear(w->text);
  if (azd_json_canonical(w->doc, node, NULL, 0, w->text) || w->text->size > INT32_MAX) {
    w->is_full = true;
    return;
  }
  note(w, "nested deeper than MongoDB goes, as JSON text");
  took(w, bson_append_utf8(to, key.data, (int)key.size, w->text->data, (int)w->text->size));
}

static void put_members(struct writer *w, bson_t *to, azd_node object, int depth) {
  size_t before = w->path->size;
  for (azd_node n = azd_doc_first(w->doc, object); n != AZD_NODE_NONE; n = azd_doc_next(w->doc, n)) {
    struct azd_str key = azd_doc_key(w->doc, n);
    azd_buf_append_char(w->path, '/');
    for (size_t i = 0; i < key.size; i++) {
      char c = key.data[i];
      azd_buf_append_text(w->path, c == '~' ? "~0" : c == '/' ? "~1" : c ? (char[2]){c} : "\xef\xbf\xbd");
    }
    if (key.size && memchr(key.data, '\0', key.size))
      note(w, "left out: its name holds a NUL");
    else
      put_value(w, to, (struct azd_str){key.size ? key.data : "", key.size}, n, depth);
    w->path->size = before;
  }
}

static void put_elements(struct writer *w, bson_t *to, azd_node array, int depth) {
  size_t before = w->path->size;
  uint32_t index = 0;
  for (azd_node n = azd_doc_first(w->doc, array); n != AZD_NODE_NONE; n = azd_doc_next(w->doc, n)) {
    char room[16];
    const char *key;
    size_t size = bson_uint32_to_string(index++, &key, room, sizeof room);
    azd_buf_append_char(w->path, '/');
    azd_buf_append(w->path, key, size);
    put_value(w, to, (struct azd_str){key, size}, n, depth);
    w->path->size = before;
  }
}

static void put_value(struct writer *w, bson_t *to, struct azd_str key, azd_node node, int depth) {
  enum azd_json_type type = azd_doc_type(w->doc, node);
  struct azd_str text;
  bson_t inner;
  int size = (int)key.size;
  if (w->is_full || key.size > INT32_MAX) return;
  switch (type) {
  case AZD_JSON_NULL: took(w, bson_append_null(to, key.data, size)); break;
  case AZD_JSON_FALSE:
  case AZD_JSON_TRUE: took(w, bson_append_bool(to, key.data, size, type == AZD_JSON_TRUE)); break;
  case AZD_JSON_NUMBER: put_number(w, to, key, node); break;
  case AZD_JSON_STRING:
    text = azd_doc_string(w->doc, node);
    took(w, bson_append_utf8(to, key.data, size, text.size ? text.data : "", (int)text.size));
    break;
  default:
    if (depth == DEPTH_MAX) {
      put_as_text(w, to, key, node);
    } else if (type == AZD_JSON_OBJECT) {
      took(w, bson_append_document_begin(to, key.data, size, &inner));
      if (w->is_full) return;
      put_members(w, &inner, node, depth + 1);
      took(w, bson_append_document_end(to, &inner));
    } else {
      took(w, bson_append_array_begin(to, key.data, size, &inner));
      if (w->is_full) return;
      put_elements(w, &inner, node, depth + 1);
      took(w, bson_append_array_end(to, &inner));
    }
  }
}

int mg_tape_put(bson_t *to, const char *name, const struct azd_doc *doc, bson_t *notes) {
  struct azd_buf path, text;
  azd_buf_init(&path, 0);
  azd_buf_init(&text, 0);
  struct writer w = {.doc = doc, .notes = notes, .path = &path, .text = &text};
  put_value(&w, to, azd_str_of(name), 0, 2);
  int rc = w.is_full ? AZD_ELIMIT : azd_buf_status(&path) ? azd_buf_status(&path) : azd_buf_status(&text);
  azd_buf_free(&path);
  azd_buf_free(&text);
  return rc;
}
