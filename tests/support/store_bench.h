/* What the benchmarks of both stores share: generated resources (about 2 KB each), runs of them through the public
 * contract, and readings; each verb answers milliseconds. A failure ends the program with the store's own sentence. */
#ifndef AZD_TESTS_STORE_BENCH_H
#define AZD_TESTS_STORE_BENCH_H

#include "base/clock.h"
#include "store/store.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static const struct azd_str bench_scope = {"/subscriptions/11111111-2222-3333-4444-555555555555", 51};

struct bench {
  const char *name;
  struct azd_store *store;
  struct azd_map *map;
  struct azd_codec_work *work;
  struct azd_buf body, encoded;
  struct azd_error error;
  int resources;
  double publish_cpu_ms; /* inside azd_commit_publish, summed */
  double encode_ms;      /* compressing bodies, summed */
};

static inline void bench_need(struct bench *bench, int rc, const char *what) {
  if (!rc) return;
  fprintf(stderr, "%s: %s: %s\n", bench->name, what, bench->error.text);
  exit(1);
}

static inline void bench_init(struct bench *bench, const char *name, int resources) {
  *bench = (struct bench){.name = name, .resources = resources, .map = azd_map_new(), .work = azd_codec_work_new()};
  azd_buf_init(&bench->body, 0);
  azd_buf_init(&bench->encoded, 0);
}

static inline void bench_free(struct bench *bench) {
  azd_map_free(bench->map);
  azd_codec_work_free(bench->work);
  azd_buf_free(&bench->body);
  azd_buf_free(&bench->encoded);
}

/* CPU beside wall time: on a machine that others use, too, it is the figure to compare. */
static inline double bench_cpu_ms(void) {
  return (double)azd_clock_thread_cpu_ns() / 1e6;
}

static inline double bench_since_ms(int64_t start_ns) {
  return (double)(azd_clock_mono_ns() - start_ns) / 1e6;
}

/* ---- resources ---- */

/* The canonical bytes of resource i. */
static inline void bench_body(struct azd_buf *body, int i, int revision) {
  static const char *const words[] = {"Succeeded", "westeurope", "Standard_LRS", "TLS1_2",
                                      "Enabled",   "Disabled",   "Allow",        "Deny"};
  uint64_t random = (uint64_t)i * UINT64_C(2654435761) + 12345;
  azd_buf_clear(body);
  azd_buf_printf(body, "{\"id\":\"%s/resourceGroups/rg-%d/thing-%d\",\"location\":\"westeurope\",\"properties\":{",
                 bench_scope.data, i % 97, i);
  for (int k = 0; k < 40; k++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    azd_buf_printf(body, "\"setting%d\":{\"state\":\"%s\",\"value\":%u},", k, words[random >> 61],
                   (unsigned)(random >> 40) % 1000);
  }
  azd_buf_printf(body, "\"etag\":\"%016llx\",\"revision\":%d},\"tags\":{\"env\":\"prod\"}}", (unsigned long long)random,
                 revision);
}

struct bench_resource { /* what version points to */
  char type[64], id[256], group[16];
  struct azd_new_version version;
};

/* Everything of resource i but its body; previous as the map knows it. */
static inline void bench_resource(struct bench *bench, int i, struct bench_resource *r) {
  int type_size = snprintf(r->type, sizeof r->type, "Microsoft.Bench/type%d", i % 300);
  int id_size = snprintf(r->id, sizeof r->id, "%s/resourceGroups/rg-%d/providers/%s/thing-%d", bench_scope.data, i % 97,
                         r->type, i);
  int group_size = snprintf(r->group, sizeof r->group, "rg-%d", i % 97);
  r->version = (struct azd_new_version){.id = {r->id, (size_t)id_size},
                                        .type = {r->type, (size_t)type_size},
                                        .view = AZD_STR("list"),
                                        .api_version = AZD_STR("2024-01-01"),
                                        .resource_group = {r->group, (size_t)group_size}};
  r->version.key = azd_key_of(r->version.type, r->version.id);
  r->version.previous = azd_map_find(bench->map, &r->version.key);
}

/* With its body, encoded in bench->encoded. */
static inline void bench_version(struct bench *bench, int i, int revision, struct bench_resource *r) {
  bench_resource(bench, i, r);
  bench_body(&bench->body, i, revision);
  azd_sha256_of(bench->body.data, bench->body.size, r->version.hash);
  azd_buf_clear(&bench->encoded);
  int64_t start_ns = azd_clock_mono_ns();
  bench_need(bench,
             azd_codec_encode(azd_store_codec(bench->store), bench->work, azd_buf_str(&bench->body), &bench->encoded,
                              &bench->error),
             "encode");
  bench->encode_ms += bench_since_ms(start_ns);
  r->version.body = azd_buf_str(&bench->encoded);
}

/* One in step, scattered over all types: another set each run. */
static inline bool bench_is_chosen(int i, int step, int revision) {
  uint64_t h = ((uint64_t)i << 20 ^ (uint64_t)revision) * UINT64_C(0x9e3779b97f4a7c15);
  return (h >> 33) % (uint64_t)step == 0;
}

/* ---- writing ---- */

/* Puts one resource in step; answers the milliseconds inside the store. */
static inline double bench_commit(struct bench *bench, int step, int revision) {
  struct azd_lease lease;
  struct azd_commit *commit;
  struct bench_resource resource;
  struct azd_snapshot snapshot = {
      .status = AZD_SNAPSHOT_COMPLETE, .timestamp_ms = 1000 * revision, .coverage = AZD_STR("{}")};
  double inside_ms = 0;
  bench_need(bench, azd_store_acquire(bench->store, bench_scope, AZD_STR("bench"), 600000, &lease, &bench->error),
             "acquire");
  bench_need(bench, azd_store_map_load(bench->store, bench_scope, bench->map, &bench->error), "map");
  bench_need(bench, azd_commit_begin(bench->store, &lease, &commit, &bench->error), "begin");
  for (int i = 0; i < bench->resources; i++) {
    if (!bench_is_chosen(i, step, revision)) continue;
    bench_version(bench, i, revision, &resource);
    int64_t put_ns = azd_clock_mono_ns();
    bench_need(bench, azd_commit_put(commit, &resource.version, 1, NULL, &bench->error), "put");
    inside_ms += bench_since_ms(put_ns);
  }
  int64_t start_ns = azd_clock_mono_ns();
  double start_cpu_ms = bench_cpu_ms();
  bench_need(bench, azd_commit_publish(commit, &snapshot, &bench->error), "publish");
  inside_ms += bench_since_ms(start_ns);
  bench->publish_cpu_ms += bench_cpu_ms() - start_cpu_ms;
  bench_need(bench, azd_store_release(bench->store, &lease, &bench->error), "release");
  return inside_ms;
}

/* ---- reading ---- */

enum bench_bodies { BENCH_HEADS, BENCH_ENCODED, BENCH_DECODED };

static inline double bench_stream(struct bench *bench, int64_t seq, enum bench_bodies bodies, bool any_order,
                                  int64_t *rows) {
  struct azd_version_query query = {
      .scope = bench_scope, .seq = seq, .bodies = bodies != BENCH_HEADS, .any_order = any_order};
  struct azd_version_cursor *cursor;
  struct azd_version version;
  int64_t start_ns = azd_clock_mono_ns(), seen = 0;
  int rc;
  bench_need(bench, azd_store_versions(bench->store, &query, &cursor, &bench->error), "versions");
  while ((rc = azd_version_next(cursor, &version, &bench->error)) > 0) {
    seen++;
    azd_buf_clear(&bench->body);
    if (bodies == BENCH_DECODED)
      bench_need(
          bench,
          azd_codec_decode(azd_store_codec(bench->store), bench->work, version.body, &bench->body, &bench->error),
          "decode");
  }
  bench_need(bench, rc, "stream");
  azd_version_close(cursor);
  if (rows) *rows = seen;
  return bench_since_ms(start_ns);
}

static inline double bench_diff(struct bench *bench, int64_t from_seq, int64_t to_seq, int64_t *rows) {
  struct azd_diff_query query = {.scope = bench_scope, .from_seq = from_seq, .to_seq = to_seq, .bodies = true};
  struct azd_pair_cursor *cursor;
  struct azd_pair pair;
  int64_t start_ns = azd_clock_mono_ns(), seen = 0;
  int rc;
  bench_need(bench, azd_store_diff(bench->store, &query, &cursor, &bench->error), "diff");
  while ((rc = azd_pair_next(cursor, &pair, &bench->error)) > 0) seen++;
  bench_need(bench, rc, "diff");
  azd_pair_close(cursor);
  if (rows) *rows = seen;
  return bench_since_ms(start_ns);
}

/* The mean of many. */
static inline double bench_history(struct bench *bench, double *versions) {
  enum { TIMES = 200 };
  int64_t start_ns = azd_clock_mono_ns(), rows = 0;
  for (int n = 0; n < TIMES; n++) {
    struct azd_version_cursor *cursor;
    struct azd_version version;
    struct azd_key key = azd_map_entries(bench->map)[(size_t)n * 397 % azd_map_count(bench->map)].key;
    bench_need(bench, azd_store_history(bench->store, bench_scope, &key, true, &cursor, &bench->error), "history");
    while (azd_version_next(cursor, &version, &bench->error) > 0) rows++;
    azd_version_close(cursor);
  }
  if (versions) *versions = (double)rows / TIMES;
  return bench_since_ms(start_ns) / TIMES;
}

/* Of a map that shows the last snapshot already: the mean of many. */
static inline double bench_map_check(struct bench *bench) {
  enum { TIMES = 50 };
  bench_need(bench, azd_store_map_load(bench->store, bench_scope, bench->map, &bench->error), "map");
  int64_t start_ns = azd_clock_mono_ns();
  for (int n = 0; n < TIMES; n++)
    bench_need(bench, azd_store_map_load(bench->store, bench_scope, bench->map, &bench->error), "map");
  return bench_since_ms(start_ns) / TIMES;
}

static inline double bench_map_full(struct bench *bench) {
  struct azd_map *fresh = azd_map_new();
  int64_t start_ns = azd_clock_mono_ns();
  bench_need(bench, azd_store_map_load(bench->store, bench_scope, fresh, &bench->error), "map");
  double ms = bench_since_ms(start_ns);
  azd_map_free(fresh);
  return ms;
}

/* The most memory since the start, or since it was reset: what a benchmark itself held in between is not the store's.
 */
static inline double bench_rss_max_mb(void) {
  char line[256];
  long kb = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
  if (status) fclose(status);
  return (double)kb / 1024;
}

static inline void bench_rss_reset(void) {
  malloc_trim(0);
  FILE *refs = fopen("/proc/self/clear_refs", "w");
  if (!refs) return;
  fputs("5", refs);
  fclose(refs);
}

#endif
