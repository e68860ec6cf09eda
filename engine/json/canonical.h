/* The canonical form: RFC 8785, with the numbers of docs/principles.md: within double range up to 17 significant digits
 * as RFC 8785 writes them; integers without point or exponent beyond 2^53 keep their digits; everything else as
 * normalized decimal. Equal documents have equal bytes, and parsing them again gives the same document.
 * Thread: any, one document and buffer each. Blocks: never. */
#ifndef AZD_JSON_CANONICAL_H
#define AZD_JSON_CANONICAL_H

#include "base/buf.h"
#include "json/doc.h"

/* One node that is written as other text instead (a redacted secret). Sorted by node, ascending. */
struct azd_replacement {
  azd_node node;
  struct azd_str json; /* canonical JSON text, borrowed during the call */
};

/* Appends the canonical form of the node. 0, AZD_ENOMEM or AZD_ELIMIT (the buffer's). */
int azd_json_canonical(const struct azd_doc *doc, azd_node node, const struct azd_replacement *replacements,
                       size_t replacement_count, struct azd_buf *out);

/* Appends the node as it was read: order of members and digits of numbers kept. indent_spaces 0: on one line. */
int azd_json_write(const struct azd_doc *doc, azd_node node, int indent_spaces, struct azd_buf *out);

/* By value: order of members, escapes and spelling of numbers do not matter (1.0 equals 1, 1e2 equals 100). */
bool azd_json_equal(const struct azd_doc *a, azd_node a_node, const struct azd_doc *b, azd_node b_node);

#endif
