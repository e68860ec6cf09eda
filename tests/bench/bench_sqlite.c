/* The SQLite store beside bare SQLite that writes the same rows in the same run (support/bare_sqlite.h), and how much
 * history costs: bytes of 100 snapshots of 10,000 resources, 1 % changed in each, beside one snapshot's.
 * bench_sqlite [RESOURCES [COMMITS]]: a line a figure, wall and CPU; the ratios are what to look at. */
#include "support/bare_sqlite.h"
#include "support/store_bench.h"

enum { HISTORY_RESOURCES = 10000, HISTORY_SNAPSHOTS = 100 };

struct spent {
  double wall_ms, cpu_ms;
};

/* The same run that bench_commit makes of this revision, on bare SQLite. */
static struct spent bare_commit(struct bench *bench, const struct bare *bare, int step, int revision) {
  struct bench_resource r;
  struct spent spent = {0};
  int64_t start_ns = azd_clock_mono_ns();
  double start_cpu_ms = bench_cpu_ms();
  bench_need(bench, azd_store_map_load(bench->store, bench_scope, bench->map, &bench->error), "map");
  start_ns = azd_clock_mono_ns(), start_cpu_ms = bench_cpu_ms();
  bare_run(bare, "BEGIN IMMEDIATE");
  for (int i = 0; i < bench->resources; i++) {
    if (!bench_is_chosen(i, step, revision)) continue;
    spent.wall_ms += bench_since_ms(start_ns), spent.cpu_ms += bench_cpu_ms() - start_cpu_ms;
    bench_version(bench, i, revision, &r);
    start_ns = azd_clock_mono_ns(), start_cpu_ms = bench_cpu_ms();
    const struct azd_new_version *v = &r.version;
    bare_insert(bare, v->key.bytes, revision, v->id, v->type, v->hash, v->body);
    if (v->previous) bare_end(bare, v->key.bytes, v->previous->from_seq, revision);
  }
  bare_run(bare, "COMMIT");
  spent.wall_ms += bench_since_ms(start_ns), spent.cpu_ms += bench_cpu_ms() - start_cpu_ms;
  return spent;
}

static double disk_bytes(struct bench *bench) {
  struct azd_store_stats stats;
  bench_need(bench, azd_store_stats(bench->store, &stats, &bench->error), "stats");
  return (double)stats.disk_bytes;
}

static void open_store(struct bench *bench, int resources, char *path, size_t path_bytes) {
  bench_init(bench, "bench_sqlite", resources);
  snprintf(path, path_bytes, "/tmp/bench-sqlite-%d.db", (int)getpid());
  bench_need(bench, azd_store_open(&(struct azd_store_options){.url = path}, &bench->store, &bench->error), "open");
}

static void close_store(struct bench *bench, const char *path) {
  azd_store_close(bench->store);
  unlink(path);
  bench_free(bench);
}

static void compare(int resources, int commits) {
  struct bench bench;
  struct bare bare;
  char path[128];
  open_store(&bench, resources, path, sizeof path);
  bare_open(&bare);
  struct spent theirs = bare_commit(&bench, &bare, 1, 1), sum = {0};
  double ours = bench_commit(&bench, 1, 1), sum_ours = 0;
  printf("load: bare / store                      %.2f   (%.0f ms / %.0f ms; at least 0.7)\n", theirs.wall_ms / ours,
         theirs.wall_ms, ours);
  bench_need(&bench, azd_store_train(bench.store, bench_scope, NULL, &bench.error), "train");
  for (int run = 2; run < commits + 2; run++) {
    struct spent one = bare_commit(&bench, &bare, 100, run);
    sum.wall_ms += one.wall_ms, sum.cpu_ms += one.cpu_ms;
    sum_ours += bench_commit(&bench, 100, run);
  }
  printf("commit of 1 %%: store / bare             %.2f   (%.1f ms / %.1f ms, mean of %d; at most 1.5)\n",
         sum_ours / sum.wall_ms, sum_ours / commits, sum.wall_ms / commits, commits);
  bare_close(&bare);
  close_store(&bench, path);
}

static void history(void) {
  struct bench bench;
  char path[128];
  open_store(&bench, HISTORY_RESOURCES, path, sizeof path);
  bench_commit(&bench, 1, 1);
  double one = disk_bytes(&bench);
  bench_need(&bench, azd_store_train(bench.store, bench_scope, NULL, &bench.error), "train");
  for (int run = 2; run <= HISTORY_SNAPSHOTS; run++) bench_commit(&bench, 100, run);
  double all = disk_bytes(&bench);
  printf("bytes of %d snapshots / of one         %.2f   (%.1f MB / %.1f MB; at most 2.5)\n", HISTORY_SNAPSHOTS,
         all / one, all / 1e6, one / 1e6);
  close_store(&bench, path);
}

int main(int argc, char **argv) {
  compare(argc > 1 ? atoi(argv[1]) : 100000, argc > 2 ? atoi(argv[2]) : 20);
  history();
  return 0;
}
