/* The input is a pointer, a NUL, and a document. Any pointer resolves or is refused; what it resolves to has a pointer
 * of its own that leads back; and so has every node of the document. */
#include "json/pointer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void leads_back(const struct azd_doc *doc, azd_node node, struct azd_buf *out) {
  azd_node found;
  azd_buf_clear(out);
  AZD_ASSERT(azd_pointer_of(doc, 0, node, out) == 0);
  AZD_ASSERT(azd_pointer_resolve(doc, 0, azd_buf_str(out), &found) == 0 && found == node);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct azd_doc *doc;
  static struct azd_buf out;
  const uint8_t *text = memchr(data, 0, size);
  struct azd_str pointer = {(const char *)data, text ? (size_t)(text - data) : size};
  azd_node found;
  if (!doc) doc = azd_doc_new();
  if (!text) return 0;
  text++;
  if (azd_doc_parse(doc, (struct azd_str){(const char *)text, size - pointer.size - 1}, NULL, NULL)) return 0;
  int code = azd_pointer_resolve(doc, 0, pointer, &found);
  AZD_ASSERT(code == 0 || code == AZD_EINVAL || code == AZD_ENOTFOUND);
  if (code == 0) leads_back(doc, found, &out);
  for (azd_node node = 0; node < azd_doc_size(doc) && node < 1000; node++) leads_back(doc, node, &out);
  return 0;
}
