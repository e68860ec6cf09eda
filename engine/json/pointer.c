#include "json/pointer.h"

bool azd_pointer_step(struct azd_str *rest, struct azd_buf *token) {
  azd_buf_clear(token);
  if (!rest->size || rest->data[0] != '/') return false;
  size_t at = 1;
  for (; at < rest->size && rest->data[at] != '/'; at++) {
    char c = rest->data[at];
    if (c == '~') {
      char code = at + 1 < rest->size ? rest->data[at + 1] : 0;
      if (code != '0' && code != '1') return false;
      c = code == '0' ? '~' : '/';
      at++;
    }
    azd_buf_append_char(token, c);
  }
  *rest = (struct azd_str){rest->data + at, rest->size - at};
  return true;
}

bool azd_pointer_index(struct azd_str token, uint32_t *index) {
  uint64_t value = 0;
  if (!token.size || token.size > 10 || (token.size > 1 && token.data[0] == '0')) return false;
  for (size_t i = 0; i < token.size; i++) {
    if (token.data[i] < '0' || token.data[i] > '9') return false;
    value = value * 10 + (uint64_t)(token.data[i] - '0');
  }
  *index = (uint32_t)value;
  return value <= UINT32_MAX;
}

int azd_pointer_resolve(const struct azd_doc *doc, azd_node root, struct azd_str pointer, azd_node *found) {
  struct azd_buf token;
  azd_node node = root;
  azd_buf_init(&token, 0);
  while (azd_pointer_step(&pointer, &token) && !azd_buf_status(&token)) {
    uint32_t index;
    if (node == AZD_NODE_NONE) continue; /* the rest must still be a pointer */
    if (azd_doc_type(doc, node) == AZD_JSON_OBJECT)
      node = azd_doc_member(doc, node, azd_buf_str(&token));
    else
      node = azd_pointer_index(azd_buf_str(&token), &index) ? azd_doc_element(doc, node, index) : AZD_NODE_NONE;
  }
  int status = azd_buf_status(&token);
  azd_buf_free(&token);
  if (status) return status;
  if (pointer.size) return AZD_EINVAL;
  if (node == AZD_NODE_NONE) return AZD_ENOTFOUND;
  *found = node;
  return 0;
}

void azd_pointer_append_name(struct azd_buf *out, struct azd_str name) {
  azd_buf_append_char(out, '/');
  size_t plain = 0;
  for (size_t i = 0; i < name.size; i++) {
    if (name.data[i] != '~' && name.data[i] != '/') continue;
    azd_buf_append(out, name.data + plain, i - plain);
    azd_buf_append(out, name.data[i] == '~' ? "~0" : "~1", 2);
    plain = i + 1;
  }
  if (name.size) azd_buf_append(out, name.data + plain, name.size - plain);
}

void azd_pointer_append_index(struct azd_buf *out, uint32_t index) {
  azd_buf_printf(out, "/%u", index);
}

int azd_pointer_of(const struct azd_doc *doc, azd_node root, azd_node node, struct azd_buf *out) {
  struct azd_buf path; /* the nodes on the way, innermost first */
  azd_buf_init(&path, 0);
  for (azd_node on_way = node; on_way != root; on_way = azd_doc_parent(doc, on_way))
    azd_buf_append(&path, &on_way, sizeof on_way);
  for (size_t left = path.size / sizeof node; left > 0 && !azd_buf_status(&path); left--) {
    azd_node step;
    memcpy(&step, path.data + (left - 1) * sizeof step, sizeof step);
    if (azd_doc_type(doc, azd_doc_parent(doc, step)) == AZD_JSON_OBJECT)
      azd_pointer_append_name(out, azd_doc_key(doc, step));
    else
      azd_pointer_append_index(out, azd_doc_index(doc, step));
  }
  int status = azd_buf_status(&path);
  azd_buf_free(&path);
  return status ? status : azd_buf_status(out);
}
