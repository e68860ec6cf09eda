/* Memory that is given back all at once. Owned by whoever initialised it; what it hands out lives until the next
 * azd_arena_reset or azd_arena_free. Thread: one at a time. Blocks: never.
 * A reset keeps the pages (the first touch of a page costs 11 us on the measured machine), so a worker that reuses its
 * arena touches each page once in its life. */
#ifndef AZD_BASE_ARENA_H
#define AZD_BASE_ARENA_H

#include "base/str.h"

#include <stdint.h>

struct azd_arena_block;

struct azd_arena {
  struct azd_arena_block *first, *current;
  size_t used_bytes; /* handed out since the last reset */
  size_t max_bytes;  /* 0: no cap but memory */
};

static inline void azd_arena_init(struct azd_arena *arena, size_t max_bytes) {
  *arena = (struct azd_arena){.max_bytes = max_bytes};
}
void azd_arena_reset(struct azd_arena *arena);
void azd_arena_free(struct azd_arena *arena);

/* bytes of memory aligned for anything, not zeroed; NULL when the cap or memory is exhausted. */
void *azd_arena_alloc(struct azd_arena *arena, size_t bytes);
void *azd_arena_zalloc(struct azd_arena *arena, size_t bytes);

/* A NUL-terminated copy. NULL as above. */
char *azd_arena_copy(struct azd_arena *arena, struct azd_str s);

#endif
