/* What must hold for any text that parses, whoever made it up: the fuzz targets and the oracle test share it. A
 * property that fails aborts, with the text still in memory for whoever looks. canonical form, read again: equal by
 * value, and its canonical form is the same bytes the text written again (on one line, and indented), read again: equal
 * by value the shape: sizes, parents, ends, look-ups by name and by index agree with the walk Documents are reused, as
 * workers reuse theirs. Thread: one. */
#ifndef AZD_TEST_JSON_PROPERTIES_H
#define AZD_TEST_JSON_PROPERTIES_H

#include "json/canonical.h"
#include "json/pointer.h"

struct json_properties {
  struct azd_doc *doc, *again;
  struct azd_buf first, second;
};

static inline void json_properties_init(struct json_properties *p) {
  *p = (struct json_properties){.doc = azd_doc_new(), .again = azd_doc_new()};
  azd_buf_init(&p->first, 0);
  azd_buf_init(&p->second, 0);
  AZD_ASSERT(p->doc && p->again);
}

static inline void json_properties_free(struct json_properties *p) {
  azd_doc_free(p->doc);
  azd_doc_free(p->again);
  azd_buf_free(&p->first);
  azd_buf_free(&p->second);
}

static inline void check_shape(const struct azd_doc *doc) {
  AZD_ASSERT(azd_doc_end(doc, 0) == azd_doc_size(doc) && azd_doc_parent(doc, 0) == AZD_NODE_NONE);
  for (azd_node node = 0; node < azd_doc_size(doc); node++) {
    uint32_t count = 0;
    bool is_object = azd_doc_type(doc, node) == AZD_JSON_OBJECT;
    for (azd_node child = azd_doc_first(doc, node); child != AZD_NODE_NONE; child = azd_doc_next(doc, child), count++) {
      AZD_ASSERT(azd_doc_parent(doc, child) == node && azd_doc_end(doc, child) <= azd_doc_end(doc, node));
      if (is_object) {
        AZD_ASSERT(azd_doc_member(doc, node, azd_doc_key(doc, child)) == child);
        AZD_ASSERT(azd_doc_member_fold(doc, node, azd_doc_key(doc, child)) == child);
      } else {
        AZD_ASSERT(azd_doc_element(doc, node, count) == child && azd_doc_index(doc, child) == count);
      }
    }
    AZD_ASSERT(count == azd_doc_count(doc, node));
  }
}

/* The text is what p->doc was parsed from. */
static inline void check_properties(struct json_properties *p, const struct azd_doc_limits *limits) {
  check_shape(p->doc);
  azd_buf_clear(&p->first);
  azd_buf_clear(&p->second);
  AZD_ASSERT(azd_json_canonical(p->doc, 0, NULL, 0, &p->first) == 0);
  AZD_ASSERT(azd_doc_parse(p->again, azd_buf_str(&p->first), limits, NULL) == 0);
  AZD_ASSERT(azd_doc_duplicates(p->again, NULL) == 0 && azd_doc_size(p->again) == azd_doc_size(p->doc));
  AZD_ASSERT(azd_json_canonical(p->again, 0, NULL, 0, &p->second) == 0);
  AZD_ASSERT(azd_str_equal(azd_buf_str(&p->first), azd_buf_str(&p->second)));
  AZD_ASSERT(azd_json_equal(p->doc, 0, p->again, 0) && azd_json_equal(p->again, 0, p->doc, 0));
  for (int indent = 0; indent <= 2; indent += 2) {
    azd_buf_clear(&p->second);
    AZD_ASSERT(azd_json_write(p->doc, 0, indent, &p->second) == 0);
    AZD_ASSERT(azd_doc_parse(p->again, azd_buf_str(&p->second), limits, NULL) == 0);
    AZD_ASSERT(azd_json_equal(p->doc, 0, p->again, 0));
  }
}

#endif
