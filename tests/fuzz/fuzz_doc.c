/* Any bytes: refused with a sentence, or a document that keeps the properties of json_properties.h. The text stands at
 * the end of an allocation of its own (libFuzzer's), so that reading beyond it shows. */
#include "support/json_properties.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct json_properties properties;
  static const struct azd_doc_limits limits = {.max_depth = 600};
  struct azd_error error = {0};
  if (!properties.doc) json_properties_init(&properties);
  int code = azd_doc_parse(properties.doc, (struct azd_str){(const char *)data, size}, &limits, &error);
  if (!code)
    check_properties(&properties, &limits);
  else
    AZD_ASSERT((code == AZD_EPARSE || code == AZD_ELIMIT) && error.code == code &&
               strncmp(error.text, "line ", 5) == 0);
  AZD_ASSERT(code == 0 || azd_doc_size(properties.doc) == 0);
  return 0;
}
