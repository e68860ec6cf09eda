/* MB/s of one core: parse; parse + canonical; parse + canonical + SHA-256, over bodies as Azure sends them (about 2.3
 * KB, members in Azure's order, made here from a counter). Bodies lie side by side in 64 MB, so that reading them costs
 * what it costs in a collection; document and buffer are reused, as a worker reuses its own. bench_json [ROUNDS]:
 * prints the best of ROUNDS (default 5). */
#include "base/clock.h"
#include "base/crypto.h"
#include "support/azure_bodies.h"
#include "json/canonical.h"

#include <stdio.h>
#include <stdlib.h>

enum { BODIES = 28000 };

enum stage { PARSE, CANONICAL, HASH, STAGES };

static void run(enum stage stage, struct azd_doc *doc, struct azd_str body, struct azd_buf *out,
                struct azd_sha256 *sha) {
  uint8_t digest[AZD_SHA256_BYTES];
  struct azd_error error;
  if (azd_doc_parse(doc, body, NULL, &error)) {
    fprintf(stderr, "bench_json: %s\n", error.text);
    exit(1);
  }
  if (stage == PARSE) return;
  azd_buf_clear(out);
  if (azd_json_canonical(doc, 0, NULL, 0, out)) exit(1);
  if (stage == CANONICAL) return;
  azd_sha256_start(sha);
  azd_sha256_add(sha, out->data, out->size);
  azd_sha256_end(sha, digest);
}

int main(int argc, char **argv) {
  static const char *const names[] = {"parse", "parse + canonical", "parse + canonical + SHA-256"};
  int rounds = argc > 1 ? atoi(argv[1]) : 5;
  struct azd_doc *doc = azd_doc_new();
  struct azd_sha256 *sha = azd_sha256_new();
  struct azd_buf bodies, out;
  size_t *begin = malloc((BODIES + 1) * sizeof *begin);
  azd_buf_init(&bodies, 0);
  azd_buf_init(&out, 0);
  if (!doc || !sha || !begin) return 1;
  for (int i = 0; i < BODIES; i++) begin[i] = bodies.size, azure_body(&bodies, i, AZURE_BODY_PLAIN);
  begin[BODIES] = bodies.size;
  printf("%d bodies of %zu bytes\n", BODIES, bodies.size / BODIES);
  for (enum stage stage = PARSE; stage < STAGES; stage++) {
    int64_t best = INT64_MAX;
    for (int round = 0; round < rounds; round++) {
      int64_t start = azd_clock_thread_cpu_ns();
      for (int i = 0; i < BODIES; i++)
        run(stage, doc, (struct azd_str){bodies.data + begin[i], begin[i + 1] - begin[i]}, &out, sha);
      int64_t spent = azd_clock_thread_cpu_ns() - start;
      if (spent < best) best = spent;
    }
    printf("%-28s %7.0f MB/s\n", names[stage], (double)bodies.size * 1e3 / (double)best);
  }
  azd_doc_free(doc);
  azd_sha256_free(sha);
  azd_buf_free(&bodies), azd_buf_free(&out);
  free(begin);
  return 0;
}
