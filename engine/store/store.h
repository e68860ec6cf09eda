/* The one storage contract: what azdrift keeps, as verbs of its domain. sqlite*.c and mongo*.c keep it, each by filling
 * the table of driver.h and passing tests/support/store_contract.h.
 *
 * Words.  scope: what one lease collects, an ARM scope in lower case ("/subscriptions/<id>"). seq: the number of a run
 * in its scope, from 1 up, with gaps. version: one state of one resource, valid in [from_seq, to_seq). snapshot: a
 * moment; its content is the versions open at its seq. published: a snapshot readers may see. The life of a drift
 * (open, acknowledged ...) follows its fingerprint and is kept beside the reports that showed it.
 *
 * Life: azd_store_open ... azd_store_close; commits and cursors end before the store is closed.
 * Thread: a store is used by any number of threads at once; a lease, a commit's publish or abort, a cursor, a map by
 * one at a time (azd_store_put and azd_store_remove of one commit may come from several). Blocks: every verb here does,
 * on disk, network or another writer, at most busy_timeout_ms for a lock: store workers only, never the loop thread.
 * Errors: 0 or a negative azd_err with a sentence that names the store and what to do; a verb that fails changed
 * nothing (a commit that fails is still to be aborted). AZD_ECONFLICT: the lease or the fence was lost to another
 * engine. AZD_EBUSY: locked longer than busy_timeout_ms; try again. AZD_ECORRUPT: stored data does not verify. Strings
 * handed in are borrowed during the call. Strings handed out live in the caller's arena, or, from a cursor, until its
 * next step. Every azd_str handed out is also NUL-terminated. Times are wall-clock milliseconds (UTC). */
#ifndef AZD_STORE_STORE_H
#define AZD_STORE_STORE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/crypto.h"
#include "store/codec.h"
#include "store/key.h"
#include "store/map.h"

#define AZD_SEQ_OPEN INT64_MAX /* to_seq of a version that nothing has followed */

enum {
  AZD_SCOPE_MAX_BYTES = 512,
  AZD_OWNER_MAX_BYTES = 256,
  AZD_STORE_BATCH = 10000,        /* versions written in one transaction at most */
  AZD_LEASE_MAX_MS = 3600 * 1000, /* no lease lives longer without being renewed */
};

/* ---- the store itself ---- */

struct azd_store; /* opaque */

struct azd_store_options {
  const char *url;         /* a path, "sqlite:PATH", "mongodb://..." or "mongodb+srv://..." */
  const char *database;    /* MongoDB only; NULL: the one that the url names, else azure_drift */
  bool read_only;          /* a missing file is an error then, and every writing verb AZD_EDENIED */
  int32_t busy_timeout_ms; /* waiting for another writer, or for what passes (an election); 0: 30,000 */

  /* MongoDB only; 0: the default. What the url itself says about the same goes before. */
  int32_t select_timeout_ms;  /* finding a server; 5,000 */
  int32_t connect_timeout_ms; /* one connection; 5,000 */
  int32_t socket_timeout_ms;  /* one answer; 60,000 */
  int32_t wait_timeout_ms;    /* a free connection; 10,000 */
  int32_t heartbeat_ms;       /* between two looks at each server; 10,000 */
  int32_t connections;        /* to each server at most; 64 */
  bool no_projection;         /* azd_store_project does nothing */
};

enum {
  AZD_STORE_BUSY_TIMEOUT_MS = 30000,
  AZD_STORE_SELECT_TIMEOUT_MS = 5000,
  AZD_STORE_CONNECT_TIMEOUT_MS = 5000,
  AZD_STORE_SOCKET_TIMEOUT_MS = 60000,
  AZD_STORE_WAIT_TIMEOUT_MS = 10000,
  AZD_STORE_HEARTBEAT_MS = 10000,
  AZD_STORE_CONNECTIONS = 64,
};

/* Makes the store where there is none (file mode 0600) and migrates an older schema; refuses a newer one
 * (AZD_EUNSUPPORTED), what is no store of ours (AZD_EPARSE) and what is damaged (AZD_ECORRUPT). */
int azd_store_open(const struct azd_store_options *options, struct azd_store **store, struct azd_error *error);
void azd_store_close(struct azd_store *store);

/* For people: the path, or the url without its password. Borrowed from the store. */
const char *azd_store_name(const struct azd_store *store);
/* The codec of its bodies: shared, any thread. Borrowed from the store. */
struct azd_codec *azd_store_codec(const struct azd_store *store);

struct azd_store_stats {
  int64_t schema_version, scopes, snapshots, versions, open_versions, reports, drifts, dictionaries;
  int64_t body_bytes; /* of all versions, as stored */
  int64_t disk_bytes;
};
int azd_store_stats(struct azd_store *store, struct azd_store_stats *stats, struct azd_error *error);

/* Scopes that have a lease or a snapshot, in order of name, in arena. */
int azd_store_scopes(struct azd_store *store, struct azd_arena *arena, const char ***scopes, size_t *count,
                     struct azd_error *error);

/* ---- who may write: leases ---- */

struct azd_lease {
  char scope[AZD_SCOPE_MAX_BYTES], owner[AZD_OWNER_MAX_BYTES];
  int64_t seq;        /* the fencing token, and the seq of the one run it is for */
  int64_t expires_ms; /* by the store's clock */
};

/* A new lease, and with it a new seq, where nobody holds one, the last has expired, owner is the same, or
 * names a process that is known to be dead (base/owner.h). AZD_EBUSY:
 * held by another, whose name and end stand in the error. Afterwards the last lease's commit is refused, whatever it
 * tries. Also recovers: a commit that died while it closed versions is finished, the versions of one that died before
 * are swept. One run is one lease: renew at ttl/3, publish once, release. */
int azd_store_acquire(struct azd_store *store, struct azd_str scope, struct azd_str owner, int64_t ttl_ms,
                      struct azd_lease *lease, struct azd_error *error);
/* AZD_ECONFLICT: taken over by another. */
int azd_store_renew(struct azd_store *store, struct azd_lease *lease, int64_t ttl_ms, struct azd_error *error);
/* Lets the next one in at once. A lease that is lost already is no error. */
int azd_store_release(struct azd_store *store, const struct azd_lease *lease, struct azd_error *error);

/* ---- snapshots ---- */

enum azd_snapshot_status {
  AZD_SNAPSHOT_CLOSING = 1, /* being published: no reader sees it */
  AZD_SNAPSHOT_VOID = 2,    /* a seq that will never be one */
  AZD_SNAPSHOT_PARTIAL = 3, /* published; its coverage says what could not be read */
  AZD_SNAPSHOT_COMPLETE = 4,
  AZD_SNAPSHOT_THINNING = 5, /* was published; retention takes its versions (maintain.h): no reader sees it */
  AZD_SNAPSHOT_THINNED = 6,  /* they are gone; its fields stay, for the chain */
};

struct azd_snapshot {
  char id[AZD_UUID_TEXT_BYTES];
  int64_t seq, timestamp_ms;
  enum azd_snapshot_status status;
  struct azd_str scope, subscription_id, resource_group; /* the last two may be empty */
  struct azd_str coverage;                               /* JSON, opaque here; kept as given, as are the next two */
  struct azd_str missing;                                /* JSON: ids a complete list did not show, still open */
  struct azd_str stamps;                                 /* JSON: bundle, schema, ruleset ... */
  struct azd_str redaction_key;                          /* id of the key of the digests in its bodies */
  int64_t resources, added, changed, removed;            /* resources: versions open at seq */
  uint8_t hashes_xor[AZD_HASH_BYTES];                    /* of all versions open at seq: readers verify with it */
  uint8_t previous_chain[AZD_HASH_BYTES], changes_hash[AZD_HASH_BYTES], chain[AZD_HASH_BYTES]; /* see chain.h */
  bool thinned; /* by retention: only these fields are left of it (maintain.h) */
};

enum azd_snapshot_by { AZD_BY_LAST, AZD_BY_SEQ, AZD_BY_ID, AZD_BY_TIME };
struct azd_snapshot_query {
  enum azd_snapshot_by by;
  struct azd_str scope; /* empty is allowed with AZD_BY_ID only */
  int64_t seq;          /* by seq: the one published with exactly this seq */
  int64_t at_ms;        /* by time: the published one with the greatest timestamp <= at_ms */
  struct azd_str id;
};
/* Published ones only. AZD_ENOTFOUND. */
int azd_store_snapshot(struct azd_store *store, const struct azd_snapshot_query *query, struct azd_arena *arena,
                       struct azd_snapshot *snapshot, struct azd_error *error);
/* Published snapshots of scope (empty: of all), newest first, those with seq < before_seq (0: all; one scope only), at
 * most limit. */
int azd_store_snapshots(struct azd_store *store, struct azd_str scope, int64_t before_seq, size_t limit,
                        struct azd_arena *arena, struct azd_snapshot **snapshots, size_t *count,
                        struct azd_error *error);

/* ---- the map of open versions (map.h) ---- */

/* Brings map up to the last published snapshot of scope: nothing to read when it is there already, else what opened and
 * closed since, or all of it. The map is as it was on failure. */
int azd_store_map_load(struct azd_store *store, struct azd_str scope, struct azd_map *map, struct azd_error *error);

/* ---- a commit ---- */

struct azd_commit; /* opaque */

/* Everything is borrowed during the call. */
struct azd_new_version {
  struct azd_key key;                                                          /* azd_key_of(type, id) */
  struct azd_str id, type, view, api_version, subscription_id, resource_group; /* as Azure wrote them */
  struct azd_str redaction;     /* what its secrets were replaced under, "key/rules", as the workflow names it */
  uint8_t hash[AZD_HASH_BYTES]; /* SHA-256 of the canonical bytes */
  struct azd_str body;          /* the canonical bytes, encoded with the store's codec */
  const struct azd_map_entry *previous; /* the open version it follows; NULL: the resource is new */
};

struct azd_removal {
  struct azd_str id, type;
  const struct azd_map_entry *previous; /* the open version that ends */
};

/* Begins what the lease's seq will be. Borrows lease only during the call. Whoever stops without azd_commit_publish
 * calls azd_commit_abort. */
int azd_commit_begin(struct azd_store *store, const struct azd_lease *lease, struct azd_commit **commit,
                     struct azd_error *error);

/* Hands over new versions and ends of versions, in any order and number; what is handed over stays invisible until
 * publication. A key that this commit has already is left out and counted in duplicates (which may be NULL): the first
 * word holds, so a page that is read twice is harmless. AZD_ECONFLICT: the lease is lost. After any failure but
 * AZD_EINVAL the commit answers that failure to every later put, remove and publish: abort it. */
int azd_commit_put(struct azd_commit *commit, const struct azd_new_version *versions, size_t count, size_t *duplicates,
                   struct azd_error *error);
int azd_commit_remove(struct azd_commit *commit, const struct azd_removal *removals, size_t count, size_t *duplicates,
                      struct azd_error *error);

/* Fence, close, publish, in one call: afterwards every reader sees all of it. From the caller come status (partial or
 * complete), timestamp, subscription, resource group, coverage, missing, stamps, redaction_key, and id (empty: one is
 * made); the call fills in everything else. The caller's strings stay borrowed in snapshot.
 * Frees the commit when it answers 0. AZD_ECONFLICT: another engine has sealed this seq, or a version that was to be
 * closed is not the open one (the map was stale): nothing of it will ever be seen; abort.
 * AZD_EIO, AZD_EBUSY: it is not known to be published: ask azd_store_snapshot by seq, or call it again: a second call
 * for what is published already answers 0. */
int azd_commit_publish(struct azd_commit *commit, struct azd_snapshot *snapshot, struct azd_error *error);

/* Takes back what it can and frees the commit; what it could not, the next acquire sweeps. NULL is fine. */
void azd_commit_abort(struct azd_commit *commit);

/* Trains a dictionary on the newest versions of scope and makes it current, where the store has none yet and there is
 * enough to learn from; else does nothing and answers 0. Call it after publications. trained may be NULL. */
int azd_store_train(struct azd_store *store, struct azd_str scope, bool *trained, struct azd_error *error);

/* Brings the readable copy of the current state (the collection `resources`, see docs/data-model.md) up to the last
 * published snapshot of scope: what changed since it was brought up last, or, anew, all of it. Nothing reads it back.
 * Does nothing, and answers 0, where the store has none: SQLite, no_projection. Call it after publications; that it
 * fails is no fault of the snapshot. written (may be NULL): documents written or removed. */
int azd_store_project(struct azd_store *store, struct azd_str scope, bool anew, int64_t *written,
                      struct azd_error *error);

/* ---- reading versions ---- */

struct azd_version {
  struct azd_key key;
  int64_t from_seq,
      to_seq;        /* equal: a tombstone, the resource was found gone at this seq; hash and body are empty then */
  int64_t prev_from; /* of the version it follows; 0: none. Filled by azd_store_scan only */
  struct azd_str id, type, view, api_version, subscription_id, resource_group, redaction;
  uint8_t hash[AZD_HASH_BYTES];
  struct azd_str body; /* encoded; empty where bodies were not asked for */
};

struct azd_version_cursor; /* opaque; sees one moment of the store however long it takes */

struct azd_version_query {
  struct azd_str scope;
  int64_t seq;         /* of a published snapshot */
  struct azd_str type; /* empty: all */
  bool bodies;
  bool any_order; /* in the order that is fastest to read, instead of in key order; without type only */
};
/* Versions open at a seq in key order: those of one type are neighbours. AZD_ENOTFOUND: no such published snapshot.
 * Over all types the end is answered only if count and xor are those of the snapshot; else it is AZD_ECORRUPT. */
int azd_store_versions(struct azd_store *store, const struct azd_version_query *query,
                       struct azd_version_cursor **cursor, struct azd_error *error);
/* All versions of one resource up to the last published snapshot, newest first, tombstones included; an empty scope
 * looks in all of them. */
int azd_store_history(struct azd_store *store, struct azd_str scope, const struct azd_key *key, bool bodies,
                      struct azd_version_cursor **cursor, struct azd_error *error);
/* 1: version is filled; 0: the end; else an error, which the cursor keeps answering. */
int azd_version_next(struct azd_version_cursor *cursor, struct azd_version *version, struct azd_error *error);
void azd_version_close(struct azd_version_cursor *cursor);

/* One resource at a seq. AZD_ENOTFOUND. */
int azd_store_version(struct azd_store *store, struct azd_str scope, const struct azd_key *key, int64_t seq,
                      struct azd_arena *arena, struct azd_version *version, struct azd_error *error);

struct azd_type_count {
  struct azd_str type;
  int64_t versions;
};
/* How many versions of each type are open at a published seq, in key order, in arena. */
int azd_store_types(struct azd_store *store, struct azd_str scope, int64_t seq, struct azd_arena *arena,
                    struct azd_type_count **types, size_t *count, struct azd_error *error);

/* ---- what differs between two moments ---- */

struct azd_pair {
  bool has_before, has_after; /* at least one; only after: added; only before: removed */
  struct azd_version before, after;
  bool accepted; /* against the baseline: before is what was accepted for this resource alone */
};
struct azd_pair_cursor; /* opaque */

struct azd_diff_query {
  struct azd_str scope;
  bool from_baseline;       /* before is the baseline: per type the seq kept for it, per resource what was accepted */
  int64_t from_seq, to_seq; /* published; either may be the newer; from_seq is not read with from_baseline */
  const struct azd_str *types; /* only these; count 0: all (from the baseline: all that have one) */
  size_t type_count;
  bool bodies;
  int64_t now_ms; /* from the baseline: what was accepted until then holds no more; 0: now */
};
/* Resources whose hash differs between the two, in key order, with bodies: it reads only versions opened or closed
 * between them. */
int azd_store_diff(struct azd_store *store, const struct azd_diff_query *query, struct azd_pair_cursor **cursor,
                   struct azd_error *error);
int azd_pair_next(struct azd_pair_cursor *cursor, struct azd_pair *pair, struct azd_error *error);
void azd_pair_close(struct azd_pair_cursor *cursor);

/* ---- baselines ---- */

struct azd_baseline { /* of one type of one scope */
  struct azd_str type;
  int64_t seq, set_ms;
  struct azd_str who, why;
};
/* Sets the baseline of each type to a published seq; with only_missing, of those that have none yet: how the first
 * snapshot that read a type in full becomes its baseline. Accepted resources of the types are dropped when it is set
 * anew, and set_ms grows. changed (may be NULL): how many were set. */
int azd_store_baseline_set(struct azd_store *store, struct azd_str scope, const struct azd_str *types, size_t count,
                           int64_t seq, bool only_missing, struct azd_str who, struct azd_str why, size_t *changed,
                           struct azd_error *error);
/* Forgets the baseline of a type (empty: of all) and what was accepted for its resources. */
int azd_store_baseline_clear(struct azd_store *store, struct azd_str scope, struct azd_str type,
                             struct azd_error *error);
int azd_store_baselines(struct azd_store *store, struct azd_str scope, struct azd_arena *arena,
                        struct azd_baseline **baselines, size_t *count, struct azd_error *error);

/* What one resource is measured against until a moment, in place of its type's baseline. */
struct azd_accepted_state {
  int64_t until_ms; /* 0: for good */
  int64_t seq;      /* the state at this published seq; that it was absent there can be accepted too */
  /* When body is not empty, it (encoded) instead: part of a drift was accepted. It counts as read the way the version
   * at seq was, its secrets as replaced under redaction (empty: as that version's). */
  struct azd_str body, redaction;
  uint8_t hash[AZD_HASH_BYTES]; /* of body's canonical bytes, when body is not empty */
};
enum { AZD_ACCEPTED_STATES_MAX = 32, AZD_EVIDENCE_MAX_BYTES = 1024 * 1024 };
#define AZD_ACCEPTED_ANY INT64_C(-1)
struct azd_accepted { /* what was accepted of one resource */
  struct azd_str id, type;
  /* The first whose time is not over holds; after the last one the type's baseline. Ascending by until_ms, one for good
   * at the end. */
  struct azd_accepted_state *states;
  size_t state_count;
  /* Two engines do not lose each other's word: revision is what is stored (when put: what is expected, 0: nothing,
   * AZD_ACCEPTED_ANY), baseline_ms the set_ms of the type's baseline it was made on (0: whichever). Where that baseline
   * was set anew since, what was accepted holds no more. */
  int64_t revision, baseline_ms;
  int64_t set_ms;
  struct azd_str who, why; /* of the last word */
  struct azd_str evidence; /* JSON, opaque here: what was accepted, when, by whom, why, until when; may be empty */
};
/* AZD_ECONFLICT: the revision, or the type's baseline, is another: read again. */
int azd_store_accept(struct azd_store *store, struct azd_str scope, const struct azd_accepted *accepted,
                     struct azd_error *error);
/* AZD_ENOTFOUND. */
int azd_store_unaccept(struct azd_store *store, struct azd_str scope, struct azd_str type, struct azd_str id,
                       struct azd_error *error);
/* In key order, those included whose time is over; of one resource where key is not NULL (none: count 0). */
int azd_store_accepted(struct azd_store *store, struct azd_str scope, const struct azd_key *key,
                       struct azd_arena *arena, struct azd_accepted **accepted, size_t *count, struct azd_error *error);

/* ---- drift reports, and the life of a drift ---- */

enum azd_drift_status {
  AZD_DRIFT_OPEN = 1,
  AZD_DRIFT_ACKNOWLEDGED = 2,
  AZD_DRIFT_MUTED = 4,
  AZD_DRIFT_ACCEPTED = 8,
  AZD_DRIFT_RESOLVED = 16,
};

struct azd_report {
  struct azd_str id, scope, snapshot_id, baseline_id; /* the last two may be empty */
  int64_t revision;                                   /* 1, then one more each time it is judged again */
  int64_t timestamp_ms, from_seq, to_seq;
  bool has_drift, complete;
  struct azd_str header; /* JSON: everything of the published shape but its drifts */
};

struct azd_drift {
  struct azd_str id, fingerprint, kind, type, resource_id, severity;
  enum azd_drift_status status;
  int64_t first_seen_seq, first_seen_ms, last_seen_seq, last_seen_ms;
  int64_t until_ms;         /* of a mute or acknowledgement; 0: none */
  struct azd_str who, why;  /* of the last change of status by a person; may be empty */
  struct azd_str earlier;   /* JSON: the times it was open before and ended; may be empty. Kept with the life alone */
  struct azd_str document;  /* JSON: the drift in the published shape */
  struct azd_str report_id; /* filled when read: the report that showed it last */
};

/* Stores a report and its drifts as one. For each drift its life is set to what it carries (the workflow has read the
 * lives before and decides); resolved are fingerprints whose lives end with this report. Drifts of an earlier revision
 * are replaced. AZD_ECONFLICT: this revision or a later one is stored. */
int azd_store_report_put(struct azd_store *store, const struct azd_report *report, const struct azd_drift *drifts,
                         size_t drift_count, const struct azd_str *resolved, size_t resolved_count,
                         struct azd_error *error);
/* By id, or, with an empty id, the newest of scope. AZD_ENOTFOUND. */
int azd_store_report(struct azd_store *store, struct azd_str scope, struct azd_str id, struct azd_arena *arena,
                     struct azd_report *report, struct azd_error *error);
/* Newest first, at most limit, older than before_ms (0: all); scope empty: of all. */
int azd_store_reports(struct azd_store *store, struct azd_str scope, int64_t before_ms, size_t limit,
                      struct azd_arena *arena, struct azd_report **reports, size_t *count, struct azd_error *error);

struct azd_drift_cursor; /* opaque */
/* The drifts of one report as it showed them, in the order they were put. */
int azd_store_report_drifts(struct azd_store *store, struct azd_str report_id, struct azd_drift_cursor **cursor,
                            struct azd_error *error);
/* The lives of a scope (empty: of all) whose status is one of statuses (a sum; 0: open, acknowledged and muted), oldest
 * first, each with its last document. */
int azd_store_drifts(struct azd_store *store, struct azd_str scope, unsigned statuses, struct azd_drift_cursor **cursor,
                     struct azd_error *error);
int azd_drift_next(struct azd_drift_cursor *cursor, struct azd_drift *drift, struct azd_error *error);
void azd_drift_close(struct azd_drift_cursor *cursor);

/* The life of one fingerprint. AZD_ENOTFOUND. */
int azd_store_drift(struct azd_store *store, struct azd_str scope, struct azd_str fingerprint, struct azd_arena *arena,
                    struct azd_drift *drift, struct azd_error *error);
/* A person's word: acknowledge, mute, accept, open again. AZD_ENOTFOUND. */
int azd_store_drift_set(struct azd_store *store, struct azd_str scope, struct azd_str fingerprint,
                        enum azd_drift_status status, struct azd_str who, struct azd_str why, int64_t until_ms,
                        struct azd_error *error);

/* ---- small documents: settings, hits of rules, whatever is small and named ---- */

struct azd_small {
  struct azd_str kind, id, bytes; /* kind and id up to 256 bytes, bytes up to 4 MB */
  int64_t revision;               /* 1 when made, one more with each put */
};
enum { AZD_SMALL_ANY = -1, AZD_SMALL_MAX_BYTES = 4 * 1024 * 1024 };
/* expect_revision: what is stored now (0: nothing, AZD_SMALL_ANY: whatever), else AZD_ECONFLICT. */
int azd_store_small_put(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_str bytes,
                        int64_t expect_revision, struct azd_error *error);
/* AZD_ENOTFOUND. */
int azd_store_small_get(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_arena *arena,
                        struct azd_small *small, struct azd_error *error);
int azd_store_small_list(struct azd_store *store, struct azd_str kind, struct azd_arena *arena,
                         struct azd_small **smalls, size_t *count, struct azd_error *error);
/* What is not there is no error. */
int azd_store_small_delete(struct azd_store *store, struct azd_str kind, struct azd_str id, struct azd_error *error);

/* The id of the redaction key is the store's: the first to ask sets it, any other is AZD_EDENIED with both names. */
int azd_store_redaction_key(struct azd_store *store, struct azd_str key_id, struct azd_error *error);

/* ---- checking ---- */

struct azd_check {
  int64_t snapshots, thinned, versions, bodies; /* looked at; snapshots with those that were thinned out */
  int64_t left_over;                            /* versions of runs that died: harmless, the next run sweeps them */
  int64_t findings;
  char first[256]; /* the first of them, for people; empty: none */
};
/* Verifies per scope (empty: each): the chain link by link; that each snapshot which is kept follows from the one kept
 * before it, by hash, count and xor; that versions stand under their keys and do not overlap; with bodies, that each
 * decodes to bytes of its hash. From the oldest on, so that first is where it begins. on_finding (may be NULL) is
 * called on this thread before the call returns, once a finding. 0 also with findings. azd_store_check asks the
 * database first what it finds wrong with its own files and indexes, and where it does leaves the rest out. */
int azd_store_verify(struct azd_store *store, struct azd_str scope, bool bodies,
                     void (*on_finding)(void *context, const char *finding), void *context, struct azd_check *check,
                     struct azd_error *error);
int azd_store_check(struct azd_store *store, struct azd_str scope, bool bodies,
                    void (*on_finding)(void *context, const char *finding), void *context, struct azd_check *check,
                    struct azd_error *error);

#endif
