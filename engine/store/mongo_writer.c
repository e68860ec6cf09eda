/* Versions on their way to the server. A commit of more than one batch writes beside its caller, who goes on
 * compressing: two threads, each with a connection, are as much as a server takes in (a third made it slower). A commit
 * that fits in one batch starts none.
 *
 * The threads are the commit's own, no store workers: the caller is a store worker that waits for them, and workers
 * that wait for workers stand still once all of them are callers. They run nothing but insert, and end with the commit.
 */
#include "store/mongo.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { WRITERS = 2, QUEUE = 2 };

struct batch {
  bson_t **docs;
  size_t count;
};

struct mg_writer {
  struct mg_store *store;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct batch queue[QUEUE];
  int queued, busy, threads;
  bool stopping;
  struct azd_error failure; /* the first; code 0: none */
  pthread_t thread[WRITERS];
};

/* ---- one batch ---- */

static int insert_once(struct mg_store *store, bson_t *const *docs, size_t count, struct azd_error *error) {
  mongoc_client_t *client;
  bson_error_t failure;
  bson_t reply, *ordered = BCON_NEW("ordered", BCON_BOOL(false)), *opts = BCON_NEW("validate", BCON_BOOL(false));
  int rc = mg_take(store, &client, error);
  if (rc) goto out;
  mongoc_collection_t *collection = mongoc_client_get_collection(client, store->database, MG_VERSIONS);
  mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(collection, ordered);
  bool ok = true;
  for (size_t i = 0; ok && i < count; i++) ok = mongoc_bulk_operation_insert_with_opts(bulk, docs[i], opts, &failure);
  if (!ok)
    bson_init(&reply);
  else
    ok = mongoc_bulk_operation_execute(bulk, &reply, &failure) != 0;
  if (!ok && !mg_only_doubles(&reply)) rc = mg_fail(store, &failure, "writing versions", error);
  bson_destroy(&reply);
  mongoc_bulk_operation_destroy(bulk);
  mongoc_collection_destroy(collection);
  mg_give(store, client);
out:
  bson_destroy(ordered);
  bson_destroy(opts);
  return rc;
}

int mg_insert_versions(struct mg_store *store, bson_t *const *docs, size_t count, struct azd_error *error) {
  struct mg_patience patience = {0};
  int rc;
  do rc = insert_once(store, docs, count, error);
  while (mg_again(store, &patience, rc));
  return rc;
}

static void batch_free(struct batch *batch) {
  for (size_t i = 0; i < batch->count; i++) bson_destroy(batch->docs[i]);
  free(batch->docs);
}

/* ---- the threads ---- */

static void *write_batches(void *opaque) {
  struct mg_writer *writer = opaque;
  pthread_mutex_lock(&writer->lock);
  for (;;) {
    while (!writer->queued && !writer->stopping) pthread_cond_wait(&writer->changed, &writer->lock);
    if (!writer->queued) break;
    struct batch batch = writer->queue[--writer->queued];
    bool failed = writer->failure.code != 0; /* then nothing of this commit will be seen */
    writer->busy++;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->lock);
    struct azd_error error = {0};
    int rc = failed ? 0 : mg_insert_versions(writer->store, batch.docs, batch.count, &error);
    batch_free(&batch);
    pthread_mutex_lock(&writer->lock);
    if (rc && !writer->failure.code) {
      writer->failure = error;
      writer->failure.code = rc;
    }
    writer->busy--;
    pthread_cond_broadcast(&writer->changed);
  }
  pthread_mutex_unlock(&writer->lock);
  return NULL;
}

struct mg_writer *mg_writer_new(struct mg_store *store) {
  struct mg_writer *writer = calloc(1, sizeof *writer);
  if (!writer) return NULL;
  writer->store = store;
  if (pthread_mutex_init(&writer->lock, NULL)) goto no_lock;
  if (pthread_cond_init(&writer->changed, NULL)) goto no_condition;
  return writer;
no_condition:
  pthread_mutex_destroy(&writer->lock);
no_lock:
  free(writer);
  return NULL;
}

/* With the lock held. One is enough to go on with. Signals are for the threads that run scripts. */
static bool start_threads(struct mg_writer *writer) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (writer->threads < WRITERS && !pthread_create(&writer->thread[writer->threads], NULL, write_batches, writer))
    writer->threads++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return writer->threads > 0;
}

static int failure_of(const struct mg_writer *writer, struct azd_error *error) {
  if (writer->failure.code && error) *error = writer->failure;
  return writer->failure.code;
}

int mg_writer_put(struct mg_writer *writer, bson_t **docs, size_t count, struct azd_error *error) {
  struct batch batch = {docs, count};
  pthread_mutex_lock(&writer->lock);
  while (writer->queued == QUEUE && !writer->failure.code) pthread_cond_wait(&writer->changed, &writer->lock);
  int rc = failure_of(writer, error);
  if (!rc && !start_threads(writer)) rc = azd_fail(error, AZD_ENOMEM, "no thread to write with");
  if (!rc) writer->queue[writer->queued++] = batch;
  pthread_cond_broadcast(&writer->changed);
  pthread_mutex_unlock(&writer->lock);
  if (rc) batch_free(&batch);
  return rc;
}

int mg_writer_wait(struct mg_writer *writer, struct azd_error *error) {
  pthread_mutex_lock(&writer->lock);
  while (writer->queued || writer->busy) pthread_cond_wait(&writer->changed, &writer->lock);
  int rc = failure_of(writer, error);
  pthread_mutex_unlock(&writer->lock);
  return rc;
}

void mg_writer_free(struct mg_writer *writer) {
  if (!writer) return;
  pthread_mutex_lock(&writer->lock);
  writer->stopping = true;
  pthread_cond_broadcast(&writer->changed);
  pthread_mutex_unlock(&writer->lock);
  for (int i = 0; i < writer->threads; i++) pthread_join(writer->thread[i], NULL);
  pthread_cond_destroy(&writer->changed);
  pthread_mutex_destroy(&writer->lock);
  free(writer);
}
