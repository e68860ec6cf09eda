/* The SQLite store at 100,000 resources: first load, commits of 1 %, map, streams, diffs, history, bytes.
 * bench_store [RESOURCES [COMMITS]]: one line a figure, "name value unit". The bodies are generated: about 2 KB each.
 */
#include "base/clock.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct azd_str scope = {"/subscriptions/11111111-2222-3333-4444-555555555555", 51};

static double publish_cpu_ms; /* inside azd_commit_publish, summed */

struct bench {
  struct azd_store *store;
  struct azd_map *map;
  struct azd_codec_work *work;
  struct azd_buf body, encoded;
  struct azd_error error;
  int resources;
};

static void need(struct bench *bench, int rc, const char *what) {
  if (!rc) return;
  fprintf(stderr, "bench_store: %s: %s\n", what, bench->error.text);
  exit(1);
}

/* CPU beside wall time: on a machine that others use, too, it is the figure to compare. */
static double cpu_ms(void) {
  return (double)azd_clock_thread_cpu_ns() / 1e6;
}

static double since_ms(int64_t start_ns) {
  return (double)(azd_clock_mono_ns() - start_ns) / 1e6;
}

static void body_of(struct bench *bench, int i, int revision) {
  static const char *const words[] = {"Succeeded", "westeurope", "Standard_LRS", "TLS1_2",
                                      "Enabled",   "Disabled",   "Allow",        "Deny"};
  uint64_t random = (uint64_t)i * UINT64_C(2654435761) + 12345;
  azd_buf_clear(&bench->body);
  azd_buf_printf(&bench->body,
                 "{\"id\":\"%s/resourceGroups/rg-%d/thing-%d\",\"location\":\"westeurope\",\"properties\":{",
                 scope.data, i % 97, i);
  for (int k = 0; k < 40; k++) {
    random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
    azd_buf_printf(&bench->body, "\"setting%d\":{\"state\":\"%s\",\"value\":%u},", k, words[random >> 61],
                   (unsigned)(random >> 40) % 1000);
  }
  azd_buf_printf(&bench->body, "\"etag\":\"%016llx\",\"revision\":%d},\"tags\":{\"env\":\"prod\"}}",
                 (unsigned long long)random, revision);
}

static double put_one(struct bench *bench, struct azd_commit *commit, int i, int revision) {
  char type[64], id[256], group[16];
  int type_size = snprintf(type, sizeof type, "Microsoft.Bench/type%d", i % 300);
  int id_size = snprintf(id, sizeof id, "%s/resourceGroups/rg-%d/providers/%s/thing-%d", scope.data, i % 97, type, i);
  int group_size = snprintf(group, sizeof group, "rg-%d", i % 97);
  struct azd_new_version v = {.id = {id, (size_t)id_size},
                              .type = {type, (size_t)type_size},
                              .view = AZD_STR("list"),
                              .api_version = AZD_STR("2024-01-01"),
                              .resource_group = {group, (size_t)group_size}};
  body_of(bench, i, revision);
  v.key = azd_key_of(v.type, v.id);
  azd_sha256_of(bench->body.data, bench->body.size, v.hash);
  v.previous = azd_map_find(bench->map, &v.key);
  azd_buf_clear(&bench->encoded);
  need(bench,
       azd_codec_encode(azd_store_codec(bench->store), bench->work, azd_buf_str(&bench->body), &bench->encoded,
                        &bench->error),
       "encode");
  v.body = azd_buf_str(&bench->encoded);
  int64_t start_ns = azd_clock_mono_ns();
  need(bench, azd_commit_put(commit, &v, 1, NULL, &bench->error), "put");
  return since_ms(start_ns);
}

/* One in step, scattered over all types: another set each run. */
static bool is_chosen(int i, int step, int revision) {
  uint64_t h = ((uint64_t)i << 20 ^ (uint64_t)revision) * UINT64_C(0x9e3779b97f4a7c15);
  return (h >> 33) % (uint64_t)step == 0;
}

/* Puts one resource in step; answers the milliseconds inside the store. */
static double commit_every(struct bench *bench, int step, int revision) {
  struct azd_lease lease;
  struct azd_commit *commit;
  struct azd_snapshot snapshot = {
      .status = AZD_SNAPSHOT_COMPLETE, .timestamp_ms = 1000 * revision, .coverage = AZD_STR("{}")};
  need(bench, azd_store_acquire(bench->store, scope, AZD_STR("bench"), 600000, &lease, &bench->error), "acquire");
  need(bench, azd_store_map_load(bench->store, scope, bench->map, &bench->error), "map");
  need(bench, azd_commit_begin(bench->store, &lease, &commit, &bench->error), "begin");
  double inside_ms = 0, start_cpu_ms;
  for (int i = 0; i < bench->resources; i++)
    if (is_chosen(i, step, revision)) inside_ms += put_one(bench, commit, i, revision);
  int64_t start_ns = azd_clock_mono_ns();
  start_cpu_ms = cpu_ms();
  need(bench, azd_commit_publish(commit, &snapshot, &bench->error), "publish");
  inside_ms += since_ms(start_ns);
  publish_cpu_ms += cpu_ms() - start_cpu_ms;
  need(bench, azd_store_release(bench->store, &lease, &bench->error), "release");
  return inside_ms;
}

static void stream(struct bench *bench, const char *name, int64_t seq, bool bodies) {
  struct azd_version_query query = {.scope = scope, .seq = seq, .bodies = bodies};
  struct azd_version_cursor *cursor;
  struct azd_version version;
  double start_cpu_ms = cpu_ms();
  int64_t start_ns = azd_clock_mono_ns(), bytes = 0, rows = 0;
  int rc;
  need(bench, azd_store_versions(bench->store, &query, &cursor, &bench->error), "versions");
  while ((rc = azd_version_next(cursor, &version, &bench->error)) > 0) {
    rows++;
    azd_buf_clear(&bench->body);
    if (bodies)
      need(bench,
           azd_codec_decode(azd_store_codec(bench->store), bench->work, version.body, &bench->body, &bench->error),
           "decode");
    bytes += (int64_t)bench->body.size;
  }
  need(bench, rc, "stream");
  azd_version_close(cursor);
  printf("%s %.1f ms, CPU %.1f (%lld rows, %.1f MB)\n", name, since_ms(start_ns), cpu_ms() - start_cpu_ms,
         (long long)rows, (double)bytes / 1e6);
}

static void diff(struct bench *bench, const char *name, int64_t from_seq, int64_t to_seq) {
  struct azd_diff_query query = {.scope = scope, .from_seq = from_seq, .to_seq = to_seq, .bodies = true};
  struct azd_pair_cursor *cursor;
  struct azd_pair pair;
  int64_t start_ns = azd_clock_mono_ns(), rows = 0;
  int rc;
  need(bench, azd_store_diff(bench->store, &query, &cursor, &bench->error), "diff");
  while ((rc = azd_pair_next(cursor, &pair, &bench->error)) > 0) rows++;
  need(bench, rc, "diff");
  azd_pair_close(cursor);
  printf("%s %.2f ms (%lld pairs)\n", name, since_ms(start_ns), (long long)rows);
}

static void history(struct bench *bench) {
  enum { TIMES = 200 };
  int64_t start_ns = azd_clock_mono_ns(), rows = 0;
  for (int n = 0; n < TIMES; n++) {
    struct azd_version_cursor *cursor;
    struct azd_version version;
    struct azd_key key = azd_map_entries(bench->map)[(size_t)n * 397 % azd_map_count(bench->map)].key;
    need(bench, azd_store_history(bench->store, scope, &key, true, &cursor, &bench->error), "history");
    while (azd_version_next(cursor, &version, &bench->error) > 0) rows++;
    azd_version_close(cursor);
  }
  printf("history %.3f ms (%.1f versions each)\n", since_ms(start_ns) / TIMES, (double)rows / TIMES);
}

static void map(struct bench *bench) {
  int64_t start_ns = azd_clock_mono_ns();
  need(bench, azd_store_map_load(bench->store, scope, bench->map, &bench->error), "map");
  need(bench, azd_store_map_load(bench->store, scope, bench->map, &bench->error), "map");
  start_ns = azd_clock_mono_ns();
  need(bench, azd_store_map_load(bench->store, scope, bench->map, &bench->error), "map");
  printf("map_unchanged %.3f ms\n", since_ms(start_ns));
  struct azd_map *fresh = azd_map_new();
  start_ns = azd_clock_mono_ns();
  need(bench, azd_store_map_load(bench->store, scope, fresh, &bench->error), "map");
  printf("map_full %.1f ms\n", since_ms(start_ns));
  azd_map_free(fresh);
}

static void bytes(struct bench *bench, int64_t first_disk_bytes) {
  struct azd_store_stats stats;
  struct rusage usage;
  need(bench, azd_store_stats(bench->store, &stats, &bench->error), "stats");
  getrusage(RUSAGE_SELF, &usage);
  printf("disk %.1f MB (after the first load %.1f), bodies %.1f MB, versions %lld, rss_max %ld MB\n",
         (double)stats.disk_bytes / 1e6, (double)first_disk_bytes / 1e6, (double)stats.body_bytes / 1e6,
         (long long)stats.versions, usage.ru_maxrss / 1024);
}

int main(int argc, char **argv) {
  struct bench bench = {
      .resources = argc > 1 ? atoi(argv[1]) : 100000, .map = azd_map_new(), .work = azd_codec_work_new()};
  int commits = argc > 2 ? atoi(argv[2]) : 20;
  char path[128];
  struct azd_store_stats stats;
  snprintf(path, sizeof path, "/tmp/bench-store-%d.db", (int)getpid());
  azd_buf_init(&bench.body, 0);
  azd_buf_init(&bench.encoded, 0);
  need(&bench, azd_store_open(&(struct azd_store_options){.url = path}, &bench.store, &bench.error), "open");
  double ms = commit_every(&bench, 1, 1);
  printf("first_load %.0f ms (%.0f resources/s inside the store)\n", ms, bench.resources / ms * 1000);
  need(&bench, azd_store_stats(bench.store, &stats, &bench.error), "stats");
  int64_t start_ns = azd_clock_mono_ns();
  need(&bench, azd_store_train(bench.store, scope, NULL, &bench.error), "train");
  printf("train %.0f ms\n", since_ms(start_ns));
  ms = publish_cpu_ms = 0;
  for (int run = 2; run < commits + 2; run++) ms += commit_every(&bench, 100, run);
  printf("commit_1_percent %.1f ms, CPU %.1f (mean of %d)\n", ms / commits, publish_cpu_ms / commits, commits);
  map(&bench);
  stream(&bench, "stream_last", commits + 1, true);
  stream(&bench, "stream_last_heads", commits + 1, false);
  stream(&bench, "stream_half_way", commits / 2 + 1, true);
  diff(&bench, "diff_neighbours", commits / 2, commits / 2 + 1);
  diff(&bench, "diff_all", 1, commits + 1);
  history(&bench);
  bytes(&bench, stats.disk_bytes);
  azd_store_close(bench.store);
  unlink(path);
  azd_map_free(bench.map);
  azd_codec_work_free(bench.work);
  azd_buf_free(&bench.body);
  azd_buf_free(&bench.encoded);
  return 0;
}
