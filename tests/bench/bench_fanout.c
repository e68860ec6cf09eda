/* Fan-out as collecting does it: GETs from tasks of one run to a server that takes its time, over 32 connections.
 * usage: bench_fanout [requests = 2000] [latency_ms = 50] [body_bytes = 2000]
 * Prints the time against the ideal (requests x latency / connections), the CPU time a request cost on the loop, and
 * the slowest callback of the loop. Target: 1.05x of the ideal, no callback over 5 ms of CPU. */
#include "base/clock.h"
#include "bind/engine.h"
#include "lib/http_peer.h"
#include "net/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static long latency_ms = 50, body_bytes = 2000;
static char *body;

static bool answer_late(const struct http_peer_request *request, void *arg) {
  (void)arg;
  struct timespec latency = {latency_ms / 1000, latency_ms % 1000 * 1000000}; /* the subject of the benchmark */
  char head[100];
  nanosleep(&latency, NULL);
  snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", body_bytes);
  http_peer_send_text(request->fd, head);
  http_peer_send(request->fd, body, (size_t)body_bytes);
  return true;
}

int main(int argc, char **argv) {
  long requests = argc > 1 ? atol(argv[1]) : 2000;
  if (argc > 2) latency_ms = atol(argv[2]);
  if (argc > 3) body_bytes = atol(argv[3]);
  body = malloc((size_t)body_bytes + 1);
  memset(body, ' ', (size_t)body_bytes);
  struct azd_error error;
  struct azd_engine *engine;
  struct http_peer *peer = http_peer_start(answer_late, NULL);
  if (azd_engine_new(&engine, &error)) {
    fprintf(stderr, "bench_fanout: %s\n", error.text);
    return 1;
  }
  char port[16], count[16];
  snprintf(port, sizeof port, "%d", http_peer_port(peer));
  snprintf(count, sizeof count, "%ld", requests);
  char *arguments[] = {port, count};
  int64_t began_ns = azd_clock_mono_ns(), cpu_ns = azd_clock_thread_cpu_ns();
  int status = azd_engine_run(engine, "tests/bench/fanout.lua", false, 2, arguments);
  double took_ms = (double)(azd_clock_mono_ns() - began_ns) / 1e6,
         cpu_us = (double)(azd_clock_thread_cpu_ns() - cpu_ns) / 1e3;
  double ideal_ms = (double)requests * (double)latency_ms / AZD_HTTP_CONNECTIONS;
  const struct azd_loop_stats *stats = azd_loop_stats(engine->loop);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("fan-out of %ld GETs at %ld ms: %.0f ms = %.3fx of the ideal %.0f ms\n", requests, latency_ms, took_ms,
         took_ms / ideal_ms, ideal_ms);
  printf("loop: %.0f us of CPU a request, %llu callbacks, %llu over 5 ms, longest %.2f ms (%s), worst lag %.1f ms; RSS "
         "%ld MB\n",
         cpu_us / (double)requests, (unsigned long long)stats->callbacks, (unsigned long long)stats->slow_callbacks,
         (double)stats->longest_cpu_ns / 1e6, stats->longest_name, (double)stats->longest_lag_ns / 1e6,
         usage.ru_maxrss / 1024);
  azd_engine_free(engine);
  http_peer_stop(peer);
  free(body);
  return status;
}
