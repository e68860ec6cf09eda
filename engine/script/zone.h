/* Time zones, read from the system's tzdata (TZif files, RFC 8536). localtime_r answers for one zone a process only,
 * and its switch is not safe between threads; this answers for any. Life: a zone is read once and kept as long as the
 * process. Thread: any. Blocks: the first look-up reads a file. */
#ifndef AZD_SCRIPT_ZONE_H
#define AZD_SCRIPT_ZONE_H

#include "base/str.h"

#include <stdint.h>

struct azd_zone;

/* "Europe/Berlin", "UTC". NULL: no such zone, or its file is none. */
const struct azd_zone *azd_zone_find(struct azd_str name);

/* Seconds east of UTC at that moment. */
int64_t azd_zone_offset_s(const struct azd_zone *zone, int64_t utc_s);

#endif
