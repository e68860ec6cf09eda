/* One document with pieces of another in it: what a baseline becomes when part of a drift is accepted. Nodes of the one
 * are replaced by nodes of the other, left out, or given new members and elements.
 * Thread: any, one pair of documents and buffer each. Blocks: never. */
#ifndef AZD_JSON_EDIT_H
#define AZD_JSON_EDIT_H

#include "base/buf.h"
#include "json/doc.h"

struct azd_edit {
  azd_node at; /* of the document: the node that goes; where adds is set, the object or array that is given one more */
  azd_node with; /* of the other document; AZD_NODE_NONE: nothing takes its place */
  bool adds;     /* a member keeps its name from the other document; an element stands behind the others */
};

/* Appends the document with the edits in it, as it was read otherwise (azd_json_write); sorts edits. Edits below a node
 * that goes say nothing. 0, AZD_ENOMEM, AZD_ELIMIT (the buffer's). */
int azd_json_edit(const struct azd_doc *doc, azd_node node, const struct azd_doc *other, struct azd_edit *edits,
                  size_t count, struct azd_buf *out);

#endif
