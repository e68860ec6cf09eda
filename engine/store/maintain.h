/* What keeps a store in order, beside the work of every day: how much is in it, whether it is sound, its indexes, and
 * the step from one version of its schema to the next.
 * Thread, blocking, errors: as store.h says. */
#ifndef AZD_STORE_MAINTAIN_H
#define AZD_STORE_MAINTAIN_H

#include "store/store.h"

/* The version of the schema that this program writes, and the one that was found when the store was opened (0: it was
 * empty): where they differ, opening has migrated it. */
struct azd_schema {
  int64_t version, found;
};
struct azd_schema azd_store_schema(const struct azd_store *store);

struct azd_scope_stats {
  int64_t snapshots, versions, open_versions; /* published; versions without what a run has only staged */
  int64_t body_bytes;                         /* of those versions, as stored */
  int64_t first_ms, last_ms, last_seq;        /* of the oldest and the newest snapshot; 0: none */
};
/* A scope without snapshots has zeros. */
int azd_store_scope_stats(struct azd_store *store, struct azd_str scope, struct azd_scope_stats *stats,
                          struct azd_error *error);

/* Makes every index anew, and what is missing of them. Reading and writing go on, slower. */
int azd_store_rebuild_indexes(struct azd_store *store, struct azd_error *error);

/* ---- which moments a scope has ---- */

enum azd_mark_state {
  AZD_MARK_CLOSING,  /* being published */
  AZD_MARK_KEPT,     /* a published snapshot that can be read */
  AZD_MARK_THINNING, /* chosen to go: nobody reads it any more, and its versions are being deleted */
  AZD_MARK_THINNED,  /* only its fields are left, for the chain */
};
struct azd_mark {
  int64_t seq, timestamp_ms;
  enum azd_mark_state state;
};
/* All that were ever published, or are being published, in order of seq, in arena. */
int azd_store_marks(struct azd_store *store, struct azd_str scope, struct azd_arena *arena, struct azd_mark **marks,
                    size_t *count, struct azd_error *error);
/* Snapshots with seq > after_seq, in order, at most limit, those with them that are thinned out. */
int azd_store_chain(struct azd_store *store, struct azd_str scope, int64_t after_seq, size_t limit,
                    struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count, struct azd_error *error);

/* Is this the chain of a snapshot of the scope? A head that was noted stays in it for ever. */
int azd_store_has_chain(struct azd_store *store, struct azd_str scope, const uint8_t chain[AZD_HASH_BYTES], bool *found,
                        struct azd_error *error);

struct azd_scan_query {
  struct azd_str scope;
  struct azd_key after_key; /* only what stands behind this one ... */
  int64_t after_from;       /* ... with this from_seq; 0: all */
  bool bodies;
};
/* Every version as it is stored, in order of key and from_seq: also what no reader may see. */
int azd_store_scan(struct azd_store *store, const struct azd_scan_query *query, struct azd_version_cursor **cursor,
                   struct azd_error *error);

/* ---- thinning out: what retention does ----
 *
 * A version goes when no snapshot that is kept lies in [from_seq, to_seq); so whatever is kept reads back the same
 * before and after. A tombstone goes with the version it follows. The last snapshot and those that a baseline or an
 * accepted state stands on always stay. First the snapshots are marked, from then on nobody reads them; then versions
 * go batch by batch, beside running commits; whoever dies in between is gone on from by the next step. The fields of a
 * snapshot stay for good: the chain goes through them. */

enum { AZD_THIN_BATCH_MAX = 10000 };

/* Marks those of seqs that may go. marked (may be NULL): how many. */
int azd_store_thin(struct azd_store *store, struct azd_str scope, const int64_t *seqs, size_t count, size_t *marked,
                   struct azd_error *error);
/* Deletes at most limit versions (up to AZD_THIN_BATCH_MAX) that only marked snapshots show. *deleted below limit is
 * not the end yet; *done is. */
int azd_store_thin_step(struct azd_store *store, struct azd_str scope, int64_t limit, int64_t *deleted, bool *done,
                        struct azd_error *error);

struct azd_thin_count {
  int64_t snapshots, versions, body_bytes;
};
/* What would go if seqs were marked, with what is marked already. Changes nothing. */
int azd_store_thin_count(struct azd_store *store, struct azd_str scope, const int64_t *seqs, size_t count,
                         struct azd_thin_count *counted, struct azd_error *error);

#endif
