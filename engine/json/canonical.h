/* The canonical form: RFC 8785 (members sorted by UTF-16 code units, nothing between the tokens), but that numbers stay
 * exact. A number is written
 *   - without point and exponent in the text: with its digits, however many (-0 as 0);
 *   - else, with up to 17 significant digits and within double range: as RFC 8785 writes the nearest double;
 *   - else: with all its digits, laid out in the same way (0.12345678901234567890, 1e+400).
 * Equal documents have equal bytes, parsing them again gives an equal document, and its canonical form is the same
 * bytes. Numbers are equal when they are written alike here: 1.0 equals 1 and 1e2 equals 100, but an integer of more
 * than 21 digits is not equal to the same one with an exponent.
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
