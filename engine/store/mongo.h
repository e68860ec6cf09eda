/* The store in a MongoDB database (4.4 or newer: standalone, replica set). Private to engine/store/mongo*.c.
 *
 * Words. moment: the last published seq of a scope and the seqs that were sealed as void: what a reader must know to
 * tell what it may see. order: ids of versions in key order, 24 bytes each. patience: how long a step is tried again.
 *
 * Nothing here is a transaction over several documents: they fail at this size and do not exist on a standalone.
 * A commit is made of steps that may each be sent twice (mongo_commit.c); its one decision is the insert of the
 * snapshot under the unique index (scope, seq).
 *
 * Thread: any; a client belongs to who took it from the pool. Blocks: on the network; a step that fails for a reason
 * that passes (an election, a lost connection) is tried again for retry_ms. Within these files AZD_EIO means such a
 * reason, and nothing else does. */
#ifndef AZD_STORE_MONGO_H
#define AZD_STORE_MONGO_H

#include "store/driver.h"
#include "json/doc.h"

#include <mongoc/mongoc.h>
#include <stdlib.h>

enum {
  MG_SCHEMA_VERSION = 2,
  MG_BATCH = 1000,                      /* documents written, closed or fetched in one command */
  MG_WAITING_BYTES = 8 * 1024 * 1024,   /* of documents waiting to be written */
  MG_BODY_MAX_BYTES = 15 * 1024 * 1024, /* encoded: a document ends at 16 MB */
  MG_ORDER_BYTES = AZD_KEY_BYTES + 8,   /* a version's _id without its scope */
  MG_SCOPE_HASH_BYTES = AZD_VERSION_ID_BYTES - MG_ORDER_BYTES,
  MG_PARTED_BYTES = 1 + 4 + AZD_VERSION_ID_BYTES, /* the body of a version whose body lies in parts */
  MG_SLOW_MS = 2000,
};

#define MG_VERSIONS     "resource_versions"
#define MG_SNAPSHOTS    "snapshots"
#define MG_LEASES       "leases"
#define MG_BASELINES    "baselines"
#define MG_ACCEPTED     "accepted"
#define MG_REPORTS      "drift_reports"
#define MG_DRIFTS       "drifts"
#define MG_LIVES        "drift_lives"
#define MG_SMALLS       "documents"
#define MG_DICTIONARIES "dictionaries"
#define MG_SCHEMA       "azdrift"
#define MG_RESOURCES    "resources"
#define MG_PARTS        "body_parts"

#define MG_BY_TO   "scope_to"
#define MG_BY_FROM "scope_from"

struct mg_store {
  struct azd_store base;
  mongoc_client_pool_t *pool;
  char *database;
  int32_t retry_ms; /* 0 while opening: who waits for a start wants to know */
  bool projection;
};

extern const struct azd_store_ops mg_ops;

/* ---- mongo.c ---- */
int mg_store_open(const struct azd_store_options *options, struct azd_store **store, struct azd_error *error);
void mg_close(struct azd_store *store);

/* ---- mongo_options.c: from a url to a pool ---- */
/* Checks the url and sets what the protocol needs; the url's own settings stand where they do no harm. */
int mg_pool_open(struct mg_store *store, const struct azd_store_options *options, struct azd_error *error);

/* ---- mongo_watch.c ---- */
void mg_watch_driver(void);
void mg_watch_pool(mongoc_client_pool_t *pool);

/* ---- mongo_schema.c ---- */
/* Is it a MongoDB we know, is the database ours and of a version we know? Makes indexes where it may write. */
int mg_schema_ready(struct mg_store *store, struct azd_error *error);
/* Indexes that are missing, or are on other fields than ours. */
int mg_schema_check(struct mg_store *store, void (*on_finding)(void *, const char *), void *context,
                    struct azd_error *error);
int mg_rebuild_indexes(struct azd_store *, struct azd_error *);
/* Of the reply to buildInfo: AZD_EUNSUPPORTED with a sentence for what only claims to be MongoDB, or is too old. */
int mg_server_judge(const char *name, const bson_t *build, bool is_router, struct azd_error *error);

/* ---- mongo_conn.c: clients, commands, errors ---- */
int mg_take(struct mg_store *store, mongoc_client_t **client, struct azd_error *error);
void mg_give(struct mg_store *store, mongoc_client_t *client);

/* What a failure means for people, and whether it passes (AZD_EIO). doing: "reading snapshots". */
int mg_fail(const struct mg_store *store, const bson_error_t *failure, const char *doing, struct azd_error *error);

struct mg_patience {
  int64_t start_ns;
  int tries;
};
/* true: rc is a failure that passes, there is time left, and a moment was waited: do the step again. */
bool mg_again(const struct mg_store *store, struct mg_patience *patience, int rc);

/* All of these take filter, doc, update and opts as given: they destroy them. opts may be NULL. */

/* The first document, copied; the caller destroys it. AZD_ENOTFOUND without a sentence. */
int mg_get(struct mg_store *store, const char *collection, bson_t *filter, bson_t *opts, bson_t **doc,
           struct azd_error *error);
/* AZD_ECONFLICT without a sentence where a unique index has it already, perhaps from this very call. */
int mg_insert(struct mg_store *store, const char *collection, bson_t *doc, struct azd_error *error);
enum mg_update { MG_ONE, MG_MANY, MG_UPSERT, MG_REPLACE };
/* matched may be NULL. AZD_ECONFLICT as above, from an upsert. */
int mg_update(struct mg_store *store, const char *collection, enum mg_update how, bson_t *filter, bson_t *update,
              int64_t *matched, struct azd_error *error);
int mg_delete(struct mg_store *store, const char *collection, bson_t *filter, int64_t *deleted,
              struct azd_error *error);
/* findAndModify by a pipeline or an update, answering the new document, copied. AZD_ENOTFOUND without a sentence. */
int mg_modify(struct mg_store *store, const char *collection, bson_t *filter, bson_t *update, bool upsert, bson_t **doc,
              struct azd_error *error);
/* Of the reply to a bulk that failed: its only failures were ids that are there already. */
bool mg_only_doubles(const bson_t *reply);
int mg_command(struct mg_store *store, const char *database, bson_t *command, bson_t *reply, struct azd_error *error);

/* Reading many. */
struct mg_list {
  struct mg_store *store;
  mongoc_client_t *client; /* NULL: not open */
  mongoc_cursor_t *cursor;
};
int mg_list_open(struct mg_store *store, const char *collection, bson_t *filter, bson_t *opts, struct mg_list *list,
                 struct azd_error *error);
/* 1: doc is borrowed until the next step; 0: the end. A failure is told once and not tried again: the caller restarts.
 */
int mg_list_next(struct mg_list *list, const bson_t **doc, struct azd_error *error);
void mg_list_close(struct mg_list *list);

/* ---- mongo_bson.c: fields ---- */
void mg_put(bson_t *doc, const char *name, struct azd_str text);
void mg_put_bytes(bson_t *doc, const char *name, const void *data, size_t bytes);
/* Borrowed from doc; NULL or of another type reads as empty or 0. */
struct azd_str mg_str(const bson_t *doc, const char *name);
struct azd_str mg_bin(const bson_t *doc, const char *name);
int64_t mg_i64(const bson_t *doc, const char *name); /* times as milliseconds */
/* Exactly bytes of it, or AZD_ECORRUPT. */
int mg_bytes(const struct mg_store *store, const bson_t *doc, const char *name, void *out, size_t bytes,
             struct azd_error *error);
/* {name: {$gte: low, $lte: high}} over _id. */
void mg_put_range(bson_t *filter, const uint8_t *low, const uint8_t *high, size_t bytes);
/* Grows an array of items of each bytes in arena by doubling; NULL when memory is exhausted. */
void *mg_array_room(struct azd_arena *arena, void *items, size_t count, size_t *capacity, size_t each);
bson_t *mg_scoped(struct azd_str scope); /* {scope: scope} */
void mg_scope_hash(struct azd_str scope, uint8_t hash[MG_SCOPE_HASH_BYTES]);

/* ---- mongo_lease.c ---- */
int mg_acquire(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
int mg_renew(struct azd_store *, struct azd_lease *, int64_t ttl_ms, struct azd_error *);
int mg_release(struct azd_store *, const struct azd_lease *, struct azd_error *);
/* AZD_ECONFLICT where seq is no longer the scope's last token. It saves work; the unique (scope, seq) is what holds. */
int mg_fenced(struct mg_store *store, const struct azd_lease *lease, struct azd_error *error);

/* ---- mongo_snapshot.c ---- */
/* Adds to filter, which it answers: published, and nobody thins it out. */
bson_t *mg_published_filter(bson_t *filter);
const char *mg_status_name(enum azd_snapshot_status status);
bson_t *mg_snapshot_doc(const struct azd_snapshot *snapshot, enum azd_snapshot_status now);
int mg_snapshot_read(const struct mg_store *store, const bson_t *doc, struct azd_arena *arena,
                     struct azd_snapshot *snapshot, struct azd_error *error);
/* The last published seq; 0: none. */
int mg_last_seq(struct mg_store *store, struct azd_str scope, int64_t *seq, struct azd_error *error);
/* AZD_ENOTFOUND with a sentence where seq is not published. */
int mg_published(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_snapshot *snapshot,
                 struct azd_arena *arena, struct azd_error *error);
int mg_snapshot(struct azd_store *, const struct azd_snapshot_query *, struct azd_arena *, struct azd_snapshot *,
                struct azd_error *);
int mg_snapshots(struct azd_store *, struct azd_str scope, int64_t before_seq, size_t limit, struct azd_arena *,
                 struct azd_snapshot **, size_t *, struct azd_error *);
int mg_chain(struct azd_store *, struct azd_str scope, int64_t after_seq, size_t limit, struct azd_arena *,
             struct azd_snapshot **, size_t *, struct azd_error *);
int mg_scopes(struct azd_store *, struct azd_arena *, const char ***, size_t *, struct azd_error *);

/* ---- mongo_check.c ---- */
/* Of what filter, which is destroyed, finds; bytes of the bodies of versions. */
int mg_count(struct mg_store *store, const char *collection, bson_t *filter, int64_t *found, struct azd_error *error);
int mg_body_bytes(struct mg_store *store, bson_t *filter, int64_t *bytes, struct azd_error *error);
int mg_stats(struct azd_store *, struct azd_store_stats *, struct azd_error *);
int mg_scope_stats(struct azd_store *, struct azd_str scope, struct azd_scope_stats *, struct azd_error *);
int mg_self_check(struct azd_store *, void (*on_finding)(void *, const char *), void *, struct azd_error *);

/* ---- mongo_thin.c ---- */
/* Takes hold of a published snapshot, so that it is not thinned out before a baseline is seen to stand on it.
 * AZD_ENOTFOUND with a sentence. */
int mg_pin(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_error *error);
int mg_marks(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_mark **, size_t *,
             struct azd_error *);
int mg_thin_mark(struct azd_store *, struct azd_str scope, const int64_t *, size_t, size_t *, struct azd_error *);
int mg_thin_some(struct azd_store *, struct azd_str scope, struct azd_gap, int64_t limit, int64_t *,
                 struct azd_error *);
int mg_thin_count(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_thin_count *,
                  struct azd_error *);
int mg_thin_finish(struct azd_store *, struct azd_str scope, struct azd_gap, struct azd_error *);

/* ---- mongo_order.c: which versions, in key order ---- */
struct mg_moment {
  char scope[AZD_SCOPE_MAX_BYTES];
  uint8_t hash[MG_SCOPE_HASH_BYTES];
  int64_t last;   /* published; 0: none */
  int64_t *voids; /* owned, sorted */
  size_t void_count;
};
int mg_moment_load(struct mg_store *store, struct azd_str scope, struct mg_moment *moment, struct azd_error *error);
void mg_moment_free(struct mg_moment *moment);
bool mg_is_void(const struct mg_moment *moment, int64_t seq);

struct mg_order {
  uint8_t (*ids)[MG_ORDER_BYTES]; /* owned */
  size_t count, capacity;
};
int mg_order_add(struct mg_order *order, const uint8_t id[MG_ORDER_BYTES], struct azd_error *error);
void mg_order_sort(struct mg_order *order);
/* Sorted before: each id once. */
void mg_order_unique(struct mg_order *order);
/* Adds to opts what makes a scan of the index exact beside a commit. */
void mg_order_opts(bson_t *opts, const char *index);
/* Is it among the first `sorted`? */
bool mg_order_has(const struct mg_order *order, size_t sorted, const uint8_t id[MG_ORDER_BYTES]);
/* AZD_ECORRUPT: a snapshot does not read as it was published. */
int mg_order_differs(const struct mg_store *store, int64_t expected, size_t found, struct azd_error *error);
/* Is the key's type among these sorted prefixes? Always where count is 0. */
bool mg_type_wanted(const struct azd_key *key, const uint8_t (*types)[AZD_KEY_TYPE_BYTES], size_t count);
/* {_id: {$in: the full ids of [first, first + count)}} */
bson_t *mg_order_filter(const struct mg_moment *moment, const struct mg_order *order, size_t first, size_t count);
static inline void mg_order_free(struct mg_order *order) {
  free(order->ids);
  *order = (struct mg_order){0};
}
/* What is open at a published snapshot, verified by its count and hashes; read again where a commit was in the way.
 * load (may be NULL) is begun anew for each try and given every entry; on 0 the caller ends it. */
int mg_order_snapshot(struct mg_store *store, const struct mg_moment *moment, const struct azd_snapshot *snapshot,
                      struct mg_order *order, struct azd_map *map, struct azd_map_load **load, struct azd_error *error);
/* The documents of filter, without void ones, appended; types as azd_touched_query has them. */
int mg_order_find(struct mg_store *store, const struct mg_moment *moment, const char *index, bson_t *filter,
                  const uint8_t (*types)[AZD_KEY_TYPE_BYTES], size_t type_count, struct mg_order *order,
                  struct azd_error *error);

/* ---- mongo_map.c ---- */
int mg_map_load(struct azd_store *, struct azd_str scope, struct azd_map *, struct azd_error *);

/* ---- mongo_commit.c, mongo_recover.c ---- */
int mg_commit_begin(struct azd_store *, const struct azd_lease *, void **, struct azd_error *);
int mg_commit_stage(void *, const struct azd_staged *, size_t, struct azd_error *);
int mg_commit_publish(void *, struct azd_changes *, struct azd_snapshot *, struct azd_error *);
void mg_commit_end(void *);
int mg_recover(struct azd_store *, const struct azd_lease *, struct azd_error *);

/* Ends the versions in order at seq, those that are still open. */
int mg_close_all(struct mg_store *store, const struct mg_moment *moment, const struct mg_order *order, int64_t seq,
                 struct azd_error *error);
/* From closing to what it was made for; nothing to do is no error. */
int mg_make_public(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_error *error);

/* ---- mongo_writer.c ---- */
/* What is there already, from this very call or an earlier one, is no failure. */
int mg_insert_versions(struct mg_store *store, bson_t *const *docs, size_t count, struct azd_error *error);
struct mg_writer;                                        /* one thread at a time calls these */
struct mg_writer *mg_writer_new(struct mg_store *store); /* NULL: no memory */
/* Takes docs and the array they are in, also where it fails; waits where two batches wait already. The failure may be
 * that of an earlier batch. */
int mg_writer_put(struct mg_writer *writer, bson_t **docs, size_t count, struct azd_error *error);
/* Until all is written. The first failure. */
int mg_writer_wait(struct mg_writer *writer, struct azd_error *error);
/* Waits for what is under way; what failed before is not told. NULL is fine. */
void mg_writer_free(struct mg_writer *writer);

/* ---- mongo_parts.c ---- */
/* Writes a body beyond MG_BODY_MAX_BYTES in parts; named is what stands in its place. */
int mg_parts_put(struct mg_store *store, const uint8_t id[AZD_VERSION_ID_BYTES], struct azd_str body,
                 uint8_t named[MG_PARTED_BYTES], struct azd_error *error);
int mg_body_join(struct azd_store *, struct azd_str body, struct azd_buf *out, struct azd_error *);
/* Deletes parts whose version is not there. Under the scope's lease, before anything is staged. */
int mg_parts_sweep(struct mg_store *store, struct azd_str scope, struct azd_error *error);

/* ---- mongo_read.c ---- */
int mg_versions(struct azd_store *, const struct azd_version_query *, struct azd_version_cursor **, struct azd_error *);
/* Those of order, which the cursor takes. */
int mg_versions_of(struct azd_store *, struct azd_str scope, struct mg_order *order, bool bodies,
                   struct azd_version_cursor **, struct azd_error *);
/* A document as a version, borrowed from it. */
int mg_version_read(const struct mg_store *store, const bson_t *doc, const struct mg_moment *moment,
                    struct azd_version *version, struct azd_error *error);
/* What to ask for so that mg_version_read can read it. */
bson_t *mg_version_opts(bool bodies, size_t batch);
int mg_history(struct azd_store *, struct azd_str scope, const struct azd_key *, bool bodies,
               struct azd_version_cursor **, struct azd_error *);
int mg_touched(struct azd_store *, const struct azd_touched_query *, struct azd_version_cursor **, struct azd_error *);
int mg_version(struct azd_store *, struct azd_str scope, const struct azd_key *, int64_t seq, struct azd_arena *,
               struct azd_version *, struct azd_error *);
int mg_types(struct azd_store *, struct azd_str scope, int64_t seq, struct azd_arena *, struct azd_type_count **,
             size_t *, struct azd_error *);
int mg_scan(struct azd_store *, const struct azd_scan_query *, struct azd_version_cursor **, struct azd_error *);

/* ---- mongo_project.c, mongo_tape.c ---- */
int mg_project(struct azd_store *, struct azd_str scope, bool anew, int64_t *written, struct azd_error *);
/* Appends the document as name. What could not be carried as it is stands in notes, an array of {path, is}. AZD_ELIMIT:
 * larger than BSON may be. */
int mg_tape_put(bson_t *to, const char *name, const struct azd_doc *doc, bson_t *notes);

/* ---- mongo_stream.c, mongo_touched.c ---- */
/* All types, in any order. */
int mg_stream_open(struct azd_store *, const struct azd_version_query *, struct azd_version_cursor **,
                   struct azd_error *);

/* ---- mongo_baseline.c ---- */
int mg_baseline_set(struct azd_store *, struct azd_str scope, const struct azd_str *types, size_t count, int64_t seq,
                    bool only_missing, struct azd_str who, struct azd_str why, size_t *changed, struct azd_error *);
int mg_baseline_clear(struct azd_store *, struct azd_str scope, struct azd_str type, struct azd_error *);
int mg_baselines(struct azd_store *, struct azd_str scope, struct azd_arena *, struct azd_baseline **, size_t *,
                 struct azd_error *);
int mg_baseline_ms(struct mg_store *store, struct azd_str scope, struct azd_str type, int64_t *set_ms,
                   struct azd_error *error); /* 0: the type has none */

/* ---- mongo_accepted.c ---- */
enum { MG_ACCEPTED_ID_BYTES = MG_SCOPE_HASH_BYTES + AZD_KEY_BYTES };
int mg_accept(struct azd_store *, struct azd_str scope, const struct azd_accepted *, struct azd_error *);
int mg_unaccept(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_error *);
int mg_accepted(struct azd_store *, struct azd_str scope, const struct azd_key *, struct azd_arena *,
                struct azd_accepted **, size_t *, struct azd_error *);

/* ---- mongo_report.c, mongo_drift.c ---- */
int mg_report_put(struct azd_store *, const struct azd_report *, const struct azd_drift *, size_t,
                  const struct azd_str *resolved, size_t, struct azd_error *);
int mg_report(struct azd_store *, struct azd_str scope, struct azd_str id, struct azd_arena *, struct azd_report *,
              struct azd_error *);
int mg_reports(struct azd_store *, struct azd_str scope, int64_t before_ms, size_t limit, struct azd_arena *,
               struct azd_report **, size_t *, struct azd_error *);
/* Finishes what an engine that died between a report and the lives of its drifts left to do. */
int mg_reports_settle(struct mg_store *store, struct azd_str scope, struct azd_error *error);
/* What tells the drifts of a report from all others, in order of _id. AZD_ENOTFOUND without a sentence. */
int mg_report_batch(struct mg_store *store, struct azd_str report_id, bson_t **filter, struct azd_error *error);
/* {_id: {scope, fingerprint}} */
bson_t *mg_life_filter(struct azd_str scope, struct azd_str fingerprint);
bson_t *mg_drift_doc(const struct azd_drift *drift);
int mg_report_drifts(struct azd_store *, struct azd_str report_id, struct azd_drift_cursor **, struct azd_error *);
int mg_drifts(struct azd_store *, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **,
              struct azd_error *);
int mg_drift(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *,
             struct azd_drift *, struct azd_error *);
int mg_drift_set(struct azd_store *, struct azd_str scope, struct azd_str fingerprint, enum azd_drift_status,
                 struct azd_str who, struct azd_str why, int64_t until_ms, struct azd_error *);

/* ---- mongo_small.c ---- */
int mg_small_put(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_str bytes, int64_t expect,
                 struct azd_error *);
int mg_small_get(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_arena *, struct azd_small *,
                 struct azd_error *);
int mg_small_list(struct azd_store *, struct azd_str kind, struct azd_arena *, struct azd_small **, size_t *,
                  struct azd_error *);
int mg_small_delete(struct azd_store *, struct azd_str kind, struct azd_str id, struct azd_error *);
int mg_dictionaries_load(struct azd_store *, struct azd_error *);
int mg_dictionary_put(struct azd_store *, struct azd_str bytes, struct azd_error *);

#endif
