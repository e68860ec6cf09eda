/* `azdrift export` of one large snapshot, grouped by type in the published shape, beside the plain stream of the same
 * bodies (read and decoded in the order that is fastest): SQLite, and a MongoDB of its own where one is to be had.
 * bench_export [RESOURCES [ROUNDS]] (100000, 3): medians, the ratio, and the memory above what the process held before.
 * Ends with 1 where the export holds more than 24 bytes a resource and 32 MB; where it takes more than 2.0 of the plain
 * stream, which a busy machine can do to it, it says so. */
#include "lib/mongod.h"
#include "store/export.h"
#include "support/store_bench.h"

#include <unistd.h>

enum { ROUNDS_MAX = 9, BYTES_A_RESOURCE = 24, CONSTANT_MB = 32 };
#define RATIO_MAX 2.0

static int64_t resident_bytes(void) {
  long pages = 0;
  FILE *statm = fopen("/proc/self/statm", "r");
  if (statm && fscanf(statm, "%*s %ld", &pages) != 1) pages = 0;
  if (statm) fclose(statm);
  return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static int count_bytes(void *context, struct azd_str piece, struct azd_error *error) {
  (void)error;
  *(int64_t *)context += (int64_t)piece.size;
  return 0;
}

static double export_ms(struct bench *bench, int64_t *bytes) {
  struct azd_snapshot_query last = {.by = AZD_BY_LAST, .scope = bench_scope};
  struct azd_snapshot snapshot;
  struct azd_arena arena;
  int64_t resources = 0, start_ns = azd_clock_mono_ns();
  azd_arena_init(&arena, 0);
  *bytes = 0;
  bench_need(bench, azd_store_snapshot(bench->store, &last, &arena, &snapshot, &bench->error), "snapshot");
  bench_need(bench, azd_store_export(bench->store, &snapshot, NULL, 0, count_bytes, bytes, &resources, &bench->error),
             "export");
  double ms = bench_since_ms(start_ns);
  azd_arena_free(&arena);
  if (resources == bench->resources) return ms;
  fprintf(stderr, "bench_export: %lld of %d resources were exported\n", (long long)resources, bench->resources);
  exit(1);
}

static int compare_doubles(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, compare_doubles);
  return values[count / 2];
}

/* Answers whether the bound of memory was kept. */
static bool measure(struct bench *bench, const char *store, const char *url, int rounds) {
  double streams[ROUNDS_MAX], exports[ROUNDS_MAX], above_mb = 0;
  int64_t bytes = 0;
  struct azd_store_options options = {.url = url};
  bench_need(bench, azd_store_open(&options, &bench->store, &bench->error), "open");
  bench_commit(bench, 10, 1); /* what the dictionary is trained on, and then a history */
  bench_need(bench, azd_store_train(bench->store, bench_scope, NULL, &bench->error), "train");
  bench_commit(bench, 1, 2);
  azd_map_free(bench->map); /* what collecting holds is not what exporting needs */
  bench->map = azd_map_new();
  for (int i = 0; i < rounds; i++) {
    streams[i] = bench_stream(bench, 2, BENCH_DECODED, true, NULL);
    bench_rss_reset();
    int64_t before = resident_bytes();
    exports[i] = export_ms(bench, &bytes);
    double above = bench_rss_max_mb() - (double)before / (1024 * 1024);
    if (above > above_mb) above_mb = above;
  }
  azd_store_close(bench->store);
  double stream_ms = median(streams, rounds), ms = median(exports, rounds);
  double allowed_mb = (double)bench->resources * BYTES_A_RESOURCE / (1024 * 1024) + CONSTANT_MB;
  printf("%s: %d resources, %.0f MB: export %.0f ms, plain stream %.0f ms, ratio %.2f (%sat most %.1f); "
         "memory above %.1f MB (at most %.1f)\n",
         store, bench->resources, (double)bytes / 1e6, ms, stream_ms, ms / stream_ms,
         ms > RATIO_MAX * stream_ms ? "OVER: " : "", RATIO_MAX, above_mb, allowed_mb);
  fflush(stdout);
  return above_mb <= allowed_mb;
}

int main(int argc, char **argv) {
  struct bench bench;
  char path[128], url[512], why_not[512];
  int rounds = argc > 2 ? atoi(argv[2]) : 3;
  if (rounds < 1 || rounds > ROUNDS_MAX) rounds = ROUNDS_MAX;
  bench_init(&bench, "bench_export", argc > 1 ? atoi(argv[1]) : 100000);
  snprintf(path, sizeof path, "/tmp/bench-export-%d.db", (int)getpid());
  bool ok = measure(&bench, "sqlite", path, rounds);
  unlink(path);
  struct mongod *server =
      mongod_start(&(struct mongod_options){.kind = MONGOD_STANDALONE, .folder = AZD_BINARY_DIR}, why_not);
  if (server) {
    mongod_url(server, NULL, NULL, "bench", url, sizeof url);
    ok = measure(&bench, "mongodb", url, rounds) && ok;
    mongod_stop(server);
  } else {
    printf("mongodb: skipped: %s\n", why_not);
  }
  bench_free(&bench);
  return ok ? 0 : 1;
}
