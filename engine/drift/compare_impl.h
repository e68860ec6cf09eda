/* A comparer from inside: for compare.c and compare_listings.c alone. */
#ifndef AZD_DRIFT_COMPARE_IMPL_H
#define AZD_DRIFT_COMPARE_IMPL_H

#include "drift/compare.h"

struct azd_compare_text {
  struct azd_doc *doc;
  struct azd_inventory inventory;
  struct azd_buf bytes; /* of the file, or of one resource of it */
};

struct azd_comparer {
  struct azd_detector *detector;
  struct azd_compare_text old_text, new_text;
  struct azd_doc *line;
  struct azd_arena arena;
  struct azd_buf old_pointer, new_pointer, drifts;
};

/* Appends JSON objects to a list of them; nothing where json is empty. */
void azd_compare_append(struct azd_buf *out, struct azd_str json);

/* No drift, but something to show. */
bool azd_compare_is_quiet(const struct azd_detect_options *options, const struct azd_detected *found);

/* Adds what was found in one pair. */
void azd_compare_count(struct azd_compare_result *result, const struct azd_detected *found);

#endif
