#include "auth/rate.h"

#include <stddef.h>

/* The bucket holds when it will be full again: what lies before now is as good as now. */
bool azd_rate_has(const struct azd_rate *rate, int64_t bucket, int64_t now_ns, int64_t *wait_ns) {
  const int64_t full_ns = bucket > now_ns ? bucket : now_ns;
  const int64_t wait = full_ns + rate->interval_ns - now_ns - rate->interval_ns * rate->burst;
  if (rate->interval_ns == 0 || wait <= 0) return true;
  if (wait_ns != NULL) *wait_ns = wait;
  return false;
}

bool azd_rate_take(const struct azd_rate *rate, int64_t *bucket, int64_t now_ns, int64_t *wait_ns, int64_t *left) {
  if (left != NULL) *left = rate->burst;
  if (rate->interval_ns == 0) return true;
  if (!azd_rate_has(rate, *bucket, now_ns, wait_ns)) return false;
  *bucket = (*bucket > now_ns ? *bucket : now_ns) + rate->interval_ns;
  if (left != NULL) *left = rate->burst - (*bucket - now_ns + rate->interval_ns - 1) / rate->interval_ns;
  return true;
}
