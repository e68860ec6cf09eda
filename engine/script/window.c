#include "script/window.h"
#include "script/zone.h"

enum { MINUTES_OF_DAY = 24 * 60 };

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

static int day_of(struct azd_str text) {
  for (int i = 0; i < 7; i++)
    if (azd_str_equal_fold(text, azd_str_of(day_names[i]))) return i;
  return -1;
}

/* "mon-fri,sun"; false where it is something else. */
static bool parse_days(struct azd_str text, uint8_t *days) {
  *days = 0;
  for (;;) {
    const char *comma = memchr(text.data, ',', text.size);
    struct azd_str part = {text.data, comma ? (size_t)(comma - text.data) : text.size};
    const char *dash = memchr(part.data, '-', part.size);
    struct azd_str head = {part.data, dash ? (size_t)(dash - part.data) : part.size};
    int from = day_of(head), to = from;
    if (dash) to = day_of((struct azd_str){dash + 1, part.size - head.size - 1});
    if (from < 0 || to < 0) return false;
    for (int day = from;; day = (day + 1) % 7) {
      *days |= (uint8_t)(1 << day);
      if (day == to) break;
    }
    if (!comma) return true;
    text.size -= part.size + 1;
    text.data = comma + 1;
  }
}

static bool parse_minute(const char *text, int *minute) {
  for (int i = 0; i < 5; i++)
    if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9') return false;
  int hour = (text[0] - '0') * 10 + (text[1] - '0'), rest = (text[3] - '0') * 10 + (text[4] - '0');
  *minute = hour * 60 + rest;
  return rest < 60 && *minute <= MINUTES_OF_DAY;
}

static bool parse_hours(struct azd_str text, int *from, int *until) {
  return text.size == 11 && text.data[5] == '-' && parse_minute(text.data, from) &&
         parse_minute(text.data + 6, until) && *from < MINUTES_OF_DAY && *from != *until;
}

static struct azd_str next_word(struct azd_str *text) {
  while (text->size && *text->data == ' ') text->data++, text->size--;
  struct azd_str word = {text->data, 0};
  while (text->size && *text->data != ' ') text->data++, text->size--, word.size++;
  return word;
}

int azd_window_parse(struct azd_str text, struct azd_window *window, struct azd_error *error) {
  struct azd_window result = {.days = 0x7f, .until_min = MINUTES_OF_DAY};
  struct azd_str rest = text, word = next_word(&rest), zone = AZD_STR("UTC");
  bool has_days = parse_days(word, &result.days);
  if (has_days)
    word = next_word(&rest);
  else
    result.days = 0x7f;
  bool has_hours = parse_hours(word, &result.from_min, &result.until_min);
  if (has_hours) word = next_word(&rest);
  if (word.size) zone = word;
  if ((!has_days && !has_hours) || next_word(&rest).size || (*zone.data >= '0' && *zone.data <= '9'))
    return azd_fail(error, AZD_EPARSE, "'%.*s' is no time window: write it like \"mon-fri 08:00-18:00 Europe/Berlin\"",
                    AZD_STR_FORMAT(text));
  result.zone = azd_zone_find(zone);
  if (!result.zone)
    return azd_fail(error, AZD_ENOTFOUND, "'%.*s' is no time zone this system knows", AZD_STR_FORMAT(zone));
  *window = result;
  return 0;
}

bool azd_window_holds(const struct azd_window *window, int64_t wall_ms) {
  int64_t utc_s = wall_ms / 1000 - (wall_ms % 1000 < 0);
  int64_t local_min = (utc_s + azd_zone_offset_s(window->zone, utc_s)) / 60;
  int64_t day = local_min / MINUTES_OF_DAY - (local_min % MINUTES_OF_DAY < 0);
  int minute = (int)(local_min - day * MINUTES_OF_DAY);
  int weekday = (int)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
  bool today = window->days >> weekday & 1, yesterday = window->days >> (weekday + 6) % 7 & 1;
  if (window->from_min < window->until_min) return today && minute >= window->from_min && minute < window->until_min;
  return (today && minute >= window->from_min) || (yesterday && minute < window->until_min);
}
