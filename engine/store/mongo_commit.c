/* A commit, in steps that may each be sent twice:
 *   1. versions and tombstones are inserted under ids that follow from key and seq; what meets itself is there already;
 *   2. the fence: the snapshot is inserted as `closing`. The unique index (scope, seq) lets one through: us, or who
 *      sealed this seq because our lease was lost (mongo_recover.c). Before it, nothing we wrote is ever seen;
 *   3. predecessors are closed, each once, by id;
 *   4. the snapshot is published.
 * After the fence the commit is decided: whoever comes next finishes it. Where nothing is closed, 2 and 4 are one. */
#include "base/clock.h"
#include "store/mongo.h"

#include <stdlib.h>

struct mg_commit {
  struct mg_store *store;
  struct azd_lease lease;
  struct mg_moment moment;
  struct mg_writer *writer;
  bson_t **waiting; /* owned: documents that no batch is made of yet */
  size_t waiting_count, waiting_bytes;
  struct mg_order ends, news; /* predecessors by id; new resources by key with seq 0 */
  bool begun;                 /* it was looked whether this seq has a snapshot already */
  bool staged;                /* something may be in the database */
  bool fenced;                /* the fence was tried, so it may be in the database: taking back is over */
};

int mg_commit_begin(struct azd_store *base, const struct azd_lease *lease, void **out, struct azd_error *error) {
  struct mg_store *store = (struct mg_store *)base;
  struct mg_commit *commit = calloc(1, sizeof *commit);
  if (!commit) return azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  *commit = (struct mg_commit){
      .store = store, .lease = *lease, .waiting = malloc(MG_BATCH * sizeof(bson_t *)), .writer = mg_writer_new(store)};
  int rc = commit->waiting && commit->writer ? mg_fenced(store, lease, error)
                                             : azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  if (!rc) rc = mg_moment_load(store, azd_str_of(lease->scope), &commit->moment, error);
  if (rc) {
    mg_writer_free(commit->writer);
    free(commit->waiting);
    free(commit);
    return rc;
  }
  *out = commit;
  return 0;
}

/* ---- staging ---- */

/* body: what stands for it in the document. */
static bson_t *version_doc(const struct mg_commit *commit, const struct azd_staged *row, struct azd_str body) {
  static const uint8_t no_hash[AZD_HASH_BYTES];
  static const struct azd_new_version none;
  const struct azd_new_version *v = row->version ? row->version : &none;
  uint8_t id[AZD_VERSION_ID_BYTES];
  int64_t seq = commit->lease.seq;
  bson_t *doc = bson_new();
  azd_version_id_in(commit->moment.hash, &row->key, seq, id);
  mg_put_bytes(doc, "_id", id, sizeof id);
  mg_put(doc, "scope", azd_str_of(commit->lease.scope));
  mg_put(doc, "id", row->version ? v->id : row->removal->id);
  mg_put(doc, "type", row->version ? v->type : row->removal->type);
  BSON_APPEND_INT64(doc, "from_seq", seq);
  BSON_APPEND_INT64(doc, "to_seq", row->version ? AZD_SEQ_OPEN : seq);
  BSON_APPEND_INT64(doc, "prev_from", row->prev_from);
  mg_put_bytes(doc, "hash", row->version ? v->hash : no_hash, AZD_HASH_BYTES);
  mg_put(doc, "view", v->view);
  mg_put(doc, "api_version", v->api_version);
  mg_put(doc, "redaction", v->redaction);
  mg_put(doc, "subscription_id", v->subscription_id);
  mg_put(doc, "resource_group", v->resource_group);
  mg_put_bytes(doc, "body", body.data, body.size); /* last: the document's own NUL follows it (mongo_read.c) */
  return doc;
}

static void forget_waiting(struct mg_commit *commit) {
  for (size_t i = 0; i < commit->waiting_count; i++) bson_destroy(commit->waiting[i]);
  commit->waiting_count = commit->waiting_bytes = 0;
}

/* A lease is good for one snapshot: to add to a published one would change what was read. */
static int begin_writing(struct mg_commit *commit, struct azd_error *error) {
  bson_t *doc, *filter = mg_scoped(azd_str_of(commit->lease.scope));
  if (commit->begun) {
    bson_destroy(filter);
    return 0;
  }
  BSON_APPEND_INT64(filter, "seq", commit->lease.seq);
  int rc = mg_get(commit->store, MG_SNAPSHOTS, filter, NULL, &doc, error);
  commit->begun = rc == AZD_ENOTFOUND;
  if (rc) return rc == AZD_ENOTFOUND ? 0 : rc;
  struct azd_str status = mg_str(doc, "status");
  rc = azd_fail(error, AZD_ECONFLICT, "run %lld of %s is %.*s already", (long long)commit->lease.seq,
                commit->lease.scope, AZD_STR_FORMAT(status));
  bson_destroy(doc);
  return rc;
}

static int may_write(struct mg_commit *commit, struct azd_error *error) {
  int rc = mg_fenced(commit->store, &commit->lease, error);
  return rc ? rc : begin_writing(commit, error);
}

/* A full batch goes on its way; the caller does not wait for it. */
static int hand_over(struct mg_commit *commit, struct azd_error *error) {
  bson_t **room = malloc(MG_BATCH * sizeof *room);
  int rc = room ? may_write(commit, error) : azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  if (rc) {
    free(room);
    return rc;
  }
  bson_t **docs = commit->waiting;
  size_t count = commit->waiting_count;
  commit->waiting = room;
  commit->waiting_count = commit->waiting_bytes = 0;
  commit->staged = true;
  return mg_writer_put(commit->writer, docs, count, error);
}

/* All of it is written, or that it is not is told. */
static int flush(struct mg_commit *commit, struct azd_error *error) {
  int rc = may_write(commit, error);
  if (!rc && commit->waiting_count) {
    commit->staged = true;
    rc = mg_insert_versions(commit->store, commit->waiting, commit->waiting_count, error);
  }
  if (!rc) rc = mg_writer_wait(commit->writer, error);
  if (!rc) forget_waiting(commit);
  return rc;
}

static int remember(struct mg_commit *commit, const struct azd_staged *row, struct azd_error *error) {
  uint8_t id[AZD_VERSION_ID_BYTES];
  azd_version_id_in(commit->moment.hash, &row->key, row->prev_from, id);
  return mg_order_add(row->prev_from ? &commit->ends : &commit->news, id + MG_SCOPE_HASH_BYTES, error);
}

/* A body that no document has room for is written at once, in parts. */
static int put_parts(struct mg_commit *commit, const struct azd_staged *row, uint8_t named[MG_PARTED_BYTES],
                     struct azd_error *error) {
  uint8_t id[AZD_VERSION_ID_BYTES];
  azd_version_id_in(commit->moment.hash, &row->key, commit->lease.seq, id);
  int rc = may_write(commit, error);
  return rc ? rc : mg_parts_put(commit->store, id, row->version->body, named, error);
}

int mg_commit_stage(void *opaque, const struct azd_staged *rows, size_t count, struct azd_error *error) {
  struct mg_commit *commit = opaque;
  int rc = 0;
  for (size_t i = 0; !rc && i < count; i++) {
    uint8_t named[MG_PARTED_BYTES];
    struct azd_str body = rows[i].version ? rows[i].version->body : AZD_STR("");
    if (body.size > MG_BODY_MAX_BYTES) {
      rc = put_parts(commit, &rows[i], named, error);
      body = (struct azd_str){(const char *)named, sizeof named};
    }
    if (!rc && (commit->waiting_count == MG_BATCH || commit->waiting_bytes + body.size > MG_WAITING_BYTES))
      rc = hand_over(commit, error);
    if (!rc) rc = remember(commit, &rows[i], error);
    if (rc) break;
    bson_t *doc = version_doc(commit, &rows[i], body);
    commit->waiting[commit->waiting_count++] = doc;
    commit->waiting_bytes += doc->len;
  }
  return rc;
}

/* ---- was the map right? ---- */

static int stale(const struct mg_commit *commit, struct azd_error *error) {
  return azd_fail(error, AZD_ECONFLICT,
                  "run %lld of %s follows versions that are not the open ones, or was told of a new resource that has "
                  "one: its map was stale",
                  (long long)commit->lease.seq, commit->lease.scope);
}

/* What it follows is open. */
static int ends_are_open(struct mg_commit *commit, struct azd_error *error) {
  const struct mg_order *ends = &commit->ends;
  int rc = 0;
  for (size_t first = 0; !rc && first < ends->count; first += MG_BATCH) {
    size_t count = ends->count - first < MG_BATCH ? ends->count - first : MG_BATCH;
    struct mg_order found = {0};
    bson_t *filter = mg_order_filter(&commit->moment, ends, first, count);
    BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN);
    rc = mg_order_find(commit->store, &commit->moment, "_id_", filter, NULL, 0, &found, error);
    if (!rc && found.count != count) rc = stale(commit, error);
    mg_order_free(&found);
  }
  return rc;
}

/* {$or: [{_id: from the key's first to its last version before this run} ...], to_seq: open} */
static bson_t *hidden_filter(const struct mg_commit *commit, size_t first, size_t count) {
  bson_t *filter = bson_new(), list, each;
  uint8_t low[AZD_VERSION_ID_BYTES], high[AZD_VERSION_ID_BYTES];
  bson_append_array_begin(filter, "$or", -1, &list);
  for (size_t i = 0; i < count; i++) {
    char key[16];
    struct azd_key of;
    memcpy(of.bytes, commit->news.ids[first + i], AZD_KEY_BYTES);
    azd_version_id_in(commit->moment.hash, &of, 0, low);
    azd_version_id_in(commit->moment.hash, &of, commit->lease.seq - 1, high);
    snprintf(key, sizeof key, "%zu", i);
    bson_append_document_begin(&list, key, -1, &each);
    mg_put_range(&each, low, high, sizeof low);
    bson_append_document_end(&list, &each);
  }
  bson_append_array_end(filter, &list);
  BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN);
  return filter;
}

/* What it calls new has no open version. The first snapshot has nothing before it. */
static int news_are_new(struct mg_commit *commit, struct azd_error *error) {
  enum { RANGES = 200 };
  const struct mg_order *news = &commit->news;
  int rc = 0;
  for (size_t first = 0; !rc && commit->moment.last && first < news->count; first += RANGES) {
    size_t count = news->count - first < RANGES ? news->count - first : RANGES;
    struct mg_order found = {0};
    rc = mg_order_find(commit->store, &commit->moment, "_id_", hidden_filter(commit, first, count), NULL, 0, &found,
                       error);
    if (!rc && found.count) rc = stale(commit, error);
    mg_order_free(&found);
  }
  return rc;
}

/* ---- the fence, closing, publication ---- */

static int insert_snapshot(struct mg_commit *commit, struct azd_changes *changes, struct azd_snapshot *snapshot,
                           struct azd_error *error) {
  struct azd_snapshot previous;
  struct azd_arena arena;
  int64_t last = commit->moment.last;
  int rc = 0;
  azd_arena_init(&arena, 0);
  if (last) rc = mg_published(commit->store, azd_str_of(commit->lease.scope), last, &previous, &arena, error);
  if (!rc && (rc = azd_chain_link(snapshot, last ? &previous : NULL, changes)))
    azd_fail(error, rc, "no memory for the chain");
  azd_arena_free(&arena);
  if (rc) return rc;
  commit->fenced = true;
  enum azd_snapshot_status now = commit->ends.count ? AZD_SNAPSHOT_CLOSING : snapshot->status;
  return mg_insert(commit->store, MG_SNAPSHOTS, mg_snapshot_doc(snapshot, now), error);
}

/* Who stands at this seq: we, from an earlier try, or another? */
static int is_ours(struct mg_commit *commit, struct azd_snapshot *snapshot, struct azd_error *error) {
  bson_t *doc, *filter = mg_scoped(azd_str_of(commit->lease.scope));
  struct azd_snapshot stored;
  struct azd_arena arena;
  BSON_APPEND_INT64(filter, "seq", commit->lease.seq);
  int rc = mg_get(commit->store, MG_SNAPSHOTS, filter, NULL, &doc, error);
  if (rc) return rc;
  if (!azd_str_equal(mg_str(doc, "_id"), azd_str_of(snapshot->id))) {
    commit->fenced = false; /* nothing of ours is seen, so it may be taken back */
    rc = azd_fail(error, AZD_ECONFLICT, "run %lld of %s was sealed by another engine: nothing of it is kept",
                  (long long)commit->lease.seq, commit->lease.scope);
  } else {
    azd_arena_init(&arena, 0);
    rc = mg_snapshot_read(commit->store, doc, &arena, &stored, error);
    if (!rc) {
      snapshot->resources = stored.resources;
      snapshot->added = stored.added, snapshot->changed = stored.changed, snapshot->removed = stored.removed;
      memcpy(snapshot->hashes_xor, stored.hashes_xor, AZD_HASH_BYTES);
      memcpy(snapshot->previous_chain, stored.previous_chain, AZD_HASH_BYTES);
      memcpy(snapshot->changes_hash, stored.changes_hash, AZD_HASH_BYTES);
      memcpy(snapshot->chain, stored.chain, AZD_HASH_BYTES);
    }
    azd_arena_free(&arena);
  }
  bson_destroy(doc);
  return rc;
}

static int fence(struct mg_commit *commit, struct azd_changes *changes, struct azd_snapshot *snapshot,
                 struct azd_error *error) {
  if (commit->fenced) { /* an earlier call may have got this far */
    int rc = is_ours(commit, snapshot, error);
    if (rc != AZD_ENOTFOUND) return rc;
  }
  int rc = flush(commit, error);
  if (!rc) rc = ends_are_open(commit, error);
  if (!rc) rc = news_are_new(commit, error);
  if (!rc) rc = insert_snapshot(commit, changes, snapshot, error);
  if (rc != AZD_ECONFLICT || !commit->fenced) return rc;
  rc = is_ours(commit, snapshot, error);
  return rc == AZD_ENOTFOUND ? azd_fail(error, AZD_EIO, "%s: the snapshot's place moved", commit->store->base.name)
                             : rc;
}

int mg_close_all(struct mg_store *store, const struct mg_moment *moment, const struct mg_order *order, int64_t seq,
                 struct azd_error *error) {
  int rc = 0;
  for (size_t first = 0; !rc && first < order->count; first += MG_BATCH) {
    size_t count = order->count - first < MG_BATCH ? order->count - first : MG_BATCH;
    bson_t *filter = mg_order_filter(moment, order, first, count);
    BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN); /* what is closed stays as it was closed */
    rc = mg_update(store, MG_VERSIONS, MG_MANY, filter, BCON_NEW("$set", "{", "to_seq", BCON_INT64(seq), "}"), NULL,
                   error);
  }
  return rc;
}

int mg_make_public(struct mg_store *store, struct azd_str scope, int64_t seq, struct azd_error *error) {
  bson_t *filter = mg_scoped(scope);
  BSON_APPEND_INT64(filter, "seq", seq);
  BSON_APPEND_UTF8(filter, "status", "closing");
  bson_t *update = BCON_NEW("0", "{", "$set", "{", "status", BCON_UTF8("$final"), "}", "}", "1", "{", "$unset",
                            BCON_UTF8("final"), "}");
  /* An array of stages, not a document: the driver tells them apart by the keys. */
  return mg_update(store, MG_SNAPSHOTS, MG_ONE, filter, update, NULL, error);
}

int mg_commit_publish(void *opaque, struct azd_changes *changes, struct azd_snapshot *snapshot,
                      struct azd_error *error) {
  struct mg_commit *commit = opaque;
  int rc = fence(commit, changes, snapshot, error);
  if (rc || !commit->ends.count) return rc;
  rc = mg_close_all(commit->store, &commit->moment, &commit->ends, commit->lease.seq, error);
  if (!rc) rc = mg_make_public(commit->store, azd_str_of(commit->lease.scope), commit->lease.seq, error);
  /* The decision has fallen, whatever now goes wrong: it is to be told as a commit that may be asked for again. */
  if (!rc || rc == AZD_EIO || rc == AZD_EBUSY) return rc;
  if (error) error->code = AZD_EIO;
  return AZD_EIO;
}

void mg_commit_end(void *opaque) {
  struct mg_commit *commit = opaque;
  mg_writer_free(commit->writer); /* before it is taken back, nothing more may come */
  if (commit->staged && !commit->fenced) {
    bson_t *filter = mg_scoped(azd_str_of(commit->lease.scope));
    BSON_APPEND_INT64(filter, "from_seq", commit->lease.seq);
    mg_delete(commit->store, MG_VERSIONS, filter, NULL, NULL); /* what stays, the next acquire sweeps */
  }
  forget_waiting(commit);
  mg_moment_free(&commit->moment);
  mg_order_free(&commit->ends);
  mg_order_free(&commit->news);
  free(commit->waiting);
  free(commit);
}
