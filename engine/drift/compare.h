/* Compares two whole texts, as `azdrift diff` does: reads the resources of each, pairs them by id, detects drift in
 * each pair. Texts that are no two lists are one pair, whatever their ids. Thread: the detector's. Blocks:
 * azd_compare_line reads the two files it is told of. */
#ifndef AZD_DRIFT_COMPARE_H
#define AZD_DRIFT_COMPARE_H

#include "drift/detect.h"
#include "drift/inventory.h"

enum { AZD_COMPARE_FILE_MAX_BYTES = 1024 * 1024 * 1024 };

struct azd_comparer;
struct azd_comparer *azd_comparer_new(void);
void azd_comparer_free(struct azd_comparer *comparer);

struct azd_compare_input {
  struct azd_str old_text, new_text;
  struct azd_str old_view, new_view, old_api_version, new_api_version; /* empty: not known */
  bool views_differ;
  struct azd_str url; /* what the texts were read from: names the type where the bodies do not; may be empty */
};

struct azd_compare_result {
  uint32_t drifts; /* written to out */
  uint32_t by_severity[AZD_SEVERITY_CRITICAL + 1];
  uint32_t changes, effects, notes, ignored, not_compared;
  uint32_t duplicate_keys; /* members named twice in one object of either text (the last one won) */
  uint32_t old_resources, new_resources;
  bool complete; /* every policy ran */
};

/* Appends to out a JSON array of drifts, to errors the objects of script errors, and to quiet the objects of pairs
 * without drift that have effects or, where they are shown, ignored differences; both (each may be NULL) parted by
 * commas without brackets around them. 0, or as azd_detect_nodes, and AZD_EPARSE or AZD_ELIMIT where a text is not
 * JSON: the sentence begins with "old" or "new". */
int azd_compare_texts(struct azd_comparer *comparer, const struct azd_detect_options *options,
                      const struct azd_shape *shape, const struct azd_compare_input *input, struct azd_buf *out,
                      struct azd_buf *errors, struct azd_buf *quiet, struct azd_compare_result *result,
                      struct azd_error *error);

/* One line of `diff --batch`: a JSON object {"id", "old": path, "new": path, "url", "old_api_version",
 * "new_api_version", "old_view", "new_view", "views_differ"}. Appends one line: {"id", "has_drift", "error", "drifts"}.
 * A line that cannot be answered is answered with its error; has_drift is null then. Answers 0, or AZD_ENOMEM. */
int azd_compare_line(struct azd_comparer *comparer, const struct azd_detect_options *options,
                     const struct azd_shape *shape, struct azd_str line, struct azd_buf *out, bool *has_drift,
                     bool *failed);

/* Reads a whole regular file into bytes (cleared first). AZD_EIO with the path and what is wrong; AZD_ELIMIT. */
int azd_read_file(const char *path, size_t max_bytes, struct azd_buf *bytes, struct azd_error *error);

#endif
