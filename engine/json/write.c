/* A document as it was read, and the comparison of two by value. Both walk without recursion: what stands around a node
 * is found by its parent and its end. */
#include "json/canonical.h"
#include "json/number.h"

struct layout {
  struct azd_buf *out;
  int indent_spaces;
  uint32_t depth;
};

static void new_line(const struct layout *layout) {
  if (!layout->indent_spaces) return;
  azd_buf_append_char(layout->out, '\n');
  size_t spaces = (size_t)layout->indent_spaces * layout->depth;
  char *room = azd_buf_reserve(layout->out, spaces);
  if (!room) return;
  memset(room, ' ', spaces);
  layout->out->size += spaces;
}

static void write_scalar(const struct azd_doc *doc, azd_node node, struct azd_buf *out) {
  switch (azd_doc_type(doc, node)) {
  case AZD_JSON_NULL: azd_buf_append_text(out, "null"); break;
  case AZD_JSON_FALSE: azd_buf_append_text(out, "false"); break;
  case AZD_JSON_TRUE: azd_buf_append_text(out, "true"); break;
  case AZD_JSON_NUMBER: azd_buf_append_str(out, azd_doc_number(doc, node)); break;
  case AZD_JSON_STRING: azd_buf_append_json(out, azd_doc_string(doc, node)); break;
  case AZD_JSON_ARRAY: azd_buf_append_text(out, "[]"); break; /* empty ones only */
  case AZD_JSON_OBJECT: azd_buf_append_text(out, "{}"); break;
  }
}

int azd_json_write(const struct azd_doc *doc, azd_node root, int indent_spaces, struct azd_buf *out) {
  struct layout layout = {.out = out, .indent_spaces = indent_spaces};
  uint32_t end = azd_doc_end(doc, root);
  for (azd_node node = root; node < end && !azd_buf_status(out); node++) {
    bool is_member = node != root && azd_doc_type(doc, azd_doc_parent(doc, node)) == AZD_JSON_OBJECT;
    if (node != root && azd_doc_parent(doc, node) + 1 != node) azd_buf_append_char(out, ',');
    if (node != root) new_line(&layout);
    if (is_member) {
      azd_buf_append_json(out, azd_doc_key(doc, node));
      azd_buf_append_text(out, indent_spaces ? ": " : ":");
    }
    if (azd_doc_count(doc, node)) {
      azd_buf_append_char(out, azd_doc_type(doc, node) == AZD_JSON_OBJECT ? '{' : '[');
      layout.depth++;
      continue;
    }
    write_scalar(doc, node, out);
    for (azd_node last = node; last != root && azd_doc_next(doc, last) == AZD_NODE_NONE;) {
      last = azd_doc_parent(doc, last);
      layout.depth--;
      new_line(&layout);
      azd_buf_append_char(out, azd_doc_type(doc, last) == AZD_JSON_OBJECT ? '}' : ']');
    }
  }
  return azd_buf_status(out);
}

static bool numbers_equal(const struct azd_doc *a, azd_node a_node, const struct azd_doc *b, azd_node b_node) {
  struct azd_str a_text = azd_doc_number(a, a_node), b_text = azd_doc_number(b, b_node);
  bool a_is_integer = azd_doc_node(a, a_node)->flags & AZD_NODE_INTEGER,
       b_is_integer = azd_doc_node(b, b_node)->flags & AZD_NODE_INTEGER;
  if (azd_str_equal(a_text, b_text)) return true;
  if (a_is_integer && b_is_integer && a_text.data[0] != '-' && b_text.data[0] != '-') return false; /* but -0 is 0 */
  struct azd_buf forms;
  azd_buf_init(&forms, 0);
  azd_number_append(a_text, a_is_integer, &forms);
  size_t a_size = forms.size;
  azd_number_append(b_text, b_is_integer, &forms);
  bool equal = !azd_buf_status(&forms) && azd_str_equal((struct azd_str){forms.data, a_size},
                                                        (struct azd_str){forms.data + a_size, forms.size - a_size});
  azd_buf_free(&forms);
  return equal;
}

/* Of containers only their type and their width. */
static bool nodes_equal(const struct azd_doc *a, azd_node a_node, const struct azd_doc *b, azd_node b_node) {
  if (azd_doc_type(a, a_node) != azd_doc_type(b, b_node)) return false;
  switch (azd_doc_type(a, a_node)) {
  case AZD_JSON_STRING: return azd_str_equal(azd_doc_string(a, a_node), azd_doc_string(b, b_node));
  case AZD_JSON_NUMBER: return numbers_equal(a, a_node, b, b_node);
  case AZD_JSON_ARRAY:
  case AZD_JSON_OBJECT: return azd_doc_count(a, a_node) == azd_doc_count(b, b_node);
  default: return true;
  }
}

/* The member of b's object that has the name of a's; where both are in one order it is the one next to the last. */
static azd_node counterpart(const struct azd_doc *a, azd_node a_member, const struct azd_doc *b, azd_node b_object,
                            azd_node b_next) {
  struct azd_str name = azd_doc_key(a, a_member);
  bool is_next = b_next != AZD_NODE_NONE && azd_str_equal(azd_doc_key(b, b_next), name);
  return is_next ? b_next : azd_doc_member(b, b_object, name);
}

bool azd_json_equal(const struct azd_doc *a, azd_node a_root, const struct azd_doc *b, azd_node b_root) {
  azd_node a_node = a_root, b_node = b_root, b_parent, b_next;
  for (;;) {
    if (!nodes_equal(a, a_node, b, b_node)) return false;
    if (azd_doc_count(a, a_node)) {
      a_node = azd_doc_first(a, a_node);
      b_parent = b_node;
      b_next = azd_doc_first(b, b_node);
    } else {
      for (; a_node != a_root && azd_doc_next(a, a_node) == AZD_NODE_NONE; a_node = azd_doc_parent(a, a_node))
        b_node = azd_doc_parent(b, b_node);
      if (a_node == a_root) return true;
      a_node = azd_doc_next(a, a_node);
      b_parent = azd_doc_parent(b, b_node);
      b_next = azd_doc_next(b, b_node);
    }
    bool is_member = azd_doc_type(a, azd_doc_parent(a, a_node)) == AZD_JSON_OBJECT;
    b_node = is_member ? counterpart(a, a_node, b, b_parent, b_next) : b_next;
    if (b_node == AZD_NODE_NONE) return false;
  }
}
