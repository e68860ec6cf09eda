/* The MongoDB store at 100,000 resources and 100 runs of 1 %, each figure beside what the bare driver, or pymongo, does
 * with the same documents in the same run on the same server: a standalone of its own.
 * bench_mongo [RESOURCES [RUNS]]: one line a figure. pymongo is put into build/bench-pymongo at the first run. */
#include "lib/mongod.h"
#include "store/mongo.h"
#include "support/store_bench.h"

#include <unistd.h>

enum { CACHE_MB = 1024, PATH_MAX_BYTES = 1024 };

static const char database[] = "bench", bare_database[] = "bare";

struct bare { /* the same writes without a store around them */
  mongoc_client_t *client;
  mongoc_collection_t *ours, *versions, *snapshots;
};

static void need_driver(bool ok, const bson_error_t *failure, const char *what) {
  if (ok) return;
  fprintf(stderr, "bench_mongo: %s: %s\n", what, failure->message);
  exit(1);
}

static void command(mongoc_client_t *client, const char *of, bson_t *what) {
  bson_error_t failure;
  need_driver(mongoc_client_command_simple(client, of, what, NULL, NULL, &failure), &failure, "command");
  bson_destroy(what);
}

static void bare_open(struct bare *bare, const char *url) {
  bson_error_t failure;
  mongoc_uri_t *uri = mongoc_uri_new_with_error(url, &failure);
  need_driver(uri != NULL, &failure, url);
  mongoc_write_concern_t *write = mongoc_write_concern_new();
  mongoc_write_concern_set_wmajority(write, 30000);
  mongoc_write_concern_set_journal(write, true);
  mongoc_uri_set_write_concern(uri, write);
  mongoc_write_concern_destroy(write);
  bare->client = mongoc_client_new_from_uri(uri);
  mongoc_uri_destroy(uri);
  bare->ours = mongoc_client_get_collection(bare->client, database, MG_VERSIONS);
  bare->versions = mongoc_client_get_collection(bare->client, bare_database, MG_VERSIONS);
  bare->snapshots = mongoc_client_get_collection(bare->client, bare_database, MG_SNAPSHOTS);
}

static void bare_close(struct bare *bare) {
  mongoc_collection_destroy(bare->ours);
  mongoc_collection_destroy(bare->versions);
  mongoc_collection_destroy(bare->snapshots);
  mongoc_client_destroy(bare->client);
}

/* ---- pymongo ---- */

static bool has_pymongo(void) {
  return system("test -x " AZD_BINARY_DIR "/bench-pymongo/bin/python || { python3 -m venv " AZD_BINARY_DIR
                "/bench-pymongo && " AZD_BINARY_DIR "/bench-pymongo/bin/pip -q install pymongo==4.10.1; } >/dev/null "
                "2>&1") == 0 &&
         system(AZD_BINARY_DIR "/bench-pymongo/bin/python -c 'import pymongo' 2>/dev/null") == 0;
}

static void peer_command(char *out, size_t bytes, const char *verb, const char *url, const char *result) {
  snprintf(out, bytes, "%s/bench-pymongo/bin/python %s/tests/bench/mongo_peer.py %s '%s' %s >%s", AZD_BINARY_DIR,
           AZD_SOURCE_DIR, verb, url, bare_database, result);
}

static double read_seconds(const char *path) {
  FILE *file = fopen(path, "r");
  double seconds = 0;
  if (!file || fscanf(file, "%lf", &seconds) != 1) fprintf(stderr, "bench_mongo: pymongo did not end well\n");
  if (file) fclose(file);
  unlink(path);
  return seconds;
}

static void put_hex(struct azd_buf *out, const char *name, const uint8_t *data, size_t bytes) {
  azd_buf_printf(out, "\"%s\":\"", name);
  for (size_t i = 0; i < bytes; i++) azd_buf_printf(out, "%02x", data[i]);
  azd_buf_append_text(out, "\",");
}

/* The documents of the first load, as dicts. */
static double peer_load_ms(struct bench *bench, const char *url) {
  char result[64], shell[2 * PATH_MAX_BYTES];
  struct azd_buf line;
  struct bench_resource resource;
  snprintf(result, sizeof result, "/tmp/bench-mongo-%d.txt", (int)getpid());
  peer_command(shell, sizeof shell, "load", url, result);
  FILE *peer = popen(shell, "w");
  if (!peer) return 0;
  azd_buf_init(&line, 0);
  for (int i = 0; i < bench->resources; i++) {
    uint8_t id[AZD_VERSION_ID_BYTES];
    bench_version(bench, i, 1, &resource);
    const struct azd_new_version *v = &resource.version;
    azd_version_id(bench_scope, &v->key, 1, id);
    azd_buf_clear(&line);
    azd_buf_append_char(&line, '{');
    put_hex(&line, "_id", id, sizeof id);
    put_hex(&line, "hash", v->hash, sizeof v->hash);
    azd_buf_printf(&line,
                   "\"scope\":\"%s\",\"id\":\"%s\",\"type\":\"%s\",\"from_seq\":1,\"prev_from\":0,\"view\":\"list\","
                   "\"api_version\":\"2024-01-01\",\"resource_group\":\"%s\",\"body\":%.*s}\n",
                   bench_scope.data, resource.id, resource.type, resource.group,
                   AZD_STR_FORMAT(azd_buf_str(&bench->body)));
    fwrite(line.data, 1, line.size, peer);
  }
  azd_buf_free(&line);
  pclose(peer);
  return read_seconds(result) * 1000;
}

static double peer_stream_ms(const char *url) {
  char result[64], shell[2 * PATH_MAX_BYTES];
  snprintf(result, sizeof result, "/tmp/bench-mongo-%d.txt", (int)getpid());
  snprintf(shell, sizeof shell, "%s/bench-pymongo/bin/python %s/tests/bench/mongo_peer.py stream '%s' %s >%s",
           AZD_BINARY_DIR, AZD_SOURCE_DIR, url, database, result);
  return system(shell) ? 0 : read_seconds(result) * 1000;
}

/* ---- the bare driver ---- */

/* The indexes of ours. */
static void bare_begin(struct bare *bare) {
  command(bare->client, bare_database,
          BCON_NEW("createIndexes", BCON_UTF8(MG_VERSIONS), "indexes", "[", "{", "key", "{", "scope", BCON_INT32(1),
                   "from_seq", BCON_INT32(1), "}", "name", BCON_UTF8(MG_BY_FROM), "}", "{", "key", "{", "scope",
                   BCON_INT32(1), "to_seq", BCON_INT32(1), "from_seq", BCON_INT32(1), "}", "name", BCON_UTF8(MG_BY_TO),
                   "}", "]"));
}

struct batch {
  bson_t **docs;
  size_t count;
};

/* What run seq wrote, as it was before anything followed it. */
static struct batch versions_of(struct bare *bare, int64_t seq, size_t room) {
  struct batch batch = {.docs = malloc(room * sizeof(bson_t *))};
  const bson_t *doc;
  bson_t *filter = BCON_NEW("scope", BCON_UTF8(bench_scope.data), "from_seq", BCON_INT64(seq));
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(bare->ours, filter, NULL, NULL);
  while (batch.count < room && mongoc_cursor_next(cursor, &doc)) batch.docs[batch.count++] = bson_copy(doc);
  mongoc_cursor_destroy(cursor);
  bson_destroy(filter);
  return batch;
}

static void batch_free(struct batch *batch) {
  for (size_t i = 0; i < batch->count; i++) bson_destroy(batch->docs[i]);
  free(batch->docs);
}

static void bare_insert(struct bare *bare, const struct batch *batch) {
  bson_error_t failure;
  bson_t *ordered = BCON_NEW("ordered", BCON_BOOL(false)), *each = BCON_NEW("validate", BCON_BOOL(false));
  for (size_t first = 0; first < batch->count; first += MG_BATCH) {
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(bare->versions, ordered);
    for (size_t i = first; i < batch->count && i < first + MG_BATCH; i++)
      mongoc_bulk_operation_insert_with_opts(bulk, batch->docs[i], each, NULL);
    need_driver(mongoc_bulk_operation_execute(bulk, NULL, &failure) != 0, &failure, "bare insert");
    mongoc_bulk_operation_destroy(bulk);
  }
  bson_destroy(ordered);
  bson_destroy(each);
}

/* The ids of what the batch follows, of [first, first + MG_BATCH). */
static bson_t *predecessors(const struct batch *batch, size_t first) {
  bson_t *filter = bson_new(), in, list;
  bson_append_document_begin(filter, "_id", -1, &in);
  bson_append_array_begin(&in, "$in", -1, &list);
  for (size_t i = first, n = 0; i < batch->count && i < first + MG_BATCH; i++) {
    char key[16];
    uint8_t id[AZD_VERSION_ID_BYTES];
    uint64_t from = (uint64_t)mg_i64(batch->docs[i], "prev_from");
    memcpy(id, mg_bin(batch->docs[i], "_id").data, sizeof id);
    for (int b = 0; b < 8; b++) id[AZD_VERSION_ID_BYTES - 1 - b] = (uint8_t)(from >> 8 * b);
    snprintf(key, sizeof key, "%zu", n++);
    mg_put_bytes(&list, key, id, sizeof id);
  }
  bson_append_array_end(&in, &list);
  bson_append_document_end(filter, &in);
  BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN);
  return filter;
}

static double bare_commit_ms(struct bare *bare, const struct batch *batch, int64_t seq) {
  bson_error_t failure;
  uint8_t chain[32 * 4] = {0};
  int64_t start_ns = azd_clock_mono_ns();
  bare_insert(bare, batch);
  bson_t *snapshot = BCON_NEW("_id", BCON_INT64(seq), "scope", BCON_UTF8(bench_scope.data), "seq", BCON_INT64(seq),
                              "status", BCON_UTF8("closing"), "coverage", BCON_UTF8("{}"));
  mg_put_bytes(snapshot, "chain", chain, sizeof chain);
  need_driver(mongoc_collection_insert_one(bare->snapshots, snapshot, NULL, NULL, &failure), &failure, "snapshot");
  bson_destroy(snapshot);
  for (size_t first = 0; first < batch->count; first += MG_BATCH) {
    bson_t *filter = predecessors(batch, first), *close = BCON_NEW("$set", "{", "to_seq", BCON_INT64(seq), "}");
    need_driver(mongoc_collection_update_many(bare->versions, filter, close, NULL, NULL, &failure), &failure, "close");
    bson_destroy(filter);
    bson_destroy(close);
  }
  bson_t *which = BCON_NEW("_id", BCON_INT64(seq)), *done = BCON_NEW("$set", "{", "status", BCON_UTF8("complete"), "}");
  need_driver(mongoc_collection_update_one(bare->snapshots, which, done, NULL, NULL, &failure), &failure, "publish");
  bson_destroy(which);
  bson_destroy(done);
  return bench_since_ms(start_ns);
}

/* The newest snapshot through a plain cursor, in no order or in that of the keys. */
static double bare_stream_ms(struct bare *bare, bool in_order, int64_t expected) {
  const bson_t *doc;
  bson_error_t failure;
  int64_t rows = 0, start_ns = azd_clock_mono_ns();
  uint8_t low[AZD_VERSION_ID_BYTES], high[AZD_VERSION_ID_BYTES];
  bson_t *opts = BCON_NEW("batchSize", BCON_INT32(1000)), *filter = bson_new();
  memset(low, 0, sizeof low);
  memset(high, 0xff, sizeof high);
  mg_scope_hash(bench_scope, low);
  mg_scope_hash(bench_scope, high);
  if (in_order)
    mg_put_range(filter, low, high, sizeof low);
  else
    mg_put(filter, "scope", bench_scope);
  BSON_APPEND_INT64(filter, "to_seq", AZD_SEQ_OPEN);
  if (in_order) BCON_APPEND(opts, "sort", "{", "_id", BCON_INT32(1), "}");
  mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(bare->ours, filter, opts, NULL);
  while (mongoc_cursor_next(cursor, &doc)) rows++;
  need_driver(!mongoc_cursor_error(cursor, &failure), &failure, "bare stream");
  mongoc_cursor_destroy(cursor);
  bson_destroy(filter);
  bson_destroy(opts);
  if (rows != expected) fprintf(stderr, "bench_mongo: the bare cursor saw %lld\n", (long long)rows);
  return bench_since_ms(start_ns);
}

/* ---- the figures ---- */

static void first_load(struct bench *bench, struct bare *bare, const char *url, bool pymongo) {
  double store_ms = bench_commit(bench, 1, 1), ms = store_ms + bench->encode_ms;
  printf("first_load %.0f ms, of it compression %.0f (%.0f resources/s)\n", ms, bench->encode_ms,
         bench->resources / ms * 1000);
  printf("first_load: rss_max %.0f MB\n", bench_rss_max_mb());
  bare_begin(bare);
  struct batch batch = versions_of(bare, 1, (size_t)bench->resources);
  int64_t start_ns = azd_clock_mono_ns();
  bare_insert(bare, &batch);
  double bare_ms = bench_since_ms(start_ns);
  printf("first_load inside the store / bare driver %.2f (bare %.0f ms)\n", store_ms / bare_ms, bare_ms);
  batch_free(&batch);
  if (pymongo) {
    double peer_ms = peer_load_ms(bench, url);
    printf("first_load: pymongo insert_many of dicts / ours %.2f (pymongo %.0f ms)\n", peer_ms / ms, peer_ms);
  }
  start_ns = azd_clock_mono_ns();
  bench_need(bench, azd_store_project(bench->store, bench_scope, true, NULL, &bench->error), "project");
  double project_ms = bench_since_ms(start_ns);
  printf("first_load with the projection / without %.2f (projection %.0f ms)\n", (ms + project_ms) / ms, project_ms);
}

static void commits(struct bench *bench, struct bare *bare, int runs) {
  double ours_ms = 0, bare_ms = 0, project_ms = 0;
  for (int run = 2; run < runs + 2; run++) {
    ours_ms += bench_commit(bench, 100, run);
    struct batch batch = versions_of(bare, run, (size_t)bench->resources / 20 + 100);
    bare_ms += bare_commit_ms(bare, &batch, run);
    batch_free(&batch);
    if (run % 10) continue;
    int64_t start_ns = azd_clock_mono_ns();
    bench_need(bench, azd_store_project(bench->store, bench_scope, false, NULL, &bench->error), "project");
    project_ms += bench_since_ms(start_ns);
  }
  printf("commit_1_percent / bare writes %.2f (%.1f / %.1f ms, mean of %d)\n", ours_ms / bare_ms, ours_ms / runs,
         bare_ms / runs, runs);
  printf("projection of ten such commits %.1f ms\n", project_ms / (runs / 10 ? runs / 10 : 1));
}

static double best(double a, double b) {
  return a == 0 || b < a ? b : a;
}

static void streams(struct bench *bench, struct bare *bare, const char *url, int64_t last, bool pymongo) {
  double any_ms = 0, ordered_ms = 0, bare_any_ms = 0, bare_ordered_ms = 0, decoded_ms = 0;
  int64_t rows;
  for (int i = 0; i < 3; i++) {
    any_ms = best(any_ms, bench_stream(bench, last, BENCH_ENCODED, true, &rows));
    bare_any_ms = best(bare_any_ms, bare_stream_ms(bare, false, rows));
    ordered_ms = best(ordered_ms, bench_stream(bench, last, BENCH_ENCODED, false, &rows));
    bare_ordered_ms = best(bare_ordered_ms, bare_stream_ms(bare, true, rows));
    decoded_ms = best(decoded_ms, bench_stream(bench, last, BENCH_DECODED, true, &rows));
  }
  printf("stream_last / bare cursor %.2f (%.0f / %.0f ms, best of 3; decompressed too: %.0f ms)\n",
         any_ms / bare_any_ms, any_ms, bare_any_ms, decoded_ms);
  printf("stream_last in key order / bare cursor in key order %.2f (%.0f / %.0f ms)\n", ordered_ms / bare_ordered_ms,
         ordered_ms, bare_ordered_ms);
  if (!pymongo) return;
  double peer_ms = peer_stream_ms(url);
  printf("stream_last / pymongo %.2f (%.0f ms)\n", any_ms / peer_ms, peer_ms);
}

int main(int argc, char **argv) {
  struct bench bench;
  struct bare bare;
  char why_not[512], url[256];
  int runs = argc > 2 ? atoi(argv[2]) : 100;
  int64_t rows = 0;
  double versions;
  struct mongod *server = mongod_start(
      &(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR, .cache_mb = CACHE_MB}, why_not);
  if (!server) {
    printf("skipped: %s\n", why_not);
    return 0;
  }
  bench_init(&bench, "bench_mongo", argc > 1 ? atoi(argv[1]) : 100000);
  mongod_url(server, NULL, NULL, database, url, sizeof url);
  bench_need(&bench, azd_store_open(&(struct azd_store_options){.url = url}, &bench.store, &bench.error), "open");
  bare_open(&bare, url);
  bool pymongo = has_pymongo();
  if (!pymongo) printf("skipped: the lines with pymongo: pip could not install it\n");
  first_load(&bench, &bare, url, pymongo);
  bench_rss_reset();
  bench_need(&bench, azd_store_train(bench.store, bench_scope, NULL, &bench.error), "train");
  commits(&bench, &bare, runs);
  printf("map_check %.3f ms\n", bench_map_check(&bench));
  printf("map_full %.1f ms\n", bench_map_full(&bench));
  streams(&bench, &bare, url, runs + 1, pymongo);
  double diff_ms = 0;
  for (int i = 0; i < 10; i++) diff_ms += bench_diff(&bench, runs / 2, runs / 2 + 1, &rows);
  printf("diff_neighbours %.2f ms (%lld pairs, mean of 10)\n", diff_ms / 10, (long long)rows);
  double history_ms = bench_history(&bench, &versions);
  printf("history %.3f ms (%.1f versions each)\n", history_ms, versions);
  printf("after the first load: rss_max %.0f MB, the map of %zu resources in it\n", bench_rss_max_mb(),
         azd_map_count(bench.map));
  bare_close(&bare);
  azd_store_close(bench.store);
  bench_free(&bench);
  mongod_stop(server);
  return 0;
}
