/* What an implementation of the store fills in. store.c, commit.c, pair.c, check.c and maintain.c turn the verbs of
 * store.h into calls of this table, so that everything which needs no database (doubles, the chain, pairing,
 * dictionaries) is done once. Arguments are checked before a call gets here. Thread, blocking and errors: as store.h
 * says. */
#ifndef AZD_STORE_DRIVER_H
#define AZD_STORE_DRIVER_H

#include "store/chain.h"
#include "store/maintain.h"

struct azd_store {
  const struct azd_store_ops *ops;
  struct azd_codec *codec; /* owned */
  char *name;              /* owned */
  bool read_only;
  struct azd_schema schema; /* filled when it is opened */
};

/* Fills the common part; the implementation's struct begins with it. AZD_ENOMEM. */
int azd_store_init(struct azd_store *store, const struct azd_store_ops *ops, const char *name, bool read_only);
void azd_store_fini(struct azd_store *store);

/* Cursors of an implementation begin with these. step answers as azd_version_next does. */
struct azd_version_cursor {
  int (*step)(struct azd_version_cursor *cursor, struct azd_version *version, struct azd_error *error);
  void (*close)(struct azd_version_cursor *cursor);
  struct azd_store *store;
  struct azd_buf joined; /* a body that lay in parts */
};
struct azd_drift_cursor {
  int (*step)(struct azd_drift_cursor *cursor, struct azd_drift *drift, struct azd_error *error);
  void (*close)(struct azd_drift_cursor *cursor);
};

/* One row of a commit. body and hash empty: a tombstone. */
struct azd_staged {
  const struct azd_new_version *version; /* NULL: a removal */
  const struct azd_removal *removal;
  struct azd_key key;
  int64_t prev_from; /* 0: follows nothing */
};

/* Versions opened or closed in (from_seq, to_seq], from_seq < to_seq, that one of the two moments shows. In key order,
 * of one key first what from_seq shows, then what to_seq shows. */
struct azd_touched_query {
  struct azd_str scope;
  int64_t from_seq, to_seq;
  const uint8_t (*types)[AZD_KEY_TYPE_BYTES]; /* sorted prefixes; count 0: all */
  size_t type_count;
  bool bodies;
};

/* Between two snapshots that are kept: the seqs after < seq < before. after 0: before the first that is kept. A version
 * within it has after < from_seq and to_seq <= before. */
struct azd_gap {
  int64_t after, before;
};

struct azd_store_ops {
  void (*close)(struct azd_store *);
  int (*stats)(struct azd_store *, struct azd_store_stats *, struct azd_error *);
  int (*scopes)(struct azd_store *, struct azd_arena *, const char ***, size_t *, struct azd_error *);

  /* What the database itself finds wrong with its files. */
  int (*self_check)(struct azd_store *, void (*on_finding)(void *, const char *), void *, struct azd_error *);
  int (*scope_stats)(struct azd_store *, struct azd_str scope, struct azd_scope_stats *, struct azd_error *);
  int (*rebuild_indexes)(struct azd_store *, struct azd_error *);

  int (*chain)(struct azd_store *, struct azd_str scope, int64_t after_seq, size_t limit, struct azd_arena *,
               struct azd_snapshot **, size_t *, struct azd_error *);
  int (*scan)(struct azd_store *, const struct azd_scan_query *, struct azd_version_cursor **, struct azd_error *);
  int (*marks)(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_mark **, size_t *,
               struct azd_error *);
  /* Of published snapshots below the last; never one that a baseline or an accepted state stands on, or comes to stand
   * on while this is done. */
  int (*thin_mark)(struct azd_store *, struct azd_str scope, const int64_t *seqs, size_t count, size_t *marked,
                   struct azd_error *);
  /* Versions of which no moment outside of the gap is one: those that begin and end within it. */
  int (*thin_some)(struct azd_store *, struct azd_str scope, struct azd_gap, int64_t limit, int64_t *deleted,
                   struct azd_error *);
  int (*thin_count)(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_thin_count *,
                    struct azd_error *);
  /* What is marked within the gap is thinned from now on. */
  int (*thin_finish)(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_error *);

  int (*acquire)(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
  int (*renew)(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
  int (*release)(struct azd_store *, const struct azd_lease *, struct azd_error *);
  /* Rolls a closing snapshot forward and sweeps what dead runs before lease->seq left. */
  int (*recover)(struct azd_store *, const struct azd_lease *, struct azd_error *);

  int (*snapshot)(struct azd_store *, const struct azd_snapshot_query *, struct azd_arena *, struct azd_snapshot *,
                  struct azd_error *);
  int (*snapshots)(struct azd_store *, struct azd_str scope, int64_t before_seq, size_t limit, struct azd_arena *,
                   struct azd_snapshot **, size_t *, struct azd_error *);
  int (*map_load)(struct azd_store *, struct azd_str scope, struct azd_map *, struct azd_error *);

  int (*commit_begin)(struct azd_store *, const struct azd_lease *, void **commit, struct azd_error *);
  /* Copies what it keeps. */
  int (*commit_stage)(void *commit, const struct azd_staged *rows, size_t count, struct azd_error *);
  /* Links snapshot to the last published one with azd_chain_link, inside the fence. */
  int (*commit_publish)(void *commit, struct azd_changes *changes, struct azd_snapshot *snapshot, struct azd_error *);
  /* Frees commit; takes back what is not published. */
  void (*commit_end)(void *commit);

  int (*dictionaries_load)(struct azd_store *, struct azd_error *); /* all of them, into store->codec */
  /* Keeps it as current where the store has none: else, and then, loads what it has. */
  int (*dictionary_put)(struct azd_store *, struct azd_str bytes, struct azd_error *);

  /* NULL: there is no projection. */
  int (*project)(struct azd_store *, struct azd_str scope, bool anew, int64_t *written, struct azd_error *);

  /* The whole of a body that begins with 'P': the implementation keeps it in parts. NULL: it never does. */
  int (*body_join)(struct azd_store *, struct azd_str body, struct azd_buf *out, struct azd_error *);
  int (*versions)(struct azd_store *, const struct azd_version_query *, struct azd_version_cursor **,
                  struct azd_error *);
  int (*history)(struct azd_store *, struct azd_str scope, const struct azd_key *, bool bodies,
                 struct azd_version_cursor **, struct azd_error *);
  int (*touched)(struct azd_store *, const struct azd_touched_query *, struct azd_version_cursor **,
                 struct azd_error *);
  int (*version)(struct azd_store *, struct azd_str scope, const struct azd_key *, int64_t seq, struct azd_arena *,
                 struct azd_version *, struct azd_error *);
  int (*types)(struct azd_store *, struct azd_str scope, int64_t seq, struct azd_arena *, struct azd_type_count **,
               size_t *, struct azd_error *);

  int (*baseline_set)(struct azd_store *, struct azd_str scope, const struct azd_str *types, size_t count, int64_t seq,
                      bool only_missing, struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *);
  int (*baseline_clear)(struct azd_store *, struct azd_str scope, struct azd_str type, struct azd_error *);
  int (*baselines)(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_baseline **, size_t *,
                   struct azd_error *);
  int (*accept)(struct azd_store *, struct azd_str scope, const struct azd_accepted *, struct azd_error *);
  int (*unaccept)(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_error *);
  int (*accepted)(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_arena *,
                  struct azd_accepted **, size_t *, struct azd_error *);

  int (*report_put)(struct azd_store *, const struct azd_report *, const struct azd_drift *, size_t,
                    const struct azd_str *resolved, size_t, struct azd_error *);
  int (*report)(struct azd_store *, struct azd_str scope, struct azd_str id, struct azd_arena *, struct azd_report *,
                struct azd_error *);
  int (*reports)(struct azd_store *, struct azd_str scope, int64_t before_ms, size_t limit, struct azd_arena *,
                 struct azd_report **, size_t *, struct azd_error *);
  int (*report_drifts)(struct azd_store *, struct azd_str report_id, struct azd_drift_cursor **, struct azd_error *);
  int (*drifts)(struct azd_store *, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **,
                struct azd_error *);
  int (*drift)(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *,
               struct azd_drift *, struct azd_error *);
  int (*drift_set)(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, enum azd_drift_status,
                   struct azd_str who, struct azd_str why, int64_t until_ms, struct azd_error *);

  int (*small_put)(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_str bytes, int64_t expect,
                   struct azd_error *);
  int (*small_get)(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_arena *, struct azd_small *,
                   struct azd_error *);
  int (*small_list)(struct azd_store *, struct azd_str kind, struct azd_arena *, struct azd_small **, size_t *,
                    struct azd_error *);
  int (*small_delete)(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_error *);
};

/* The seqs that a baseline or an accepted state of scope stands on, sorted, in arena; doubles are possible. */
int azd_store_pinned(struct azd_store *store, struct azd_str scope, struct azd_arena *arena, int64_t **seqs,
                     size_t *count, struct azd_error *error);

/* A copy of s in arena, NUL-terminated; data NULL when memory is exhausted. */
struct azd_str azd_arena_keep(struct azd_arena *arena, struct azd_str s);
/* Copies the strings of version into arena. AZD_ENOMEM. */
int azd_version_keep(struct azd_version *version, struct azd_arena *arena);

#endif
