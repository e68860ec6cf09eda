#include "json/same.h"
#include "base/clock.h"
#include "json/canonical.h"

void azd_same_scratch_free(struct azd_same_scratch *scratch) {
  azd_doc_free(scratch->left);
  azd_doc_free(scratch->right);
  *scratch = (struct azd_same_scratch){0};
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool equal_without_space(struct azd_str a, struct azd_str b, bool fold) {
  size_t i = 0, j = 0;
  for (;;) {
    while (i < a.size && is_space(a.data[i])) i++;
    while (j < b.size && is_space(b.data[j])) j++;
    if (i == a.size || j == b.size) return i == a.size && j == b.size;
    unsigned char x = (unsigned char)a.data[i++], y = (unsigned char)b.data[j++];
    if (fold ? azd_fold(x) != azd_fold(y) : x != y) return false;
  }
}

bool azd_same_location(struct azd_str a, struct azd_str b) {
  return equal_without_space(a, b, true);
}
bool azd_same_space(struct azd_str a, struct azd_str b) {
  return equal_without_space(a, b, false);
}

bool azd_same_id(struct azd_str a, struct azd_str b) {
  if (!a.size || !b.size || *a.data != '/' || *b.data != '/') return false;
  while (a.size > 1 && a.data[a.size - 1] == '/') a.size--;
  while (b.size > 1 && b.data[b.size - 1] == '/') b.size--;
  return azd_str_equal_fold(a, b);
}

/* Some providers leave the zone out and mean UTC. */
static bool read_instant(struct azd_str text, int64_t *instant_ns) {
  char with_zone[64];
  if (azd_time_parse_ns(text, instant_ns)) return true;
  if (text.size == 0 || text.size >= sizeof with_zone) return false;
  memcpy(with_zone, text.data, text.size);
  with_zone[text.size] = 'Z';
  return azd_time_parse_ns((struct azd_str){with_zone, text.size + 1}, instant_ns);
}

bool azd_same_instant(struct azd_str a, struct azd_str b) {
  int64_t x, y;
  return read_instant(a, &x) && read_instant(b, &y) && x == y;
}

struct duration {
  int64_t months, milliseconds;
};

/* One "12.5" before its letter; thousandths. */
static bool read_amount(struct azd_str text, size_t *at, int64_t *thousandths) {
  int64_t value = 0, scale = 1000;
  size_t from = *at;
  while (*at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9') {
    if (value > INT64_MAX / 100000) return false;
    value = value * 10 + (text.data[(*at)++] - '0');
  }
  if (*at == from) return false;
  value *= 1000;
  if (*at < text.size && text.data[*at] == '.')
    for (++*at; *at < text.size && text.data[*at] >= '0' && text.data[*at] <= '9'; ++*at)
      value += (scale /= 10) * (text.data[*at] - '0');
  *thousandths = value;
  return true;
}

static bool read_duration(struct azd_str text, struct duration *out) {
  static const struct {
    char letter;
    bool in_time, in_months;
    int64_t factor; /* months, or seconds */
  } units[] = {{'Y', false, true, 12},     {'M', false, true, 1},    {'W', false, false, 604800},
               {'D', false, false, 86400}, {'H', true, false, 3600}, {'M', true, false, 60},
               {'S', true, false, 1}};
  *out = (struct duration){0};
  size_t at = 1, unit = 0;
  bool in_time = false, any = false;
  if (!text.size || *text.data != 'P') return false;
  while (at < text.size) {
    int64_t amount;
    if (text.data[at] == 'T' && !in_time) {
      in_time = true;
      at++;
      any = false;
    }
    if (!read_amount(text, &at, &amount) || at == text.size) return false;
    while (unit < sizeof units / sizeof *units &&
           (units[unit].letter != text.data[at] || units[unit].in_time != in_time))
      unit++;
    if (unit == sizeof units / sizeof *units || amount > INT64_MAX / 4 / units[unit].factor) return false;
    if (units[unit].in_months && amount % 1000) return false;
    if (units[unit].in_months)
      out->months += amount / 1000 * units[unit].factor;
    else
      out->milliseconds += amount * units[unit].factor;
    unit++;
    at++;
    any = true;
  }
  return any;
}

bool azd_same_duration(struct azd_str a, struct azd_str b) {
  struct duration x, y;
  return read_duration(a, &x) && read_duration(b, &y) && x.months == y.months && x.milliseconds == y.milliseconds;
}

bool azd_side_is_empty(struct azd_side side) {
  if (side.node == AZD_NODE_NONE) return true;
  enum azd_json_type type = azd_doc_type(side.doc, side.node);
  return type == AZD_JSON_NULL ||
         ((type == AZD_JSON_ARRAY || type == AZD_JSON_OBJECT) && azd_doc_count(side.doc, side.node) == 0);
}

static struct azd_doc *read_json(struct azd_doc **doc, struct azd_str text) {
  if (!*doc && !(*doc = azd_doc_new())) return NULL;
  return azd_doc_parse(*doc, text, NULL, NULL) ? NULL : *doc;
}

static bool same_json(struct azd_same_scratch *scratch, struct azd_str a, struct azd_str b) {
  const struct azd_doc *left = read_json(&scratch->left, a), *right = left ? read_json(&scratch->right, b) : NULL;
  return right && azd_json_equal(left, 0, right, 0);
}

static bool is_listed(const struct azd_doc *list, struct azd_side side) {
  for (azd_node at = azd_doc_first(list, 0); at != AZD_NODE_NONE; at = azd_doc_next(list, at)) {
    if (side.node == AZD_NODE_NONE ? azd_doc_type(list, at) == AZD_JSON_NULL
                                   : azd_json_equal(list, at, side.doc, side.node))
      return true;
  }
  return false;
}

static bool both_listed(struct azd_same_scratch *scratch, const struct azd_place *place, struct azd_side a,
                        struct azd_side b) {
  for (uint32_t i = 0; i < place->value_count; i++) {
    const struct azd_doc *list = read_json(&scratch->left, place->values[i]->values);
    if (list && azd_doc_type(list, 0) == AZD_JSON_ARRAY && is_listed(list, a) && is_listed(list, b)) return true;
  }
  return false;
}

static bool same_text(struct azd_same_scratch *scratch, uint32_t same, struct azd_str a, struct azd_str b) {
  return ((same & AZD_SAME_FOLD) && azd_str_equal_fold(a, b)) || ((same & AZD_SAME_ID) && azd_same_id(a, b)) ||
         ((same & AZD_SAME_LOCATION) && azd_same_location(a, b)) ||
         ((same & AZD_SAME_INSTANT) && azd_same_instant(a, b)) || ((same & AZD_SAME_SPACE) && azd_same_space(a, b)) ||
         ((same & AZD_SAME_DURATION) && azd_same_duration(a, b)) ||
         ((same & AZD_SAME_JSON) && same_json(scratch, a, b));
}

bool azd_same_meaning(struct azd_same_scratch *scratch, const struct azd_place *place, struct azd_side a,
                      struct azd_side b) {
  uint32_t same = place->same;
  if (!same) return false;
  if ((same & AZD_SAME_EMPTY) && !(same & AZD_SAME_ENTRY) && azd_side_is_empty(a) && azd_side_is_empty(b)) return true;
  if ((same & AZD_SAME_VALUES) && both_listed(scratch, place, a, b)) return true;
  if (a.node == AZD_NODE_NONE || b.node == AZD_NODE_NONE) return false;
  if (azd_doc_type(a.doc, a.node) != AZD_JSON_STRING || azd_doc_type(b.doc, b.node) != AZD_JSON_STRING) return false;
  return same_text(scratch, same, azd_doc_string(a.doc, a.node), azd_doc_string(b.doc, b.node));
}
