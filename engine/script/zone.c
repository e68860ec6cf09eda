#include "script/zone.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 64, FILE_MAX_BYTES = 256 * 1024, HEADER_BYTES = 44, DAY_S = 86400 };

/* One switch of the rule that holds after the last transition of the table: POSIX TZ's "M3.5.0/2" and its kin. */
struct switch_day {
  char kind; /* 'M' month.week.day, 'J' day of year without 29 February, '0' with it */
  int month, week, day;
  int64_t time_s;
};

struct azd_zone {
  struct azd_zone *next;
  char name[NAME_MAX_BYTES];
  int64_t *at_s;     /* transitions, ascending; owned */
  int32_t *offset_s; /* after each; owned */
  uint32_t count;
  int64_t first_offset_s; /* before the first */
  bool has_rule, has_summer;
  int64_t winter_s, summer_s;
  struct switch_day to_summer, to_winter;
};

static struct azd_zone *known;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the rule after the table ---- */

static int64_t days_before_year(int64_t year) { /* since 1970-01-01 */
  int64_t y = year - 1;
  return 365 * (year - 1970) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static bool is_leap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t switch_at(const struct switch_day *s, int64_t year, int64_t offset_s) {
  static const int month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  int64_t day = days_before_year(year);
  if (s->kind == 'J') {
    day += s->day - 1 + (is_leap(year) && s->day > 59);
  } else if (s->kind == '0') {
    day += s->day;
  } else {
    int length = 0;
    for (int m = 1; m <= s->month; m++) {
      day += length;
      length = month_days[m - 1] + (m == 2 && is_leap(year));
    }
    int weekday = (int)(((day + 4) % 7 + 7) % 7), ahead = (s->day - weekday + 7) % 7 + (s->week - 1) * 7;
    day += ahead < length ? ahead : ahead - 7;
  }
  return day * DAY_S + s->time_s - offset_s;
}

static int64_t rule_offset_s(const struct azd_zone *zone, int64_t utc_s) {
  if (!zone->has_summer) return zone->winter_s;
  int64_t year = 1970 + (utc_s + zone->winter_s) / 31556952;
  while (days_before_year(year + 1) * DAY_S <= utc_s + zone->winter_s) year++;
  while (days_before_year(year) * DAY_S > utc_s + zone->winter_s) year--;
  int64_t on = switch_at(&zone->to_summer, year, zone->winter_s),
          off = switch_at(&zone->to_winter, year, zone->summer_s);
  bool summer =
      on < off ? utc_s >= on && utc_s < off : utc_s >= on || utc_s < off; /* the southern summer spans the year's end */
  return summer ? zone->summer_s : zone->winter_s;
}

/* ---- reading "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool skip_name(const char **c) {
  const char *from = *c;
  if (**c == '<') {
    while (**c && **c != '>') ++*c;
    if (**c != '>') return false;
    ++*c;
    return true;
  }
  while ((**c >= 'A' && **c <= 'Z') || (**c >= 'a' && **c <= 'z')) ++*c;
  return *c - from >= 3;
}

static bool read_number(const char **c, int *value) {
  char *end;
  long n = strtol(*c, &end, 10);
  if (end == *c || n < -999 || n > 999) return false;
  *c = end;
  *value = (int)n;
  return true;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **c, int64_t *seconds) {
  int sign = **c == '-' ? -1 : 1, part, unit = 3600;
  if (**c == '-' || **c == '+') ++*c;
  *seconds = 0;
  for (;; unit /= 60, ++*c) {
    if (!read_number(c, &part)) return false;
    *seconds += (int64_t)part * unit;
    if (**c != ':' || unit == 1) break;
  }
  *seconds *= sign;
  return true;
}

static bool read_switch(const char **c, struct switch_day *s) {
  if (*(*c)++ != ',') return false;
  *s = (struct switch_day){.kind = **c == 'M' || **c == 'J' ? **c : '0', .time_s = 7200};
  if (s->kind != '0') ++*c;
  if (s->kind == 'M') {
    if (!read_number(c, &s->month) || *(*c)++ != '.' || !read_number(c, &s->week) || *(*c)++ != '.') return false;
    if (s->month < 1 || s->month > 12 || s->week < 1 || s->week > 5) return false;
  }
  if (!read_number(c, &s->day) || s->day < 0 || s->day > (s->kind == 'M' ? 6 : 366)) return false;
  if (**c != '/') return true;
  ++*c;
  return read_time(c, &s->time_s);
}

static bool read_rule(const char *c, struct azd_zone *zone) {
  int64_t west_s;
  if (!skip_name(&c) || !read_time(&c, &west_s)) return false;
  zone->winter_s = -west_s;
  zone->has_rule = true;
  if (!*c) return true;
  if (!skip_name(&c)) return false;
  zone->summer_s = zone->winter_s + 3600;
  if (*c != ',') {
    if (!read_time(&c, &west_s)) return false;
    zone->summer_s = -west_s;
  }
  zone->has_summer = true;
  return read_switch(&c, &zone->to_summer) && read_switch(&c, &zone->to_winter) && !*c;
}

/* ---- reading a file ---- */

static int64_t big_endian(const uint8_t *at, int bytes) {
  uint64_t value = at[0] & 0x80 ? UINT64_MAX : 0;
  for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
  return (int64_t)value;
}

struct tzif {
  uint32_t is_ut, is_std, leaps, times, types, chars;
  size_t body_bytes;
};

static bool read_header(const uint8_t *data, size_t bytes, int time_bytes, struct tzif *h) {
  if (bytes < HEADER_BYTES || memcmp(data, "TZif", 4) != 0) return false;
  uint32_t *counts[] = {&h->is_ut, &h->is_std, &h->leaps, &h->times, &h->types, &h->chars};
  for (int i = 0; i < 6; i++) *counts[i] = (uint32_t)big_endian(data + 20 + i * 4, 4);
  for (int i = 0; i < 6; i++)
    if (*counts[i] > FILE_MAX_BYTES) return false;
  h->body_bytes = (size_t)h->times * (size_t)(time_bytes + 1) + (size_t)h->types * 6 + h->chars +
                  (size_t)h->leaps * (size_t)(time_bytes + 4) + h->is_std + h->is_ut;
  return h->types > 0 && bytes - HEADER_BYTES >= h->body_bytes;
}

/* The second block (64 bit) and the footer: what every file since 2005 has. */
static bool read_tzif(const uint8_t *data, size_t bytes, struct azd_zone *zone) {
  struct tzif h;
  if (!read_header(data, bytes, 4, &h) || data[4] < '2') return false;
  size_t skip = HEADER_BYTES + h.body_bytes;
  data += skip, bytes -= skip;
  if (!read_header(data, bytes, 8, &h)) return false;
  const uint8_t *times = data + HEADER_BYTES, *kinds = times + (size_t)h.times * 8, *types = kinds + h.times;
  zone->at_s = calloc(h.times + 1, sizeof *zone->at_s);
  zone->offset_s = calloc(h.times + 1, sizeof *zone->offset_s);
  if (!zone->at_s || !zone->offset_s) return false;
  zone->count = h.times;
  zone->first_offset_s = big_endian(types, 4);
  for (uint32_t i = 0; i < h.times; i++) {
    if (kinds[i] >= h.types) return false;
    zone->at_s[i] = big_endian(times + (size_t)i * 8, 8);
    zone->offset_s[i] = (int32_t)big_endian(types + (size_t)kinds[i] * 6, 4);
  }
  const char *footer = (const char *)data + HEADER_BYTES + h.body_bytes, *end = (const char *)data + bytes;
  char rule[128];
  if (end - footer < 2 || *footer != '\n') return true;
  const char *stop = memchr(footer + 1, '\n', (size_t)(end - footer - 1));
  size_t length = stop ? (size_t)(stop - footer - 1) : 0;
  if (length == 0 || length >= sizeof rule) return true;
  memcpy(rule, footer + 1, length);
  rule[length] = 0;
  return read_rule(rule, zone);
}

/* A name has no way out of the folder. */
static bool is_zone_name(struct azd_str name) {
  if (name.size == 0 || name.size >= NAME_MAX_BYTES || name.data[0] == '/') return false;
  for (size_t i = 0; i < name.size; i++) {
    unsigned char c = azd_fold((unsigned char)name.data[i]);
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("/_+-", c))) return false;
  }
  return true;
}

static struct azd_zone *read_zone(struct azd_str name) {
  char path[NAME_MAX_BYTES + 32];
  snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", AZD_STR_FORMAT(name));
  struct azd_zone *zone = calloc(1, sizeof *zone);
  uint8_t *data = malloc(FILE_MAX_BYTES);
  FILE *file = zone && data ? fopen(path, "rbe") : NULL;
  size_t bytes = file ? fread(data, 1, FILE_MAX_BYTES, file) : 0;
  bool good = bytes > 0 && read_tzif(data, bytes, zone);
  if (!good && azd_str_equal_fold(name, AZD_STR("UTC")) && zone) { /* needs no file */
    free(zone->at_s), free(zone->offset_s);
    *zone = (struct azd_zone){.has_rule = true};
    good = true;
  }
  if (file) fclose(file);
  free(data);
  if (good) {
    memcpy(zone->name, name.data, name.size);
    return zone;
  }
  if (zone) free(zone->at_s), free(zone->offset_s);
  free(zone);
  return NULL;
}

const struct azd_zone *azd_zone_find(struct azd_str name) {
  if (!is_zone_name(name)) return NULL;
  pthread_mutex_lock(&lock);
  struct azd_zone *zone = known;
  while (zone && !azd_str_equal(azd_str_of(zone->name), name)) zone = zone->next;
  if (!zone && (zone = read_zone(name)) != NULL) {
    zone->next = known;
    known = zone;
  }
  pthread_mutex_unlock(&lock);
  return zone;
}

int64_t azd_zone_offset_s(const struct azd_zone *zone, int64_t utc_s) {
  if (zone->count == 0 || utc_s < zone->at_s[0])
    return zone->count == 0 && zone->has_rule ? rule_offset_s(zone, utc_s) : zone->first_offset_s;
  if (utc_s >= zone->at_s[zone->count - 1] && zone->has_rule) return rule_offset_s(zone, utc_s);
  uint32_t low = 0, high = zone->count; /* at_s[low] <= utc_s < at_s[high] */
  while (high - low > 1) {
    uint32_t middle = low + (high - low) / 2;
    if (zone->at_s[middle] <= utc_s)
      low = middle;
    else
      high = middle;
  }
  return zone->offset_s[low];
}
