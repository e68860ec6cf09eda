/* `azdrift diff OLD NEW` of two large lists, from files on disk to the finished report, against the floor under it in
 * the same run: parse, canonical form and SHA-256 of every resource of both files, with the same code and as many
 * threads. The lists: 1% of the resources changed, 1% with an array in another order, 0.5% added, 0.5% removed.
 * bench_snapshots [RESOURCES [ROUNDS]] (100000, 3): writes build/bench/{old,new}.json, prints medians, ratios and peak
 * memory. Start it in the source folder. With `npm install --prefix build/bench fast-json-patch@3.1.1` done before,
 * also against that. */
#include "base/clock.h"
#include "base/crypto.h"
#include "support/azure_bodies.h"
#include "json/canonical.h"
#include "json/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS_MAX = 9, FOLDER_MODE = 0755 };
#define FOLDER "build/bench"

static void die(const char *what) {
  fprintf(stderr, "bench_snapshots: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* ---- the two lists ---- */

/* Which resources of so many: number i of 200 is changed for two, reordered for two, and so on, spread over the file.
 */
static bool is_removed(int i) {
  return i % 200 == 17;
}
static bool is_added(int i) {
  return i % 200 == 117;
}
static enum azure_body_kind kind_of(int i, bool is_new) {
  if (!is_new) return AZURE_BODY_PLAIN;
  return i % 100 == 42 ? AZURE_BODY_CHANGED : i % 100 == 71 ? AZURE_BODY_REORDERED : AZURE_BODY_PLAIN;
}

static size_t write_list(const char *path, int resources, bool is_new) {
  FILE *file = fopen(path, "wb");
  struct azd_buf out;
  size_t bytes = 0;
  azd_buf_init(&out, 0);
  if (!file) die(path);
  azd_buf_append_text(&out, "{\"value\":[");
  bool first = true;
  for (int i = 0; i < resources; i++) {
    if (is_new ? is_removed(i) : is_added(i)) continue;
    if (!first) azd_buf_append_text(&out, ",\n");
    first = false;
    azure_body(&out, i, kind_of(i, is_new));
    if (out.size < 1 << 20 && i + 1 < resources) continue;
    if (i + 1 == resources) azd_buf_append_text(&out, "]}\n");
    bytes += out.size;
    if (fwrite(out.data, 1, out.size, file) != out.size) die(path);
    azd_buf_clear(&out);
  }
  if (fclose(file)) die(path);
  azd_buf_free(&out);
  return bytes;
}

/* ---- the floor ---- */

static void *hash_file(void *path) {
  struct azd_error error = {0};
  struct azd_stream *stream = azd_stream_new();
  struct azd_stream_value value;
  struct azd_doc *doc = azd_doc_new();
  struct azd_sha256 *sha = azd_sha256_new();
  struct azd_buf out;
  uint8_t digest[AZD_SHA256_BYTES];
  int more = 1, fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) die(path);
  azd_buf_init(&out, 0);
  azd_stream_open(stream, fd);
  for (int depth = 0; depth < 2 && more > 0; depth++) {
    more = azd_stream_next(stream, &error);
    azd_stream_enter(stream);
  }
  while (more >= 0 && (more = azd_stream_next(stream, &error)) > 0) {
    more = azd_stream_value(stream, doc, &value, &error);
    azd_buf_clear(&out);
    if (!more) more = azd_json_canonical(doc, 0, NULL, 0, &out);
    azd_sha256_start(sha);
    azd_sha256_add(sha, out.data, out.size);
    azd_sha256_end(sha, digest);
  }
  if (more < 0) {
    fprintf(stderr, "bench_snapshots: %s: %s\n", (const char *)path, error.text);
    exit(1);
  }
  azd_stream_free(stream), azd_doc_free(doc), azd_sha256_free(sha), azd_buf_free(&out);
  close(fd);
  return NULL;
}

static void floor_of(char *const *paths) {
  pthread_t threads[2];
  for (int i = 0; i < 2; i++)
    if (pthread_create(&threads[i], NULL, hash_file, paths[i])) die("a thread");
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
}

/* ---- processes ---- */

struct spent {
  double seconds, cpu_seconds, megabytes;
  int exit_code;
};

static double seconds_of(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

/* A process of its own: argv, or the floor where that is NULL. What it prints goes to build/bench/out. */
static struct spent run(char *const *argv, char *const *paths) {
  struct rusage usage;
  int status;
  int64_t start_ns = azd_clock_mono_ns();
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    if (!argv) {
      floor_of(paths);
      _exit(0);
    }
    int out = open(FOLDER "/out", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (out < 0 || dup2(out, STDOUT_FILENO) < 0) die(FOLDER "/out");
    execvp(argv[0], argv);
    die(argv[0]);
  }
  while (wait4(child, &status, 0, &usage) < 0)
    if (errno != EINTR) die("wait");
  return (struct spent){.seconds = (double)(azd_clock_mono_ns() - start_ns) / 1e9,
                        .cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime),
                        .megabytes = (double)usage.ru_maxrss / 1024,
                        .exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

static int by_number(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *numbers, int count) {
  qsort(numbers, (size_t)count, sizeof *numbers, by_number);
  return numbers[count / 2];
}

int main(int argc, char **argv) {
  static char old_path[] = FOLDER "/old.json", new_path[] = FOLDER "/new.json";
  static char *paths[] = {old_path, new_path};
  static char *diff[] = {"build/azdrift", "diff", "--json", old_path, new_path, NULL};
  static char *patch[] = {"node", "tests/bench/fast_json_patch.js", old_path, new_path, NULL};
  int resources = argc > 1 ? atoi(argv[1]) : 100000, rounds = argc > 2 ? atoi(argv[2]) : 3;
  double diffs[ROUNDS_MAX], floors[ROUNDS_MAX], diff_cpus[ROUNDS_MAX], floor_cpus[ROUNDS_MAX], peak = 0;
  if (resources < 1000 || rounds < 1 || rounds > ROUNDS_MAX) {
    fprintf(stderr, "usage: bench_snapshots [RESOURCES >= 1000 [ROUNDS 1..9]]\n");
    return 1;
  }
  if (mkdir(FOLDER, FOLDER_MODE) && errno != EEXIST) die(FOLDER);
  size_t bytes = write_list(old_path, resources, false) + write_list(new_path, resources, true);
  printf("%d resources, %.0f MB in two files\n", resources, (double)bytes / 1e6);
  for (int i = 0; i < rounds; i++) { /* in turn: what else the machine does touches both */
    struct spent floor = run(NULL, paths), ours = run(diff, paths);
    if (floor.exit_code || ours.exit_code != 2) {
      fprintf(stderr, "bench_snapshots: exit codes %d and %d, not 0 and 2\n", floor.exit_code, ours.exit_code);
      return 1;
    }
    floors[i] = floor.seconds, floor_cpus[i] = floor.cpu_seconds;
    diffs[i] = ours.seconds, diff_cpus[i] = ours.cpu_seconds;
    if (ours.megabytes > peak) peak = ours.megabytes;
  }
  double ours = median(diffs, rounds), floor = median(floors, rounds);
  printf("diff / (parse + canonical form + SHA-256)  %.2f   (%.3f s / %.3f s)\n", ours / floor, ours, floor);
  double our_cpu = median(diff_cpus, rounds), floor_cpu = median(floor_cpus, rounds);
  printf("the same in CPU seconds                    %.2f   (%.3f s / %.3f s)\n", our_cpu / floor_cpu, our_cpu,
         floor_cpu);
  printf("peak memory of diff                        %.0f MB\n", peak);
  if (access(FOLDER "/node_modules/fast-json-patch", R_OK)) {
    printf("fast-json-patch                            not measured: npm install --prefix " FOLDER
           " fast-json-patch@3.1.1\n");
    return 0;
  }
  struct spent theirs = run(patch, paths);
  if (theirs.exit_code) die("node tests/bench/fast_json_patch.js");
  printf("fast-json-patch / diff                     %.1f   (%.1f s, %.0f MB; one run)\n", theirs.seconds / ours,
         theirs.seconds, theirs.megabytes);
  return 0;
}
