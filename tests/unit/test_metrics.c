/* Counters, gauges and histograms, and what Prometheus is given. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h> /* wants those before it */
/* clang-format on */
#include "base/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static char *written(void) {
  struct azd_buf out;
  azd_buf_init(&out, 0);
  azd_metrics_write(&out);
  azd_buf_append_char(&out, '\0');
  assert_int_equal(azd_buf_status(&out), 0);
  return out.data; /* freed by the caller: a buffer's data is malloc's */
}

static void assert_writes(const char *lines) {
  char *text = written();
  if (!strstr(text, lines)) fail_msg("this is not in it:\n%sbut:\n%s", lines, text);
  free(text);
}

static void counters_and_gauges_are_written_with_their_labels(void **state) {
  static struct azd_metric_family sent = {.kind = AZD_COUNTER,
                                          .name = "azdrift_test_sent_bytes_total",
                                          .help = "Bytes, \\ and\nmore.",
                                          .labels = {"route", "code"}};
  static struct azd_metric_family waiting = {
      .kind = AZD_GAUGE, .name = "azdrift_test_waiting", .help = "Runs that wait."};
  (void)state;
  azd_metric_add(azd_metric_of(&sent, (const char *[]){"/v1/a\"\\\n", "200"}), 5);
  azd_metric_add(azd_metric_of(&sent, (const char *[]){"/v1/a\"\\\n", "200"}), 7);
  azd_metric_add(azd_metric_of(&waiting, NULL), 3);
  azd_metric_add(azd_metric_of(&waiting, NULL), -1);
  assert_writes("# HELP azdrift_test_sent_bytes_total Bytes, \\\\ and\\nmore.\n"
                "# TYPE azdrift_test_sent_bytes_total counter\n"
                "azdrift_test_sent_bytes_total{route=\"/v1/a\\\"\\\\\\n\",code=\"200\"} 12\n");
  assert_writes("# TYPE azdrift_test_waiting gauge\nazdrift_test_waiting 2\n");
  azd_metric_set(azd_metric_of(&waiting, NULL), 0.1);
  assert_writes("azdrift_test_waiting 0.1\n");
}

static void histograms_count_up_to_their_bounds(void **state) {
  static struct azd_metric_family took = {.kind = AZD_HISTOGRAM,
                                          .name = "azdrift_test_took_seconds",
                                          .help = "How long it took.",
                                          .bounds = {0.1, 1},
                                          .labels = {"verb"}};
  (void)state;
  struct azd_metric *metric = azd_metric_of(&took, (const char *[]){"find"});
  azd_metric_observe(metric, 0.1); /* a bound belongs to what is below it */
  azd_metric_observe(metric, 0.5);
  azd_metric_observe(metric, 4);
  assert_writes("azdrift_test_took_seconds_bucket{verb=\"find\",le=\"0.1\"} 1\n"
                "azdrift_test_took_seconds_bucket{verb=\"find\",le=\"1\"} 2\n"
                "azdrift_test_took_seconds_bucket{verb=\"find\",le=\"+Inf\"} 3\n"
                "azdrift_test_took_seconds_sum{verb=\"find\"} 4.6\n"
                "azdrift_test_took_seconds_count{verb=\"find\"} 3\n");
}

static void too_many_label_values_share_one_metric(void **state) {
  static struct azd_metric_family many = {
      .kind = AZD_COUNTER, .name = "azdrift_test_many_total", .help = "Too many.", .labels = {"id"}};
  (void)state;
  for (int i = 0; i < AZD_METRICS_MAX + 100; i++) {
    char id[16];
    snprintf(id, sizeof id, "%d", i);
    azd_metric_add(azd_metric_of(&many, (const char *[]){id}), 1);
  }
  assert_writes("azdrift_test_many_total{id=\"other\"} 100\n");
  assert_writes("azdrift_test_many_total{id=\"499\"} 1\n");
}

enum { THREADS = 4, TIMES = 20000 };

static struct azd_metric_family busy = {
    .kind = AZD_HISTOGRAM, .name = "azdrift_test_busy_seconds", .help = "From many threads.", .labels = {"n"}};

static void *observe_often(void *unused) {
  for (int i = 0; i < TIMES; i++) azd_metric_observe(azd_metric_of(&busy, (const char *[]){i % 2 ? "odd" : "even"}), 1);
  return unused;
}

static void nothing_is_lost_between_threads(void **state) {
  pthread_t threads[THREADS];
  (void)state;
  for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, observe_often, NULL), 0);
  for (int i = 0; i < 50; i++) free(written());
  for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_true(azd_metric_value(azd_metric_of(&busy, (const char *[]){"odd"})) == THREADS * TIMES / 2);
  assert_writes("azdrift_test_busy_seconds_sum{n=\"even\"} 40000\n");
}

/* promtool is Prometheus' own judge; where it is not installed the cases above have to do. */
static void promtool_finds_nothing_wrong(void **state) {
  (void)state;
  if (system("command -v promtool >/dev/null")) {
    print_message("skipped: no promtool on the PATH (Debian: package prometheus)\n");
    skip();
  }
  FILE *judge = popen("promtool check metrics", "w");
  char *text = written();
  assert_non_null(judge);
  assert_true(fputs(text, judge) >= 0);
  assert_int_equal(pclose(judge), 0);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counters_and_gauges_are_written_with_their_labels),
      cmocka_unit_test(histograms_count_up_to_their_bounds),
      cmocka_unit_test(too_many_label_values_share_one_metric),
      cmocka_unit_test(nothing_is_lost_between_threads),
      cmocka_unit_test(promtool_finds_nothing_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
