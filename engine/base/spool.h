/* A long list of texts that does not have to fit into memory: added once, read again by number, in the order in which
 * they were added or of their keys. The first AZD_SPOOL_MEMORY_BYTES stay in memory; what is more goes to a temporary
 * file without a name, in $TMPDIR, else /tmp. Keys stay in memory.
 *
 * Life: new, add, sort and read in any order, free. Thread: one at a time. Blocks: add writes, and read reads, the
 * page cache of a local file, AZD_SPOOL_MEMORY_BYTES at most. */
#ifndef AZD_BASE_SPOOL_H
#define AZD_BASE_SPOOL_H

#include "base/buf.h"
#include "base/err.h"

enum { AZD_SPOOL_MEMORY_BYTES = 256 * 1024, AZD_SPOOL_TEXT_MAX_BYTES = 1 << 30, AZD_SPOOL_MAX_COUNT = 1 << 30 };

struct azd_spool;

struct azd_spool *azd_spool_new(void);
void azd_spool_free(struct azd_spool *spool);

uint32_t azd_spool_count(const struct azd_spool *spool);
/* Both are copied. 0; AZD_EIO (no room in the temporary folder; the sentence names it), AZD_ELIMIT, AZD_ENOMEM. */
int azd_spool_add(struct azd_spool *spool, struct azd_str text, struct azd_str key, struct azd_error *error);
/* Appends the text of that number (from 0, in the order of adding) to out. 0; AZD_EIO, AZD_ENOMEM, AZD_ELIMIT (out's).
 */
int azd_spool_read(struct azd_spool *spool, uint32_t number, struct azd_buf *out, struct azd_error *error);
/* The number that stands at a place in the order of keys, bytewise; of equal keys the first added stands first. Sorts
 * when something was added since. */
uint32_t azd_spool_sorted(struct azd_spool *spool, uint32_t place);

#endif
