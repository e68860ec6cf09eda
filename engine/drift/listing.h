/* The resources of a file that is too large to be held: where each stands, and the hash of its text. Two listings are
 * joined by id; a body is read again only where the texts of a pair differ.
 *
 *   entry     one resource, 56 bytes, whatever its size.
 *   no list   what is not plainly two or more resources behind one another (one resource, a pipe, an item without an
 *             id, names doubled around the resources): azd_compare_texts looks at the whole of it instead.
 *
 * Texts that are alike byte for byte are alike under every rule; of texts that are not, the detector says what differs.
 * Secrets: nothing of a body is kept but a keyed hash, in memory, until the listing is freed. What is stored is
 * redacted before it is hashed; this hash is of the text as it stands, for it is never stored, shown or logged.
 *
 * Life: read, free. The file stays open until then. Thread: one at a time; any may read bodies (azd_listing_body).
 * Blocks: on the file. */
#ifndef AZD_DRIFT_LISTING_H
#define AZD_DRIFT_LISTING_H

#include "base/buf.h"
#include "base/poly_hash.h"
#include "drift/inventory.h"

enum { AZD_LISTING_KEY_BYTES = 16 };

struct azd_listing_entry {
  uint8_t key[AZD_LISTING_KEY_BYTES]; /* of SHA-256 of the id, folded, without slashes at its end */
  uint8_t hash[AZD_POLY_HASH_BYTES];  /* of the body's text, under a key of this process */
  uint64_t offset;                    /* of the body in the file; in an export with its name before it */
  uint32_t size;                      /* bytes from there */
  uint32_t index;                     /* in its array */
  uint32_t group;                     /* in an export: whose type */
};

struct azd_listing;

/* *listing is NULL where the file is no list, or smaller than min_bytes. 0; AZD_EPARSE, AZD_EIO, AZD_ENOMEM,
 * AZD_ELIMIT: the sentence names the file. */
int azd_listing_read(const char *path, const struct azd_shape *shape, uint64_t min_bytes, struct azd_listing **listing,
                     struct azd_error *error);
void azd_listing_free(struct azd_listing *listing);

/* In the order of their keys; of several with one key the first of the file. */
const struct azd_listing_entry *azd_listing_entries(const struct azd_listing *listing, uint32_t *count);
/* Resources that the file holds, those with one id counted each. */
uint32_t azd_listing_resources(const struct azd_listing *listing);
/* Members named twice in one object. */
uint32_t azd_listing_duplicate_keys(const struct azd_listing *listing);

/* One resource read again. */
struct azd_listing_body {
  azd_node node;           /* in the document */
  struct azd_str id, type; /* in the document, the shape, the listing or the inventory */
  struct azd_str pointer;  /* of the resource in the file; in pointer_text */
};

/* Reads an entry's body: its bytes into text, parsed into doc. inventory: the caller's, for the type. 0; AZD_EIO (also
 * where the file is not what it was), AZD_ENOMEM. The sentence names the file. */
int azd_listing_body(const struct azd_listing *listing, const struct azd_listing_entry *entry, struct azd_buf *text,
                     struct azd_doc *doc, struct azd_inventory *inventory, struct azd_buf *pointer_text,
                     struct azd_listing_body *body, struct azd_error *error);

#endif
