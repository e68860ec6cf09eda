/* Time. Wall-clock times are milliseconds since 1970 (UTC); durations come from the monotonic clock.
 * Thread: any. Blocks: never. */
#ifndef AZD_BASE_CLOCK_H
#define AZD_BASE_CLOCK_H

#include "base/str.h"

#include <stdint.h>

int64_t azd_clock_wall_ms(void);
int64_t azd_clock_mono_ns(void);
/* CPU time of the calling thread. */
int64_t azd_clock_thread_cpu_ns(void);

/* "2026-11-22T10:00:05Z", with ".123" where the milliseconds are not zero. */
enum { AZD_TIME_BYTES = 32 };
const char *azd_time_format(int64_t wall_ms, char out[AZD_TIME_BYTES]);

/* Reads an RFC 3339 instant (date, 'T' or space, time, any fraction, 'Z' or offset) into nanoseconds since 1970.
 * false where the text is not one: no trimming, no guessing. Years 1678 to 2261. */
bool azd_time_parse_ns(struct azd_str text, int64_t *instant_ns);

#endif
