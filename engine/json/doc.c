#include "json/doc.h"
#include "base/crypto.h"

#include <stdlib.h>

struct azd_doc *azd_doc_new(void) {
  struct azd_doc *doc = calloc(1, sizeof *doc);
  if (!doc) return NULL;
  azd_buf_init(&doc->decoded, 0);
  azd_random(&doc->seed, sizeof doc->seed);
  return doc;
}

void azd_doc_free(struct azd_doc *doc) {
  if (!doc) return;
  free(doc->nodes);
  free(doc->lookup);
  free(doc->frames);
  azd_buf_free(&doc->decoded);
  free(doc);
}

uint32_t azd_doc_duplicates(const struct azd_doc *doc, struct azd_str *first) {
  if (first) *first = doc->duplicates ? azd_node_key(doc, &doc->first_duplicate) : AZD_STR("");
  return doc->duplicates;
}

azd_node azd_doc_element(const struct azd_doc *doc, azd_node array, uint32_t index) {
  if (array == AZD_NODE_NONE) return AZD_NODE_NONE;
  const struct azd_json_node *node = &doc->nodes[array];
  if (node->type != AZD_JSON_ARRAY || index >= node->size) return AZD_NODE_NONE;
  return node->at == AZD_NODE_NONE ? array + 1 + index : doc->lookup[node->at + index];
}

uint32_t azd_doc_index(const struct azd_doc *doc, azd_node element) {
  const struct azd_json_node *array = &doc->nodes[doc->nodes[element].parent];
  if (array->type != AZD_JSON_ARRAY || !element) return 0;
  if (array->at == AZD_NODE_NONE) return element - doc->nodes[element].parent - 1;
  uint32_t low = 0, high = array->size; /* elements stand in ascending order */
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (doc->lookup[array->at + middle] < element)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

struct azd_str azd_doc_text(const struct azd_doc *doc, azd_node object, const char *key) {
  azd_node member = azd_doc_member_fold(doc, object, azd_str_of(key));
  if (member == AZD_NODE_NONE || azd_doc_type(doc, member) != AZD_JSON_STRING) return (struct azd_str){NULL, 0};
  return azd_doc_string(doc, member);
}
