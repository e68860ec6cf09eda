/* An exact, immutable JSON document (RFC 8259). What was read can be written again: integers of any size, long
 * decimals and every code point keep their value; numbers keep their digits as text.
 *
 *   document   struct azd_doc: the nodes of one parsed text. Reusable: parsing again replaces the content and keeps the
 * memory. node       azd_node, an index into the document; the root is 0. Valid until the document is parsed again or
 * freed. member     a node that stands in an object; azd_doc_key is its name.
 *
 * Life: azd_doc_new, any number of azd_doc_parse, azd_doc_free. The text is borrowed until then: strings without
 * escapes and all numbers point into it. Thread: one at a time; a document never crosses threads (canonical bytes,
 * hashes and changes do). Blocks: never. Units: bytes. */
#ifndef AZD_JSON_DOC_H
#define AZD_JSON_DOC_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

typedef uint32_t azd_node;
#define AZD_NODE_NONE ((azd_node)UINT32_MAX)

enum azd_json_type {
  AZD_JSON_NULL,
  AZD_JSON_FALSE,
  AZD_JSON_TRUE,
  AZD_JSON_NUMBER,
  AZD_JSON_STRING,
  AZD_JSON_ARRAY,
  AZD_JSON_OBJECT,
};

/* Limits of one parse; 0 takes the default. A text beyond one is AZD_ELIMIT and the sentence names the limit. */
struct azd_doc_limits {
  uint32_t max_depth; /* default AZD_DOC_MAX_DEPTH nested arrays and objects */
  size_t max_bytes;   /* default AZD_DOC_MAX_BYTES of text; never more than 4 GiB - 2 */
};

enum { AZD_DOC_MAX_DEPTH = 512, AZD_DOC_MAX_BYTES = 256 * 1024 * 1024 };

struct azd_doc;

struct azd_doc *azd_doc_new(void);
void azd_doc_free(struct azd_doc *doc);

/* Parses one whole text. A leading UTF-8 BOM is skipped. UTF-8 is checked; lone surrogates are refused. Of a doubled
 * key the last one wins, at its own place in the order, and azd_doc_duplicates counts it. A number may be as long as
 * the text allows, but an exponent has at most 18 digits (AZD_ELIMIT). 0, AZD_EPARSE (the sentence says line, column
 * and what was expected), AZD_ELIMIT or AZD_ENOMEM; after a failure the document is empty (azd_doc_size 0). */
int azd_doc_parse(struct azd_doc *doc, struct azd_str text, const struct azd_doc_limits *limits,
                  struct azd_error *error);

/* What stands before a value in a longer text that is read piece by piece (json/stream.h). */
struct azd_doc_before {
  uint64_t line, column; /* of the value, for sentences; counted from 1 */
  uint32_t depth;        /* arrays and objects that are open there: they count against AZD_DOC_MAX_DEPTH */
};

/* Parses the value that text begins with (no space before it), whatever stands behind it. *taken: its bytes; after a
 * failure the place in text that is wrong, which is near the end of it where only the rest is missing. Answers as
 * azd_doc_parse does. */
int azd_doc_parse_first(struct azd_doc *doc, struct azd_str text, const struct azd_doc_before *before, size_t *taken,
                        struct azd_error *error);

/* The sentence of azd_doc_parse about a byte that should not stand where rest begins (empty: the text ends there).
 * AZD_EPARSE. */
int azd_doc_unexpected(uint64_t line, uint64_t column, struct azd_str rest, const char *expected,
                       struct azd_error *error);

/* Moves line and column, both counted from 1, over text. Lines end with "\n"; columns count characters, not bytes. */
void azd_doc_count_place(struct azd_str text, uint64_t *line, uint64_t *column);

/* Nodes in the document; 0 when nothing is parsed. */
static inline uint32_t azd_doc_size(const struct azd_doc *doc);
/* Doubled keys that were dropped, and the name of the first (empty when none). */
uint32_t azd_doc_duplicates(const struct azd_doc *doc, struct azd_str *first);

static inline enum azd_json_type azd_doc_type(const struct azd_doc *doc, azd_node node);
/* Members of an object, elements of an array, 0 of anything else. */
static inline uint32_t azd_doc_count(const struct azd_doc *doc, azd_node node);

/* Children in the order of the text: for (n = first; n != AZD_NODE_NONE; n = next). */
static inline azd_node azd_doc_first(const struct azd_doc *doc, azd_node node);
static inline azd_node azd_doc_next(const struct azd_doc *doc, azd_node node);
/* Nodes stand in the order of the text: the subtree of a node is the run [node, azd_doc_end), so a walk of everything
 * below is a loop over integers. */
static inline azd_node azd_doc_end(const struct azd_doc *doc, azd_node node);
/* The name of a member (decoded); empty for an element or the root. */
static inline struct azd_str azd_doc_key(const struct azd_doc *doc, azd_node node);
static inline azd_node azd_doc_parent(const struct azd_doc *doc, azd_node node);

/* The member of that name, or AZD_NODE_NONE (also where object is no object or AZD_NODE_NONE itself, so look-ups
 * chain). _fold: without ASCII case; an exact match wins over a folded one, and of several folded ones the first in the
 * text. Constant time in wide objects. */
azd_node azd_doc_member(const struct azd_doc *doc, azd_node object, struct azd_str key);
azd_node azd_doc_member_fold(const struct azd_doc *doc, azd_node object, struct azd_str key);
/* The element at index, counted from 0, or AZD_NODE_NONE. Constant time. */
azd_node azd_doc_element(const struct azd_doc *doc, azd_node array, uint32_t index);

/* Where an element stands in its array, counted from 0; 0 of any other node. */
uint32_t azd_doc_index(const struct azd_doc *doc, azd_node element);

/* Decoded text of a string node. Borrowed from the document. */
static inline struct azd_str azd_doc_string(const struct azd_doc *doc, azd_node node);
/* The digits of a number node as they stood in the text. */
static inline struct azd_str azd_doc_number(const struct azd_doc *doc, azd_node node);
/* true and the value where the number is written without point and exponent and fits. */
bool azd_doc_int64(const struct azd_doc *doc, azd_node node, int64_t *value);
/* Nearest double (may be infinite). */
double azd_doc_double(const struct azd_doc *doc, azd_node node);

/* Text of the string member key of object (fold), or an empty slice with NULL data. */
struct azd_str azd_doc_text(const struct azd_doc *doc, azd_node object, const char *key);

#include "json/doc_node.h"

#endif
