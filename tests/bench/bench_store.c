/* The SQLite store at 100,000 resources: first load, commits of 1 %, map, streams, diffs, history, bytes.
 * bench_store [RESOURCES [COMMITS]]: one line a figure, "name value unit". */
#include "support/store_bench.h"

#include <unistd.h>

static void stream(struct bench *bench, const char *name, int64_t seq, enum bench_bodies bodies) {
  double start_cpu_ms = bench_cpu_ms();
  int64_t rows;
  double ms = bench_stream(bench, seq, bodies, false, &rows);
  printf("%s %.1f ms, CPU %.1f (%lld rows)\n", name, ms, bench_cpu_ms() - start_cpu_ms, (long long)rows);
}

static void diff(struct bench *bench, const char *name, int64_t from_seq, int64_t to_seq) {
  int64_t rows;
  double ms = bench_diff(bench, from_seq, to_seq, &rows);
  printf("%s %.2f ms (%lld pairs)\n", name, ms, (long long)rows);
}

static void bytes(struct bench *bench, int64_t first_disk_bytes) {
  struct azd_store_stats stats;
  bench_need(bench, azd_store_stats(bench->store, &stats, &bench->error), "stats");
  printf("disk %.1f MB (after the first load %.1f), bodies %.1f MB, versions %lld, rss_max %.0f MB\n",
         (double)stats.disk_bytes / 1e6, (double)first_disk_bytes / 1e6, (double)stats.body_bytes / 1e6,
         (long long)stats.versions, bench_rss_max_mb());
}

int main(int argc, char **argv) {
  struct bench bench;
  int commits = argc > 2 ? atoi(argv[2]) : 20;
  char path[128];
  double ms, versions;
  struct azd_store_stats stats;
  bench_init(&bench, "bench_store", argc > 1 ? atoi(argv[1]) : 100000);
  snprintf(path, sizeof path, "/tmp/bench-store-%d.db", (int)getpid());
  bench_need(&bench, azd_store_open(&(struct azd_store_options){.url = path}, &bench.store, &bench.error), "open");
  ms = bench_commit(&bench, 1, 1);
  printf("first_load %.0f ms (%.0f resources/s inside the store)\n", ms, bench.resources / ms * 1000);
  bench_need(&bench, azd_store_stats(bench.store, &stats, &bench.error), "stats");
  int64_t start_ns = azd_clock_mono_ns();
  bench_need(&bench, azd_store_train(bench.store, bench_scope, NULL, &bench.error), "train");
  printf("train %.0f ms\n", bench_since_ms(start_ns));
  ms = bench.publish_cpu_ms = 0;
  for (int run = 2; run < commits + 2; run++) ms += bench_commit(&bench, 100, run);
  printf("commit_1_percent %.1f ms, CPU %.1f (mean of %d)\n", ms / commits, bench.publish_cpu_ms / commits, commits);
  printf("map_unchanged %.3f ms\n", bench_map_check(&bench));
  printf("map_full %.1f ms\n", bench_map_full(&bench));
  stream(&bench, "stream_last", commits + 1, BENCH_DECODED);
  stream(&bench, "stream_last_heads", commits + 1, BENCH_HEADS);
  stream(&bench, "stream_half_way", commits / 2 + 1, BENCH_DECODED);
  diff(&bench, "diff_neighbours", commits / 2, commits / 2 + 1);
  diff(&bench, "diff_all", 1, commits + 1);
  ms = bench_history(&bench, &versions);
  printf("history %.3f ms (%.1f versions each)\n", ms, versions);
  bytes(&bench, stats.disk_bytes);
  azd_store_close(bench.store);
  unlink(path);
  bench_free(&bench);
  return 0;
}
