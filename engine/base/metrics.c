#include "base/metrics.h"

#include "base/err.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

const double azd_metric_seconds[AZD_METRIC_BOUNDS_MAX] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

struct azd_metric {
  const struct azd_metric_family *family;
  struct azd_metric *next; /* in its slot: set before it is seen, never changed */
  const char *values[AZD_METRIC_LABELS_MAX];
  _Atomic uint64_t counted;  /* counters */
  _Atomic double value;      /* gauges; the sum of a histogram */
  _Atomic uint64_t *buckets; /* histograms: one a bound, and one beyond; behind this struct */
};

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER; /* families, and every change of slots */
static struct azd_metric_family *families;                 /* in order of name */

static int label_count(const struct azd_metric_family *family) {
  int count = 0;
  while (count < AZD_METRIC_LABELS_MAX && family->labels[count]) count++;
  return count;
}

static const double *bounds_of(const struct azd_metric_family *family, int *count) {
  const double *bounds = family->bounds[0] > 0 ? family->bounds : azd_metric_seconds;
  for (*count = 0; *count < AZD_METRIC_BOUNDS_MAX && bounds[*count] > 0;) ++*count;
  return bounds;
}

/* ---- finding and making ---- */

static unsigned slot_of(const char *const *values, int count) {
  uint32_t hash = 2166136261u; /* FNV-1a */
  for (int i = 0; i < count; i++)
    for (const char *c = values[i];; c++) {
      hash = (hash ^ (unsigned char)*c) * 16777619u;
      if (!*c) break;
    }
  return hash % AZD_METRIC_SLOTS;
}

static struct azd_metric *find(struct azd_metric *first, const char *const *values, int count) {
  for (struct azd_metric *metric = first; metric; metric = metric->next) {
    int same = 0;
    while (same < count && !strcmp(metric->values[same], values[same])) same++;
    if (same == count) return metric;
  }
  return NULL;
}

/* One block: the metric, its buckets, its texts. */
static struct azd_metric *make(const struct azd_metric_family *family, const char *const *values, int count) {
  int bounds = 0;
  if (family->kind == AZD_HISTOGRAM) {
    bounds_of(family, &bounds);
    bounds++;
  }
  size_t bytes = sizeof(struct azd_metric) + (size_t)bounds * sizeof(uint64_t);
  for (int i = 0; i < count; i++) bytes += strlen(values[i]) + 1;
  struct azd_metric *metric = calloc(1, bytes);
  if (!metric) return NULL;
  metric->family = family;
  metric->buckets = (_Atomic uint64_t *)(metric + 1);
  char *text = (char *)(metric->buckets + bounds);
  for (int i = 0; i < count; i++) {
    size_t size = strlen(values[i]) + 1;
    metric->values[i] = memcpy(text, values[i], size);
    text += size;
  }
  return metric;
}

static void make_known(struct azd_metric_family *family) {
  struct azd_metric_family **place = &families;
  while (*place && strcmp((*place)->name, family->name) < 0) place = &(*place)->next;
  AZD_ASSERT(!*place || strcmp((*place)->name, family->name) != 0); /* two families of one name */
  family->next = *place;
  *place = family;
}

struct azd_metric *azd_metric_of(struct azd_metric_family *family, const char *const values[]) {
  static const char *const others[AZD_METRIC_LABELS_MAX] = {"other", "other", "other", "other"};
  int count = label_count(family);
  unsigned slot = slot_of(values, count);
  struct azd_metric *metric = find(atomic_load_explicit(&family->slots[slot], memory_order_acquire), values, count);
  if (metric) return metric;
  pthread_mutex_lock(&making);
  if (atomic_load(&family->count) >= AZD_METRICS_MAX) {
    values = others;
    slot = slot_of(values, count);
  }
  metric = find(atomic_load(&family->slots[slot]), values, count);
  if (!metric && (metric = make(family, values, count))) {
    if (atomic_fetch_add(&family->count, 1) == 0) make_known(family);
    metric->next = atomic_load(&family->slots[slot]);
    atomic_store_explicit(&family->slots[slot], metric, memory_order_release);
  }
  pthread_mutex_unlock(&making);
  return metric;
}

/* ---- counting ---- */

static void add_double(_Atomic double *to, double amount) {
  double seen = atomic_load_explicit(to, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(to, &seen, seen + amount, memory_order_relaxed, memory_order_relaxed)) {
  }
}

void azd_metric_add(struct azd_metric *metric, int64_t amount) {
  if (!metric) return;
  if (metric->family->kind == AZD_COUNTER)
    atomic_fetch_add_explicit(&metric->counted, (uint64_t)amount, memory_order_relaxed);
  else
    add_double(&metric->value, (double)amount);
}

void azd_metric_set(struct azd_metric *metric, double value) {
  if (metric) atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

void azd_metric_observe(struct azd_metric *metric, double value) {
  int count, place = 0;
  if (!metric) return;
  const double *bounds = bounds_of(metric->family, &count);
  while (place < count && value > bounds[place]) place++;
  atomic_fetch_add_explicit(&metric->buckets[place], 1, memory_order_relaxed);
  add_double(&metric->value, value);
}

static uint64_t observed(const struct azd_metric *metric) {
  int count;
  uint64_t sum = 0;
  bounds_of(metric->family, &count);
  for (int i = 0; i <= count; i++) sum += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
  return sum;
}

double azd_metric_value(const struct azd_metric *metric) {
  if (!metric) return 0;
  switch (metric->family->kind) {
  case AZD_COUNTER: return (double)atomic_load_explicit(&metric->counted, memory_order_relaxed);
  case AZD_HISTOGRAM: return (double)observed(metric);
  default: return atomic_load_explicit(&metric->value, memory_order_relaxed);
  }
}

/* ---- writing ---- */

static void put_number(struct azd_buf *out, double value) {
  char text[32];
  if (isnan(value) || isinf(value)) {
    azd_buf_append_text(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
    return;
  }
  for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back as the same */
    snprintf(text, sizeof text, "%.*g", digits, value);
    if (strtod(text, NULL) == value) break;
  }
  azd_buf_append_text(out, text);
}

static void put_escaped(struct azd_buf *out, const char *text, bool quoted) {
  for (; *text; text++) {
    if (*text == '\n')
      azd_buf_append_text(out, "\\n");
    else if (*text == '\\' || (quoted && *text == '"'))
      azd_buf_printf(out, "\\%c", *text);
    else
      azd_buf_append_char(out, *text);
  }
}

/* NAME_suffix{label="value",le="bound"} without its number. bound NULL: none. */
static void put_name(struct azd_buf *out, const struct azd_metric *metric, const char *suffix, const double *bound) {
  const struct azd_metric_family *family = metric->family;
  int count = label_count(family);
  azd_buf_printf(out, "%s%s", family->name, suffix);
  if (count || bound) azd_buf_append_char(out, '{');
  for (int i = 0; i < count; i++) {
    azd_buf_printf(out, "%s%s=\"", i ? "," : "", family->labels[i]);
    put_escaped(out, metric->values[i], true);
    azd_buf_append_char(out, '"');
  }
  if (bound) {
    azd_buf_printf(out, "%sle=\"", count ? "," : "");
    put_number(out, *bound);
    azd_buf_append_char(out, '"');
  }
  azd_buf_append_text(out, count || bound ? "} " : " ");
}

static void put_line(struct azd_buf *out, const struct azd_metric *metric, const char *suffix, const double *bound,
                     double value) {
  put_name(out, metric, suffix, bound);
  put_number(out, value);
  azd_buf_append_char(out, '\n');
}

static void put_histogram(struct azd_buf *out, const struct azd_metric *metric) {
  static const double beyond = INFINITY;
  int count;
  uint64_t below = 0;
  const double *bounds = bounds_of(metric->family, &count);
  double sum = atomic_load_explicit(&metric->value, memory_order_relaxed);
  for (int i = 0; i <= count; i++) {
    below += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
    put_line(out, metric, "_bucket", i < count ? &bounds[i] : &beyond, (double)below);
  }
  put_line(out, metric, "_sum", NULL, sum);
  put_line(out, metric, "_count", NULL, (double)below);
}

static void put_family(struct azd_buf *out, struct azd_metric_family *family) {
  static const char *const kinds[] = {[AZD_COUNTER] = "counter", [AZD_GAUGE] = "gauge", [AZD_HISTOGRAM] = "histogram"};
  azd_buf_printf(out, "# HELP %s ", family->name);
  put_escaped(out, family->help, false);
  azd_buf_printf(out, "\n# TYPE %s %s\n", family->name, kinds[family->kind]);
  for (int slot = 0; slot < AZD_METRIC_SLOTS; slot++) {
    const struct azd_metric *metric = atomic_load_explicit(&family->slots[slot], memory_order_acquire);
    for (; metric; metric = metric->next) {
      if (family->kind == AZD_HISTOGRAM)
        put_histogram(out, metric);
      else
        put_line(out, metric, "", NULL, azd_metric_value(metric));
    }
  }
}

void azd_metrics_write(struct azd_buf *out) {
  pthread_mutex_lock(&making);
  for (struct azd_metric_family *family = families; family; family = family->next) put_family(out, family);
  pthread_mutex_unlock(&making);
}
