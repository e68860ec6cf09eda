/* A commit above the implementation: doubles, the chain's changes, one failure that stays; and the training of the
 * dictionary that bodies are compressed with. */
#include "store/driver.h"

#include <pthread.h>
#include <stdlib.h>

struct azd_commit {
  struct azd_store *store;
  struct azd_lease lease;
  void *staged; /* the implementation's */
  struct azd_changes changes;
  pthread_mutex_t putting;
  struct azd_error failure; /* code 0: none */
};

enum { CHUNK = 256 }; /* rows handed to the implementation at once: bounds what stands on the stack */

int azd_commit_begin(struct azd_store *store, const struct azd_lease *lease, struct azd_commit **commit,
                     struct azd_error *error) {
  if (store->read_only) return azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
  struct azd_commit *made = calloc(1, sizeof *made);
  if (!made) return azd_fail(error, AZD_ENOMEM, "no memory for a commit");
  made->store = store;
  made->lease = *lease;
  azd_changes_init(&made->changes);
  int rc = pthread_mutex_init(&made->putting, NULL) ? AZD_ENOMEM : 0;
  if (rc) {
    free(made);
    return azd_fail(error, rc, "no memory for a commit");
  }
  rc = store->ops->commit_begin(store, &made->lease, &made->staged, error);
  if (rc) {
    pthread_mutex_destroy(&made->putting);
    free(made);
    return rc;
  }
  *commit = made;
  return 0;
}

static void commit_free(struct azd_commit *commit) {
  commit->store->ops->commit_end(commit->staged);
  azd_changes_free(&commit->changes);
  pthread_mutex_destroy(&commit->putting);
  free(commit);
}

void azd_commit_abort(struct azd_commit *commit) {
  if (commit) commit_free(commit);
}

/* What is half written cannot be told from what is not: the commit keeps its first failure. */
static int failed(struct azd_commit *commit, int rc, const struct azd_error *failure, struct azd_error *error) {
  commit->failure = *failure;
  commit->failure.code = rc;
  if (error) *error = commit->failure;
  return rc;
}

static int row_of_version(const struct azd_commit *commit, const struct azd_new_version *version,
                          struct azd_staged *row, struct azd_error *error) {
  if (!version->id.size || !version->type.size || !version->body.size)
    return azd_fail(error, AZD_EINVAL, "a version without id, type or body");
  if (version->previous && version->previous->from_seq >= commit->lease.seq)
    return azd_fail(error, AZD_EINVAL, "a version of run %lld that follows run %lld", (long long)commit->lease.seq,
                    (long long)version->previous->from_seq);
  *row = (struct azd_staged){
      .version = version, .key = version->key, .prev_from = version->previous ? version->previous->from_seq : 0};
  return 0;
}

static int row_of_removal(const struct azd_commit *commit, const struct azd_removal *removal, struct azd_staged *row,
                          struct azd_error *error) {
  if (!removal->previous || removal->previous->from_seq >= commit->lease.seq)
    return azd_fail(error, AZD_EINVAL, "a removal that does not name the open version it ends");
  *row =
      (struct azd_staged){.removal = removal, .key = removal->previous->key, .prev_from = removal->previous->from_seq};
  return 0;
}

static const uint8_t *hash_before(const struct azd_staged *row) {
  const struct azd_map_entry *previous = row->version ? row->version->previous : row->removal->previous;
  return previous ? previous->hash : NULL;
}

/* Either versions or removals is NULL. The caller holds the lock. */
static int stage(struct azd_commit *commit, const struct azd_new_version *versions, const struct azd_removal *removals,
                 size_t count, size_t *duplicates, struct azd_error *error) {
  struct azd_staged rows[CHUNK];
  struct azd_error failure = {0};
  for (size_t i = 0; i < count; i++) { /* refused before anything is taken in */
    int rc = versions ? row_of_version(commit, &versions[i], rows, error)
                      : row_of_removal(commit, &removals[i], rows, error);
    if (rc) return rc;
  }
  for (size_t i = 0; i < count;) {
    size_t filled = 0;
    for (; i < count && filled < CHUNK; i++) {
      struct azd_staged *row = &rows[filled];
      if (versions)
        row_of_version(commit, &versions[i], row, NULL);
      else
        row_of_removal(commit, &removals[i], row, NULL);
      int added = azd_changes_add(&commit->changes, &row->key, hash_before(row), versions ? versions[i].hash : NULL);
      if (added < 0) {
        azd_fail(&failure, added, "no memory for the changes of a commit");
        return failed(commit, added, &failure, error);
      }
      if (added)
        filled++;
      else
        ++*duplicates;
    }
    int rc = filled ? commit->store->ops->commit_stage(commit->staged, rows, filled, &failure) : 0;
    if (rc) return failed(commit, rc, &failure, error);
  }
  return 0;
}

static int put(struct azd_commit *commit, const struct azd_new_version *versions, const struct azd_removal *removals,
               size_t count, size_t *duplicates, struct azd_error *error) {
  size_t ignored = 0;
  if (!duplicates) duplicates = &ignored;
  *duplicates = 0;
  pthread_mutex_lock(&commit->putting);
  int rc = commit->failure.code;
  if (rc && error) *error = commit->failure;
  if (!rc) rc = stage(commit, versions, removals, count, duplicates, error);
  pthread_mutex_unlock(&commit->putting);
  return rc;
}

int azd_commit_put(struct azd_commit *commit, const struct azd_new_version *versions, size_t count, size_t *duplicates,
                   struct azd_error *error) {
  return put(commit, versions, NULL, count, duplicates, error);
}

int azd_commit_remove(struct azd_commit *commit, const struct azd_removal *removals, size_t count, size_t *duplicates,
                      struct azd_error *error) {
  return put(commit, NULL, removals, count, duplicates, error);
}

int azd_commit_publish(struct azd_commit *commit, struct azd_snapshot *snapshot, struct azd_error *error) {
  if (commit->failure.code) {
    if (error) *error = commit->failure;
    return commit->failure.code;
  }
  if (snapshot->status != AZD_SNAPSHOT_COMPLETE && snapshot->status != AZD_SNAPSHOT_PARTIAL)
    return azd_fail(error, AZD_EINVAL, "a snapshot is published as complete or partial");
  if (!snapshot->id[0]) azd_uuid7(snapshot->id);
  snapshot->seq = commit->lease.seq;
  snapshot->scope = azd_str_of(commit->lease.scope);
  int rc = commit->store->ops->commit_publish(commit->staged, &commit->changes, snapshot, error);
  if (rc == AZD_EIO || rc == AZD_EBUSY) return rc; /* may be called again */
  if (rc) {
    struct azd_error failure = error ? *error : (struct azd_error){.code = rc};
    return failed(commit, rc, &failure, error);
  }
  snapshot->scope = (struct azd_str){0};
  commit_free(commit);
  return 0;
}

/* ---- the dictionary ---- */

enum { SAMPLES = 6000, SAMPLE_BYTES = 16 * 1024 * 1024 };

/* Every so many versions of a snapshot one, decoded, one behind the other. */
static int sample(struct azd_store *store, const struct azd_snapshot *last, struct azd_buf *samples, size_t *sizes,
                  size_t *count, struct azd_error *error) {
  struct azd_version_query query = {.scope = last->scope, .seq = last->seq, .bodies = true, .any_order = true};
  struct azd_codec_work *work = azd_codec_work_new();
  struct azd_version_cursor *cursor = NULL;
  struct azd_version version;
  int64_t stride = last->resources / SAMPLES + 1, place = 0;
  int rc = work ? azd_store_versions(store, &query, &cursor, error) : azd_fail(error, AZD_ENOMEM, "no memory for zstd");
  while (!rc && (rc = azd_version_next(cursor, &version, error)) > 0) {
    size_t before = samples->size, bytes;
    rc = 0;
    if (place++ % stride || *count == SAMPLES || azd_codec_size(version.body, &bytes, NULL)) continue;
    if (before + bytes > SAMPLE_BYTES) continue;
    rc = azd_codec_decode(store->codec, work, version.body, samples, error);
    if (!rc) sizes[(*count)++] = samples->size - before;
  }
  azd_version_close(cursor);
  azd_codec_work_free(work);
  return rc;
}

int azd_store_train(struct azd_store *store, struct azd_str scope, bool *trained, struct azd_error *error) {
  if (trained) *trained = false;
  if (azd_codec_has_current(store->codec)) return 0;
  struct azd_arena arena;
  struct azd_buf samples, dictionary;
  struct azd_snapshot last;
  struct azd_error none = {0};
  size_t count = 0, *sizes = malloc(SAMPLES * sizeof *sizes);
  azd_arena_init(&arena, 0);
  azd_buf_init(&samples, 0);
  azd_buf_init(&dictionary, 0);
  int rc = sizes ? 0 : azd_fail(error, AZD_ENOMEM, "no memory for samples");
  if (!rc && store->read_only) rc = azd_fail(error, AZD_EDENIED, "%s is open for reading only", store->name);
  if (!rc)
    rc = azd_store_snapshot(store, &(struct azd_snapshot_query){.by = AZD_BY_LAST, .scope = scope}, &arena, &last,
                            error);
  if (!rc) rc = sample(store, &last, &samples, sizes, &count, error);
  if (!rc) {
    rc = azd_dict_train(azd_buf_str(&samples), sizes, count, &dictionary, &none);
    if (rc == AZD_ENOTFOUND)
      rc = 0;
    else if (rc)
      rc = azd_fail(error, rc, "%s", none.text);
    else
      rc = store->ops->dictionary_put(store, azd_buf_str(&dictionary), error);
    if (!rc && trained) *trained = azd_codec_has_current(store->codec);
  }
  azd_buf_free(&dictionary);
  azd_buf_free(&samples);
  azd_arena_free(&arena);
  free(sizes);
  return rc;
}
