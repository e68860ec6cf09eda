/* The map of open versions of one scope: key -> hash and from_seq of what the last published snapshot shows. It tells
 * the collect job in memory, without asking the store, whether a body is new.
 *
 * Life: azd_store_map_load makes it or brings it up to date; azd_map_free. Between two loads it is immutable, so any
 * number of threads may look up at once without a lock. A load needs it alone: nobody may be looking up then.
 * Blocks: never (loading does, see store.h).
 * Units: 56 bytes a resource plus at most 16 for the hash index; seqs are run numbers. */
#ifndef AZD_STORE_MAP_H
#define AZD_STORE_MAP_H

#include "base/err.h"
#include "store/key.h"

#include <stdatomic.h>

struct azd_map_entry {
  struct azd_key key;
  uint8_t hash[AZD_HASH_BYTES]; /* SHA-256 of the canonical bytes */
  int64_t from_seq;             /* when this version was opened */
};

struct azd_map; /* opaque */

/* An empty map: what a scope without any snapshot has. NULL when memory is exhausted. */
struct azd_map *azd_map_new(void);
void azd_map_free(struct azd_map *map);

/* The seq of the snapshot it shows; 0: no snapshot yet. */
int64_t azd_map_seq(const struct azd_map *map);
size_t azd_map_count(const struct azd_map *map);

/* Entries stand in key order, so those of one type are neighbours. Borrowed until the next load or free. */
const struct azd_map_entry *azd_map_entries(const struct azd_map *map);

/* NULL: no open version. The place in azd_map_entries is `entry - azd_map_entries(map)`. Borrowed as above. */
const struct azd_map_entry *azd_map_find(const struct azd_map *map, const struct azd_key *key);

/* The run of entries of one type: [*first, *first + answer). */
size_t azd_map_of_type(const struct azd_map *map, struct azd_str type, size_t *first);

/* One bit an entry, for one run: which open resources were seen. Threads may mark at once. Made for the map as it is;
 * of no use after its next load. */
struct azd_map_marks {
  _Atomic uint64_t *words; /* owned */
  size_t count;
};
int azd_map_marks_init(struct azd_map_marks *marks, const struct azd_map *map);
void azd_map_marks_free(struct azd_map_marks *marks);
/* true when it was marked before: the resource stands in two pages. */
bool azd_map_mark(struct azd_map_marks *marks, size_t place);
bool azd_map_marked(const struct azd_map_marks *marks, size_t place);

/* For implementations of the store: a load as a list of what opened and closed since the map's seq. Begin, then any
 * order of add and drop, then end; a failed or cancelled load leaves the map as it was. A full load begins with
 * from_seq 0 and an empty map. */
struct azd_map_load; /* opaque */
struct azd_map_load *azd_map_load_begin(struct azd_map *map, bool full);
int azd_map_load_add(struct azd_map_load *load, const struct azd_map_entry *entry);
int azd_map_load_drop(struct azd_map_load *load, const struct azd_key *key);
/* Frees load in every case. */
int azd_map_load_end(struct azd_map_load *load, int64_t seq);
void azd_map_load_cancel(struct azd_map_load *load);

#endif
