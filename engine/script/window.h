/* "mon-fri 08:00-18:00 Europe/Berlin": hours of a week in a time zone, for `expected`.
 *
 *   [days] [hours] [zone]   days: "mon", "mon-fri", "sat,sun", "fri-mon"; hours "08:00-18:00", over midnight
 * "22:00-06:00" (it belongs to the day it begins on), "24:00" as an end; zone: a name of the system's tzdata, else UTC.
 * At least one of days, hours.
 *
 * Life: a window is a value; its zone belongs to the process and is never freed (zone.h).
 * Thread: any. Blocks: parsing reads the zone's file when it is first named. */
#ifndef AZD_SCRIPT_WINDOW_H
#define AZD_SCRIPT_WINDOW_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

struct azd_zone;

struct azd_window {
  uint8_t days;            /* bit 0: Monday */
  int from_min, until_min; /* minutes of the day; until <= from: over midnight */
  const struct azd_zone *zone;
};

/* 0, or AZD_EPARSE / AZD_ENOTFOUND (no such zone) with a sentence. */
int azd_window_parse(struct azd_str text, struct azd_window *window, struct azd_error *error);
bool azd_window_holds(const struct azd_window *window, int64_t wall_ms);

#endif
