/* Canonical bytes: a walk with its own stack. A container's members are sorted when it is opened, on their first eight
 * bytes as one integer, which nearly always decides. */
#include "json/canonical.h"
#include "json/number.h"

#include <stdlib.h>

enum { FRAMES_INSIDE = 32, ENTRIES_INSIDE = 192, SORTED_BY_INSERTION_MAX = 24 };

/* A member waiting to be written. */
struct entry {
  uint64_t prefix;
  azd_node node;
};

/* An open container: entries[at .. end) of an object, nodes [at .. end) of an array are still to be written. */
struct frame {
  uint32_t at, end, entries_begin;
  bool is_object;
};

struct writer {
  const struct azd_doc *doc;
  const char *text_end;
  struct azd_buf *out;
  const struct azd_replacement *replacements;
  size_t replacement_count;
  struct frame *frames;
  struct entry *entries;
  uint32_t depth, frame_capacity, entry_count, entry_capacity;
  struct frame frames_inside[FRAMES_INSIDE];
  struct entry entries_inside[ENTRIES_INSIDE];
};

/* ---- the order of names ---- */

/* UTF-8 sorts as UTF-16 does, but that the surrogate pairs of UTF-16 (lead bytes f0..f4) come before U+E000..U+FFFF
 * (lead bytes ee, ef). Only where two names first differ does it matter, and there only in lead bytes. */
static inline unsigned char utf16_rank(unsigned char c) {
  return c == 0xee || c == 0xef ? c + 0x10 : c;
}

static int compare_names(struct azd_str a, struct azd_str b) {
  size_t shared = a.size < b.size ? a.size : b.size;
  for (size_t i = 0; i < shared; i++)
    if (a.data[i] != b.data[i])
      return utf16_rank((unsigned char)a.data[i]) < utf16_rank((unsigned char)b.data[i]) ? -1 : 1;
  return a.size < b.size ? -1 : a.size > b.size;
}

static uint64_t prefix_of(const struct writer *writer, const struct azd_json_node *node) {
  struct azd_str name = azd_node_key(writer->doc, node);
  uint64_t prefix = 0;
  if (name.size >= 8 || (!(node->flags & AZD_NODE_KEY_DECODED) && writer->text_end - name.data >= 8)) {
    memcpy(&prefix, name.data, 8);
    prefix = __builtin_bswap64(prefix);
    if (name.size < 8) prefix = name.size ? prefix >> (64 - 8 * name.size) << (64 - 8 * name.size) : 0;
  } else {
    for (size_t i = 0; i < name.size; i++) prefix |= (uint64_t)(unsigned char)name.data[i] << (56 - 8 * i);
  }
  if (!(prefix & 0x8080808080808080)) return prefix;
  uint64_t ranks = 0;
  for (int shift = 56; shift >= 0; shift -= 8) ranks |= (uint64_t)utf16_rank((unsigned char)(prefix >> shift)) << shift;
  return ranks;
}

static inline int compare_entries(const struct azd_doc *doc, const struct entry *a, const struct entry *b) {
  if (a->prefix != b->prefix) return a->prefix < b->prefix ? -1 : 1;
  return compare_names(azd_doc_key(doc, a->node), azd_doc_key(doc, b->node));
}

static int compare_for_qsort(const void *a, const void *b, void *doc) {
  return compare_entries(doc, a, b);
}

static void sort_entries(const struct azd_doc *doc, struct entry *entries, uint32_t count) {
  if (count > SORTED_BY_INSERTION_MAX) {
    qsort_r(entries, count, sizeof *entries, compare_for_qsort, (void *)(uintptr_t)doc);
    return;
  }
  for (uint32_t i = 1; i < count; i++) {
    struct entry moving = entries[i];
    uint32_t to = i;
    for (; to > 0 && compare_entries(doc, &moving, &entries[to - 1]) < 0; to--) entries[to] = entries[to - 1];
    entries[to] = moving;
  }
}

/* ---- the stack ---- */

/* Twice the array, moved off the writer's own the first time. */
static bool grow(void **array, const void *inside, uint32_t *capacity, size_t wanted, size_t item_bytes) {
  size_t fresh_capacity = *capacity * (size_t)2 > wanted ? *capacity * (size_t)2 : wanted;
  if (fresh_capacity > UINT32_MAX) return false;
  void *fresh = realloc(*array == inside ? NULL : *array, fresh_capacity * item_bytes);
  if (!fresh) return false;
  if (*array == inside) memcpy(fresh, inside, *capacity * item_bytes);
  *array = fresh;
  *capacity = (uint32_t)fresh_capacity;
  return true;
}

static bool push_members(struct writer *writer, azd_node object) {
  const struct azd_json_node *nodes = writer->doc->nodes;
  size_t wanted = (size_t)writer->entry_count + nodes[object].size;
  if (wanted > writer->entry_capacity) {
    void *entries = writer->entries;
    if (!grow(&entries, writer->entries_inside, &writer->entry_capacity, wanted, sizeof *writer->entries)) return false;
    writer->entries = entries;
  }
  struct entry *first = writer->entries + writer->entry_count, *entry = first;
  for (azd_node member = object + 1; member < nodes[object].end; member = nodes[member].end)
    *entry++ = (struct entry){prefix_of(writer, &nodes[member]), member};
  sort_entries(writer->doc, first, nodes[object].size);
  writer->entry_count = (uint32_t)wanted;
  return true;
}

static bool push(struct writer *writer, azd_node container) {
  if (writer->depth == writer->frame_capacity) {
    void *frames = writer->frames;
    if (!grow(&frames, writer->frames_inside, &writer->frame_capacity, 0, sizeof *writer->frames)) return false;
    writer->frames = frames;
  }
  bool is_object = azd_doc_type(writer->doc, container) == AZD_JSON_OBJECT;
  struct frame frame = {container + 1, azd_doc_end(writer->doc, container), writer->entry_count, is_object};
  if (is_object) {
    frame.at = writer->entry_count;
    if (!push_members(writer, container)) return false;
    frame.end = writer->entry_count;
  }
  writer->frames[writer->depth++] = frame;
  return true;
}

/* ---- the bytes ---- */

/* Room in the buffer, asked for in place where it is there already. */
static inline char *room(struct azd_buf *out, size_t bytes) {
  bool is_there = out->capacity - out->size >= bytes && (!out->max_bytes || out->size + bytes <= out->max_bytes);
  return is_there ? out->data + out->size : azd_buf_reserve(out, bytes);
}

static inline void append_char(struct azd_buf *out, char c) {
  char *to = room(out, 1);
  if (to) *to = c, out->size++;
}

/* A run of the text. Short ones, nearly all, are copied 16 bytes at a time where both sides have bytes to spare. */
static inline void append_text(struct writer *writer, const char *from, size_t size) {
  struct azd_buf *out = writer->out;
  char *to = room(out, size);
  if (!to) return;
  out->size += size;
  if (size <= 64 && (size_t)(writer->text_end - from) >= 64 && out->capacity - out->size >= 64) {
    for (size_t i = 0; i < size; i += 16) memcpy(to + i, from + i, 16);
    return;
  }
  memcpy(to, from, size);
}

/* A string of the text stands between its quotes there and needs no escapes; a decoded one may. */
static inline void append_string(struct writer *writer, struct azd_str text, bool is_decoded) {
  if (is_decoded)
    azd_buf_append_json(writer->out, text);
  else
    append_text(writer, text.data - 1, text.size + 2);
}

static const struct azd_replacement *find_replacement(const struct writer *writer, azd_node node) {
  size_t low = 0, high = writer->replacement_count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (writer->replacements[middle].node < node)
      low = middle + 1;
    else
      high = middle;
  }
  return low < writer->replacement_count && writer->replacements[low].node == node ? &writer->replacements[low] : NULL;
}

/* A value, or the opening bracket of a container, which is then on the stack. */
static inline bool write_value(struct writer *writer, azd_node index) {
  const struct azd_json_node *node = azd_doc_node(writer->doc, index);
  struct azd_buf *out = writer->out;
  const struct azd_replacement *replacement = writer->replacement_count ? find_replacement(writer, index) : NULL;
  if (replacement) {
    azd_buf_append_str(out, replacement->json);
    return true;
  }
  switch ((enum azd_json_type)node->type) {
  case AZD_JSON_NULL: azd_buf_append(out, "null", 4); break;
  case AZD_JSON_FALSE: azd_buf_append(out, "false", 5); break;
  case AZD_JSON_TRUE: azd_buf_append(out, "true", 4); break;
  case AZD_JSON_NUMBER: azd_number_append(azd_node_text(writer->doc, node), node->flags & AZD_NODE_INTEGER, out); break;
  case AZD_JSON_STRING:
    append_string(writer, azd_node_text(writer->doc, node), node->flags & AZD_NODE_VALUE_DECODED);
    break;
  case AZD_JSON_ARRAY: append_char(out, '['); return push(writer, index);
  case AZD_JSON_OBJECT: append_char(out, '{'); return push(writer, index);
  }
  return true;
}

/* The next child of the innermost container, or its closing bracket. */
static inline bool write_next(struct writer *writer) {
  struct frame *frame = &writer->frames[writer->depth - 1];
  struct azd_buf *out = writer->out;
  azd_node child = frame->at;
  if (frame->at == frame->end) {
    writer->entry_count = frame->entries_begin;
    writer->depth--;
    append_char(out, frame->is_object ? '}' : ']');
    return true;
  }
  char before = out->data[out->size - 1];
  if (before != '{' && before != '[') append_char(out, ',');
  if (frame->is_object) {
    child = writer->entries[frame->at++].node;
    const struct azd_json_node *node = azd_doc_node(writer->doc, child);
    append_string(writer, azd_node_key(writer->doc, node), node->flags & AZD_NODE_KEY_DECODED);
    append_char(out, ':');
  } else {
    frame->at = azd_doc_end(writer->doc, child);
  }
  return write_value(writer, child);
}

int azd_json_canonical(const struct azd_doc *doc, azd_node node, const struct azd_replacement *replacements,
                       size_t replacement_count, struct azd_buf *out) {
  struct writer writer;
  writer.doc = doc;
  writer.text_end = doc->base[0] + doc->text_size;
  writer.out = out;
  writer.replacements = replacements;
  writer.replacement_count = replacement_count;
  writer.frames = writer.frames_inside;
  writer.entries = writer.entries_inside;
  writer.depth = writer.entry_count = 0;
  writer.frame_capacity = FRAMES_INSIDE;
  writer.entry_capacity = ENTRIES_INSIDE;
  if (azd_buf_status(out)) return azd_buf_status(out);
  bool has_memory = write_value(&writer, node);
  while (has_memory && writer.depth && !azd_buf_status(out)) has_memory = write_next(&writer);
  if (writer.frames != writer.frames_inside) free(writer.frames);
  if (writer.entries != writer.entries_inside) free(writer.entries);
  return has_memory ? azd_buf_status(out) : AZD_ENOMEM;
}
