/* What is counted and timed while the program runs, written as Prometheus reads it (text format 0.0.4).
 *
 * Words.  family: one name with its help, its kind and the names of its labels; a static struct of the file that
 * counts. metric: the numbers of one family for one set of label values.
 *
 *   static struct azd_metric_family sent = {.kind = AZD_COUNTER, .name = "azdrift_http_sent_bytes_total",
 *                                           .help = "Bytes of replies.", .labels = {"route"}};
 *   azd_metric_add(azd_metric_of(&sent, (const char *[]){"/v1/drifts"}), 512);
 *
 * Names: azdrift_*, base units at the end (_seconds, _bytes), counters end in _total. Label values are few and known
 * (commands, route templates, codes), never ids: a family keeps AZD_METRICS_MAX of them, all that come later share one
 * metric whose labels are "other".
 * Life: families and metrics live as long as the program; a family is known from its first metric on.
 * Thread: any, without locks but for the first use of a new set of labels. Blocks: never. */
#ifndef AZD_BASE_METRICS_H
#define AZD_BASE_METRICS_H

#include "base/buf.h"

#include <stdatomic.h>

enum { AZD_METRIC_LABELS_MAX = 4, AZD_METRIC_BOUNDS_MAX = 20, AZD_METRICS_MAX = 500, AZD_METRIC_SLOTS = 64 };

enum azd_metric_kind {
  AZD_COUNTER, /* whole, and only grows */
  AZD_GAUGE,
  AZD_HISTOGRAM,
};

struct azd_metric; /* opaque */

struct azd_metric_family {
  enum azd_metric_kind kind;
  const char *name, *help;
  const char *labels[AZD_METRIC_LABELS_MAX]; /* names, as many as there are */
  double bounds[AZD_METRIC_BOUNDS_MAX];      /* histograms: upper bounds, ascending; none: azd_metric_seconds */
  /* The rest belongs to metrics.c and starts as zero. */
  _Atomic(struct azd_metric *) slots[AZD_METRIC_SLOTS];
  atomic_int count; /* metrics in slots; 0: the family is not known yet */
  struct azd_metric_family *next;
};

/* 5 ms to 10 s: what a histogram without bounds of its own counts by. */
extern const double azd_metric_seconds[AZD_METRIC_BOUNDS_MAX];

/* The metric of these label values (copied; as many as the family has labels; NULL where it has none), made at its
 * first use. Never freed, so worth keeping where it is used often. NULL when memory is exhausted: every call below
 * takes that and does nothing. */
struct azd_metric *azd_metric_of(struct azd_metric_family *family, const char *const values[]);

void azd_metric_add(struct azd_metric *metric, int64_t amount);   /* counters and gauges; counters: not negative */
void azd_metric_set(struct azd_metric *metric, double value);     /* gauges */
void azd_metric_observe(struct azd_metric *metric, double value); /* histograms */

/* What it stands at: for tests, and for who shows one number. Of a histogram: how many were observed. */
double azd_metric_value(const struct azd_metric *metric);

/* Appends all of them to out, families in order of name. */
void azd_metrics_write(struct azd_buf *out);

#endif
