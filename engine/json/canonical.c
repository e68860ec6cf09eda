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
  struct azd_buf *out; /* its size is behind by what the walk holds in `to`: hand_in, take_back */
  char *room_end;      /* how far the buffer may be written, its cap kept */
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

/* Names may share a long beginning (100,000 of them, in a hostile document): it is passed over a word at a time. */
static size_t shared_bytes(struct azd_str a, struct azd_str b) {
  size_t size = a.size < b.size ? a.size : b.size, at = 0;
  for (uint64_t x, y; size - at >= sizeof x; at += sizeof x) {
    memcpy(&x, a.data + at, sizeof x);
    memcpy(&y, b.data + at, sizeof y);
    if (x != y) break;
  }
  while (at < size && a.data[at] == b.data[at]) at++;
  return at;
}

static int compare_names(struct azd_str a, struct azd_str b) {
  size_t at = shared_bytes(a, b);
  if (at == a.size || at == b.size) return a.size < b.size ? -1 : a.size > b.size;
  return utf16_rank((unsigned char)a.data[at]) < utf16_rank((unsigned char)b.data[at]) ? -1 : 1;
}

static uint64_t ranks_of(uint64_t prefix) {
  uint64_t ranks = 0;
  for (int shift = 56; shift >= 0; shift -= 8) ranks |= (uint64_t)utf16_rank((unsigned char)(prefix >> shift)) << shift;
  return ranks;
}

/* The first eight bytes of a name as a number that sorts as they do, zeros behind a shorter one. */
static inline uint64_t prefix_of(const struct writer *writer, const struct azd_json_node *node) {
  struct azd_str name = azd_node_key(writer->doc, node);
  uint64_t prefix = 0;
  if (!(node->flags & AZD_NODE_KEY_DECODED) && writer->text_end - name.data >= 8) {
    memcpy(&prefix, name.data, 8);
    prefix = __builtin_bswap64(prefix) & (name.size < 8 ? ~(UINT64_MAX >> 8 * name.size) : UINT64_MAX);
  } else {
    for (size_t i = 0; i < name.size && i < 8; i++) prefix |= (uint64_t)(unsigned char)name.data[i] << (56 - 8 * i);
  }
  return prefix & 0x8080808080808080 ? ranks_of(prefix) : prefix;
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

/* Gives the buffer what was written up to `to`, so that it can be appended to. */
static inline void hand_in(struct writer *writer, const char *to) {
  writer->out->size = (size_t)(to - writer->out->data);
}

static char *take_back(struct writer *writer) {
  struct azd_buf *out = writer->out;
  size_t room = out->max_bytes && out->max_bytes < out->capacity ? out->max_bytes : out->capacity;
  writer->room_end = out->data + room;
  return out->data + out->size;
}

/* Where the buffer goes on, with room for so many bytes; NULL when its cap or memory is reached. */
static char *make_room(struct writer *writer, char *to, size_t bytes) {
  hand_in(writer, to);
  return azd_buf_reserve(writer->out, bytes) ? take_back(writer) : NULL;
}

static inline char *ensure(struct writer *writer, char *to, size_t bytes) {
  return (size_t)(writer->room_end - to) >= bytes ? to : make_room(writer, to, bytes);
}

/* A run of the text, for which there is room: 16 bytes at a time where both sides have some to spare. */
static inline char *copy_text(const struct writer *writer, char *to, const char *from, size_t size) {
  if ((size_t)(writer->text_end - from) < size + 16 || (size_t)(writer->room_end - to) < size + 16) {
    memcpy(to, from, size);
    return to + size;
  }
  for (size_t i = 0; i < size; i += 16) memcpy(to + i, from + i, 16);
  return to + size;
}

static char *append_decoded(struct writer *writer, char *to, struct azd_str text) {
  hand_in(writer, to);
  azd_buf_append_json(writer->out, text);
  return azd_buf_status(writer->out) ? NULL : take_back(writer);
}

static char *append_decimal(struct writer *writer, char *to, struct azd_str text) {
  hand_in(writer, to);
  azd_number_append(text, false, writer->out);
  return azd_buf_status(writer->out) ? NULL : take_back(writer);
}

/* A string of the text stands between its quotes there and needs no escapes; a decoded one may. */
static inline char *write_string(struct writer *writer, char *to, struct azd_str text, bool is_decoded) {
  if (is_decoded) return append_decoded(writer, to, text);
  to = ensure(writer, to, text.size + 2);
  return to ? copy_text(writer, to, text.data - 1, text.size + 2) : NULL;
}

static inline char *write_bytes(struct writer *writer, char *to, const char *bytes, size_t size) {
  to = ensure(writer, to, size);
  return to ? (char *)memcpy(to, bytes, size) + size : NULL;
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

static char *open_container(struct writer *writer, char *to, azd_node container, char bracket) {
  to = write_bytes(writer, to, &bracket, 1);
  if (!to || push(writer, container)) return to;
  writer->out->status = AZD_ENOMEM;
  return NULL;
}

/* A value, or the opening bracket of a container, which is then on the stack. */
static char *write_value(struct writer *writer, char *to, azd_node index) {
  const struct azd_json_node *node = azd_doc_node(writer->doc, index);
  struct azd_str text = azd_node_text(writer->doc, node);
  const struct azd_replacement *replacement = writer->replacement_count ? find_replacement(writer, index) : NULL;
  if (replacement) return write_bytes(writer, to, replacement->json.data, replacement->json.size);
  switch ((enum azd_json_type)node->type) {
  case AZD_JSON_STRING: return write_string(writer, to, text, node->flags & AZD_NODE_VALUE_DECODED);
  case AZD_JSON_NULL: return write_bytes(writer, to, "null", 4);
  case AZD_JSON_FALSE: return write_bytes(writer, to, "false", 5);
  case AZD_JSON_TRUE: return write_bytes(writer, to, "true", 4);
  case AZD_JSON_NUMBER:
    if (!(node->flags & AZD_NODE_INTEGER)) return append_decimal(writer, to, text);
    if (text.size == 2 && text.data[0] == '-' && text.data[1] == '0') return write_bytes(writer, to, "0", 1);
    return write_bytes(writer, to, text.data, text.size);
  case AZD_JSON_ARRAY: return open_container(writer, to, index, '[');
  case AZD_JSON_OBJECT: return open_container(writer, to, index, '{');
  }
  return to;
}

/* `"name":` of a member. */
static inline char *write_name(struct writer *writer, char *to, azd_node member) {
  const struct azd_json_node *node = azd_doc_node(writer->doc, member);
  struct azd_str name = azd_node_key(writer->doc, node);
  if (node->flags & AZD_NODE_KEY_DECODED) {
    to = append_decoded(writer, to, name);
    return to ? write_bytes(writer, to, ":", 1) : NULL;
  }
  to = ensure(writer, to, name.size + 3);
  if (!to) return NULL;
  to = copy_text(writer, to, name.data - 1, name.size + 2);
  *to = ':';
  return to + 1;
}

/* The next child of the innermost container, or its closing bracket. */
static inline char *write_next(struct writer *writer, char *to) {
  struct frame *frame = &writer->frames[writer->depth - 1];
  azd_node child = frame->at;
  to = ensure(writer, to, 1); /* for what stands here in any case: a comma or a bracket */
  if (!to) return NULL;
  if (frame->at == frame->end) {
    writer->entry_count = frame->entries_begin;
    writer->depth--;
    *to = frame->is_object ? '}' : ']';
    return to + 1;
  }
  *to = ',';
  to += to[-1] != '{' && to[-1] != '[';
  if (frame->is_object) {
    child = writer->entries[frame->at++].node;
    to = write_name(writer, to, child);
  } else {
    frame->at = azd_doc_end(writer->doc, child);
  }
  return to ? write_value(writer, to, child) : NULL;
}

int azd_json_canonical(const struct azd_doc *doc, azd_node node, const struct azd_replacement *replacements,
                       size_t replacement_count, struct azd_buf *out) {
  struct writer writer; /* some KB, of which only what is used is worth setting */
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
  if (!azd_buf_reserve(out, 1)) return azd_buf_status(out);
  char *to = write_value(&writer, take_back(&writer), node);
  while (to && writer.depth) to = write_next(&writer, to);
  if (to) hand_in(&writer, to);
  if (writer.frames != writer.frames_inside) free(writer.frames);
  if (writer.entries != writer.entries_inside) free(writer.entries);
  return azd_buf_status(out);
}
