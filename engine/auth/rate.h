/* How often: GCRA, one number a bucket. A bucket lets `burst` through at once and refills evenly; what is refused costs
 * nothing. Life: a plain int64_t that starts as 0. Thread: one at a time. Blocks: never. Times are nanoseconds of the
 * monotonic clock. */
#ifndef AZD_AUTH_RATE_H
#define AZD_AUTH_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct azd_rate {
  int64_t interval_ns; /* one is let through every so often; 0: no limit */
  int64_t burst;       /* so many at once, at least 1 */
};

/* Takes one. On refusal *wait_ns says when one will be let through; else *left says how many still would be, now.
 * Either may be NULL. */
bool azd_rate_take(const struct azd_rate *rate, int64_t *bucket, int64_t now_ns, int64_t *wait_ns, int64_t *left);
/* Whether one would be let through, without taking it. */
bool azd_rate_has(const struct azd_rate *rate, int64_t bucket, int64_t now_ns, int64_t *wait_ns);

#endif
