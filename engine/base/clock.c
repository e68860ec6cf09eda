#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_ns(clockid_t id) {
  struct timespec now;
  clock_gettime(id, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t azd_clock_wall_ms(void) {
  return read_ns(CLOCK_REALTIME) / 1000000;
}
int64_t azd_clock_mono_ns(void) {
  return read_ns(CLOCK_MONOTONIC);
}
int64_t azd_clock_thread_cpu_ns(void) {
  return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

const char *azd_time_format(int64_t wall_ms, char out[AZD_TIME_BYTES]) {
  int64_t milliseconds = wall_ms % 1000;
  if (milliseconds < 0) milliseconds += 1000;
  time_t seconds = (time_t)((wall_ms - milliseconds) / 1000);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  size_t size = strftime(out, AZD_TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &utc);
  if (milliseconds) size += (size_t)snprintf(out + size, AZD_TIME_BYTES - size, ".%03d", (int)milliseconds);
  snprintf(out + size, AZD_TIME_BYTES - size, "Z");
  return out;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t days_of(int64_t year, int month, int day) {
  year -= month <= 2;
  int64_t era = (year >= 0 ? year : year - 399) / 400, year_of_era = year - era * 400;
  int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* `count` digits at *at; -1 where they are not digits. */
static int digits(const char **at, const char *end, int count) {
  int value = 0;
  if (end - *at < count) return -1;
  for (int i = 0; i < count; i++, ++*at) {
    if (**at < '0' || **at > '9') return -1;
    value = value * 10 + (**at - '0');
  }
  return value;
}

static bool literal(const char **at, const char *end, const char *any_of) {
  if (*at == end || !**at || !strchr(any_of, **at)) return false;
  ++*at;
  return true;
}

bool azd_time_parse_ns(struct azd_str text, int64_t *instant_ns) {
  static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const char *at = text.data, *end = at + text.size;
  if (text.size < 20) return false;
  int year = digits(&at, end, 4);
  if (!literal(&at, end, "-")) return false;
  int month = digits(&at, end, 2);
  if (!literal(&at, end, "-")) return false;
  int day = digits(&at, end, 2);
  if (!literal(&at, end, "Tt ")) return false;
  int hour = digits(&at, end, 2);
  if (!literal(&at, end, ":")) return false;
  int minute = digits(&at, end, 2);
  if (!literal(&at, end, ":")) return false;
  int second = digits(&at, end, 2);
  if (year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
      minute > 59 || second < 0 || second > 60)
    return false;
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (day > month_days[month - 1] + (month == 2 && leap)) return false;
  int64_t fraction = 0;
  if (at < end && *at == '.') {
    int64_t unit = 100000000;
    const char *first = ++at;
    for (; at < end && *at >= '0' && *at <= '9'; at++, unit /= 10) fraction += (*at - '0') * unit;
    if (at == first) return false;
  }
  int offset_minutes = 0;
  if (!literal(&at, end, "Zz")) {
    if (at == end || (*at != '+' && *at != '-')) return false;
    int sign = *at++ == '-' ? -1 : 1, hours = digits(&at, end, 2);
    if (!literal(&at, end, ":")) return false;
    int minutes = digits(&at, end, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
    offset_minutes = sign * (hours * 60 + minutes);
  }
  if (at != end) return false;
  int64_t seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset_minutes * 60;
  *instant_ns = seconds * 1000000000 + fraction;
  return true;
}
