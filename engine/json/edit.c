#include "json/edit.h"
#include "json/canonical.h"

#include <stdlib.h>

struct editing {
  const struct azd_doc *doc, *other;
  const struct azd_edit *edits;
  size_t count;
  struct azd_buf *out;
};

/* By node; the edit of a node itself before what is added to it. */
static int compare_edits(const void *a, const void *b) {
  const struct azd_edit *x = a, *y = b;
  if (x->at != y->at) return x->at < y->at ? -1 : 1;
  return (int)x->adds - (int)y->adds;
}

/* The first edit at or behind node. */
static size_t first_from(const struct editing *e, azd_node node) {
  size_t low = 0, high = e->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (e->edits[middle].at < node)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static bool goes(const struct editing *e, azd_node node, const struct azd_edit **edit) {
  size_t first = first_from(e, node);
  *edit = first < e->count && e->edits[first].at == node && !e->edits[first].adds ? &e->edits[first] : NULL;
  return *edit != NULL;
}

static void separate(struct azd_buf *out, size_t begin) {
  if (out->size > begin) azd_buf_append_char(out, ',');
}

static void name(struct azd_buf *out, const struct azd_doc *doc, azd_node member) {
  azd_buf_append_json(out, azd_doc_key(doc, member));
  azd_buf_append_char(out, ':');
}

static void write_node(struct editing *e, azd_node node);

static void write_children(struct editing *e, azd_node container, bool is_object) {
  const struct azd_edit *edit;
  size_t begin = e->out->size;
  for (azd_node child = azd_doc_first(e->doc, container); child != AZD_NODE_NONE; child = azd_doc_next(e->doc, child)) {
    if (goes(e, child, &edit) && edit->with == AZD_NODE_NONE) continue;
    separate(e->out, begin);
    if (is_object) name(e->out, e->doc, child);
    write_node(e, child);
  }
  for (size_t i = first_from(e, container); i < e->count && e->edits[i].at == container; i++) {
    if (!e->edits[i].adds) continue;
    separate(e->out, begin);
    if (is_object) name(e->out, e->other, e->edits[i].with);
    azd_json_write(e->other, e->edits[i].with, 0, e->out);
  }
}

/* Recursion ends with the depth of a document, which its parser bounds. */
static void write_node(struct editing *e, azd_node node) {
  const struct azd_edit *edit;
  size_t first = first_from(e, node);
  if (goes(e, node, &edit)) {
    azd_json_write(e->other, edit->with, 0, e->out);
    return;
  }
  bool is_object = azd_doc_type(e->doc, node) == AZD_JSON_OBJECT;
  bool is_touched = first < e->count && e->edits[first].at < azd_doc_end(e->doc, node);
  if (!is_touched || (!is_object && azd_doc_type(e->doc, node) != AZD_JSON_ARRAY)) {
    azd_json_write(e->doc, node, 0, e->out);
    return;
  }
  azd_buf_append_char(e->out, is_object ? '{' : '[');
  write_children(e, node, is_object);
  azd_buf_append_char(e->out, is_object ? '}' : ']');
}

int azd_json_edit(const struct azd_doc *doc, azd_node node, const struct azd_doc *other, struct azd_edit *edits,
                  size_t count, struct azd_buf *out) {
  struct editing e = {.doc = doc, .other = other, .edits = edits, .count = count, .out = out};
  if (count) qsort(edits, count, sizeof *edits, compare_edits);
  write_node(&e, node);
  return azd_buf_status(out);
}
