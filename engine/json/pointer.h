/* JSON pointers (RFC 6901): "" is the document, "/a/b~1c/0" a member called a, in it one called b/c, in it the first
 * element. Thread: the document's. Blocks: never. */
#ifndef AZD_JSON_POINTER_H
#define AZD_JSON_POINTER_H

#include "base/buf.h"
#include "json/doc.h"

/* The node that pointer names, from root. 0; AZD_EINVAL where it is no pointer (no "/" in front, "~" not followed by 0
 * or 1); AZD_ENOTFOUND where nothing is there (also the "-" of arrays); AZD_ENOMEM. Names are compared exactly; an
 * index is written without leading zeros. */
int azd_pointer_resolve(const struct azd_doc *doc, azd_node root, struct azd_str pointer, azd_node *found);

/* Appends one step: "/" and the escaped name, or the index. */
void azd_pointer_append_name(struct azd_buf *out, struct azd_str name);
void azd_pointer_append_index(struct azd_buf *out, uint32_t index);

/* Appends the pointer that leads from root to a node below it ("" for root itself). 0, AZD_ENOMEM or AZD_ELIMIT (the
 * buffer's). */
int azd_pointer_of(const struct azd_doc *doc, azd_node root, azd_node node, struct azd_buf *out);

/* Takes the first step off *rest, decoded into token (cleared before). false at the end (*rest is empty) and where the
 * rest is no pointer (*rest is not). */
bool azd_pointer_step(struct azd_str *rest, struct azd_buf *token);

/* Reads an array index as a pointer writes it. */
bool azd_pointer_index(struct azd_str token, uint32_t *index);

#endif
